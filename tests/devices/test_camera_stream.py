"""The OpenCV driver on a network camera: true MJPEG over HTTP, with all faults that the simulator knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from devices.camera.base import Camera, PicturesDiffer
from devices.camera.config import OpenCvCameraConfig
from devices.camera.rig import SetFailed, capture_set
from devices.camera.simulator import SimulatedCamera, default_scene
from devices.camera.watchdog import FrameFault
from inspection.errors import DeviceLost, StaleFrame
from inspection.frame import Pixels
from tests.devices.conftest import Inbox

FPS = 25
BITS = 16
SECRET = "hunter2"


@pytest.fixture
def simulator() -> Iterator[SimulatedCamera]:
    with SimulatedCamera(fps=FPS) as camera:
        yield camera


Start = Callable[..., Camera]


@pytest.fixture
def start(inbox: Inbox) -> Iterator[Start]:
    cameras = []

    def begin(url: str, **options: object) -> Camera:
        config = {"id": "dut", "view": "top", "driver": "opencv", "url": url, **options}
        cameras.append(OpenCvCameraConfig.model_validate(config).build())
        cameras[-1].start(inbox)
        return cameras[-1]

    yield begin
    for camera in cameras:
        camera.stop()


def numbered(exposure: int) -> Pixels:
    """A scene that shows the number of its exposure in black and white blocks."""
    pixels = default_scene().copy()
    for bit in range(BITS):
        pixels[:32, bit * 32 : bit * 32 + 32] = 255 if exposure >> bit & 1 else 0
    return pixels


def number_of(pixels: Pixels) -> int:
    return sum(1 << bit for bit in range(BITS) if pixels[16, bit * 32 + 16, 1] > 128)


def test_pictures_come_as_the_camera_shows_them(simulator: SimulatedCamera, start: Start) -> None:
    scene = default_scene()
    frame = start(simulator.url).frame_after(time.monotonic_ns(), 10)
    assert (frame.width, frame.height) == (640, 480)
    assert np.abs(frame.pixels.astype(int) - scene).mean() < 4


def test_a_picture_asked_for_after_an_instant_was_exposed_after_it(start: Start) -> None:
    with SimulatedCamera(numbered, fps=FPS) as simulator:
        camera = start(simulator.url, stillness={"frames": 1})
        camera.frame_after(0, 10)
        for _ in range(20):
            exposed, now_ns = simulator.exposures, time.monotonic_ns()
            assert number_of(camera.frame_after(now_ns, 5).pixels) >= exposed - 5  # some may be on their way
            time.sleep(0.013)


@pytest.mark.parametrize(
    ("switch", "fault"),
    [
        ("frozen", FrameFault.FROZEN),
        ("black", FrameFault.BLACK),
        ("green", FrameFault.ONE_COLOUR),
        ("torn", FrameFault.TORN),
        ("truncated", FrameFault.TORN),
    ],
)
def test_a_faulty_picture_is_dropped_and_counted_and_the_camera_lost_until_it_is_well(
    simulator: SimulatedCamera, start: Start, inbox: Inbox, switch: str, fault: FrameFault
) -> None:
    camera = start(simulator.url)
    inbox.wait_connected()
    camera.frame_after(time.monotonic_ns(), 5)
    since = inbox.mark()
    setattr(simulator.faults, switch, True)
    lost = inbox.wait_lost(since=since)
    assert fault.words in lost.detail
    assert camera.faults[fault] > 1
    with pytest.raises(DeviceLost):
        camera.frame_after(time.monotonic_ns(), 0.5)
    since = inbox.mark()
    setattr(simulator.faults, switch, False)
    inbox.wait_connected(since=since)
    frame = camera.frame_after(time.monotonic_ns(), 5)
    assert np.abs(frame.pixels.astype(int) - default_scene()).mean() < 4


def test_a_torn_picture_is_in_no_set_even_where_nobody_can_see_the_tear(
    simulator: SimulatedCamera, start: Start
) -> None:
    """Where the watchdog must find a tear by itself, it needs an edge; here the watchdog is off."""
    camera = start(simulator.url, watchdog={"torn": False})
    camera.frame_after(time.monotonic_ns(), 10)
    simulator.faults.torn = True
    exposed = simulator.exposures
    while simulator.exposures < exposed + 3:
        time.sleep(0.01)
    with pytest.raises(SetFailed, match="no 3 like pictures in a row") as caught:
        capture_set([camera], time.monotonic_ns(), 0.5)
    assert isinstance(caught.value.cause, PicturesDiffer)
    simulator.faults.torn = False
    frame = capture_set([camera], time.monotonic_ns(), 10).frames["top"]
    assert np.abs(frame.pixels.astype(int) - default_scene()).mean() < 4


def test_an_item_that_moves_is_captured_as_soon_as_it_lies_still(start: Start) -> None:
    resting = threading.Event()
    still = np.roll(default_scene(), 5, axis=1)

    def sliding(exposure: int) -> Pixels:
        return still if resting.is_set() else np.roll(default_scene(), 12 * exposure, axis=1)

    with SimulatedCamera(sliding, fps=FPS) as simulator:
        camera = start(simulator.url)
        with pytest.raises(PicturesDiffer, match="no 3 like pictures"):
            camera.frame_after(_when_connected(camera), 0.5)
        assert camera.latest().camera_id == "dut"  # whoever looks on sees it move
        resting.set()
        pixels = camera.frame_after(time.monotonic_ns(), 10).pixels
    assert np.abs(pixels.astype(int) - still).mean() < 4


def _when_connected(camera: Camera) -> int:
    deadline = time.monotonic() + 10
    while not camera.status.connected and time.monotonic() < deadline:
        time.sleep(0.01)
    return time.monotonic_ns()


def test_whoever_waits_while_pictures_are_faulty_learns_what_is_wrong_with_them(
    simulator: SimulatedCamera, start: Start
) -> None:
    camera = start(simulator.url)
    camera.frame_after(time.monotonic_ns(), 10)
    simulator.faults.black = True
    while not camera.faults[FrameFault.BLACK]:
        time.sleep(0.01)
    with pytest.raises(StaleFrame, match=r"no new picture within 0\.2 s; it delivers black pictures"):
        camera.frame_after(time.monotonic_ns(), 0.2)


def test_a_camera_that_stalls_without_closing_is_lost_and_comes_back(
    simulator: SimulatedCamera, start: Start, inbox: Inbox
) -> None:
    camera = start(simulator.url)
    camera.frame_after(time.monotonic_ns(), 10)
    since = inbox.mark()
    simulator.faults.stall = True
    inbox.wait_lost(since=since)
    with pytest.raises(DeviceLost):
        camera.latest()
    since = inbox.mark()
    simulator.faults.stall = False
    inbox.wait_connected(since=since)


def test_a_camera_that_dies_in_the_middle_of_a_picture_comes_back(
    simulator: SimulatedCamera, start: Start, inbox: Inbox
) -> None:
    camera = start(simulator.url)
    camera.frame_after(time.monotonic_ns(), 10)
    since = inbox.mark()
    simulator.faults.disconnect = True
    inbox.wait_lost(since=since)
    inbox.wait_connected(since=since)


def test_a_slow_camera_gives_stale_frames_and_no_old_one(simulator: SimulatedCamera, start: Start) -> None:
    camera = start(simulator.url)
    camera.frame_after(time.monotonic_ns(), 10)
    simulator.faults.slow_s = 1.0
    exposed = simulator.exposures
    camera.frame_after(time.monotonic_ns(), 20)
    assert simulator.exposures > exposed


def test_a_login_opens_the_camera_and_is_told_nowhere(
    start: Start,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Neither the right one, nor a wrong one, nor that of a camera that is not there."""
    monkeypatch.setenv("CAMERA_LOGIN", f"admin:{SECRET}")
    with SimulatedCamera(fps=FPS, login=f"admin:{SECRET}") as simulator:
        camera = start(simulator.url, login_env="CAMERA_LOGIN")
        inbox.wait_connected()
        told = [camera.status.detail, repr(camera.settings)]
        since = inbox.mark()
        simulator.unplug()
        told.append(inbox.wait_lost(since=since).detail)
        camera.stop()
        simulator.replug()
        since = inbox.mark()
        wrong = start(simulator.url.replace("//", f"//admin:{SECRET}2@"))
        told.append(inbox.wait_lost(since=since).detail)
        wrong.stop()
    output = capfd.readouterr()
    assert all(SECRET not in text for text in (*told, output.out, output.err))


