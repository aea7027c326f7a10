"""The monitor shows what devices say and how they are doing."""

from __future__ import annotations

import io
import threading
from pathlib import Path

from rich.console import Console

from devices.barcode.scanner import BarcodeScanner
from devices.barcode.simulator import SimulatedScanner
from devices.scale.simulator import SimulatedScale
from devices.serial_link import PortSettings
from devices.tools.monitor import Monitor
from devices.tools.words import shown
from tests.devices.subjects.camera import build_camera, picture
from tests.devices.subjects.subject import build
from tests.devices.test_pseudo_port import wait_until


def shown_lines(monitor: Monitor) -> str:
    assert isinstance(monitor.console.file, io.StringIO)
    return monitor.console.file.getvalue()


def test_readings_and_losses_are_shown_as_they_come_and_everything_is_stopped(tmp_path: Path) -> None:
    simulator = SimulatedScanner(tmp_path / "port")
    scanner = BarcodeScanner("scanner", PortSettings(str(tmp_path / "port")))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    picture(pictures / "a.png", 90)
    camera = build_camera(driver="replay", path=str(pictures))
    monitor = Monitor([scanner], [camera], Console(file=io.StringIO(), width=200))
    running = threading.Thread(target=monitor.run)
    running.start()
    try:
        wait_until(lambda: scanner.status.connected and camera.status.connected)
        assert simulator.scan("(01)04006381333931(21)A1")
        wait_until(lambda: "GTIN 04006381333931, serial A1" in shown_lines(monitor))
        table = Console(file=io.StringIO(), width=200)
        table.print(monitor.table())
        assert isinstance(table.file, io.StringIO)
        assert "64 x 48" in table.file.getvalue()
        simulator.unplug()
        wait_until(lambda: "LOST" in shown_lines(monitor))
    finally:
        monitor.stop()
        running.join(10)
        simulator.close()
    assert not running.is_alive()
    assert scanner.status.detail == camera.status.detail == "stopped"


def test_it_ends_by_itself_after_its_time() -> None:
    Monitor([], [], Console(file=io.StringIO())).run(0.05)


def test_what_a_scanner_sends_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    simulator = SimulatedScanner(tmp_path / "port")
    monitor = Monitor(
        [BarcodeScanner("scanner", PortSettings(str(tmp_path / "port")))], [], Console(file=io.StringIO(), width=200)
    )
    running = threading.Thread(target=monitor.run)
    running.start()
    try:
        wait_until(lambda: "connected" in shown_lines(monitor))
        assert simulator.scan("[red]x\x1dy")
        wait_until(lambda: "[red]x␝y" in shown_lines(monitor))
    finally:
        monitor.stop()
        running.join(10)
        simulator.close()


def test_control_characters_are_made_visible() -> None:
    assert shown("a\x1b[2J\x1d\x7f\x9bb") == "a␛[2J␝␡�b"


def test_what_lies_on_a_scale_is_told_once_and_again_when_it_changes(tmp_path: Path) -> None:
    simulator = SimulatedScale(tmp_path / "port")
    scale = build(driver="scale.mt_sics", port=str(tmp_path / "port"), poll_ms=50)
    monitor = Monitor([scale], [], Console(file=io.StringIO(), width=200))
    running = threading.Thread(target=monitor.run)
    running.start()
    try:
        for grams in ("250", "75.5"):
            simulator.place(grams)
            wait_until(lambda grams=grams: f"weight {grams} g, stable" in shown_lines(monitor))  # type: ignore[misc]
        before = monitor.counts["dut"]
        wait_until(lambda: monitor.counts["dut"] > before + 5)
        assert shown_lines(monitor).count("weight 75.5 g, stable") == 1
    finally:
        monitor.stop()
        running.join(10)
        simulator.close()
