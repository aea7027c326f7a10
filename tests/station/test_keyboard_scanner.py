"""A scanner that types into the page, in real Chromium: a burst is a scan, a key an order, half a scan neither."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml
from playwright.sync_api import Browser, Page, expect, sync_playwright

from inspection.errors import ConfigError
from inspection.station.config import load_config
from tests.station.rig import Rig, gs1

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
GAP_MS = 60
AMBIGUOUS = gs1("1234") + "10LOT7"

# Typed within the page, with times of our own, so that a busy machine cannot stretch a burst.
TYPE = """([keys, gap_ms, after_ms]) => {
  const before = window.typedAt ?? -Infinity;
  window.typedAt = after_ms === null ? Math.max(performance.now(), before + 2000) : before + after_ms;
  for (const [key, modifiers] of keys) {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers });
    Object.defineProperty(event, "timeStamp", { value: window.typedAt });
    (document.activeElement ?? document.body).dispatchEvent(event);
    window.typedAt += gap_ms;
  }
}"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A started station that takes typed scans."""
    with Rig(Path(tmp_path_factory.mktemp("rig"))) as rig:
        rig.config["devices"].append({"id": "keyboard", "driver": "barcode.keyboard", "gap_ms": GAP_MS})
        rig.start()
        yield rig


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
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(rig.url)
    yield page
    context.close()
    assert wrong == []


def type_keys(
    page: Page, *keys: str | tuple[str, dict[str, bool]], gap_ms: float = 2, after_ms: float | None = None
) -> None:
    """Type ``keys``, some with modifiers, ``after_ms`` after the last ones; by default long after."""
    page.evaluate(TYPE, [[(key, {}) if isinstance(key, str) else key for key in keys], gap_ms, after_ms])


def type_scan(page: Page, text: str) -> None:
    type_keys(page, *text, "Enter")


def expect_state(page: Page, state: str) -> None:
    expect(page.locator("#station")).to_have_attribute("data-state", state, timeout=10_000)


def posts(page: Page) -> list[str]:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    return sent


def scan(rig: Rig, text: object) -> httpx2.Response:
    assert rig.http is not None
    return rig.http.post("/api/scan", json={"text": text})


# The page ------------------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_a_typed_scan_is_a_reading_of_the_keyboard(rig: Rig, page: Page) -> None:
    type_scan(page, gs1("k1"))
    expect_state(page, "judged")
    state = rig.state()
    assert (state["item"]["gtin"], state["item"]["serial"]) == ("00614141401017", "k1")
    readings = rig.inspections()[0]["readings"]
    assert [reading["device_id"] for reading in readings if reading["kind"] == "barcode"] == ["keyboard"]


@pytest.mark.browser
def test_keys_that_really_are_pressed_fast_are_a_scan(rig: Rig, page: Page) -> None:
    text = gs1("k2")
    for _ in range(5):  # a busy machine may stretch the burst; then a worker scans again
        page.keyboard.type(text)
        page.keyboard.press("Enter")
        toast = page.locator("#toast")
        expect(page.locator('#toast:visible, #station[data-state="judged"]').first).to_be_attached(timeout=10_000)
        if not toast.is_visible():
            break
        page.wait_for_timeout(1500)
    expect_state(page, "judged")
    assert rig.state()["item"]["serial"] == "k2"


@pytest.mark.browser
def test_digits_of_a_scan_order_nothing(rig: Rig, page: Page) -> None:
    rig.scan(gs1("k3"))
    expect_state(page, "judged")
    sent = posts(page)
    type_scan(page, "4131141013339")
    page.wait_for_timeout(300)
    assert [url.rpartition("/")[2] for url in sent] == ["scan"]
    assert rig.state()["override"] is None


