"""The customer's page on a phone: camera with advice, a network that breaks, an answer, and no barrier."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import cv2
import httpx2
import numpy as np
import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, ViewportSize, expect, sync_playwright

from inspection.frame import Pixels
from inspection.hub.config import WorkerSection
from inspection.hub.hub import Hub
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from inspection.hub.precheck import cases
from inspection.hub.precheck.links import key_of
from inspection.hub.precheck.tables import uploads
from inspection.hub.precheck.uploads import offset
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_looking import far, photograph
from tests.hub.test_returns import case
from tests.station.rig import wait_until

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
PHONE: ViewportSize = {"width": 390, "height": 844}
PATIENCE_MS = 60_000
SHOTS = os.environ.get("PRECHECK_SCREENSHOTS")
"""A folder: what the tests see is kept there, for a person to look at."""


def y4m(path: Path, picture: Pixels, frames: int = 3) -> None:
    """A film of one picture as Chromium's fake camera takes it: YUV4MPEG2, 4:2:0."""
    height, width = picture.shape[:2]
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes()
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode())
        for _ in range(frames):
            file.write(b"FRAME\n" + planes)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium whose camera sees a printed carton on a table."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium; set CHROMIUM to its path")
    film = tmp_path_factory.mktemp("camera") / "carton.y4m"
    y4m(film, photograph(720, 1280))
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--use-fake-ui-for-media-stream"]
    arguments += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="module")
def worker(running: RunningHub) -> Iterator[None]:
    """Jobs run beside the server."""
    quick = running.hub.config.model_copy(update={"worker": WorkerSection(poll_s=0.2)})
    with WorkerThread(Worker(Hub(quick, running.hub.database, running.hub.images, Metrics()))):
        yield


@pytest.fixture
def link(admin: httpx2.Client) -> str:
    body = case(order_ref=f"SO-{uuid4().hex[:8]}")
    admin.post("/v1/returns", json=body)
    return str(admin.post("/v1/precheck/cases", json={"rma": body["rma"]}).json()["url"])


def phone(browser: Browser, language: str, *, scripts: bool = True) -> BrowserContext:
    return browser.new_context(
        viewport=PHONE,
        locale=language,
        java_script_enabled=scripts,
        permissions=["camera"],
        has_touch=True,
        device_scale_factor=2,
    )


def opened(context: BrowserContext, link: str) -> tuple[Page, list[str]]:
    """The page, and what went wrong in it: script errors, refused by its own policy, asked of others."""
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    own = link.partition("/precheck")[0]
    page.on("request", lambda asked: None if asked.url.startswith((own, "blob:")) else wrong.append(asked.url))
    page.goto(link)
    return page, wrong


def keep(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=page.locator("dialog[open]").count() == 0)


def barriers(page: Page) -> list[str]:
    return [str(each["id"]) for each in Axe().run(page).response["violations"]]


def sees_an_answer(page: Page) -> None:
    now = page.locator("#state-now")
    expect(now).not_to_have_attribute("data-outcome", "", timeout=PATIENCE_MS)
    expect(now).to_have_attribute("data-waits", "0", timeout=PATIENCE_MS)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_customer_takes_pictures_with_the_camera_and_is_answered(browser: Browser, link: str, language: str) -> None:
    with phone(browser, language) as context:
        page, wrong = opened(context, link)
        assert page.locator("html").get_attribute("lang") == language
        assert barriers(page) == []
        keep(page, f"{language}-1-start")
        step = page.locator(".step[data-step=damage]")
        step.locator(".open-camera").click()
        expect(page.locator(".camera .frame")).to_have_class("frame good", timeout=PATIENCE_MS)
        assert barriers(page) == []
        keep(page, f"{language}-2-camera")
        page.locator(".camera .primary").click()
        expect(page.locator(".camera .view img")).to_be_visible()
        keep(page, f"{language}-3-use")
        page.locator(".camera .primary").click()
        sees_an_answer(page)
        page.locator("#problem").fill("屏幕裂了" if language == "zh-CN" else "the corner is torn")
        page.locator("#submit").click()
        expect(page.locator("#submit")).to_be_enabled(timeout=PATIENCE_MS)
        expect(page.locator(".sent li")).to_have_count(1)
        assert barriers(page) == []
        keep(page, f"{language}-4-answer")
        assert wrong == []


