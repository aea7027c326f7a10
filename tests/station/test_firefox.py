"""A worker's day once more in real Firefox: what the day in Chromium shows must be true there, too."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.station.firefox import FIREFOX, Firefox
from tests.station.rig import ROOT, SOUP, Rig, draw, gs1

pytestmark = [pytest.mark.browser, pytest.mark.long]
PHONE = "00614141404018"
WATCH = """(() => {
  window.wrong = [];
  addEventListener("error", (event) => window.wrong.push(event.message));
  addEventListener("unhandledrejection", (event) => window.wrong.push(String(event.reason)));
  addEventListener("securitypolicyviolation", (event) => window.wrong.push(event.violatedDirective));
  return true;
})()"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("firefox")
    draw(folder / "references" / SOUP / "top" / "1.png", "intact", 7)
    with Rig(folder) as rig:
        rig.config["guide"] = str(ROOT / "configs" / "guide.yaml")
        rig.config["model"] = {"bundle": str(folder), "references": str(folder / "references")}
        rig.config["session"] = {"undo_ms": 1500, "places": {"resell": "A-03"}}
        rig.config["devices"].append({"id": "keyboard", "driver": "barcode.keyboard"})
        rig.config["people"] = [
            {"id": "w-1", "badge": "BADGE:0001", "language": "vi"},
            {"id": "w-2", "badge": "BADGE:0002", "language": "en"},
        ]
        rig.start()
        yield rig


