"""The page in real Chromium: worked by keys alone, by command codes alone, and telling the truth in trouble."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from devices.rfid.simulator import SimulatedTag
from tests.station.rig import Rig, gs1

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, rig: Rig) -> Iterator[Page]:
    """The page at 1280x800 in English; fails the test on any script error, CSP violation or foreign request."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: (
            wrong.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    page.on("request", lambda request: None if request.url.startswith(rig.url) else wrong.append(request.url))
    page.goto(rig.url)
    yield page
    context.close()
    assert wrong == []


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#station")).to_have_attribute("data-state", state, timeout=10_000)


def scan(rig: Rig, serial: str, look: str = "intact") -> None:
    rig.put(look)
    time.sleep(0.1)  # three frame periods of the simulated cameras
    rig.scan(gs1(serial))


def test_a_worker_confirms_by_keyboard_alone(rig: Rig, page: Page) -> None:
    expect_state(page, "idle")
    scan(rig, "k1")
    expect_state(page, "judged")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "resell")
    expect(page.locator("#verdict strong")).to_have_text("Resell")
    expect(page.locator("#verdict .words span")).to_have_text("转售")
    page.keyboard.press("Enter")
    expect_state(page, "reported")
    assert rig.state()["person"]["overrides"] is False


def test_a_worker_overrides_by_two_keys(rig: Rig, page: Page) -> None:
    scan(rig, "k2", "minor")
    expect_state(page, "judged")
    page.keyboard.press("3")
    expect(page.locator(".reasons button")).to_have_count(7)
    expect(page.locator(".reasons h2")).to_contain_text("Scrap")
    page.keyboard.press("1")
    expect_state(page, "reported")
    person = rig.state()["person"]
    assert (person["disposition"], person["reason_code"]) == ("scrap", "missed_damage")


def test_escape_leaves_the_reasons_and_then_the_item(rig: Rig, page: Page) -> None:
    scan(rig, "k3")
    expect_state(page, "judged")
    page.keyboard.press("4")
    expect(page.locator(".reasons")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#verdict")).to_be_visible()
    page.keyboard.press("Escape")
    expect_state(page, "idle")


def test_new_pictures_are_taken_by_r(rig: Rig, page: Page) -> None:
    scan(rig, "k4")
    expect_state(page, "judged")
    rig.put("critical")
    time.sleep(0.1)
    page.keyboard.press("r")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "scrap")
    assert rig.state()["takes"] == 2


def test_an_item_without_a_code_is_started_by_s(rig: Rig, page: Page) -> None:
    expect_state(page, "idle")
    page.keyboard.press("s")
    expect_state(page, "judged")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "hold")
    expect(page.locator(".issue")).to_have_text("No code was read")


def test_command_codes_do_everything_without_touching_anything(rig: Rig, page: Page) -> None:
    rig.scan("RMA-2025-0099", aim="]C0")
    expect(page.locator(".rma")).to_contain_text("RMA-2025-0099")
    scan(rig, "k5")
    expect_state(page, "judged")
    rig.scan("CMD:RECAPTURE")
    expect(page.locator("#station")).to_have_attribute("data-state", "judged")
    rig.wait(lambda state: state["takes"] == 2 and state["state"] == "judged")
    rig.scan("CMD:SCRAP")
    expect(page.locator(".reasons")).to_be_visible()
    rig.scan("CMD:REASON:other")
    expect_state(page, "reported")
    expect(page.locator(".done")).to_contain_text("Another reason")
    rig.scan("CMD:NONSENSE")
    expect(page.locator("#toast")).to_have_text("This command code is not known.")


def test_the_next_scan_confirms_only_what_needs_nobody(rig: Rig, page: Page) -> None:
    scan(rig, "k6", "critical")
    expect(page.locator(".todo")).to_have_text("OK, or scan the next item.")
    scan(rig, "k7", "novel")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "hold")
    scan(rig, "k8")
    expect(page.locator("#toast")).to_have_text("Confirm this verdict first.")
    state = rig.state()
    assert state["item"]["serial"] == "k7"
    assert state["state"] == "judged"


def test_findings_are_drawn_where_they_are(rig: Rig, page: Page) -> None:
    scan(rig, "k9", "minor")
    expect_state(page, "judged")
    box = rig.state()["findings"][0]["box"]
    rect = page.locator(".shot .inner").first
    assert [int(rect.get_attribute(name) or -1) for name in ("x", "y", "width", "height")] == list(box.values())
    expect(page.locator(".shot text").first).to_have_text("dent 93%")
    expect(page.locator(".findings li")).to_have_text("dent 93% top, front")
    shown, picture = rect.bounding_box(), page.locator(".shot image").first.bounding_box()
    assert shown is not None
    assert picture is not None
    assert abs((shown["x"] - picture["x"]) / picture["width"] - box["x"] / 320) < 0.03


def test_a_key_held_down_orders_once(rig: Rig, page: Page) -> None:
    scan(rig, "l1")
    expect_state(page, "judged")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")  # repeats, as a held key does
    page.keyboard.up("Enter")
    expect_state(page, "reported")
    assert len(sent) == 1


def test_enter_after_a_touch_still_means_ok(rig: Rig, page: Page) -> None:
    scan(rig, "l2")
    expect_state(page, "judged")
    page.locator("button.scrap").click()
    expect(page.locator(".reasons")).to_be_visible()
    page.locator('button[data-command="cancel"]').click()
    expect(page.locator("#verdict")).to_be_visible()
    page.keyboard.press("Enter")
    expect_state(page, "reported")
    assert rig.state()["verdict"]["disposition"] == "resell"


