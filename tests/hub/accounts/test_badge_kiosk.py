"""A kiosk in real Chromium, joined to a real hub: a worker and a supervisor sign in with badge and PIN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.hub.accounts.conftest import PIN
from tests.hub.conftest import RunningHub
from tests.station.rig import Rig, gs1
from tests.station.test_screen import browser, expect_state

__all__ = ["browser"]
pytestmark = pytest.mark.browser
PHONE = "00614141404018"
PATIENCE_MS = 60_000


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    expect.set_options(timeout=PATIENCE_MS)
    yield
    expect.set_options(timeout=None)


def test_a_shift_at_a_station_joined_to_the_hub(
    running: RunningHub,
    enrolled: httpx2.Client,
    admin: httpx2.Client,
    person: Callable[..., dict[str, Any]],
    browser: Browser,
    tmp_path: Path,
) -> None:
    worker = person(badge="BADGE:W-4711", language="en")
    chief = person("supervisor", badge="BADGE:S-0815")
    token = enrolled.headers["authorization"].removeprefix("Bearer ")
    with Rig(tmp_path, real_hub=(running.url, token)) as rig:
        rig.config["station_id"] = enrolled.station_id  # type: ignore[attr-defined]
        rig.config["sign_in"] = {"check_s": 1}
        rig.start()
        page = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US").new_page()
        page.goto(rig.url)
        expect_state(page, "idle")

        rig.scan("BADGE:W-4711")
        expect(page.locator(".pin")).to_be_visible()
        page.keyboard.type("777222")
        expect(page.locator(".dots")).to_have_text("●●●●●●")
        page.keyboard.press("Enter")
        expect(page.locator(".pin .told")).to_have_text("Badge or PIN is wrong: try again.")
        for digit in PIN:
            page.locator(f'.pin [data-pin="{digit}"]').click()
        page.locator('.pin [data-pin="Enter"]').click()
        expect(page.locator(".pin")).to_have_count(0)
        expect(page.locator(".worker")).to_have_text(worker["id"][:8])
        assert PIN not in page.content()

        rig.scan(gs1("s1", PHONE))
        expect_state(page, "judged")
        rig.scan("CMD:SCRAP")
        expect(page.locator(".reasons")).to_be_visible()
        rig.scan("CMD:REASON:missed_damage")
        expect(page.locator(".approval")).to_be_visible()
        rig.scan("BADGE:S-0815")
        expect(page.locator(".pin")).to_be_visible()
        page.keyboard.type(PIN)
        page.keyboard.press("Enter")
        expect_state(page, "reported")
        decided = rig.state()["person"]
        assert (decided["who"], decided["approved_by"]) == (worker["id"], chief["id"])

        rig.scan("BADGE:W-4711")
        expect(page.locator(".pin")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".pin")).to_have_count(0)
        admin.patch(f"/v1/staff/{worker['id']}", json={"disabled": True})
        expect(page.locator("#toast")).to_have_text("Your sign-in is over: show your badge again.")
        assert rig.state()["worker"]["known"] is False
