"""The commands that solve colour, flat field, light and background, and the daily check, as programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from calibration.store import load_record, save_record
from calibration.targets import make_target, target_json
from tests.calibration import known
from tests.calibration.records import NOW
from tests.calibration.response import Response, lying, mat, random_response, white_sheet
from tests.calibration.test_cli_geometry import run

SIZE = (960, 540)
CHART, CARD = make_target("colour"), make_target("card")
NAMES = ("--camera-id", "cam-1", "--view", "top", "--by", "p7")


def shown(folder: Path, response: Response, scenes: list[Any], rng: np.random.Generator) -> Path:
    folder.mkdir()
    for index, scene in enumerate(scenes):
        cv2.imwrite(str(folder / f"{index:02d}.png"), response.picture(scene, rng))
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of pictures by one camera, and the targets."""
    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(3)
    response = random_response(rng, SIZE)
    table = mat(rng, SIZE) * 2
    card = lying(CARD, None, SIZE, fill=0.6, table=(-1.0, -1.0, -1.0))
    card = np.where(card.min(axis=2, keepdims=True) < 0, table, card)
    shown(root / "white", response, [white_sheet(rng, SIZE) for _ in range(4)], rng)
    shown(root / "chart", response, [lying(CHART, rng, SIZE) for _ in range(2)], rng)
    shown(root / "empty", response, [table] * 9, rng)
    shown(root / "card", response, [card], rng)
    shown(root / "dim", response.level(0.75), [card], rng)
    shown(root / "clipped", response.level(3), [lying(CHART, rng, SIZE)], rng)
    (root / "chart.json").write_text(target_json(CHART))
    (root / "card.json").write_text(target_json(CARD))
    return root


def test_one_view_is_calibrated_and_checked_from_files(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "top.json"

    code, flat = run("flat", "--frames", pictures / "white", "--out", out, *NAMES)
    assert code == 0, flat
    assert flat["residual"] < 0.01 < flat["unevenness_before"]

    code, colour = run("colour", "--frames", pictures / "chart", "--target", pictures / "chart.json", "--out", out)
    assert code == 0, colour
    assert colour["delta_e_after"] < 2 < colour["delta_e_before"]
    assert colour["delta_e_worst"] == max(patch["after"] for patch in colour["patches"].values())

    code, light = run("light", "--frames", pictures / "empty", "--fps", 30, "--out", out)
    assert code == 0, light
    assert light["flicker"] < 0.02

    code, background = run("background", "--frames", pictures / "empty", "--out", out)
    assert code == 0, background
    assert background["accepted"] == 9

    code, seen = run(
        "check", "--frames", pictures / "card", "--target", pictures / "card.json", "--out", out, "--reference"
    )
    assert code == 0, seen

    record = load_record(out).record
    assert set(record.parts()) == {"flat", "colour", "light", "background", "card"}
    assert (record.camera_id, record.view) == ("cam-1", "top")
    assert record.colour is not None
    assert record.colour.delta_e_after == pytest.approx(colour["delta_e_after"])

    before = out.read_bytes()
    code, check = run("check", "--frames", pictures / "card", "--target", pictures / "card.json", "--out", out)
    assert code == 0, check
    assert check["passed"] is True
    code, check = run("check", "--frames", pictures / "dim", "--target", pictures / "card.json", "--out", out)
    assert code == 1, check
    assert [move["code"] for move in check["moves"]] == ["exposure"]
    assert set(check["moves"][0]["sentence"]) == {"zh-CN", "en", "th", "vi"}
    assert out.read_bytes() == before


def test_a_new_part_leaves_the_others_and_ends_what_depends_on_it(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "top.json"
    record = known.record(SIZE, lens=known.lens(SIZE), plane=known.plane(SIZE))
    save_record(out, record, by="p7", at=NOW, software="0.1.0")
    assert run("background", "--frames", pictures / "empty", "--out", out, "--belongs")[0] == 0
    code, flat = run("flat", "--frames", pictures / "white", "--target", "any.json", "--out", out)
    assert code == 0, flat
    assert flat["to_renew"] == ["background"]
    now = load_record(out).record
    assert (now.lens, now.plane) == (record.lens, record.plane)
    assert now.background is not None
    assert now.flat is not None
    assert now.background.expired(now.flat.made.at)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("colour", "--frames", "clipped", "--target", "chart.json"), "calibration.clipped"),
        (("colour", "--frames", "white", "--target", "chart.json"), "calibration.no_target"),
        (("colour", "--frames", "chart", "--target", "card.json"), "calibration.other_target"),
        (("flat", "--frames", "chart"), "calibration.dark"),
        (("flat", "--frames", "nowhere"), "calibration.frames"),
        (("light", "--frames", "chart"), "calibration.frames"),
        (("background", "--frames", "card"), "calibration.frames"),
        (("check", "--frames", "card", "--target", "card.json"), "calibration.missing"),
        (("check", "--frames", "card", "--target", "chart.json"), "calibration.target"),
    ],
)
def test_what_cannot_be_solved_is_refused_and_writes_nothing(
    pictures: Path, tmp_path: Path, words: tuple[str, ...], error: str
) -> None:
    out = tmp_path / "top.json"
    inside = {one.name for one in pictures.iterdir()} | {"nowhere"}
    code, said = run(*(pictures / word if word in inside else word for word in words), "--out", out)
    assert code == 2
    assert said["error"] == error
    assert said["message"]
    assert not out.exists()
