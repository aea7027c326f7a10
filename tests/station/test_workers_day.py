"""A worker's day at the screen in real Chromium: one browser, one station, one item after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from devices.printer.simulator import SimulatedPrinter
from tests.station.recording_hub import TOKEN
from tests.station.rig import ROOT, Rig, gs1, wait_until
from tests.station.test_screen import browser, expect_state

__all__ = ["browser"]
pytestmark = pytest.mark.browser
PHONE = "00614141404018"
TAGS = ("3034257BF7194E4000001A85", "3034257BF7194E4000001A86")


@pytest.fixture(scope="module")
def printer() -> Iterator[SimulatedPrinter]:
    simulated = SimulatedPrinter()
    yield simulated
    simulated.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, printer: SimulatedPrinter) -> Iterator[Rig]:
    with Rig(Path(tmp_path_factory.mktemp("day"))) as rig:
        rig.config["guide"] = str(ROOT / "configs" / "guide.yaml")
        rig.config["session"] = {"undo_ms": 0, "places": {"resell": "A-03", "scrap": "CAGE-9"}}
        rig.config["people"] = [
            {"id": "w-1", "badge": "BADGE:0001", "language": "vi"},
            {"id": "w-2", "badge": "BADGE:0002", "language": "en"},
            {"id": "s-1", "badge": "BADGE:0009", "supervisor": True},
        ]
        rig.config["devices"].append({"id": "printer", "driver": "printer.zpl", "port": printer.address})
        rig.start()
        yield rig


@pytest.fixture(scope="module")
def screen(browser: Browser, running: Rig) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(running.url)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def page(screen: Page, rig: Rig) -> Page:
    """The one page, in English, with an empty table."""
    if screen.locator("html").get_attribute("lang") != "en":
        screen.goto(f"{rig.url}/?lang=en")
    expect_state(screen, "idle")
    return screen


def put(rig: Rig, page: Page, serial: str, look: str = "intact", gtin: str | None = None) -> None:
    rig.put(look)
    time.sleep(0.1)  # three frame periods of the simulated cameras
    rig.scan(gs1(serial, gtin) if gtin else gs1(serial))
    expect_state(page, "judged")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def no_serious_finding(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found if _serious(one)] == []


def _serious(finding: dict[str, object]) -> bool:
    return finding["impact"] in ("serious", "critical")


def test_the_screen_is_accessible_in_every_state_in_light_and_dark(rig: Rig, page: Page) -> None:
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        no_serious_finding(page)
        put(rig, page, f"a1{theme}", "minor")
        no_serious_finding(page)
        press(page, "3")
        expect(page.locator(".reasons")).to_be_visible()
        no_serious_finding(page)
        press(page, "Escape")
        expect(page.locator("#verdict")).to_be_visible()
        press(page, "Enter")
        expect_state(page, "reported")
        no_serious_finding(page)
        put(rig, page, f"a2{theme}", gtin=PHONE)
        expect(page.locator(".question")).to_be_visible()
        no_serious_finding(page)
        rig.command("cancel")
        expect_state(page, "idle")
    page.emulate_media(color_scheme="light")


def test_a_wrong_key_is_taken_back_while_neither_hub_nor_printer_has_it(
    rig: Rig, page: Page, printer: SimulatedPrinter
) -> None:
    rig.hub.token = "another"  # it listens and refuses
    printer.troubles.paper_out = True
    rig.wait(lambda state: any(fault["code"] == "printer.lost" for fault in state["faults"]))
    labels = len(printer.labels)
    put(rig, page, "b1", "critical")
    press(page, "Enter")
    expect_state(page, "confirmed")
    expect(page.locator("#queue")).to_have_attribute("data-waiting", "1")
    press(page, "u")
    expect_state(page, "judged")
    expect(page.locator("#queue")).to_have_attribute("data-waiting", "0")
    press(page, "2")
    page.locator('.reasons [data-reason="wrong_severity"]').click()
    expect_state(page, "confirmed")
    printer.troubles.paper_out = False
    rig.hub.token = TOKEN
    expect_state(page, "reported")
    wait_until(lambda: len(printer.labels) == labels + 1, what="the one label")
    state = rig.state()
    assert state["person"]["disposition"] == "repair"
    assert not state["can_undo"]
    expect(page.locator('[data-command="undo"]')).to_be_disabled()


def test_a_torn_label_is_printed_again_by_p_and_by_code(rig: Rig, page: Page, printer: SimulatedPrinter) -> None:
    put(rig, page, "c1", "critical")
    press(page, "Enter")
    expect_state(page, "reported")
    before = len(printer.labels)
    press(page, "p")
    wait_until(lambda: len(printer.labels) > before, what="the copy")
    expect(page.locator("#toast")).to_have_text("The label is printed again.")
    rig.scan("CMD:REPRINT")
    wait_until(lambda: len(printer.labels) > before + 1, what="the second copy")
    assert len(set(printer.labels[-2:])) == 1


def test_what_to_do_and_where_it_goes_stand_beside_the_verdict(rig: Rig, page: Page) -> None:
    put(rig, page, "d1", gtin=PHONE)
    press(page, "1")
    expect(page.locator("#verdict .place")).to_have_text("→ A-03")
    expect(page.locator(".instruction")).to_have_text("Have its data wiped.")


def test_a_question_is_answered_and_corrected_by_one_key(rig: Rig, page: Page) -> None:
    put(rig, page, "e1", gtin=PHONE)
    expect(page.locator("#question")).to_have_text("Does it power on?")
    press(page, "2")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "repair")
    press(page, "q")
    expect(page.locator(".question [aria-pressed=true]")).to_contain_text("It stays dark")
    press(page, "1")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "resell")
    rig.scan("CMD:ANSWER:accessories:no")
    expect(page.locator("#verdict")).to_have_attribute("data-disposition", "hold")
    press(page, "Enter")
    expect_state(page, "reported")
    state = rig.state()
    report = rig.hub.reports[state["inspection_id"], 1]
    assert {(one["question"], one["value"]) for one in report["answers"]} == {
        ("powers_on", "yes"),
        ("accessories", "no"),
    }
    assert report["policy"]["facts"]["complete"] == "no"


def test_two_tags_are_a_question_whose_answer_is_the_item(rig: Rig, page: Page) -> None:
    rig.put("intact", epcs=TAGS)
    for _ in range(20):  # until the reader has heard both
        press(page, "s")
        expect_state(page, "judged")
        if page.locator(".question").count():
            break
        press(page, "Escape")
        expect_state(page, "idle")
    expect(page.locator("#question")).to_have_text("Which one is it?")
    expect(page.locator(".question button")).to_have_count(3)
    press(page, "2")
    expect(page.locator(".item")).to_contain_text("80614141123458")
    expect(page.locator(".item .issue")).to_have_count(0)
    state = rig.wait(lambda shown: shown["state"] == "judged")
    assert state["item"]["sources"] == ["tag", "person"]
    rig.put("intact")
    time.sleep(0.6)  # the reader and the tag window forget them, as they do while a worker takes the next item


def test_dear_scrap_waits_for_a_supervisors_badge(rig: Rig, page: Page) -> None:
    put(rig, page, "f1", gtin=PHONE)
    press(page, "1")
    expect(page.locator("#verdict")).to_be_visible()
    rig.scan("CMD:SCRAP")
    expect(page.locator(".reasons")).to_be_visible()
    rig.scan("CMD:REASON:missed_damage")
    expect(page.locator(".approval")).to_contain_text("A supervisor must agree")
    rig.scan("BADGE:0001")
    expect(page.locator("#toast")).to_have_text("This needs a supervisor's badge.")
    rig.scan("BADGE:0009")
    expect_state(page, "reported")
    assert rig.state()["person"]["approved_by"] == "s-1"


def test_a_box_drawn_by_finger_goes_with_the_override(rig: Rig, page: Page) -> None:
    put(rig, page, "g1")
    press(page, "3")
    expect(page.locator(".reasons")).to_be_visible()
    shot = page.locator("figure[data-view=top] .shot").bounding_box()
    assert shot is not None
    middle_x, middle_y = shot["x"] + shot["width"] / 2, shot["y"] + shot["height"] / 2
    page.mouse.move(middle_x - 40, middle_y - 30)
    page.mouse.down()
    page.mouse.move(middle_x + 40, middle_y + 30)
    page.mouse.up()
    expect(page.locator(".mark")).to_have_count(1)
    press(page, "1")
    expect_state(page, "reported")
    [mark] = rig.state()["person"]["marks"]
    assert mark["view"] == "top"
    box = mark["box"]
    assert abs(box["x"] + box["width"] / 2 - 160) < 6
    assert abs(box["y"] + box["height"] / 2 - 120) < 6


def test_a_picture_fills_the_screen_and_is_enlarged_by_touch(rig: Rig, page: Page) -> None:
    put(rig, page, "h1", "minor")
    press(page, "z")
    large = page.locator("figure.large")
    expect(large).to_have_count(1)
    large.click(position={"x": 300, "y": 200})
    expect(page.locator("figure.enlarged")).to_have_count(1)
    press(page, "Escape")
    expect(large).to_have_count(0)
    expect_state(page, "judged")


def test_a_badge_turns_the_screen_to_its_owners_language(rig: Rig, page: Page) -> None:
    rig.scan("BADGE:0001")
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    put(rig, page, "i1", "critical")
    rig.scan("CMD:OK")
    expect_state(page, "reported")
    assert rig.state()["person"]["who"] == "w-1"
    rig.scan("BADGE:0002")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    rig.scan("BADGE:9999")
    expect(page.locator("#toast")).to_have_text("This badge is not known here.")


def test_a_second_window_only_shows_until_it_takes_over(rig: Rig, page: Page) -> None:
    second = page.context.new_page()
    second.goto(rig.url)
    expect(second.locator("#viewer")).to_be_visible()
    put(rig, page, "j1", "critical")
    expect_state(second, "judged")
    for language in second.locator("nav a").all():
        box = language.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 1280
        assert box["height"] <= 52, "one line"
    press(second, "Enter")
    expect(second.locator("#toast")).to_have_text("This window only shows: take over to work here.")
    assert rig.state()["state"] == "judged"
    press(second, "t")
    expect(second.locator("#viewer")).to_be_hidden()
    expect(page.locator("#viewer")).to_be_visible()
    press(second, "Enter")
    expect_state(second, "reported")
    second.close()
    expect(page.locator("#viewer")).to_be_hidden()


def test_a_key_that_bounces_does_not_decide_what_comes_up_next(rig: Rig, page: Page) -> None:
    put(rig, page, "k1", gtin=PHONE)
    press(page, "1")
    expect(page.locator("#verdict")).to_be_visible()
    page.evaluate("() => document.dispatchEvent(new KeyboardEvent('keydown', {key: '1'}))")
    state = rig.wait(lambda shown: shown["state"] == "judged")
    assert state["person"] is None


def test_each_verdict_has_a_sound_of_its_own_and_can_be_muted(page: Page) -> None:
    played = page.evaluate(
        """async () => {
            const { play, mute, muted } = await import("/static/sound.js");
            const heard = [];
            const begin = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (at) { heard.push(this.frequency.value); begin.call(this, at); };
            const of = (name) => { heard.length = 0; play(name); return heard.join(" "); };
            mute(false);
            const sounds = ["resell", "repair", "scrap", "hold"].map(of);
            mute(true);
            const silent = muted() && of("resell") === "";
            mute(false);
            OscillatorNode.prototype.start = begin;
            return { sounds, silent };
        }"""
    )
    assert len(set(played["sounds"])) == 4
    assert all(played["sounds"])
    assert played["silent"]


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_everything_fits_in_every_language(rig: Rig, page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for language in ("zh-CN", "th", "vi", "en"):
        page.goto(f"{rig.url}/?lang={language}")
        put(rig, page, f"l{size[0]}{language[:2]}", "minor")
        expect(page.locator(".actions button")).to_have_count(9)
        assert _clipped(page) == []
        assert _cut_off(page) == []
        rig.command("cancel")
        put(rig, page, f"p{size[0]}{language[:2]}", gtin=PHONE)
        expect(page.locator(".question")).to_be_visible()
        assert _clipped(page) == []
        rig.command("cancel")
        expect_state(page, "idle")
    page.set_viewport_size({"width": 1280, "height": 800})


def _cut_off(page: Page) -> list[str]:
    """What of the verdict lies below the edge of its column."""
    found: list[str] = page.evaluate(
        """() => { const bottom = document.querySelector(".side").getBoundingClientRect().bottom + 1;
            return [...document.querySelectorAll(".verdict, .todo, .reason, .confidence, .answers")]
                .filter((e) => e.getBoundingClientRect().bottom > bottom)
                .map((e) => document.documentElement.lang + " " + e.className); }"""
    )
    return found


def _clipped(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("button, .verdict, .todo, .reason, .question, header a")]
            .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
            .map((e) => e.className + ": " + e.textContent)"""
    )
    return found


def test_a_tab_that_may_not_be_heard_plans_no_sounds_and_says_the_last_one_when_it_may(page: Page) -> None:
    started = page.evaluate(
        """async () => {
            const { play, mute } = await import("/static/sound.js");
            let state = "suspended";
            let wake;
            Object.defineProperty(AudioContext.prototype, "state", { get: () => state });
            AudioContext.prototype.resume = () => new Promise((resolve) => { wake = resolve; });
            let count = 0;
            OscillatorNode.prototype.start = () => { count += 1; };
            OscillatorNode.prototype.stop = () => {};
            mute(false);
            for (let item = 0; item < 100; item += 1) { play("repair"); }
            play("resell");
            const planned = count;
            state = "running";
            wake();
            await new Promise((resolve) => { setTimeout(resolve, 0); });
            return [planned, count];
        }"""
    )
    assert started == [0, 2]