@pytest.fixture(scope="module")
def firefox(running: Rig, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    if FIREFOX is None:
        pytest.skip("there is no Firefox; set FIREFOX to its path")
    with Firefox(Path(tmp_path_factory.mktemp("profile"))) as firefox:
        yield firefox


@pytest.fixture
def page(rig: Rig, firefox: Firefox) -> Iterator[Firefox]:
    """The page in English with an empty table; a script error or a breach of the page's policy fails the test."""
    firefox.go(f"{rig.url}/?lang=en")
    firefox.ask(WATCH)
    state(firefox, "idle")
    yield firefox
    assert firefox.ask("window.wrong ?? []") == []


def state(page: Firefox, *wanted: str) -> None:
    page.until(f"{list(wanted)}.includes(document.getElementById('station')?.dataset.state)")


def put(rig: Rig, page: Firefox, serial: str, look: str = "intact", gtin: str | None = None) -> None:
    rig.put(look)
    time.sleep(0.2)  # the simulated cameras show it
    rig.scan(gs1(serial, gtin) if gtin else gs1(serial))
    state(page, "judged")


def test_scan_verdict_and_next_item_by_keys_alone(rig: Rig, page: Firefox) -> None:
    put(rig, page, "f1")
    assert page.ask("document.getElementById('verdict').dataset.disposition") == "resell"
    page.until("[...document.querySelectorAll('.shot image')].every((one) => one.getBBox().width > 0)")
    page.press("Enter")
    state(page, "confirmed", "reported")
    put(rig, page, "f2", "critical")
    assert page.ask("document.querySelectorAll('.shot .inner').length") == 2
    rig.scan(gs1("f3"))
    page.until("document.querySelector('.item')?.textContent.includes('f3')")


def test_override_with_a_drawn_box_and_undo(rig: Rig, page: Firefox) -> None:
    put(rig, page, "g1")
    page.press("3")
    page.until("document.querySelector('.reasons')")
    shot = page.place("figure[data-view=top] .shot")
    x, y = shot["x"] + shot["width"] / 2, shot["y"] + shot["height"] / 2
    page.drag((x - 40, y - 30), (x + 40, y + 30))
    page.until("document.querySelectorAll('.mark').length === 1")
    page.press("1")
    state(page, "confirmed")
    page.press("u")
    state(page, "judged")
    page.press("Enter")
    state(page, "confirmed", "reported")
    assert rig.state()["verdict"]["disposition"] == "resell"


def test_questions_zoom_heat_and_the_good_sample(rig: Rig, page: Firefox) -> None:
    put(rig, page, "h1", gtin=PHONE)
    page.until("document.querySelector('.question')")
    page.press("2")
    page.until("document.getElementById('verdict')?.dataset.disposition === 'repair'")
    rig.command("cancel")
    state(page, "idle")
    put(rig, page, "h2", "minor")
    page.press("b")
    page.until("document.querySelector('img.sample')?.naturalWidth === 320")
    sample, shot = page.place("img.sample"), page.place("figure.beside .shot")
    assert sample["x"] + sample["width"] <= shot["x"] + 4
    page.press("z")
    page.until("document.querySelectorAll('figure.large').length === 1")
    page.click("figure.large")
    page.until("document.querySelectorAll('figure.enlarged').length === 1")
    page.press("Escape")
    page.until("document.querySelectorAll('figure.large').length === 0")
    state(page, "judged")


def test_a_scanner_that_types_and_a_bounced_key(rig: Rig, page: Firefox) -> None:
    rig.put("critical")
    time.sleep(0.2)
    typed = f"""[...{gs1("typed1")!r}, "Enter"].forEach((key) => document.body.dispatchEvent(
        new KeyboardEvent("keydown", {{ key, bubbles: true, cancelable: true }})))"""
    page.ask(f"({typed}, true)")
    state(page, "judged")
    assert rig.state()["item"]["serial"] == "typed1"
    page.press("Enter")
    state(page, "confirmed", "reported")


def test_badges_turn_the_language_and_live_pictures_come_and_go(rig: Rig, page: Firefox) -> None:
    rig.scan("BADGE:0001")
    page.until("document.documentElement.lang === 'vi'")
    rig.scan("BADGE:0002")
    page.until("document.documentElement.lang === 'en'")
    page.until("document.querySelector('[data-live=top] img')?.naturalWidth > 0")
    rig.bench.unplug_camera("top")
    page.until("document.querySelector('.faults')?.textContent.includes('camera-top')")
    page.until("document.querySelector('[data-live=top] img').hidden")
    rig.bench.replug_camera("top")
    page.until("!document.querySelector('.faults')?.textContent.includes('camera-top')")
    page.until("!document.querySelector('[data-live=top] img').hidden")


def test_a_second_tab_only_shows_until_it_takes_over(rig: Rig, page: Firefox) -> None:
    first = page.handle
    second = page.tab()
    page.go(f"{rig.url}/?lang=en")
    page.until("!document.getElementById('viewer').hidden")
    page.press("t")
    page.until("document.getElementById('viewer').hidden")
    page.command("WebDriver:CloseWindow")
    page.switch(first)
    assert second != first
    page.until("document.getElementById('viewer').hidden")


def test_a_station_that_stops_is_told_and_the_page_comes_back(rig: Rig, page: Firefox) -> None:
    rig.config["web"] = {"port": int(rig.url.rpartition(":")[2]), "language": "en"}
    rig.kill()
    page.until("!document.getElementById('offline').hidden")
    rig.start()
    page.until("document.getElementById('offline').hidden")
    put(rig, page, "z1", "critical")


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_everything_fits_in_every_language_and_theme(rig: Rig, page: Firefox, size: tuple[int, int]) -> None:
    page.resize(*size)
    for language in ("zh-CN", "th", "vi", "en"):
        page.go(f"{rig.url}/?lang={language}")
        put(rig, page, f"l{size[0]}{language[:2]}", "minor")
        page.until("document.querySelectorAll('.actions button').length === 9")
        page.press("d")
        clipped = page.ask(
            """[...document.querySelectorAll("button, .verdict, .todo, .reason, header a")]
                .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
                .map((e) => document.documentElement.lang + " " + e.className + ": " + e.textContent)"""
        )
        assert clipped == []
        assert page.ask("document.documentElement.scrollWidth") <= size[0]
        assert page.ask("document.documentElement.scrollHeight") <= size[1]
        rig.command("cancel")
        state(page, "idle")
    page.resize(1280, 800)
    page.ask(WATCH)
