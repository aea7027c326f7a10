"""The shift view in real Chromium: there by key and by code, back by any scan, names only for whom they are meant."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.station.rig import Rig, gs1
from tests.station.test_screen import browser, expect_state
from tests.station.test_workers_day import no_serious_finding

__all__ = ["browser"]
pytestmark = pytest.mark.browser
SHIFT, WORK = re.compile(r"/shift$"), re.compile(r":\d+/(\?lang=en)?$")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(Path(tmp_path_factory.mktemp("shift"))) as made:
        made.config["people"] = [
            {"id": "w-1", "badge": "BADGE:0001", "language": "en"},
            {"id": "w-2", "badge": "BADGE:0002", "language": "en"},
            {"id": "s-1", "badge": "BADGE:0009", "language": "en", "supervisor": True},
        ]
        made.start()
        for number, (who, look) in enumerate((("1", "intact"), ("1", "critical"), ("2", "novel"))):
            made.scan(f"BADGE:000{who}", aim="")
            made.wait(lambda state, who=who: state["worker"]["worker_id"] == f"w-{who}")
            made.put(look, number)
            made.scan(gs1(f"shift-{number}"))
            state = made.wait_state("judged")
            assert made.command("ok", inspection_id=state["inspection_id"]).status_code == 200
            made.wait_state("reported")
        yield made


@pytest.fixture
def page(browser: Browser, rig: Rig) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("request", lambda request: None if request.url.startswith(rig.url) else wrong.append(request.url))
    made.goto(f"{rig.url}/?lang=en")
    yield made
    context.close()
    assert wrong == []


def test_by_key_and_by_code_there_and_back_by_any_scan(rig: Rig, page: Page) -> None:
    page.keyboard.press("v")
    expect(page).to_have_url(SHIFT)
    expect(page.locator("#items")).to_have_text("3")
    expect(page.locator("#count-resell")).to_have_text("1")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        no_serious_finding(page)
    page.keyboard.press("Escape")
    expect(page).to_have_url(WORK)
    expect_state(page, "reported")
    rig.scan("CMD:SHIFT", aim="")
    expect(page).to_have_url(SHIFT)
    expect(page.locator("#items")).to_have_text("3")
    rig.put("minor", 9)
    rig.scan(gs1("shift-9"))
    expect(page).to_have_url(WORK)
    expect_state(page, "judged")
    rig.command("cancel")
    expect_state(page, "idle")


def test_names_are_for_the_worker_and_the_supervisor(rig: Rig, page: Page) -> None:
    assert rig.http is not None

    def named(badge: str, worker: str) -> list[str]:
        rig.scan(badge, aim="")
        rig.wait(lambda state: state["worker"]["worker_id"] == worker)
        assert rig.http is not None
        return [each["worker"] for each in rig.http.get("/api/shift").json()["workers"]]

    assert named("BADGE:0001", "w-1") == ["w-1"]
    assert named("BADGE:0009", "s-1") == ["w-1", "w-2"]
    page.goto(f"{rig.url}/shift")
    expect(page.locator("tbody tr")).to_have_count(2)


@pytest.mark.parametrize("language", ["zh-CN", "en", "th", "vi"])
def test_the_view_fits_without_scrolling_in_every_language(rig: Rig, page: Page, language: str) -> None:
    for width, height in ((1280, 800), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{rig.url}/shift?lang={language}")
        over = page.evaluate(
            "[...document.querySelectorAll('html, main, .figure, .lists section')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)"
            ".map(e => [e.className || e.tagName, e.innerText.slice(0, 40)])"
        )
        assert over == []
        assert page.locator("#per-hour").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") >= 100
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=f"{folder}/shift-{language}-{width}.png")
