"""Picture files: decoded when they are pictures of a bearable size, refused with a reason when not."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from benchmarks.barcode_pictures import symbol
from devices.barcode.in_frame_code import PictureError
from devices.barcode.in_frame_file import gray_picture, picture_size
from devices.cli.read_barcodes import read_barcodes

app = typer.Typer()
app.command()(read_barcodes)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".bmp", ".webp"])
def test_size_is_read_from_the_header_and_the_picture_decoded(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"picture{kind}"
    cv2.imwrite(str(path), np.full((37, 53, 3), 120, np.uint8))
    assert picture_size(path.read_bytes()) == (53, 37)
    assert gray_picture(path).shape == (37, 53)


def test_lossless_webp_too(tmp_path: Path) -> None:
    path = tmp_path / "picture.webp"
    cv2.imwrite(str(path), np.full((37, 53, 3), 120, np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert picture_size(path.read_bytes()) == (53, 37)


def test_a_small_file_of_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    with pytest.raises(PictureError, match="30000 x 30000"):
        gray_picture(path)


def test_damaged_foreign_and_missing_files_are_refused(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), np.zeros((40, 40), np.uint8))
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:40])
    (tmp_path / "text.png").write_text("no picture")
    for name in ("cut.png", "text.png", "missing.png", "."):
        with pytest.raises(PictureError):
            gray_picture(tmp_path / name)


@settings(max_examples=200)
@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM", b"RIFF0000WEBP", b""]), st.binary(max_size=60))
def test_no_header_however_odd_makes_it_fail(begin: bytes, rest: bytes) -> None:
    picture_size(begin + rest)


def test_command_prints_a_line_a_file_and_ends_with_2_when_one_failed(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), symbol("4006381333931", "EAN13"))
    result = CliRunner().invoke(app, [str(good), str(tmp_path / "missing.png"), str(good)])
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 2
    assert [line["file"] for line in lines] == [str(good), str(tmp_path / "missing.png"), str(good)]
    assert lines[1]["error"] == "picture.unusable"
    assert "No such file" in lines[1]["message"]
    (code,) = lines[0]["codes"]
    assert {key: code[key] for key in ("text", "format", "aim", "step")} == {
        "text": "4006381333931",
        "format": "EAN-13",
        "aim": "]E0",
        "step": "plain",
    }
    assert len(code["corners"]) == 4
    assert lines[0]["ms"] > 0


def test_command_is_one_of_the_devices_tools(tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    cv2.imwrite(str(good), symbol("LP1", "DataMatrix"))
    command = [sys.executable, "-m", "devices", "read-barcodes", str(good)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout)["codes"][0]["text"] == "LP1"
