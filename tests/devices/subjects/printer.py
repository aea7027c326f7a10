"""Label printers under test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

from devices.printer.driver import ZplPrinter
from devices.printer.label import Label
from devices.printer.simulator import SimulatedPrinter
from inspection.verdict import Disposition
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.subjects.subject import Subject, build

LABEL = Label(Disposition.RESELL, "LP-1", date(2026, 3, 1), rma="RMA-2026-0001")


def printer(simulator: SimulatedPrinter) -> Subject:
    device = build(driver="printer.zpl", port=simulator.address)
    assert isinstance(device, ZplPrinter)

    def prove(_: Inbox) -> None:
        before = len(simulator.labels)
        device.print_label(LABEL).result(PATIENCE_S)
        assert len(simulator.labels) == before + 1

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "printer.zpl network": lambda _: printer(SimulatedPrinter()),
    "printer.zpl serial": lambda folder: printer(SimulatedPrinter(folder / "port")),
}
