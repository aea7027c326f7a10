"""Rates of the watchdog on photographs of real goods: false alarms on what happens at a table, and what it finds.

    pytest -s -q tests/devices/test_camera_watchdog_photographs.py            a few dozen photographs
    pytest -s -q tests/devices/test_camera_watchdog_photographs.py -m slow    some hundreds

Every case is a picture that follows another one, both with fresh sensor noise and, as over a network, through JPEG.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from devices.camera.watchdog import LOST_GREEN, FrameFault, Watchdog
from inspection.frame import Pixels
from tests.devices.camera_scenes import Sensor, brighter, darker, joined, moved, one_colour, photograph, with_box

DRAWN = {"medicinepackagingboxes250.jpg"}
"""No photograph: a drawing whose agency put a bar under it, sharper and straighter than any lens shows an edge."""
GREY = (128, 128, 128)
FOUND_AT_LEAST = {
    "black": 1.0,
    "green": 1.0,
    "frozen": 1.0,
    "rest grey": 1.0,
    "rest green": 1.0,
    "rest of the picture before": 0.85,  # the others have a lower part that is overexposed or black
    "halves of two scenes": 0.98,
    "lower part beside its place": 0.85,  # the others have a seam in a part where there is nothing to see
    "halves while the item moved": 0.65,
}


def cases(scene: Pixels, other: Pixels, sensor: Sensor, chance: random.Random) -> Iterator[tuple[str, Pixels, Pixels]]:
    """Name, picture and the picture that follows it."""
    before = sensor(scene)
    row = chance.randint(100, 600)
    yield "good: nothing happens", before, sensor(scene)
    yield "good: the table shakes", before, sensor(moved(scene, 2.3, 1.4))
    yield "good: the item moves fast", before, sensor(moved(scene, 41.6, 20.3))
    yield "good: the light changes", before, sensor(brighter(scene, 1.15))
    yield "good: another scene", before, sensor(other)
    yield "good: a box appears", before, sensor(with_box(scene, other, chance.uniform(0.3, 40)))
    yield "good: little light", sensor(darker(scene, 0.2)), sensor(darker(scene, 0.2))
    yield "black", before, sensor(one_colour((2, 2, 2)))
    yield "green", before, one_colour(LOST_GREEN)
    yield "frozen", before, before
    yield "rest grey", before, joined(sensor(scene), one_colour(GREY), row)
    yield "rest green", before, joined(sensor(scene), one_colour(LOST_GREEN), row)
    yield "rest of the picture before", before, joined(sensor(scene), before, row)
    yield "halves of two scenes", before, joined(sensor(other), sensor(scene), row)
    yield "lower part beside its place", before, joined(sensor(scene), sensor(np.roll(scene, 64, axis=1)), row)
    yield "halves while the item moved", before, joined(sensor(moved(scene, 20, 7)), sensor(scene), row)


@pytest.mark.shared
@pytest.mark.parametrize("count", [24, pytest.param(320, marks=[pytest.mark.slow, pytest.mark.long])])
@pytest.mark.parametrize("jpeg", [None, 90], ids=["raw", "jpeg"])
@pytest.mark.timeout(1200)
def test_no_false_alarm_and_most_faults_found(
    shared: Path, count: int, jpeg: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, sensor = random.Random(7), Sensor()
    photographs = sorted(path for path in (shared / "datasets").rglob("*") if path.suffix in {".jpg", ".png"})
    chosen = chance.sample([path for path in photographs if path.name not in DRAWN], count + 1)
    found: dict[str, list[FrameFault | None]] = defaultdict(list)
    alarms = []
    other = photograph(chosen[0])
    for path in chosen[1:]:
        scene = photograph(path)
        for name, first, second in cases(scene, other, sensor, chance):
            watchdog = Watchdog()
            verdicts = [watchdog.examine(_sent(picture, name, jpeg)) for picture in (first, second)]
            found[name].append(verdicts[1])
            alarms += [(name, path.name, verdicts)] if verdicts[0] or (name.startswith("good") and verdicts[1]) else []
        other = scene
    rates = {name: sum(each is not None for each in verdicts) / count for name, verdicts in found.items()}
    with capsys.disabled():
        print(f"\n{count} photographs, {f'JPEG {jpeg}' if jpeg else 'raw'}:")
        print("\n".join(f"  {rate:6.1%}  {name}" for name, rate in rates.items()))
    assert alarms == []
    assert {name: rates[name] for name, least in FOUND_AT_LEAST.items() if rates[name] < least} == {}


def _sent(picture: Pixels, name: str, jpeg: int | None) -> Pixels:
    """As the camera sends it; what a decoder leaves is not encoded again."""
    if jpeg is None or name.startswith("rest") or name in {"green", "frozen"}:
        return picture
    good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, jpeg])
    assert good
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
