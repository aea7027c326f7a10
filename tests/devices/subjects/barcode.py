"""Barcode scanners under test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devices.barcode.simulator import SimulatedScanner
from inspection.reading import BarcodeReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import Subject, build


def scanner(folder: Path) -> Subject:
    simulator = SimulatedScanner(folder / "port")
    device = build(driver="barcode.serial", port=str(folder / "port"))

    def prove(inbox: Inbox) -> None:
        since = inbox.mark()
        text = f"SCAN{since}"
        assert simulator.scan(text)
        inbox.wait(BarcodeReading, lambda reading: reading.text == text, since=since)

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {"barcode.serial": scanner}
