"""Any photographs are judged one by one; what cannot be judged is held and named, and ends nothing."""

from __future__ import annotations

import csv
import json
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from inspection.errors import ConfigError
from inspection.finding import Condition, Defect
from models.__main__ import DEMO, POLICY, PRODUCTS, app
from models.bundle_command import DEFAULT_BUNDLE
from models.evaluation import desk_command
from models.evaluation.judging import Desk
from models.evaluation.photographs import COLUMNS, Photograph, Result, read_photographs
from models.evaluation.results_file import judged_to_file


@pytest.fixture(scope="module")
def desk() -> Desk:
    return desk_command.desk(DEFAULT_BUNDLE, 2, POLICY, PRODUCTS)


def demo_rows(count: int) -> list[dict[str, str]]:
    with (DEMO / "manifest.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))[:count]


def photographs(folder: Path, *lines: str) -> list[Photograph]:
    manifest = folder / "m.csv"
    manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return read_photographs(manifest)


def judged(desk: Desk, tmp_path: Path, *lines: str, images: Path = DEMO) -> list[dict[str, str]]:
    out = tmp_path / "r.csv"
    desk_command.judged(desk, photographs(tmp_path, *lines), images, out)
    with out.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_photograph_gets_one_row_in_the_order_of_the_manifest(desk: Desk, tmp_path: Path) -> None:
    rows = demo_rows(4)
    found = judged(desk, tmp_path, "file,goods", *(f"{row['file']},{row['goods']}" for row in rows))
    assert [row["file"] for row in found] == [row["file"] for row in rows]
    for row in found:
        assert tuple(row) == COLUMNS
        shares = [float(row[f"p_{condition}"]) for condition in Condition]
        assert sum(shares) == pytest.approx(1, abs=1e-3)
        assert row["condition"] == list(Condition)[int(np.argmax(shares))]
        assert all(0 <= float(row[f"p_{defect}"]) <= 1 for defect in Defect)
        assert row["decision"] in {"resell", "repair", "scrap", "hold"}
        assert row["reason"].startswith("R")
        assert 0 <= float(row["novelty"]) <= 1
        assert float(row["ms"]) > 0


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is of this size and holds next to nothing."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


def hostile(folder: Path) -> dict[str, str]:
    """Files that are no picture to judge, and a word of what their row must say."""
    rng = np.random.default_rng(0)
    whole = cv2.imencode(".jpg", rng.integers(0, 256, (480, 640, 3)).astype(np.uint8))[1].tobytes()
    files = {
        "empty.jpg": b"",
        "text.jpg": b"file,goods\n",
        "noise.png": rng.bytes(5000),
        "bomb.png": png_header(60_000, 60_000),
        "large.png": png_header(12_000, 12_000),
        "cut.jpg": whole[: len(whole) // 2],
        "cut.png": cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()[:-14],
        "header.jpg": whole[:400],
        "program.gif": b"GIF89a" + b"\xff" * 40,
        "long.png": cv2.imencode(".png", np.zeros((2, 20_000, 3), np.uint8))[1].tobytes(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder.parent / "outside.jpg").write_bytes(whole)
    words = dict.fromkeys(files, "picture")
    words |= {"bomb.png": "megapixels", "large.png": "pixels", "cut.jpg": "cut", "cut.png": "", "long.png": "20000"}
    words |= {"header.jpg": "", "folder.jpg": "no file", "pipe.jpg": "no file", "loop.jpg": "", "none.jpg": "not there"}
    return words | {
        "../outside.jpg": "outside",
        "": "names no file",
        "a" * 400 + ".jpg": "",
        str(folder.parent): "outside",
    }


def test_whatever_a_file_holds_it_gets_a_row_with_a_reason_and_the_others_are_judged(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    words = hostile(images)
    good = np.random.default_rng(1).integers(0, 256, (90, 120, 3)).astype(np.uint8)
    for name, pixels in {
        "good.png": good,
        "grey.png": good[:, :, 0],
        "alpha.png": np.dstack([good, good[:, :, :1]]),
    }.items():
        cv2.imwrite(str(images / name), pixels)
    cv2.imwrite(str(images / "deep.png"), good.astype(np.uint16) * 257)
    right = ["good.png", "grey.png", "alpha.png", "deep.png"]
    names = [*words, *right]
    found = judged(desk, tmp_path, "file,goods", *(f"{name},can" for name in names), images=images)
    assert [row["file"] for row in found] == names
    for row, word in zip(found, words.values(), strict=False):
        assert (row["decision"], row["condition"], row["p_intact"]) == ("hold", "", ""), row
        assert row["reason"]
        assert word in row["reason"]
        assert "\n" not in row["reason"]
    assert all(row["condition"] for row in found[len(words) :])
    result = CliRunner().invoke(app, command(tmp_path, images, tmp_path / "m.csv"))
    assert result.exit_code == 0
    assert "not judged, held: empty.jpg" in result.output


def command(tmp_path: Path, images: Path, manifest: Path, *options: str) -> list[str]:
    out = tmp_path / "r.csv"
    return ["evaluate", "--images", str(images), "--manifest", str(manifest), "--out", str(out), *options]


def test_what_goes_wrong_inside_is_held_too(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr("models.evaluation.judging.read", fail)
    [row] = judged(desk, tmp_path, "file,goods", "a.jpg,can")
    assert (row["decision"], row["reason"]) == ("hold", "MemoryError: no room")


def test_goods_of_no_known_kind_go_to_a_person(desk: Desk, tmp_path: Path) -> None:
    for goods in ("spaceship", ""):
        [row] = judged(desk, tmp_path, "file,goods", f"{demo_rows(1)[0]['file']},{goods}")
        assert row["decision"] == "hold"
        assert row["condition"] != ""


def test_labels_change_no_result_and_add_figures_and_plots(desk: Desk, tmp_path: Path) -> None:
    rows = demo_rows(6)
    plain = judged(desk, tmp_path, "file,goods", *(f"{row['file']},{row['goods']}" for row in rows))
    labelled = [f"{row['file']},{row['goods']},{row['condition']},{row['goods']}" for row in rows]
    photographs(tmp_path, "file,goods,condition,set", *labelled)
    result = CliRunner().invoke(app, command(tmp_path, DEMO, tmp_path / "m.csv", "--report", str(tmp_path / "report")))
    assert result.exit_code == 0, result.output
    assert "AUROC" in result.output
    with (tmp_path / "r.csv").open(encoding="utf-8") as stream:
        found = list(csv.DictReader(stream))
    assert [{**row, "ms": ""} for row in found] == [{**row, "ms": ""} for row in plain]
    names = {"summary.csv", "index.html", "decided.png", "reliability.png", "risk_coverage.png", "confusion.png"}
    assert {path.name for path in (tmp_path / "report").iterdir()} >= names
    for name in names:
        if name.endswith(".png"):
            picture = cv2.imread(str(tmp_path / "report" / name))
            assert picture is not None
            assert picture.std() > 1
    assert "reliability.png" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")


def fake(judged_files: list[str]) -> Callable[[Photograph], Result]:
    def judge(photograph: Photograph) -> Result:
        judged_files.append(photograph.file)
        return Result(photograph, None, "hold", True, f"because of {photograph.file}", 1.25)  # type: ignore[arg-type]

    return judge


@pytest.mark.parametrize("torn", [b"", b'{"file": "c.jpg", "opin', b'{"file": "other.jpg"}\n', b"\xff\n"])
def test_a_cut_run_goes_on_where_it_was_and_gives_the_same(tmp_path: Path, torn: bytes) -> None:
    rows, out = photographs(tmp_path, "file,goods", *(f"{name}.jpg,can" for name in "abcde")), tmp_path / "r.csv"

    def cut(photograph: Photograph) -> Result:
        if photograph.file == "c.jpg":
            raise KeyboardInterrupt
        return fake([])(photograph)

    with pytest.raises(KeyboardInterrupt):
        judged_to_file(out, rows, {"bundle": "1"}, cut, compared=False)
    assert not out.exists()
    part = tmp_path / "r.csv.part"
    part.write_bytes(part.read_bytes() + torn)
    files: list[str] = []
    judged_to_file(out, rows, {"bundle": "1"}, fake(files), compared=False)
    assert files == ["c.jpg", "d.jpg", "e.jpg"]
    assert not part.exists()
    whole = tmp_path / "whole.csv"
    judged_to_file(whole, rows, {"bundle": "1"}, fake([]), compared=False)
    assert out.read_bytes() == whole.read_bytes()


def test_a_cut_run_with_another_bundle_is_begun_again(tmp_path: Path) -> None:
    rows, out = photographs(tmp_path, "file,goods", "a.jpg,can", "b.jpg,can"), tmp_path / "r.csv"
    part = tmp_path / "r.csv.part"
    for content in (json.dumps(["x"]).encode() + b"\n{}\n", b"\xff\xfe", b""):
        part.write_bytes(content)
        files: list[str] = []
        judged_to_file(out, rows, {"bundle": "1"}, fake(files), compared=False)
        assert files == ["a.jpg", "b.jpg"]


def test_what_was_judged_is_read_back_as_it_was(desk: Desk, tmp_path: Path) -> None:
    rows = photographs(tmp_path, "file,goods", f"{demo_rows(1)[0]['file']},can", "none.jpg,can")
    known: list[Result] = []

    def cut(photograph: Photograph) -> Result:
        if known:
            raise KeyboardInterrupt
        known.append(desk.judge_photograph(photograph, DEMO))
        return known[0]

    with pytest.raises(KeyboardInterrupt):
        judged_to_file(tmp_path / "r.csv", rows, desk.versions, cut, compared=False)
    again = desk_command.judged(desk, rows, DEMO, tmp_path / "r.csv")
    assert again[0] == known[0]


@pytest.mark.parametrize("content", ["", "file\nx.jpg\n", "goods\ncan\n", "\xff\xfe", "file,goods\n"])
def test_a_manifest_without_what_is_needed_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError):
        read_photographs(path)


def test_ragged_rows_and_spaces_in_the_head_are_borne(tmp_path: Path) -> None:
    short, long = photographs(tmp_path, "\ufefffile , goods,condition", "a.jpg", "b.jpg, can ,minor,more,and more")
    assert (short.file, short.goods, short.condition) == ("a.jpg", "", None)
    assert (long.file, long.goods, long.condition) == ("b.jpg", "can", Condition.MINOR)


def test_half_a_call_says_what_is_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", "--images", str(tmp_path)])
    assert result.exit_code == 2
    assert "--out" in result.output