def test_a_focused_button_takes_its_own_enter(rig: Rig, page: Page) -> None:
    scan(rig, "l3")
    expect_state(page, "judged")
    page.keyboard.press("Tab")
    while "scrap" not in (page.evaluate("document.activeElement.className") or ""):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".reasons")).to_be_visible()
    assert rig.state()["override"] == "scrap"


def test_buttons_are_large_and_stay_where_they_are(rig: Rig, page: Page) -> None:
    def places() -> list[tuple[int, int]]:
        boxes = [button.bounding_box() for button in page.locator(".actions button").all()]
        assert all(box is not None and min(box["height"], box["width"]) >= 72 for box in boxes)
        return [(round(box["x"]), round(box["y"])) for box in boxes if box is not None]

    idle = places()
    scan(rig, "l4", "minor")
    expect_state(page, "judged")
    assert places() == idle
    page.keyboard.press("2")
    expect(page.locator(".reasons")).to_be_visible()
    assert places() == idle
    for button in page.locator(".reasons button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 72
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_language_follows_the_worker(rig: Rig, page: Page) -> None:
    scan(rig, "l5")
    expect_state(page, "judged")
    page.locator('a[hreflang="zh-CN"]').click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#verdict strong")).to_have_text("转售")
    expect(page.locator("#verdict .words span")).to_have_text("RESELL")
    page.wait_for_load_state()
    page.keyboard.press("Enter")
    expect(page.locator(".done")).to_contain_text("已上报")
    page.goto(rig.url)
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


@pytest.mark.parametrize("language", ["zh-CN", "en", "th", "vi"])
def test_the_words_fit_in_every_language(rig: Rig, page: Page, language: str) -> None:
    page.goto(f"{rig.url}/?lang={language}")
    scan(rig, f"m-{language}", "minor")
    expect_state(page, "judged")
    expect(page.locator(".actions button")).to_have_count(9)
    clipped = page.evaluate(
        """() => [...document.querySelectorAll("button, .verdict, .todo, .reason, header a")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
            .map((e) => e.className + ": " + e.textContent)"""
    )
    assert clipped == []


@pytest.mark.parametrize("language", ["zh-CN", "en", "th", "vi"])
def test_neighbours_tags_push_nothing_off_the_screen(rig: Rig, page: Page, language: str) -> None:
    page.goto(f"{rig.url}/?lang={language}")
    weak = [SimulatedTag(f"3034257BF7194E40000{number:05X}", rssi_dbm=-75) for number in range(4)]
    rig.bench.place_tags(weak)
    for number in range(5):  # the reader may not have heard them by the first scan
        scan(rig, f"n{number}-{language}", "minor")
        rig.bench.place_tags(weak)
        expect_state(page, "judged")
        if "+3" in page.locator(".item").inner_text():
            break
        page.keyboard.press("Enter")
    expect(page.locator(".neighbour")).to_contain_text("+3")
    assert page.locator(".neighbour").evaluate("(line) => line.scrollWidth <= line.clientWidth")
    bottom = page.locator(".side").evaluate("(side) => side.getBoundingClientRect().bottom")
    for part in page.locator(".neighbour, .verdict, .todo, .reason, .confidence").all():
        box = part.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= bottom
    rig.bench.place_tags([])


def test_a_lost_camera_is_told_and_its_last_picture_is_not_left_standing(rig: Rig, page: Page) -> None:
    expect(page.locator('[data-live="top"] img')).to_be_visible()
    rig.bench.unplug_camera("top")
    expect(page.locator(".faults")).to_contain_text("camera-top is not connected", timeout=2_000)
    expect(page.locator('[data-live="top"] img')).to_be_hidden(timeout=2_000)
    rig.bench.replug_camera("top")
    expect(page.locator(".faults li")).to_have_count(0, timeout=2_000)
    expect(page.locator('[data-live="top"] img')).to_be_visible(timeout=2_000)


def test_a_hub_that_is_away_is_a_quiet_badge(rig: Rig, page: Page) -> None:
    rig.hub.stop()
    scan(rig, "n1")
    expect_state(page, "judged")
    page.keyboard.press("Enter")
    expect(page.locator("#queue")).to_have_attribute("data-waiting", "1")
    expect(page.locator(".hub")).to_have_text("The hub does not answer: reports wait here, work goes on.")
    expect(page.locator(".faults li")).to_have_count(0)
    rig.hub.start()
    expect(page.locator("#queue")).to_have_attribute("data-waiting", "0")
    expect(page.locator(".hub")).to_have_count(0)


def test_a_station_that_restarts_is_told_and_the_page_comes_back_by_itself(browser: Browser, rig: Rig) -> None:
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    page.goto(rig.url)
    expect(page.locator("#offline")).to_be_hidden()
    scan(rig, "n2")
    expect_state(page, "judged")
    rig.config["web"] = {"port": int(rig.url.rpartition(":")[2]), "language": "en"}
    rig.kill()
    expect(page.locator("#offline")).to_be_visible()
    rig.start()
    expect(page.locator("#offline")).to_be_hidden(timeout=10_000)
    expect_state(page, "judged")
    page.keyboard.press("Enter")
    expect_state(page, "reported")
    context.close()
