"""``quality`` and ``isolate`` as programs: one JSON object a picture, whatever the picture."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.cli.pictures import orientation_of, read_picture
from calibration.store import save_record
from inspection.errors import CalibrationError
from tests.calibration.pictures import exif_with
from tests.calibration.program import call
from tests.calibration.records import NOW, plane, record
from tests.calibration.test_isolate import DEMO, background_of, overlap, truth

ROOT = Path(__file__).resolve().parents[2]


def run(*words: object) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and the JSON objects a command prints, one a line."""
    code, printed = call(*words)
    return code, [json.loads(line) for line in printed.splitlines()]


@pytest.fixture
def view_file(tmp_path: Path) -> Path:
    known = record(view="top", lens=None, plane=plane(), background=background_of("top"))
    path = tmp_path / "top.json"
    known = known.model_copy(update={"width": 640, "height": 480})
    save_record(path, known, by="p7", at=NOW, software="0.1.0")
    return path


def test_the_program_prints_what_the_command_prints() -> None:
    words = ["quality", str(DEMO / "can-01" / "top.jpg")]
    done = subprocess.run([sys.executable, "-m", "calibration", *words], cwd=ROOT, check=False, capture_output=True)
    assert (done.returncode, done.stdout.decode()) == call(*words)
    refused = subprocess.run([sys.executable, "-m", "calibration", "isolate", "absent.png"], cwd=ROOT, check=False)
    assert refused.returncode == 2


def test_quality_says_one_object_a_picture_and_goes_on_after_a_bad_one(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    good, dark = DEMO / "can-01" / "top.jpg", tmp_path / "dark.png"
    cv2.imwrite(str(dark), np.asarray(cv2.imread(str(good))) // 24)
    code, found = run("quality", good, tmp_path / "broken.jpg", tmp_path / "absent.png", dark)
    assert code == 2
    assert [one["file"] for one in found] == [
        str(good),
        str(tmp_path / "broken.jpg"),
        str(tmp_path / "absent.png"),
        str(dark),
    ]
    assert found[0]["ok"]
    assert found[0]["problems"] == []
    assert found[0]["measured"]["items"] == 1
    assert found[1]["error"] == found[2]["error"] == "calibration.picture"
    assert found[1]["message"]
    assert found[3]["problems"] == ["too_dark"]


def test_quality_uses_the_record(view_file: Path, tmp_path: Path) -> None:
    code, found = run("quality", DEMO / "can-01" / "top.jpg", DEMO / "empty" / "top.jpg", "--calibration", view_file)
    assert code == 0
    assert [one["problems"] for one in found] == [[], ["nothing_there"]]
    assert found[0]["calibration_id"].startswith("top+")
    assert found[0]["measured"]["gain"] == pytest.approx(0.88, abs=0.1)
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), np.zeros((100, 200, 3), np.uint8))
    code, found = run("quality", other, "--calibration", view_file)
    assert (code, found[0]["error"]) == (2, "calibration.other_resolution")
    code, found = run("quality", other, "--calibration", tmp_path / "absent.json")
    assert (code, found[0]["error"]) == (2, "calibration.missing")


def test_isolate_writes_mask_and_crop(view_file: Path, tmp_path: Path) -> None:
    shown = DEMO / "can-01" / "top.jpg"
    code, found = run(
        "isolate", shown, shown, DEMO / "empty" / "top.jpg", "--out", tmp_path, "--calibration", view_file
    )
    assert code == 0
    first, second, nothing = found
    mask = cv2.imread(first["mask"], cv2.IMREAD_GRAYSCALE)
    assert mask is not None
    assert overlap(np.asarray(mask, np.uint8), truth("can-01", "top")) > 0.95
    cropped = cv2.imread(first["cropped"])
    assert cropped is not None
    assert cropped.shape == (first["crop"]["side"], first["crop"]["side"], 3)
    assert first["size_mm"][0] == pytest.approx(0.4 * first["box"]["height"], rel=0.1)
    assert first["mask"] != second["mask"]
    assert nothing == {"file": str(DEMO / "empty" / "top.jpg"), "found": False, "box": None, "crop": None,
                       "share": 0.0, "touches": [], "items": 0, "size_mm": None, "confidence": 0.0,
                       "hint": "nothing differs from the background"}  # fmt: skip


def test_isolate_takes_a_picture_of_the_empty_station(tmp_path: Path) -> None:
    shown, empty = DEMO / "phone-01" / "front.jpg", DEMO / "empty" / "front.jpg"
    code, found = run("isolate", shown, "--out", tmp_path / "new", "--background", empty)
    assert code == 0
    mask = cv2.imread(found[0]["mask"], cv2.IMREAD_GRAYSCALE)
    assert overlap(np.asarray(mask, np.uint8), truth("phone-01", "front")) > 0.95
    code, found = run("isolate", shown, "--out", tmp_path, "--background", tmp_path / "absent.png")
    assert (code, found[0]["error"]) == (2, "calibration.picture")
    (tmp_path / "file").write_text("in the way")
    code, found = run("isolate", shown, "--out", tmp_path / "file" / "below")
    assert code == 2
    assert found[0]["error"] == "calibration.write"