@pytest.mark.browser
def test_a_lone_key_is_still_an_order_and_enter_is_ok(rig: Rig, page: Page) -> None:
    rig.scan(gs1("k4"))
    expect_state(page, "judged")
    page.keyboard.press("3")
    expect(page.locator(".reasons")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#verdict")).to_be_visible()
    page.keyboard.press("Enter")
    expect_state(page, "reported")


@pytest.mark.browser
def test_a_scan_that_breaks_off_is_none_and_its_rest_orders_nothing(rig: Rig, page: Page) -> None:
    rig.scan(gs1("k5"))
    expect_state(page, "judged")
    sent = posts(page)
    type_keys(page, *"400638")
    expect(page.locator("#toast")).to_have_text("The scan broke off: scan again.")
    type_keys(page, *"1333931", "Enter", after_ms=300)
    type_keys(page, "Enter", after_ms=100)
    page.wait_for_timeout(300)
    assert sent == []
    assert rig.state()["state"] == "judged"


@pytest.mark.browser
def test_a_scan_whose_first_key_came_alone_is_none(rig: Rig, page: Page) -> None:
    sent = posts(page)
    type_keys(page, "0")
    type_keys(page, *gs1("k6")[1:], "Enter", after_ms=GAP_MS + 40)
    expect(page.locator("#toast")).to_have_text("The scan broke off: scan again.")
    page.wait_for_timeout(300)
    assert [url for url in sent if url.endswith("/api/scan")] == []


@pytest.mark.browser
def test_a_second_enter_after_a_scan_is_no_ok(rig: Rig, page: Page) -> None:
    rig.scan(gs1("k7"))
    expect_state(page, "judged")
    sent = posts(page)
    type_keys(page, *"4006381333931", "Enter", "Enter")
    page.wait_for_timeout(300)
    assert [url.rpartition("/")[2] for url in sent] == ["scan"]


@pytest.mark.browser
def test_keys_at_a_persons_pace_are_no_scan(rig: Rig, page: Page) -> None:
    sent = posts(page)
    type_keys(page, *"4006381333931", gap_ms=GAP_MS + 20)
    page.wait_for_timeout(300)
    assert [url for url in sent if url.endswith("/api/scan")] == []


@pytest.mark.browser
def test_a_separator_typed_as_control_bracket_arrives(rig: Rig, page: Page) -> None:
    type_keys(page, *gs1("1234"), ("]", {"ctrlKey": True}), *"10LOT7", "Enter")
    expect_state(page, "judged")
    item = rig.state()["item"]
    assert (item["serial"], item["lot"]) == ("1234", "LOT7")


@pytest.mark.browser
def test_a_code_that_lost_its_separators_is_refused_in_words(rig: Rig, page: Page) -> None:
    type_scan(page, AMBIGUOUS)
    expect(page.locator("#toast")).to_have_text("Not taken: the code lost its separators.")
    assert rig.state()["state"] == "idle"


@pytest.mark.browser
def test_caps_lock_is_told_before_a_serial_number_is_wrong(rig: Rig, page: Page) -> None:
    sent = posts(page)
    type_keys(page, *((key, {"modifierCapsLock": True}) for key in gs1("ABC")), "Enter")
    expect(page.locator("#toast")).to_have_text("Caps Lock is on: switch it off and scan again.")
    assert sent == []


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-CN", "en", "th", "vi"])
def test_the_warning_stands_in_every_language_and_fits(rig: Rig, page: Page, language: str) -> None:
    page.goto(f"{rig.url}/?lang={language}")
    warning = page.locator(".wedge .heard")
    expect(warning).to_be_visible()
    box = page.locator(".wedge").bounding_box()
    assert box is not None
    assert box["height"] < 45, "one line"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


@pytest.mark.browser
def test_a_page_without_the_focus_says_so(rig: Rig, page: Page) -> None:
    expect(page.locator(".wedge .deaf")).to_be_hidden()
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    expect(page.locator(".wedge .deaf")).to_have_text("Touch this page: it cannot hear the keyboard scanner now.")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(".wedge .deaf")).to_be_hidden()
    expect(page.locator(".wedge .heard")).to_be_visible()


# The API -------------------------------------------------------------------------------------------------------------


def test_a_posted_scan_is_taken(rig: Rig) -> None:
    answer = scan(rig, gs1("p1"))
    assert (answer.status_code, answer.json()) == (202, {"accepted": True})
    assert rig.wait_state("judged")["item"]["serial"] == "p1"
    assert rig.state()["keyboard"] == {"device_id": "keyboard", "gap_ms": GAP_MS}


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        (AMBIGUOUS, 422, "scan.separators_lost"),
        ("A\x00B", 422, "scan.refused"),
        ("x" * 600, 422, "scan.refused"),
        ("x" * 5000, 422, "request.invalid"),
        ("", 422, "request.invalid"),
        (7, 422, "request.invalid"),
    ],
)
def test_a_scan_that_cannot_be_taken_is_a_problem(rig: Rig, text: object, status: int, code: str) -> None:
    def answered() -> httpx2.Response:
        return scan(rig, text)

    answer = answered()
    while answer.json()["code"] == "scan.too_many":
        answer = answered()
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert rig.state()["state"] == "idle"


def test_scans_faster_than_a_person_are_refused(rig: Rig) -> None:
    codes = [scan(rig, "RMA-2025-0001").status_code for _ in range(30)]
    assert 429 in codes
    assert codes.count(202) <= 10


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_another_site_types_nothing(rig: Rig, headers: dict[str, str], status: int) -> None:
    assert rig.http is not None
    answer = rig.http.post(
        "/api/scan", content=b'{"text": "RMA-2025-0002"}', headers={"Content-Type": "application/json", **headers}
    )
    assert answer.status_code == status
    assert rig.state()["pending_rma"] != "RMA-2025-0002"


def test_a_station_takes_no_typed_scan_unless_it_is_configured(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.start(devices=False)
        answer = scan(rig, gs1("p9"))
        assert (answer.status_code, answer.json()["code"]) == (409, "scan.not_allowed")
        assert "barcode.keyboard" in answer.json()["hint"]
        assert rig.state()["keyboard"] is None
        assert rig.http is not None
        assert "wedge" not in rig.http.get("/").text


def test_a_page_has_one_keyboard(running: Rig, tmp_path: Path) -> None:
    two = [{"id": name, "driver": "barcode.keyboard"} for name in ("one", "two")]
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump({**running.config, "devices": two}))
    with pytest.raises(ConfigError, match=r"one barcode\.keyboard is enough: one, two"):
        load_config(path)