def test_a_camera_that_does_not_answer_can_be_stopped(simulator: SimulatedCamera, start: Start, inbox: Inbox) -> None:
    simulator.faults.stall = True
    camera = start(simulator.url)
    assert not inbox.messages
    time.sleep(0.3)
    camera.stop()
    assert [thread for thread in threading.enumerate() if thread.name == "dut-watch"] == []


def frame_soon(camera: Camera) -> None:
    """Wait for a frame, also past a stream that is cut again right after it was opened."""
    deadline = time.monotonic() + 20
    while True:
        try:
            camera.frame_after(time.monotonic_ns(), 10)
        except DeviceLost:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("quick_backoff")
@pytest.mark.parametrize("times", [20, pytest.param(1000, marks=pytest.mark.long)])
def test_connecting_again_and_again_leaves_no_thread_and_no_descriptor(
    simulator: SimulatedCamera, start: Start, inbox: Inbox, times: int
) -> None:
    """The camera ends the connection in the middle of a picture each time."""
    camera = start(simulator.url)
    counts = []
    for _ in range(times):
        frame_soon(camera)
        counts.append((threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))))
        since = inbox.mark()
        simulator.faults.disconnect = True
        inbox.wait_lost(since=since)
        inbox.wait_connected(since=since)
    # The decoder's own threads and sockets come and go; what leaks is there at the quietest moment of the last third.
    first, last = counts[: times // 3], counts[-(times // 3) :]
    assert min(threads for threads, _ in last) <= max(threads for threads, _ in first)
    assert min(descriptors for _, descriptors in last) <= max(descriptors for _, descriptors in first)