def written(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


def test_pictures_of_16_bit_grey_and_with_transparency_are_read(tmp_path: Path) -> None:
    deep = written(tmp_path / "deep.png", np.full((20, 30, 3), 65535, np.uint16))
    grey = written(tmp_path / "grey.png", np.full((20, 30), 77, np.uint8))
    grey16 = written(tmp_path / "grey16.png", np.full((20, 30), 257 * 9, np.uint16))
    clear = np.full((20, 30, 4), 200, np.uint8)
    clear[:10, :, 3], clear[10:, :, 3] = 0, 255
    for path, level in ((deep, 255), (grey, 77), (grey16, 9)):
        assert read_picture(path).shape == (20, 30, 3)
        assert (read_picture(path) == level).all()
    laid = read_picture(written(tmp_path / "clear.png", clear))
    assert laid.shape == (20, 30, 3)
    assert not laid[:10].any()
    assert (laid[10:] == 200).all()


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.99])
def test_a_file_cut_short_is_refused(tmp_path: Path, ending: str, share: float) -> None:
    rng = np.random.default_rng(1)
    whole = written(tmp_path / f"whole{ending}", rng.integers(0, 256, (200, 300, 3), np.uint8)).read_bytes()
    cut = tmp_path / f"cut{ending}"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CalibrationError) as refused:
        read_picture(cut)
    assert refused.value.code == "calibration.picture"


def test_a_phone_picture_with_a_film_behind_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "film.jpg"
    path.write_bytes((DEMO / "can-01" / "top.jpg").read_bytes() + bytes(100_000))
    assert read_picture(path).shape == (480, 640, 3)


def test_files_that_are_no_pictures_are_refused(tmp_path: Path) -> None:
    huge = (
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00\x00\x00\x00\x00IEND"
    )
    for content in (
        b"",
        b"\x00" * 9,
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8" + b"\xff" * 50 + b"\xff\xd9",
        huge,
        b"P6 1 1 255",
    ):
        path = tmp_path / "hostile"
        path.write_bytes(content)
        with pytest.raises(CalibrationError):
            read_picture(path)
    with pytest.raises(CalibrationError):
        read_picture(tmp_path)


def test_a_small_file_that_says_it_is_huge_is_not_decoded(tmp_path: Path) -> None:
    small = np.zeros((16, 16, 3), np.uint8)
    png, jpg = written(tmp_path / "a.png", small), written(tmp_path / "a.jpg", small)
    data = bytearray(png.read_bytes())
    data[16:24] = (30_000).to_bytes(4, "big") * 2
    png.write_bytes(data)
    data = bytearray(jpg.read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = (65_000).to_bytes(2, "big") * 2
    jpg.write_bytes(data)
    for path in (png, jpg):
        with pytest.raises(CalibrationError, match="more than 100000000 pixels"):
            read_picture(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_as_viewers_show_them(tmp_path: Path, orientation: int) -> None:
    sensor = np.asarray(cv2.resize(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20, (64, 48)), np.uint8)
    path = tmp_path / "turned.jpg"
    cv2.imwriteWithMetadata(str(path), cv2.merge([sensor] * 3), [cv2.IMAGE_METADATA_EXIF], [exif_with(orientation)])
    shown = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
    assert (read_picture(path) == shown).all()
    assert read_picture(path, upright=False).shape == (48, 64, 3)


@given(st.binary(max_size=200))
def test_whatever_an_exif_block_holds_it_says_one_of_eight(noise: bytes) -> None:
    assert orientation_of(noise) in range(1, 9)
    assert orientation_of(b"Exif\0\0MM\0*" + noise) in range(1, 9)


def test_isolate_says_what_to_do_where_nothing_is_clear(tmp_path: Path) -> None:
    shown = written(tmp_path / "plain.png", np.full((480, 640, 3), 90, np.uint8))
    code, (alone,) = run("isolate", shown, "--out", tmp_path / "out")
    assert (code, alone["found"]) == (0, False)
    assert "--background" in alone["hint"]
    code, (known,) = run("isolate", shown, "--background", shown, "--out", tmp_path / "out")
    assert (known["found"], known["hint"]) == (False, "nothing differs from the background")
    assert not list((tmp_path / "out").iterdir())


def test_a_picture_of_one_pixel_is_refused_by_name(tmp_path: Path) -> None:
    one = written(tmp_path / "one.png", np.zeros((1, 1, 3), np.uint8))
    for words in (("quality", one), ("isolate", one, "--out", tmp_path)):
        code, found = run(*words)
        assert code == 2
        assert found == [{"file": str(one), "error": "calibration.picture", "message": found[0]["message"],
                          "hint": "Give a picture of at least 16x16."}]  # fmt: skip
