"""The console: cookies, forged requests, headers, words; and signing in with an identity provider."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa
from babel.messages import pofile
from babel.messages.extract import extract_from_dir
from starlette.testclient import TestClient

from inspection.hub.accounts.audit import Act
from inspection.hub.accounts.settings import AccessSection, OidcSection
from inspection.hub.app import build_app
from inspection.hub.console import parts, words
from inspection.hub.hub import Hub
from inspection.hub.problems import PROBLEMS
from inspection.hub.schema import access_tokens
from tests.hub.accounts.conftest import PASSWORD, Clock
from tests.hub.accounts.oidc_provider import OidcProvider
from tests.hub.conftest import RunningHub, serving
from tests.hub.test_access import REQUIRED

CONSOLE = Path(words.__file__).parent
HTML = {"Accept": "text/html"}
PLACE = re.compile(r"%\(\w+\)s")


def csrf(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', page.text)
    assert found, page.text
    return found[1]


def sign_in(browser: Any, login: str, password: str = PASSWORD) -> Any:
    token = csrf(browser.get("/console/sign-in"))
    form = {"csrf_token": token, "login": login, "password": password}
    return browser.post("/console/sign-in", data=form, follow_redirects=False)


@pytest.fixture
def browser(running: RunningHub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.url, headers=HTML, follow_redirects=True, timeout=20) as client:
        yield client


@pytest.fixture
def login(admin: httpx2.Client) -> str:
    name = f"a{uuid4().hex[:10]}"
    body = {"login": name, "name": "Anna", "role": "admin", "password": PASSWORD}
    assert admin.post("/v1/staff", json=body).status_code == 201
    return name


def test_who_is_not_signed_in_is_shown_the_way(browser: httpx2.Client, login: str) -> None:
    page = browser.get("/console/staff")
    assert page.url.path == "/console/sign-in"
    answer = sign_in(browser, login)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/account")
    for path, heading in (
        ("account", "My account"),
        ("staff", "Staff"),
        ("stations", "Stations"),
        ("tokens", "Tokens"),
    ):
        assert f"<h1>{heading}</h1>" in browser.get(f"/console/{path}").text
    assert login in browser.get("/console/audit").text


def test_behind_https_the_cookie_is_host_bound_and_transport_stays_strict(running: RunningHub, login: str) -> None:
    client = TestClient(build_app(running.hub), base_url="https://hub.example", headers=HTML)
    answer = sign_in(client, login)
    assert answer.status_code == 303
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("__Host-session="))
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert client.get("/console/account").status_code == 200


def test_over_plain_http_signing_in_works_on_this_machine_only(running: RunningHub, browser: httpx2.Client) -> None:
    assert "strict-transport-security" not in browser.get("/console/sign-in").headers
    assert "insecure-loopback-form" in browser.cookies
    away = TestClient(build_app(running.hub), base_url="http://hub.example", headers=HTML, client=("192.0.2.1", 1))
    page = away.get("/console/sign-in")
    assert "<form method=" not in page.text.partition("<main")[2]
    assert "set-cookie" not in page.headers
    refused = away.post("/console/sign-in", data={"login": "x", "password": PASSWORD})
    assert refused.status_code == 403
    rebound = browser.get("/console/sign-in", headers={"Host": "evil.example"})
    assert "set-cookie" not in rebound.headers


def test_every_page_has_a_policy_without_scripts_and_nothing_inline(browser: httpx2.Client, login: str) -> None:
    sign_in(browser, login)
    for path in ("sign-in", "account", "staff", "stations", "tokens", "audit"):
        page = browser.get(f"/console/{path}")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert not re.search(r"script|unsafe|\*", policy)
        assert not re.search(r"<script|<style| on\w+=| style=|https?://", page.text)
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"


def test_a_forged_request_changes_nothing(browser: httpx2.Client, login: str, running: RunningHub) -> None:
    sign_in(browser, login)
    good = csrf(browser.get("/console/stations"))
    form = {"station_id": f"st-{uuid4().hex[:8]}"}
    attacks: list[tuple[dict[str, str], dict[str, str]]] = [
        (form, {}),
        (form | {"csrf_token": "0" * 64}, {}),
        (form | {"csrf_token": good}, {"Origin": "https://evil.example"}),
        (form | {"csrf_token": good}, {"Origin": "null"}),
        (form | {"csrf_token": good}, {"Sec-Fetch-Site": "cross-site"}),
    ]
    for data, headers in attacks:
        assert browser.post("/console/stations/code", data=data, headers=headers).status_code == 403
    assert form["station_id"] not in browser.get("/console/stations").text
    cookies = {"Accept": "application/json"}
    refused = browser.post("/v1/tokens", json={"role": "admin", "label": "x"}, headers=cookies)
    assert (refused.status_code, refused.json()["code"]) == (403, "session.csrf")
    allowed = browser.post("/v1/tokens", json={"role": "admin", "label": "x"}, headers=cookies | {"X-CSRF-Token": good})
    assert allowed.status_code == 201
    made = browser.post("/console/stations/code", data=form | {"csrf_token": good}, headers={"Origin": running.url})
    assert re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", made.text)


def test_nobody_is_signed_in_by_a_page_of_somebody_else(
    running: RunningHub, browser: httpx2.Client, login: str
) -> None:
    other_browsers = csrf(httpx2.get(f"{running.url}/console/sign-in", headers=HTML))
    browser.get("/console/sign-in")
    form = {"csrf_token": other_browsers, "login": login, "password": PASSWORD}
    assert browser.post("/console/sign-in", data=form).status_code == 403


def test_signing_out_ends_the_session_in_the_database_too(browser: httpx2.Client, login: str) -> None:
    sign_in(browser, login)
    kept = dict(browser.cookies)
    page = browser.post("/console/sign-out", data={"csrf_token": csrf(browser.get("/console/account"))})
    assert page.url.path == "/console/sign-in"
    assert "insecure-loopback-session" not in browser.cookies
    browser.cookies.update(kept)
    assert browser.get("/console/account").url.path == "/console/sign-in"


def test_a_session_is_new_at_each_sign_in_and_can_be_ended_from_another(running: RunningHub, login: str) -> None:
    made = [httpx2.Client(base_url=running.url, headers=HTML, follow_redirects=True) for _ in range(2)]
    for each in made:
        sign_in(each, login)
    one, two = made
    assert one.cookies["insecure-loopback-session"] != two.cookies["insecure-loopback-session"]
    ends = [part.partition("</tr>")[0] for part in one.get("/console/account").text.split("<tr>")[2:]]
    (other,) = [re.search(r"sessions/([0-9a-f-]{36})/end", row) for row in ends if "this one" not in row]
    assert other is not None
    token = csrf(one.get("/console/account"))
    one.post(f"/console/account/sessions/{other[1]}/end", data={"csrf_token": token})
    assert two.get("/console/account").url.path == "/console/sign-in"
    assert one.get("/console/account").url.path == "/console/account"
    for each in made:
        each.close()


def test_the_staff_form_adds_changes_and_shuts_out(browser: httpx2.Client, login: str) -> None:
    sign_in(browser, login)
    token = csrf(browser.get("/console/staff"))
    name = f"w{uuid4().hex[:8]}"
    page = browser.post(
        "/console/staff",
        data={
            "csrf_token": token,
            "login": name,
            "name": "<b>Li</b>",
            "role": "operator",
            "badge": f"B{name}",
            "pin": "482915",
        },
    )
    assert page.url.path.startswith("/console/staff/")
    assert "&lt;b&gt;Li" in page.text
    assert "<b>Li" not in page.text
    page = browser.post(page.url.path, data={"csrf_token": token, "name": "Li", "role": "auditor", "language": "th"})
    assert 'value="auditor" selected' in page.text
    page = browser.post(page.url.path, data={"csrf_token": token, "disabled": "yes"})
    assert "shut out" in page.text
    twice = browser.post("/console/staff", data={"csrf_token": token, "login": name, "name": "x", "role": "operator"})
    assert twice.status_code == 409
    assert "Somebody else has this" in twice.text


def test_an_auditor_sees_and_does_not_change(browser: httpx2.Client, admin: httpx2.Client) -> None:
    name = f"a{uuid4().hex[:10]}"
    admin.post("/v1/staff", json={"login": name, "name": "A", "role": "auditor", "password": PASSWORD})
    sign_in(browser, name)
    page = browser.get("/console/staff")
    assert page.status_code == 200
    assert 'action="/console/staff"' not in page.text
    token = csrf(page)
    assert browser.post("/console/staff", data={"csrf_token": token, "login": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("tag", "heading"), [("zh-CN", "登录"), ("th", "เข้าสู่ระบบ"), ("vi", "Đăng nhập"), ("en", "Sign in")]
)
def test_the_page_speaks_the_language_that_is_asked_for_and_remembers_it(
    browser: httpx2.Client, tag: str, heading: str
) -> None:
    assert f"<h1>{heading}</h1>" in browser.get("/console/sign-in", params={"lang": tag}).text
    page = browser.get("/console/sign-in", headers={"Accept-Language": "fr"})
    assert f'<html lang="{tag}">' in page.text


def said_by(folder: Path) -> set[str]:
    """The messages that a folder of pages shows."""
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = extract_from_dir(str(folder), methods, keywords={"_": None, "N_": None, "gettext": None})
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


@pytest.mark.parametrize("name", ["zh_CN", "th", "vi"])
@pytest.mark.parametrize("part", [None, *parts.folders()])
def test_a_catalogue_says_exactly_what_its_pages_say(part: str | None, name: str) -> None:
    said = said_by(CONSOLE) if part is None else said_by(parts.folders()[part]) - said_by(CONSOLE)
    folder = CONSOLE if part is None else parts.folders()[part]
    with (folder / "locale" / f"{name}.po").open("rb") as file:
        catalogue = {str(message.id): message for message in pofile.read_po(file, locale=name) if message.id}
    assert set(catalogue) == said
    for source, message in catalogue.items():
        assert message.string, source
        assert sorted(PLACE.findall(source)) == sorted(PLACE.findall(str(message.string)))


def test_every_act_and_no_unknown_problem_has_words() -> None:
    assert set(words.ACTS) == set(Act)
    assert set(words.PROBLEMS) <= set(PROBLEMS)


@pytest.fixture
def provider() -> Iterator[OidcProvider]:
    with OidcProvider("hub", "s3cret") as provider:
        yield provider


@pytest.fixture
def federated(running: RunningHub, provider: OidcProvider, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A browser at a hub that trusts ``provider``; redirects are followed by hand."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    section = OidcSection(issuer=provider.issuer, client_id="hub", client_secret_file=secret, title="Company account")
    access = AccessSection(public_url="http://127.0.0.1:1", oidc=section)
    config = running.hub.config.model_copy(update={"access": access})
    hub = Hub(config, running.hub.database, running.hub.images, running.hub.metrics)
    with serving(hub) as url, httpx2.Client(base_url=url, headers=HTML, timeout=20) as client:
        yield client


def start(browser: httpx2.Client) -> str:
    """As far as the way back from the provider; its path and query."""
    begun = browser.get("/console/oidc/start")
    assert begun.status_code == 303
    back = httpx2.get(begun.headers["location"]).headers["location"]
    assert back.startswith("http://127.0.0.1:1/console/oidc/callback?")
    return back.removeprefix("http://127.0.0.1:1")


def invite(admin: httpx2.Client, provider: OidcProvider) -> str:
    """An account that the provider may sign in; its address."""
    address = f"{uuid4().hex[:8]}@example.com"
    body = {"login": address, "name": "Anna", "role": "supervisor", "oidc_email": address}
    assert admin.post("/v1/staff", json=body).status_code == 201
    provider.person = {"sub": uuid4().hex, "email": address.upper(), "email_verified": True}
    return address


def test_a_provider_signs_in_whom_an_administrator_invited(
    federated: httpx2.Client, provider: OidcProvider, admin: httpx2.Client
) -> None:
    assert "Company account" in federated.get("/console/sign-in").text
    address = invite(admin, provider)
    for _ in range(2):
        answer = federated.get(start(federated))
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/account")
        assert address in federated.get("/console/account").text
        provider.person["email"] = "another@example.com"  # once known, the subject counts, not the address


def test_a_way_back_works_once_and_in_the_browser_that_began(
    federated: httpx2.Client, provider: OidcProvider, admin: httpx2.Client, moved: Clock
) -> None:
    invite(admin, provider)
    back = start(federated)
    with httpx2.Client(base_url=federated.base_url, headers=HTML) as thief:
        assert thief.get(back).status_code == 401
    kept = dict(federated.cookies)
    assert federated.get(back).status_code == 303
    federated.cookies.update(kept)
    assert federated.get(back).status_code == 401
    assert federated.get(re.sub("state=[^&]*", "state=guessed", start(federated))).status_code == 401
    late = start(federated)
    moved.shift = moved.shift.__class__(minutes=11)
    assert federated.get(late).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["hub", "another"]},
        {"azp": "another"},
        {"exp": 1},
        {"iat": 1 << 40},
        {"sub": None},
        {"sub": 7},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "stranger@example.com"},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_right_signs_nobody_in(
    federated: httpx2.Client, provider: OidcProvider, admin: httpx2.Client, wrong: dict[str, Any]
) -> None:
    invite(admin, provider)
    provider.claims = wrong
    answer = federated.get(start(federated))
    assert answer.status_code == 401
    assert "session" not in str(answer.headers.get_list("set-cookie"))
    provider.claims = {}
    assert federated.get(start(federated)).status_code == 303


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_signature_that_anybody_can_make_is_refused(
    federated: httpx2.Client, provider: OidcProvider, admin: httpx2.Client, algorithm: str
) -> None:
    invite(admin, provider)
    provider.algorithm = algorithm
    assert federated.get(start(federated)).status_code == 401


def test_another_key_is_refused_and_a_rolled_one_is_fetched(
    federated: httpx2.Client, provider: OidcProvider, admin: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    invite(admin, provider)
    assert federated.get(start(federated)).status_code == 303
    provider.roll_key()
    assert federated.get(start(federated)).status_code == 401  # keys are fetched no more than once a minute
    asked = provider.keys_asked
    monkeypatch.setattr("inspection.hub.accounts.oidc.REFETCH_S", -1.0)
    assert federated.get(start(federated)).status_code == 303
    assert provider.keys_asked == asked + 1


def test_an_answer_that_names_another_provider_is_refused(
    federated: httpx2.Client, provider: OidcProvider, admin: httpx2.Client
) -> None:
    invite(admin, provider)
    provider.issuer_named = "https://evil.example"
    assert federated.get(start(federated)).status_code == 401


def test_a_provider_that_is_gone_is_said_as_a_failed_sign_in(federated: httpx2.Client, provider: OidcProvider) -> None:
    provider.stop()
    answer = federated.get("/console/oidc/start", headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in.failed")
    assert answer.json().keys() >= REQUIRED


def test_a_session_that_was_revoked_in_one_process_is_over_in_all(running: RunningHub, login: str) -> None:
    twin = replace(running.hub)
    with serving(twin) as url, httpx2.Client(base_url=url, headers=HTML, follow_redirects=True) as browser:
        sign_in(browser, login)
        assert browser.get("/console/account").url.path == "/console/account"
        with running.hub.database.transaction() as connection:
            table = access_tokens
            connection.execute(table.update().where(table.c.kind == "session").values(revoked_at=sa.func.now()))
        assert browser.get("/console/account").url.path == "/console/sign-in"