ADVICE = """async ([address, step]) => {
  const picture = new Image();
  picture.src = address;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 160;
  canvas.height = Math.round(160 * picture.height / picture.width);
  const pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const seen = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  return window.precheck.advice(step, window.precheck.measured(seen, canvas.width, canvas.height));
}"""


def test_the_camera_advises_what_the_picture_lacks(browser: Browser, link: str, running: RunningHub) -> None:
    carton = photograph()
    close = np.ascontiguousarray(carton[150:450, 200:600])
    shown = {
        ("damage", "dark"): (carton // 6).astype(np.uint8),
        ("damage", "bright"): np.full_like(carton, 250),
        ("damage", "blurred"): cv2.GaussianBlur(carton, (0, 0), 14),
        ("whole", "closer"): far(carton),
        ("whole", "farther"): close,
        ("whole", "good"): carton,
        ("damage", "good"): close,
    }
    with phone(browser, "en-US") as context:
        page, _ = opened(context, link)
        pictures = {f"{step}-{wanted}.png": picture for (step, wanted), picture in shown.items()}

        def picture_of(route: Route) -> None:
            encoded = cv2.imencode(".png", pictures[route.request.url.rpartition("/")[2]])[1]
            route.fulfill(body=encoded.tobytes(), content_type="image/png")

        page.route("**/*.png", picture_of)
        said = {key: page.evaluate(ADVICE, [f"{running.url}/{key[0]}-{key[1]}.png", key[0]]) for key in shown}
        assert said == {key: key[1] for key in shown}


@pytest.mark.usefixtures("worker")
def test_an_upload_that_the_network_cuts_goes_on_by_itself(browser: Browser, link: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).normal(0, 14, (1500, 2000, 3))
    large = np.clip(photograph(1500, 2000) + noise, 0, 255).astype(np.uint8)
    (tmp_path / "large.jpg").write_bytes(cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    offsets: list[int] = []

    def cut(route: Route) -> None:
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
            if len(offsets) in {2, 3}:
                route.abort("connectionreset")
                return
        route.continue_()

    with phone(browser, "en-US") as context:
        page, wrong = opened(context, link)
        page.route("**/uploads/*", cut)
        page.locator("#file-whole").set_input_files(tmp_path / "large.jpg")
        expect(page.locator(".step[data-step=whole] .progress")).to_have_text("Arrived", timeout=PATIENCE_MS)
        sees_an_answer(page)
        assert len(offsets) >= 5
        assert offsets[1] == offsets[2] == offsets[3] > 0  # from where it stood, not from the beginning
        assert wrong == []


SLOW = {"offline": False, "latency": 20, "downloadThroughput": 500_000, "uploadThroughput": 100_000}


def large_picture(folder: Path) -> Path:
    noise = np.random.default_rng(4).normal(0, 14, (1500, 2000, 3))
    large = np.clip(photograph(1500, 2000) + noise, 0, 255).astype(np.uint8)
    path = folder / "large.jpg"
    path.write_bytes(cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    return path


def arrived(running: RunningHub, link: str) -> list[tuple[str, int, int]]:
    """(state, bytes here, bytes in all) of each upload of a case."""
    with running.hub.database.transaction() as connection:
        case = cases.by_token(connection, key_of(running.hub.config), link.rpartition("/")[2])
        rows = connection.execute(sa.select(uploads).where(uploads.c.case_id == case.id)).all()
        return [(row.state, offset(connection, row), row.size_bytes) for row in rows]


def cut_off(context: BrowserContext, running: RunningHub, link: str, path: Path) -> None:
    """On a slow network a picture is chosen; when some of it is there the network goes, and then the phone."""
    page, _ = opened(context, link)
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", SLOW)
    page.locator("#file-whole").set_input_files(path)
    wait_until(lambda: any(there > 0 for _, there, _ in arrived(running, link)), PATIENCE_MS / 1000)
    line.send("Network.emulateNetworkConditions", SLOW | {"offline": True})
    expect(page.locator(".step[data-step=whole] .progress.bad")).to_be_visible(timeout=PATIENCE_MS)
    page.close()
    ((state, there, size),) = arrived(running, link)
    assert (state, 0 < there < size) == ("receiving", True)


def offsets_sent(page: Page) -> list[int]:
    """Where each piece that the page sends from now on begins."""
    found: list[int] = []

    def note(asked: Request) -> None:
        if asked.method == "PATCH":
            found.append(int(asked.headers["upload-offset"]))

    page.on("request", note)
    return found


@pytest.mark.usefixtures("worker")
def test_after_a_restart_of_the_phone_an_upload_goes_on_by_itself(
    browser: Browser, link: str, tmp_path: Path, running: RunningHub
) -> None:
    with phone(browser, "en-US") as context:
        cut_off(context, running, link, large_picture(tmp_path))
        page = context.new_page()
        offsets = offsets_sent(page)
        page.goto(link)
        expect(page.locator(".step[data-step=whole] .progress")).to_have_text("Arrived", timeout=PATIENCE_MS)
        sees_an_answer(page)
        assert min(offsets) > 0  # from where it stood
        page.reload()
        expect(page.locator(".sent li")).to_have_count(1)
        assert page.evaluate("window.precheck.kept(location.pathname)") == []
    assert len(arrived(running, link)) == 1


@pytest.mark.usefixtures("worker")
def test_where_the_browser_keeps_nothing_the_same_file_is_chosen_again_and_goes_on(
    browser: Browser, link: str, tmp_path: Path, running: RunningHub
) -> None:
    path = large_picture(tmp_path)
    with phone(browser, "zh-CN") as context:
        context.add_init_script("Object.defineProperty(window, 'indexedDB', {value: undefined})")
        cut_off(context, running, link, path)
        page = context.new_page()
        offsets = offsets_sent(page)
        page.goto(link)
        expect(page.locator(".unfinished")).to_be_visible()
        assert barriers(page) == []
        keep(page, "zh-CN-5-cut-off")
        page.locator("#file-whole").set_input_files(path)
        sees_an_answer(page)
        expect(page.locator(".unfinished")).to_have_count(0)
        assert min(offsets) > 0
    assert len(arrived(running, link)) == 1


def test_a_form_without_scripts_that_is_cut_off_leaves_nothing_half(running: RunningHub, link: str) -> None:
    path = link.removeprefix(running.url)
    body = b'--x\r\nContent-Disposition: form-data; name="whole"; filename="a.jpg"\r\n\r\n' + bytes(100_000)
    head = f"POST {path} HTTP/1.1\r\nHost: hub\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    head += f"Accept: text/html\r\nContent-Length: {2 * len(body)}\r\n\r\n"
    host, port = running.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head.encode() + body)
    good = {"whole": ("a.jpg", cv2.imencode(".jpg", photograph())[1].tobytes(), "image/jpeg")}
    assert httpx2.post(link, files=good, timeout=60).status_code == 303
    assert [state for state, _, _ in arrived(running, link)] == ["waiting"]


@pytest.mark.usefixtures("worker")
def test_without_scripts_the_form_does_all_of_it(browser: Browser, link: str, tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(cv2.imencode(".jpg", photograph())[1].tobytes())
    blurred = cv2.GaussianBlur(photograph(), (0, 0), 8)
    (tmp_path / "blurred.jpg").write_bytes(cv2.imencode(".jpg", blurred)[1].tobytes())
    with phone(browser, "zh-CN", scripts=False) as context:
        page, wrong = opened(context, link)
        page.locator("#file-whole").set_input_files(tmp_path / "good.jpg")
        page.locator("#file-damage").set_input_files(tmp_path / "blurred.jpg")
        page.locator("#problem").fill("外壳破了")
        page.locator("#submit").click()
        page.wait_for_url("**lang=zh-CN")
        keep(page, "no-scripts-sent")
        sees_an_answer(page)  # the page comes again by itself
        expect(page.locator(".sketch")).to_be_visible()
        expect(page.locator("#problem")).to_have_value("外壳破了")
        keep(page, "no-scripts-answer")
        assert wrong == []
