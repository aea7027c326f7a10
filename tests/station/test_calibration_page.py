"""A technician calibrates a view at the station's page, in real Chromium, with a board before a simulated camera."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from calibration.guided import STEPS
from calibration.record import Made
from calibration.store import CalibrationStore
from calibration.targets import make_target
from inspection.frame import Pixels
from tests.calibration import known
from tests.calibration.scenes import Camera, look_at, photograph
from tests.calibration.test_guided import TILTS
from tests.station.rig import Rig, wait_until

BOARD = make_target("charuco")
CAMERA = Camera.of(820.0, (-0.12, 0.03, 0.0005, -0.0005, 0.0), (960, 720))
LEAST = STEPS["lens"].least
PATIENCE_MS = 60_000
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A running station with one camera that can be calibrated."""
    folder = Path(tmp_path_factory.mktemp("desk"))
    with Rig(folder) as rig:
        rig.config["calibration"] = {}
        rig.config["cameras"] = rig.config["cameras"][:1]
        rig.start()
        yield rig


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; set CHROMIUM to its path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        expect.set_options(timeout=None)
        browser.close()


@pytest.fixture
def page(browser: Browser, desk: Rig) -> Iterator[Page]:
    """1280x800 in English; fails the test on any script error, CSP violation or foreign request."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    context.set_default_timeout(PATIENCE_MS)
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
    page.on("request", lambda request: None if request.url.startswith(desk.url) else wrong.append(request.url))
    yield page
    context.close()
    assert wrong == []


def show(rig: Rig, pixels: Pixels, name: str) -> None:
    """Put a picture before the camera."""
    path = rig.folder / "boards" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    rig.bench.show("top", path)


def board(index: int) -> Pixels:
    shift = ((index % 3 - 1) * 40.0, (index // 3 - 1) * 30.0)
    return photograph(CAMERA, BOARD, look_at(BOARD, 330.0, TILTS[index], 20.0 * index, shift), seed=index)


def post(rig: Rig, path: str, **body: object) -> tuple[int, dict[str, object]]:
    assert rig.http is not None
    answer = rig.http.post(f"/api/calibration/{path}", json=body)
    return answer.status_code, answer.json()


@pytest.mark.browser
def test_lens_and_table_are_calibrated_with_live_pictures(desk: Rig, page: Page) -> None:
    page.goto(f"{desk.url}/calibration")
    expect(page.locator(".issue")).to_contain_text("not calibrated")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#answer")).to_contain_text("The target is not seen.")
    for index in range(LEAST):
        show(desk, board(index), f"lens-{index}")
        expect(page.locator("#count")).to_have_text(str(index + 1))
    expect(page.locator("#answer")).to_contain_text("Taken like this before")
    expect(page.locator("#points circle").first).to_be_visible()
    expect(page.locator("#coverage .seen").first).to_be_visible()

    page.reload()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("#count")).to_have_text(str(LEAST))
    page.get_by_role("button", name="Compute and save").click()
    expect(page.locator("#toast")).to_have_text("Saved.")
    expect(page.locator(".parts li").first).to_have_class("valid")

    show(desk, photograph(CAMERA, BOARD, look_at(BOARD, 400.0, (12, 0))), "table")
    page.goto(f"{desk.url}/calibration?part=plane")
    expect(page.locator("#answer")).to_contain_text("Good: press Take.")
    page.get_by_role("button", name="Take", exact=True).click()
    expect(page.locator("#count")).to_have_text("1")
    page.get_by_role("button", name="Compute and save").click()
    expect(page.locator("#toast")).to_have_text("Saved.")
    expect(page.locator(".issue")).to_have_count(0)
    desk.wait(lambda state: not [fault for fault in state["faults"] if fault["code"].startswith("calibration.")], 60)

    page.get_by_role("button", name="Take the last version back").click()
    expect(page.get_by_role("dialog")).to_contain_text("Table")
    page.get_by_role("button", name="Leave it").click()
    expect(page.locator(".issue")).to_have_count(0)
    page.get_by_role("button", name="Take the last version back").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("#toast")).to_have_text("The last version is back.")
    expect(page.locator(".issue")).to_contain_text("not finished")


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-CN", "en", "th", "vi"])
def test_the_page_needs_no_scrolling_in_any_language(desk: Rig, page: Page, language: str) -> None:
    for part in ("lens", "background", "check"):
        page.goto(f"{desk.url}/calibration?lang={language}&part={part}")
        expect(page.locator("#desk")).to_be_visible()
        wide, high = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide <= 1280
        assert high <= 800
        over = page.evaluate(
            "(() => { const k = document.querySelector('.known'); return k.scrollHeight - k.clientHeight; })()"
        )
        assert over <= 0
        if folder := os.environ.get("SCREENSHOTS"):
            page.wait_for_timeout(800)
            page.screenshot(path=f"{folder}/calibration-{part}-{language}.png")


def test_what_cannot_be_done_is_told_and_changes_nothing(desk: Rig) -> None:
    desk.put("intact")
    wait_until(lambda: post(desk, "top/flat/look", take=True)[1]["kept"] is True, 60, "a frame to be kept")
    assert post(desk, "top/flat/restart")[0] == 200
    status, refused = post(desk, "top/flat/solve")
    assert (status, refused["code"]) == (409, "calibration.too_few_frames")
    assert post(desk, "nowhere/lens/look")[0] == 404
    assert post(desk, "top/nothing/look")[0] == 404
    assert post(desk, "top/flat/look", take="perhaps")[0] == 422
    assert desk.http is not None
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert desk.http.post("/api/calibration/top/undo", json={}, headers=foreign).status_code == 403
    assert desk.http.get("/calibration", headers={"Host": "elsewhere"}).status_code == 421


def test_a_check_that_is_due_is_asked_for_on_the_screen_and_leads_to_its_page(desk: Rig) -> None:
    ago = datetime.now(UTC) - timedelta(hours=9)
    made = Made(by="tech-1", at=ago, software="0.1.0", frames=(), valid_until=ago + timedelta(days=90))
    due = known.record(camera_id="camera-top", lens=known.lens(made=made), plane=known.plane(made=made))
    store = CalibrationStore(desk.folder / "data" / "calibration")
    for record in (due, due.model_copy(update={"settings_digest": "0" * 16})):
        store.save(record, by="tech-1", at=ago, software="0.1.0")
    desk.put("intact")
    assert post(desk, "top/undo")[0] == 200
    state = desk.wait(lambda state: "calibration.check_due" in [fault["code"] for fault in state["faults"]], 60)
    assert "calibration.check_overdue" not in [fault["code"] for fault in state["faults"]]
    assert desk.http is not None
    page = desk.http.get("/", headers={"Accept-Language": "en"}).text
    assert '<a href="/calibration?view=top&amp;part=check">Once a shift: lay the reference card under view top' in page
    wait_until(lambda: post(desk, "top/check/look")[1]["reason"] == "no_target", 60, "the item to be seen")


def test_a_station_without_the_section_says_so(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.start(devices=False)
        assert rig.http is not None
        answer = rig.http.get("/calibration")
        assert (answer.status_code, answer.json()["code"]) == (404, "calibration.none")
        assert "/calibration" not in rig.http.get("/").text
