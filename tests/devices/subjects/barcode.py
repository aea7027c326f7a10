"""Barcode scanners under test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from devices.barcode.simulator import SimulatedScanner
from devices.barcode.ssi_simulator import SimulatedSsiScanner
from devices.barcode.trigger import Triggered
from devices.base import Device
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
        wait_for(inbox, text, since)

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def triggered(folder: Path, family: Literal["honeywell", "newland"]) -> Subject:
    simulator = SimulatedScanner(folder / "port", trigger=family)
    device = build(driver="barcode.serial", port=str(folder / "port"), trigger=family)
    return Subject(device, simulator.unplug, simulator.replug, by_trigger(device, simulator.place), simulator.close)


def ssi(folder: Path) -> Subject:
    simulator = SimulatedSsiScanner(folder / "port")
    device = build(driver="barcode.ssi", port=str(folder / "port"))

    def prove(inbox: Inbox) -> None:
        since = inbox.mark()
        text = f"SCAN{since}"
        assert simulator.scan(text)
        wait_for(inbox, text, since)

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def ssi_triggered(folder: Path) -> Subject:
    simulator = SimulatedSsiScanner(folder / "port", packet_size=3)
    device = build(driver="barcode.ssi", port=str(folder / "port"), trigger="host")
    return Subject(device, simulator.unplug, simulator.replug, by_trigger(device, simulator.place), simulator.close)


def by_trigger(device: Device, place: Callable[[str], None]) -> Callable[[Inbox], None]:
    """Lays a code before the scanner and lets the host trigger."""

    def prove(inbox: Inbox) -> None:
        since = inbox.mark()
        text = f"SCAN{since}"
        place(text)
        can_trigger: Triggered = device  # type: ignore[assignment]
        can_trigger.trigger()
        wait_for(inbox, text, since)
        can_trigger.release()

    return prove


def wait_for(inbox: Inbox, text: str, since: int) -> None:
    inbox.wait(BarcodeReading, lambda reading: reading.text == text, since=since)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "barcode.serial": scanner,
    "barcode.serial honeywell": lambda folder: triggered(folder, "honeywell"),
    "barcode.serial newland": lambda folder: triggered(folder, "newland"),
    "barcode.ssi": ssi,
    "barcode.ssi host trigger": ssi_triggered,
}
