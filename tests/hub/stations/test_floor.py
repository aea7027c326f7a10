"""The supervisor's page in real Chromium: it follows the stations, stands still when told to, and is for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.hub.accounts.conftest import PASSWORD
from tests.hub.conftest import RunningHub
from tests.hub.stations.test_stations import on_hold, status
from tests.station.test_screen import browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
WAIT_MS = 60_000


def person(admin: httpx2.Client, role: str) -> str:
    login = f"p{uuid4().hex[:10]}"
    body = {"login": login, "name": "Anna", "role": role, "password": PASSWORD}
    assert admin.post("/v1/staff", json=body).status_code == 201
    return login


def sign_in(page: Page, url: str, login: str) -> None:
    page.goto(f"{url}/console/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.locator("main button").click()
    expect(page.locator("nav >> text=My account")).to_be_visible(timeout=WAIT_MS)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Fails the test on any script error or violation of the page's policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert wrong == []


def test_a_supervisor_sees_stations_change_and_may_hold_them_still(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, page: Page
) -> None:
    name = f"st-{uuid4().hex[:8]}"
    station.put(f"/v1/stations/{name}/status", json=status())
    station.post("/v1/inspections", json=on_hold(name))
    sign_in(page, running.url, person(admin, "supervisor"))
    page.click("nav >> text=Stations now")
    mine = page.locator(".station", has_text=name)
    expect(mine).to_contain_text("Waits for the worker")
    expect(mine.locator(".alert")).to_have_text("A device is not connected · scanner-1")
    expect(mine.locator(".holds")).to_contain_text("1 on hold")
    station.put(f"/v1/stations/{name}/status", json=status(state="idle", troubles=[]))
    expect(mine).to_contain_text("Waits for an item", timeout=WAIT_MS)
    expect(mine.locator(".alert")).to_have_count(0)
    page.click("#pause")
    station.put(f"/v1/stations/{name}/status", json=status(state="capturing"))
    with pytest.raises(AssertionError):
        expect(mine).to_contain_text("Takes pictures", timeout=5_000)
    page.click("#pause")
    expect(mine).to_contain_text("Takes pictures", timeout=WAIT_MS)


def test_the_page_is_accessible_fits_a_phone_and_speaks_every_language(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, page: Page
) -> None:
    name = f"st-{uuid4().hex[:8]}"
    station.put(f"/v1/stations/{name}/status", json=status())
    sign_in(page, running.url, person(admin, "supervisor"))
    for size in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for tag in ("zh-CN", "th", "vi", "en"):
            page.goto(f"{running.url}/console/floor?lang={tag}")
            expect(page.locator("html")).to_have_attribute("lang", tag)
            assert page.evaluate("document.documentElement.scrollWidth") <= size[0], tag
        found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
        assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []


def test_an_operator_does_not_see_the_page(running: RunningHub, admin: httpx2.Client, page: Page) -> None:
    sign_in(page, running.url, person(admin, "operator"))
    expect(page.locator("nav >> text=Stations now")).to_have_count(0)
    answer = page.goto(f"{running.url}/console/floor")
    assert answer is not None
    assert answer.status == 403


def test_no_script_from_elsewhere_may_run(running: RunningHub, admin: httpx2.Client, page: Page) -> None:
    sign_in(page, running.url, person(admin, "supervisor"))
    answer = page.goto(f"{running.url}/console/floor")
    assert answer is not None
    policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy["script-src"], policy["connect-src"], policy["style-src"]} == {"'self'"}
