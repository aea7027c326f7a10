"""What a broken camera shows is no picture, and no true picture is called broken."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from devices.camera.simulator import default_scene
from devices.camera.watchdog import LOST_GREEN, WATCH_NOTHING, FrameFault, Watchdog, WatchdogSettings
from inspection.frame import Pixels
from tests.devices.camera_scenes import Sensor, brighter, darker, joined, moved, one_colour, photograph, with_box
from tests.station.rig import ROOT

DEMO = sorted((ROOT / "datasets" / "demo").glob("*/*.jpg"))


@pytest.fixture
def sensor() -> Sensor:
    return Sensor()


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog()


@pytest.fixture(scope="module")
def scene() -> Pixels:
    return default_scene(1280, 720)


def test_living_pictures_of_a_still_scene_are_good(watchdog: Watchdog, sensor: Sensor, scene: Pixels) -> None:
    assert [watchdog.examine(sensor(scene)) for _ in range(5)] == [None] * 5


def test_the_same_noise_twice_is_frozen(watchdog: Watchdog, sensor: Sensor, scene: Pixels) -> None:
    picture = sensor(scene)
    assert watchdog.examine(picture) is None
    assert watchdog.examine(picture.copy()) is FrameFault.FROZEN
    assert watchdog.examine(picture.copy()) is FrameFault.FROZEN
    assert watchdog.examine(sensor(scene)) is None


def test_two_pictures_in_turn_are_frozen_too(watchdog: Watchdog, sensor: Sensor, scene: Pixels) -> None:
    one, other = sensor(scene), sensor(scene)
    found = [watchdog.examine(picture) for picture in (one, other, one, other)]
    assert found == [None, None, FrameFault.FROZEN, FrameFault.FROZEN]


def test_a_single_changed_pixel_is_no_frozen_picture(watchdog: Watchdog, sensor: Sensor, scene: Pixels) -> None:
    picture = sensor(scene)
    watchdog.examine(picture)
    other = picture.copy()
    other[333, 777] ^= 1
    assert watchdog.examine(other) is None


def test_an_old_picture_does_not_become_new_by_opening_the_camera_again(
    watchdog: Watchdog, sensor: Sensor, scene: Pixels
) -> None:
    picture = sensor(scene)
    watchdog.examine(picture)
    assert watchdog.successor().examine(picture.copy()) is FrameFault.FROZEN


@pytest.mark.parametrize("noise", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("level", [0, 2, 16])
def test_a_covered_lens_is_black(watchdog: Watchdog, level: int, noise: float) -> None:
    assert watchdog.examine(Sensor(noise)(one_colour((level,) * 3))) is FrameFault.BLACK


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_a_dark_picture_is_not_black(watchdog: Watchdog, share: float, scene: Pixels) -> None:
    assert watchdog.examine(Sensor(1.0)(darker(scene, share))) is None


def test_a_small_light_in_the_dark_is_not_black(watchdog: Watchdog) -> None:
    picture = one_colour((4, 4, 4))
    picture[300:360, 600:700] = (0, 0, 200)
    assert watchdog.examine(Sensor(1.0)(picture)) is None


@pytest.mark.parametrize("jpeg", [False, True])
def test_the_green_of_a_decoder_without_data_is_no_picture(watchdog: Watchdog, jpeg: bool) -> None:
    green = one_colour(LOST_GREEN)
    assert watchdog.examine(through_jpeg(Sensor(1.0)(green)) if jpeg else green) is FrameFault.ONE_COLOUR


@pytest.mark.parametrize("colour", [(255, 0, 0), (128, 128, 128), (255, 255, 255), (0, 135, 0)])
def test_one_colour_without_noise_is_no_picture(watchdog: Watchdog, colour: tuple[int, int, int]) -> None:
    assert watchdog.examine(one_colour(colour)) is FrameFault.ONE_COLOUR


@pytest.mark.parametrize("colour", [(30, 30, 30), (128, 128, 128), (235, 235, 235), (60, 120, 70)])
@pytest.mark.parametrize("jpeg", [False, True])
def test_an_even_surface_with_sensor_noise_is_a_picture(
    watchdog: Watchdog, sensor: Sensor, colour: tuple[int, int, int], jpeg: bool
) -> None:
    pictures = [sensor(one_colour(colour)) for _ in range(3)]
    found = [watchdog.examine(through_jpeg(picture) if jpeg else picture) for picture in pictures]
    assert found == [None] * 3


@pytest.mark.parametrize("rest", [(128, 128, 128), LOST_GREEN])
@pytest.mark.parametrize("row", [8, 360, 704])
def test_a_picture_whose_end_was_not_decoded_is_torn(
    watchdog: Watchdog, sensor: Sensor, scene: Pixels, rest: tuple[int, int, int], row: int
) -> None:
    assert watchdog.examine(joined(sensor(scene), one_colour(rest), row)) is FrameFault.TORN


@pytest.mark.parametrize("row", [80, 333, 600])
def test_rows_that_are_left_of_an_earlier_picture_are_torn(
    watchdog: Watchdog, sensor: Sensor, scene: Pixels, row: int
) -> None:
    first, second = sensor(scene), sensor(scene)
    watchdog.examine(first)
    watchdog.examine(second)
    assert watchdog.examine(joined(sensor(scene), first, row)) is FrameFault.TORN
    assert watchdog.examine(joined(sensor(scene), second, row)) is FrameFault.TORN


def test_overexposed_rows_are_the_same_in_every_good_picture(watchdog: Watchdog, sensor: Sensor, scene: Pixels) -> None:
    bright = joined(scene, one_colour((255, 255, 255)), 400)
    bright[400:] = 255
    pictures = [joined(sensor(bright), bright, 400) for _ in range(3)]
    assert [watchdog.examine(picture) for picture in pictures] == [None] * 3


@pytest.mark.parametrize("demo", DEMO[::8], ids=lambda path: f"{path.parent.name}-{path.stem}")
@pytest.mark.parametrize("row", [400, 450])
def test_the_halves_of_two_moments_are_torn(watchdog: Watchdog, sensor: Sensor, demo: Path, row: int) -> None:
    """The item moves by 60 pixels while the picture is put together."""
    before = photograph(demo)
    after = moved(before, 60, 20)
    assert watchdog.examine(sensor(before)) is None
    assert watchdog.examine(joined(sensor(after), sensor(before), row)) is FrameFault.TORN


def test_a_seam_that_stays_is_part_of_the_scene(watchdog: Watchdog, sensor: Sensor) -> None:
    still = joined(one_colour((60, 60, 60)), one_colour((180, 180, 180)), 300)
    for _ in range(2):
        watchdog.examine(sensor(still))
    assert watchdog.examine(sensor(still)) is None


@pytest.mark.parametrize("demo", DEMO[::2], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_demo_picture_is_called_faulty_whatever_happens_to_it(
    watchdog: Watchdog, sensor: Sensor, demo: Path
) -> None:
    scene = photograph(demo)
    for seen in (
        scene,
        scene,
        moved(scene, 2, 1),
        brighter(scene, 1.2),
        with_box(scene, brighter(scene, 0.7), 2.5),
        darker(scene, 0.15),
        darker(scene, 0.15),
    ):
        assert watchdog.examine(sensor(seen)) is None


def test_what_is_switched_off_is_not_looked_for(sensor: Sensor, scene: Pixels) -> None:
    picture = sensor(scene)
    broken = [
        picture,
        picture,
        one_colour((0, 0, 0)),
        one_colour(LOST_GREEN),
        joined(picture, one_colour(LOST_GREEN), 9),
    ]
    blind = Watchdog(WATCH_NOTHING)
    assert [blind.examine(each) for each in broken] == [None] * 5
    no_freeze = Watchdog(WatchdogSettings(frozen=False))
    assert [no_freeze.examine(picture) for _ in range(2)] == [None, None]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (17, 40), (64, 48), (4000, 30)])
def test_pictures_of_every_size_can_be_looked_at(watchdog: Watchdog, size: tuple[int, int]) -> None:
    random = np.random.default_rng(3)
    for _ in range(3):
        watchdog.examine(random.integers(0, 255, (size[1], size[0], 3), np.uint8))


def test_another_size_starts_over(watchdog: Watchdog, sensor: Sensor) -> None:
    for size in ((640, 480), (1280, 720), (640, 480)):
        assert watchdog.examine(sensor(default_scene(*size))) is None


def through_jpeg(pixels: Pixels) -> Pixels:
    good, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
