"""A technician sets a station up at its page, in real Chromium, with simulated devices; it starts again by itself."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect

from devices.printer.simulator import SimulatedPrinter
from tests.station.rig import Rig, gs1, wait_until
from tests.station.test_screen import browser
from tests.station.test_workers_day import no_serious_finding

__all__ = ["browser"]
pytestmark = pytest.mark.browser
EPC = "3034257BF7194E4000001A85"
PIN = "471100"


@pytest.fixture(scope="module")
def printer() -> Iterator[SimulatedPrinter]:
    simulated = SimulatedPrinter()
    yield simulated
    simulated.close()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, printer: SimulatedPrinter) -> Iterator[Rig]:
    with Rig(Path(tmp_path_factory.mktemp("set-up"))) as made:
        made.config["calibration"] = {}
        made.config["devices"].append({"id": "printer", "driver": "printer.zpl", "port": printer.address})
        made.start()
        yield made


@pytest.fixture
def page(browser: Browser, rig: Rig) -> Iterator[Page]:
    """1280x800 in English; fails the test on any script error, CSP violation or foreign request."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on(
        "console",
        lambda message: (
            wrong.append(message.text)
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    made.on("request", lambda request: None if request.url.startswith(rig.url) else wrong.append(request.url))
    made.goto(f"{rig.url}/setup")
    yield made
    context.close()
    assert wrong == []


def views(rig: Rig) -> dict[str, str]:
    return {device["device_id"]: device["view"] for device in rig.state()["devices"] if device["view"]}


def start_again(rig: Rig, page: Page) -> None:
    before = rig.state()["at"]
    page.get_by_role("button", name="Start again now").click()

    def back() -> bool:
        try:
            state = rig.state()
        except httpx2.HTTPError:
            return False
        return state["at"] > before and all(device["connected"] for device in state["devices"])

    expect(page.locator("#state")).to_have_attribute("data-changed", "no")
    wait_until(back, what="the station to be back")


def test_everything_is_there_with_what_it_says_now(rig: Rig, page: Page) -> None:
    rig.put("minor", 1, (EPC,))
    rig.scan(gs1("setup-1"))
    expect(page.locator('[data-heard="rfid"]')).to_contain_text(EPC)
    expect(page.locator('[data-heard="rfid"]')).to_contain_text("dBm")
    expect(page.locator('[data-heard="scanner"]')).to_contain_text("setup-1")
    expect(page.locator(".camera .shot img").first).to_be_visible()
    expect(page.locator(".cameras")).to_contain_text("not calibrated")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        no_serious_finding(page)
    rig.command("cancel")


def test_cameras_change_their_views_by_a_touch_and_keep_who_they_are(rig: Rig, page: Page) -> None:
    before, text = views(rig), (rig.folder / "station.yaml").read_text()
    assert before == {"camera-top": "top", "camera-front": "front"}
    page.locator('[data-camera="camera-top"]').click()
    page.locator("#views-choices").get_by_role("button", name="front", exact=True).click()
    expect(page.locator("#toast")).to_have_text("Saved.")
    expect(page.locator("#state")).to_have_attribute("data-changed", "yes")
    assert views(rig) == before
    start_again(rig, page)
    assert views(rig) == {"camera-top": "front", "camera-front": "top"}

    page.get_by_role("button", name="Undo the last change").click()
    expect(page.locator("#state")).to_have_attribute("data-changed", "yes")
    assert (rig.folder / "station.yaml").read_text() == text
    start_again(rig, page)
    assert views(rig) == before


def test_a_device_is_tried_and_moved_to_another_port(rig: Rig, page: Page) -> None:
    page.locator('[data-device="rfid"]').click()
    page.locator("#device-test").click()
    expect(page.locator("#device-said")).to_contain_text("rfid works.")
    expect(page.locator("#device-said")).to_contain_text("M100")
    elsewhere = rig.folder / "elsewhere"
    elsewhere.symlink_to(rig.folder / "bench" / "rfid")
    page.locator("#device-place").fill(str(elsewhere))
    page.locator("#device-save").click()
    expect(page.locator("#device")).to_be_hidden()
    expect(page.get_by_text("counts from the next start")).to_be_visible()
    written = yaml.safe_load((rig.folder / "station.yaml").read_text())["devices"][1]
    assert written["port"] == str(elsewhere)
    assert written["rssi_gate_dbm"] == -60
    expect(page.locator("#live")).to_contain_text(str(elsewhere))
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#state")).to_have_attribute("data-changed", "no")


def test_a_label_and_the_way_to_the_hub_are_checked_with_one_touch_each(
    rig: Rig, page: Page, printer: SimulatedPrinter
) -> None:
    labels = len(printer.labels)
    page.get_by_role("button", name="Print a test label").click()
    expect(page.locator("#toast")).to_have_text("The test label is out.")
    assert len(printer.labels) == labels + 1
    page.get_by_role("button", name="Check the way to the hub").click()
    expect(page.locator("#checks li.good")).to_have_count(7)
    rig.hub.stop()
    page.get_by_role("button", name="Check the way to the hub").click()
    expect(page.locator("#checks li.bad")).to_contain_text("refuses: start the hub")
    rig.hub.start()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Support bundle").click()
    with zipfile.ZipFile(downloading.value.path()) as bundle:
        assert {"about.json", "journal.json", "log.jsonl", "state.json"} <= set(bundle.namelist())
        assert "setup-1" not in bundle.read("log.jsonl").decode()


@pytest.mark.parametrize("language", ["zh-CN", "en", "th", "vi"])
def test_the_page_fits_in_every_language(rig: Rig, page: Page, language: str) -> None:
    for width, height in ((1280, 800), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{rig.url}/setup?lang={language}")
        wide = page.evaluate(
            "[...document.querySelectorAll('html, main, .card, .row, .thing')]"
            ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className || e.tagName)"
        )
        assert wide == []
        if folder := os.environ.get("SCREENSHOTS"):
            page.wait_for_timeout(1500)
            page.screenshot(path=f"{folder}/setup-{language}-{width}.png")


def test_what_cannot_be_done_is_told_and_changes_nothing(rig: Rig) -> None:
    assert rig.http is not None
    post, text = rig.http.post, (rig.folder / "station.yaml").read_text()

    def code(path: str, body: dict[str, object]) -> tuple[int, str]:
        answer = post(f"/api/setup/{path}", json=body)
        return answer.status_code, answer.json()["code"]

    scanner = {"device_id": "new", "driver": "barcode.serial", "place": "/dev/x"}
    assert code("device", {"device": {**scanner, "driver": "none"}}) == (422, "setup.refused")
    assert code("device", {"device": {**scanner, "driver": "lamp.modbus", "place": ""}}) == (422, "setup.refused")
    assert code("device", {"device": scanner, "seen": "0" * 64}) == (409, "setup.changed_elsewhere")
    assert code("device", {"device": {**scanner, "device_id": "../x"}}) == (422, "request.invalid")
    assert code("view", {"camera": "nobody", "view": "top"}) == (422, "setup.refused")
    assert code("remove", {"name": "nobody"}) == (422, "setup.refused")
    assert code("test", {"device": {**scanner, "place": str(rig.folder / "bench" / "scanner")}})[0] == 422
    assert code("probe", {"name": str(rig.folder / "bench" / "scanner")}) == (422, "setup.refused")
    assert code("record", {"name": "camera-top"}) == (422, "setup.refused")
    assert rig.http.get("/api/setup/picture", params={"place": "/dev/video9"}).status_code == 422
    assert (rig.folder / "station.yaml").read_text() == text
    (rig.folder / "station.yaml").write_text("devices: [")
    try:
        status = rig.http.get("/api/setup").json()
        assert "not YAML" in status["file"]["problem"]
        assert len(status["devices"]) == 3
        assert code("restart", {}) == (409, "config.invalid")
        assert code("device", {"device": scanner}) == (409, "config.invalid")
    finally:
        (rig.folder / "station.yaml").write_text(text)


def test_a_pin_locks_the_page_for_everybody_else(rig: Rig, page: Page, browser: Browser) -> None:
    page.get_by_role("button", name="Set a PIN").click()
    page.locator("#pins-pin").fill(PIN)
    page.locator("#pins-save").click()
    expect(page.get_by_role("button", name="Leave and lock")).to_be_visible()
    context = browser.new_context(locale="en-US")
    other = context.new_page()
    answer = other.goto(f"{rig.url}/setup")
    assert answer is not None
    assert answer.status == 403
    no_serious_finding(other)
    assert rig.http is not None
    for path in ("", "/picture?place=x", "/support"):
        assert rig.http.get(f"/api/setup{path}").json()["code"] == "setup.locked"
    for order in ("device", "view", "remove", "undo", "restart", "test", "probe", "record", "label", "checks", "pin"):
        assert rig.http.post(f"/api/setup/{order}", json={}).status_code == 403, order
    other.locator("#pin").fill("0000")
    other.get_by_role("button", name="Open").click()
    expect(other.locator("#toast")).to_have_text("This is not the PIN.")
    other.locator("#pin").fill(PIN)
    other.get_by_role("button", name="Open").click()
    expect(other.locator("#setup")).to_be_visible()
    context.close()
    page.get_by_role("button", name="Leave and lock").click()
    expect(page.locator("#panel")).to_be_visible()
    (rig.data / "setup-pin").unlink()
