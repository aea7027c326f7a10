"""A station whose cameras are on the network: it works, and a camera that lies never comes into a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devices.camera.simulator import SimulatedCamera
from tests.station.rig import VIEWS, Rig, draw, gs1

Cameras = dict[str, SimulatedCamera]


@pytest.fixture
def cameras(tmp_path: Path) -> Iterator[Cameras]:
    made = {view: SimulatedCamera(fps=20, seed=seed) for seed, view in enumerate(VIEWS)}
    for view, camera in made.items():
        camera.show(draw(tmp_path / f"{view}.png", "critical"))
    yield made
    for camera in made.values():
        camera.close()


@pytest.fixture
def rig(tmp_path: Path, cameras: Cameras) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        made.config["cameras"] = [
            {"id": f"camera-{view}", "view": view, "driver": "opencv", "url": camera.url}
            for view, camera in cameras.items()
        ]
        made.start()
        yield made


def test_an_item_is_judged_from_pictures_of_one_moment(rig: Rig) -> None:
    rig.scan(gs1("1"))
    rig.wait_state("judged", "hold")
    rig.stop()
    record = rig.journal().last()
    assert record is not None
    assert [picture.view for picture in record.pictures] == list(VIEWS)
    offsets = [picture.offset_ms for picture in record.pictures]
    assert min(offsets) == 0
    assert max(offsets) <= 200


@pytest.mark.parametrize("fault", ["stall", "frozen", "green", "truncated"])
def test_a_camera_that_lies_is_told_and_nothing_is_judged_until_it_is_well(
    rig: Rig, cameras: Cameras, fault: str
) -> None:
    setattr(cameras["front"].faults, fault, True)
    rig.wait(lambda state: not connected(state, "camera-front"), what="the camera told as lost")
    told = rig.wait(lambda state: state["faults"], what="the trouble told")["faults"][0]
    assert (told["code"], told["about"]) == ("device.lost", "camera-front")
    rig.scan(gs1("2"))
    rig.wait_state("capturing")
    setattr(cameras["front"].faults, fault, False)
    rig.wait_state("judged", "hold")


def connected(state: dict[str, Any], camera_id: str) -> bool:
    return any(device["connected"] for device in state["devices"] if device["device_id"] == camera_id)
