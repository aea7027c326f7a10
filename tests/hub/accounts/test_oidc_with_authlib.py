"""The whole code flow with PKCE against a provider that is not ours, and what must not get through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.settings import AccessSection, OidcSection
from inspection.hub.accounts.tables import oidc_flows
from inspection.hub.hub import Hub
from tests.hub.accounts.authlib_provider import AuthlibProvider
from tests.hub.conftest import RunningHub, serving

BACK = "http://127.0.0.1:1/console/oidc/callback"


@pytest.fixture
def provider() -> Iterator[AuthlibProvider]:
    with AuthlibProvider("hub", "s3cret", BACK) as provider:
        yield provider


@pytest.fixture
def browser(running: RunningHub, provider: AuthlibProvider, tmp_path: Path) -> Iterator[httpx2.Client]:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    section = OidcSection(issuer=provider.issuer, client_id="hub", client_secret_file=secret)
    access = AccessSection(public_url="http://127.0.0.1:1", oidc=section)
    config = running.hub.config.model_copy(update={"access": access})
    hub = Hub(config, running.hub.database, running.hub.images, running.hub.metrics)
    with serving(hub) as url, httpx2.Client(base_url=url, headers={"Accept": "text/html"}, timeout=60) as client:
        yield client


@pytest.fixture
def anna(admin: httpx2.Client, provider: AuthlibProvider) -> str:
    """An account that the provider vouches for; its sign-in name."""
    address = f"{uuid4().hex[:8]}@example.com"
    body = {"login": address, "name": "Anna", "role": "supervisor", "oidc_email": address}
    assert admin.post("/v1/staff", json=body).status_code == 201
    provider.person = {"sub": uuid4().hex, "email": address, "email_verified": True}
    return address


def come_back(browser: httpx2.Client) -> httpx2.Response:
    """Through the provider and back to the hub."""
    begun = browser.get("/console/oidc/start")
    at_provider = httpx2.get(begun.headers["location"])
    assert at_provider.status_code == 302, at_provider.text
    back = at_provider.headers["location"]
    assert back.startswith(f"{BACK}?")
    return browser.get(back.removeprefix("http://127.0.0.1:1"))


def test_the_code_flow_with_pkce_signs_in_and_a_code_works_once(
    browser: httpx2.Client, provider: AuthlibProvider, anna: str
) -> None:
    answer = come_back(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/account")
    assert anna in browser.get("/console/account").text
    assert provider.codes == {}
    assert browser.get(str(answer.request.url)).status_code == 401


def test_a_rolled_key_is_fetched(
    browser: httpx2.Client, provider: AuthlibProvider, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert come_back(browser).status_code == 303, anna
    provider.roll_key()
    monkeypatch.setattr("inspection.hub.accounts.oidc.REFETCH_S", -1.0)
    assert come_back(browser).status_code == 303


@pytest.mark.parametrize("column", ["verifier", "nonce"])
def test_a_code_of_another_flow_is_worth_nothing(
    running: RunningHub, browser: httpx2.Client, provider: AuthlibProvider, anna: str, column: str
) -> None:
    begun = browser.get("/console/oidc/start")
    with running.hub.database.transaction() as connection:
        connection.execute(sa.update(oidc_flows).values({column: uuid4().hex + uuid4().hex}))
    back = httpx2.get(begun.headers["location"]).headers["location"]
    assert browser.get(back.removeprefix("http://127.0.0.1:1")).status_code == 401, anna
    assert (provider.codes == {}) is (column == "nonce"), "the provider itself refuses a wrong verifier"


@pytest.mark.parametrize("wrong", [{"aud": ["another"]}, {"exp": 1}, {"iss": "https://another.example"}], ids=str)
def test_a_token_for_others_or_of_another_time_signs_nobody_in(
    browser: httpx2.Client, provider: AuthlibProvider, anna: str, wrong: dict[str, Any]
) -> None:
    provider.person |= wrong
    assert come_back(browser).status_code == 401, anna
    assert "session" not in str(browser.cookies)
