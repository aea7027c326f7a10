"""What the station tells the room: the stack lamp shows the verdict or a fault, the printer prints the decided item.

Neither holds the session up: a lamp that is away is told when it is back, a label waits for its printer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from datetime import datetime
from typing import Protocol, runtime_checkable

import structlog

from devices.base import Device
from devices.lamp.signals import Meaning
from devices.printer.driver import PrintUnsure
from devices.printer.label import Label
from inspection.errors import InspectionError
from inspection.station.record import SETTLED_STATES, InspectionRecord, State
from inspection.station.session_data import Transition
from inspection.station.snapshot import Fault, ShownDevice
from inspection.verdict import Disposition

log = structlog.get_logger()

_MEANINGS = {
    Disposition.RESELL: Meaning.RESELL,
    Disposition.REPAIR: Meaning.REPAIR,
    Disposition.SCRAP: Meaning.SCRAP,
    Disposition.HOLD: Meaning.HOLD,
}
_SHOWING = frozenset({State.JUDGED, *SETTLED_STATES, State.REPORTED})


@runtime_checkable
class Lamp(Protocol):
    """A device that shows things; see `devices.lamp.stack_lamp.StackLamp`."""

    def show(self, meaning: Meaning) -> None: ...


@runtime_checkable
class LabelPrinter(Protocol):
    """A device that prints labels; see `devices.printer.driver.ZplPrinter`."""

    def print_label(self, label: Label) -> Future[None]: ...


class Outputs:
    """The lamps and printers among the station's devices.

    Args:
        devices: all devices of the station.
        places: where an item of each disposition is to be put; printed on its label.
    """

    def __init__(self, devices: Iterable[Device] = (), places: Mapping[Disposition, str] | None = None) -> None:
        devices = tuple(devices)
        self._lamps = tuple(device for device in devices if isinstance(device, Lamp))
        self._printers = tuple(device for device in devices if isinstance(device, LabelPrinter))
        self._places = dict(places or {})
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._on_change: Callable[[], None] = lambda: None

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` from any thread when `faults` changed."""
        self._on_change = on_change

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The label that did not come out, or may not have; until the next one does."""
        with self._lock:
            return () if self._fault is None else (self._fault,)

    def show(self, record: InspectionRecord | None, devices: Sequence[ShownDevice]) -> None:
        """Let every lamp show how things stand."""
        meaning = _meaning(record, devices)
        for lamp in self._lamps:
            lamp.show(meaning)

    def decided(self, transitions: Iterable[Transition]) -> None:
        """Print the label of every item that a person has decided on."""
        for moved in transitions:
            if moved.after in SETTLED_STATES:
                for printer in self._printers:
                    self._print(printer, moved.record)

    def _print(self, printer: LabelPrinter, record: InspectionRecord) -> None:
        label = label_of(record, self._places)
        printed = printer.print_label(label)
        printed.add_done_callback(lambda done: self._printed(label.plate, done))

    def _printed(self, plate: str, done: Future[None]) -> None:
        """Called from the printer's thread."""
        fault: Fault | None = None
        try:
            done.result()
        except CancelledError:
            return
        except InspectionError as error:
            log.error("label_not_printed", plate=plate, error=error.one_line())
            code = error.code if error.code == PrintUnsure.code else "printer.failed"
            fault = Fault(code=code, about=plate, detail=str(error))
        with self._lock:
            changed, self._fault = self._fault != fault, fault
        if changed:
            self._on_change()


def label_of(record: InspectionRecord, places: Mapping[Disposition, str]) -> Label:
    """The label of a decided inspection; its plate is the inspection's id, by which hub and station find it again."""
    verdict, decided_at = record.verdict, record.confirmed_at
    if verdict is None or decided_at is None:
        raise ValueError(f"inspection {record.inspection_id} is {record.state}: there is nothing to print")
    return Label(
        disposition=verdict.disposition,
        plate=str(record.inspection_id),
        day=_local(decided_at).date(),
        rma=record.rma,
        gtin=record.item.gtin,
        serial=record.item.serial,
        place=places.get(verdict.disposition),
    )


def _meaning(record: InspectionRecord | None, devices: Sequence[ShownDevice]) -> Meaning:
    if any(not device.connected for device in devices):
        return Meaning.FAULT
    if record is None or record.state not in _SHOWING or record.verdict is None:
        return Meaning.DARK
    return _MEANINGS[record.verdict.disposition]


def _local(at: datetime) -> datetime:
    """The wall clock of the station, by which the people there live."""
    return at.astimezone()
