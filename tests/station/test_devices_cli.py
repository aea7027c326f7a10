"""``station_app.py devices …`` as a person at the station uses it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from devices.barcode.simulator import SimulatedScanner
from station_app import app
from tests.devices.test_pseudo_port import wait_until

CONFIG = """
station_id: s
data: data
worker: w
policy: policy.yaml
products: products.yaml
devices:
  - {{id: scanner, driver: barcode.serial, port: "{port}"}}
  - {{id: rfid, driver: rfid.m100, port: /does/not/exist}}
cameras:
  - {{id: camera, view: top, driver: replay, path: /does/not/exist}}
"""


@pytest.fixture
def scanner(tmp_path: Path) -> Iterator[SimulatedScanner]:
    simulated = SimulatedScanner(tmp_path / "port")
    yield simulated
    simulated.close()


@pytest.fixture
def config(tmp_path: Path, scanner: SimulatedScanner) -> Path:
    path = tmp_path / "station.yaml"
    path.write_text(CONFIG.format(port=scanner.port.link), encoding="utf-8")
    return path


def run(*args: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["devices", *args])
    return result.exit_code, result.stdout, result.stderr


def scanning(scanner: SimulatedScanner, text: str) -> threading.Thread:
    """Scan once the port is open, from another thread."""

    def scan() -> None:
        wait_until(lambda: scanner.port.listened_to, 20)
        threading.Event().wait(0.5)  # pyserial empties a port that it has opened
        assert scanner.scan(text)

    thread = threading.Thread(target=scan)
    thread.start()
    return thread


def test_list_says_something_about_devices_and_cameras() -> None:
    code, out, _ = run("list")
    assert code == 0
    assert re.search(r"^devices:\n.*^cameras:", out, re.MULTILINE | re.DOTALL)


def test_monitor_shows_a_scan(config: Path, scanner: SimulatedScanner) -> None:
    thread = scanning(scanner, "RMA-12345")
    code, out, _ = run("monitor", "scanner", "--config", str(config), "--seconds", "3")
    thread.join()
    assert code == 0
    assert "code RMA-12345" in out


def test_what_was_recorded_is_replayed_through_the_driver(
    config: Path, scanner: SimulatedScanner, tmp_path: Path
) -> None:
    thread, file = scanning(scanner, "4006381333931"), tmp_path / "r.jsonl"
    code, _, err = run("record", "scanner", str(file), "--config", str(config), "--seconds", "3")
    thread.join()
    assert (code, "14 bytes from scanner, 0 to it" in err) == (0, True)
    code, out, err = run("replay", str(file), "--config", str(config), "--speed", "0")
    assert code == 0
    assert "GTIN 04006381333931" in out
    assert "bytes were lost" not in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["monitor", "scaner"], "no device is called scaner – there are scanner, rfid, camera"),
        (["record", "nobody", "x.jsonl"], "no device is called nobody"),
    ],
)
def test_a_name_that_is_none_is_told_with_those_there_are(config: Path, args: list[str], message: str) -> None:
    code, _, err = run(*args, "--config", str(config))
    assert code == 2
    assert message in err


def test_a_recording_is_never_written_over(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text("mine")
    code, _, err = run("record", "scanner", str(file), "--config", str(config))
    assert (code, "exists" in err, file.read_text()) == (2, True, "mine")


def test_probe_says_what_to_do_when_nobody_answers(scanner: SimulatedScanner) -> None:
    code, _, err = run("probe", str(scanner.port.link), "--baudrate", "9600")
    assert code == 1
    assert "--listen 10" in err


def test_a_label_is_previewed_without_a_printer(tmp_path: Path) -> None:
    png = tmp_path / "label.png"
    args = ["devices", "label", "--preview", str(png), "--disposition", "resell", "--plate", "LP-1"]
    assert CliRunner().invoke(app, args).exit_code == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_a_camera_is_recorded_and_looked_at_again(config: Path, tmp_path: Path) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    noise = np.random.default_rng(1)
    for name in ("a", "b", "c"):
        assert cv2.imwrite(str(shown / f"{name}.png"), noise.normal(120, 4, (48, 64, 3)).astype(np.uint8))
    config.write_text(config.read_text(encoding="utf-8").replace("path: /does/not/exist", f"path: {shown}"))
    folder = tmp_path / "recorded"
    code, _, told = run("record", "camera", str(folder), "--config", str(config), "--seconds", "2")
    assert code == 0, told
    assert re.search(r"\d+ pictures of camera", told)
    code, found, told = run("replay", str(folder))
    assert code == 0, told
    assert "000001.png" in found
    code, _, told = run("record", "camera", str(folder), "--config", str(config), "--seconds", "1")
    assert code != 0
    assert "exists" in told
