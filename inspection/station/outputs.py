"""What the station tells the room: the stack lamp shows the verdict or a fault, the printer prints the decided item.

Neither holds the session up: a lamp that is away is told when it is back, a label waits for its printer, on disk.
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
from inspection.errors import InspectionError, JournalError
from inspection.station.labels import Labels, LabelStatus, OwedLabel
from inspection.station.record import SETTLED_STATES, InspectionRecord, State
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

    def print_label(
        self, label: Label, *, begin: Callable[[], bool] = ..., interrupted: bool = ...
    ) -> Future[None]: ...


class Outputs:
    """The lamps and printers among the station's devices.

    Args:
        devices: all devices of the station; labels come from the first printer among them.
        places: where an item of each disposition is to be put; printed on its label.
    """

    def __init__(self, devices: Iterable[Device] = (), places: Mapping[Disposition, str] | None = None) -> None:
        devices = tuple(devices)
        self._lamps = tuple(device for device in devices if isinstance(device, Lamp))
        self._printer = next((device for device in devices if isinstance(device, LabelPrinter)), None)
        self.places = dict(places or {})
        self._lock = threading.Lock()
        self._in_hand: set[int] = set()
        self._fault: Fault | None = None
        self._closed = False
        self._on_change: Callable[[], None] = lambda: None

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call ``on_change`` from any thread when `faults` or what is printed changed."""
        self._on_change = on_change

    def close(self) -> None:
        """From now on what the printer says of its labels is not noted: they stay as they are on disk."""
        with self._lock:
            self._closed = True

    @property
    def prints(self) -> bool:
        """Whether decided items get a label."""
        return self._printer is not None

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

    def resume(self, labels: Labels) -> None:
        """Take up what the station before left: tell of the label that may be missing, print those that are owed."""
        newest = labels.newest()
        if newest is not None and newest[1] in _NOT_OUT:
            with self._lock:
                self._fault = Fault(code=_NOT_OUT[newest[1]], about=str(newest[0]))
        self.print_owed(labels)

    def print_owed(self, labels: Labels) -> None:
        """Hand every label that is owed to the printer, once."""
        if self._printer is None:
            return
        for owed in labels.owed():
            with self._lock:
                if owed.number in self._in_hand:
                    continue
                self._in_hand.add(owed.number)
            self._print(self._printer, owed, labels)

    def _print(self, printer: LabelPrinter, owed: OwedLabel, labels: Labels) -> None:
        label = label_of(owed.record, self.places)
        printed = printer.print_label(
            label, begin=lambda: self._noted(labels, owed, LabelStatus.SENDING), interrupted=owed.interrupted
        )
        printed.add_done_callback(lambda done: self._printed(labels, owed, done))

    def _noted(self, labels: Labels, owed: OwedLabel, status: LabelStatus) -> bool:
        """Write down what became of a label; a full disk is no reason to end the printer's thread.

        Returns:
            whether it is on disk; not when the label is not owed any more.
        """
        try:
            return labels.set(owed.number, status)
        except JournalError as error:
            log.error("label_not_noted", plate=str(owed.record.inspection_id), error=error.one_line())
            return False

    def _printed(self, labels: Labels, owed: OwedLabel, done: Future[None]) -> None:
        """Called from the printer's thread."""
        plate = str(owed.record.inspection_id)
        fault: Fault | None = None
        status = LabelStatus.PRINTED
        with self._lock:
            if self._closed:
                return
        try:
            done.result()
        except CancelledError:
            return
        except InspectionError as error:
            log.error("label_not_printed", plate=plate, error=error.one_line())
            status = LabelStatus.UNSURE if error.code == PrintUnsure.code else LabelStatus.FAILED
            fault = Fault(code=_NOT_OUT[status], about=plate, detail=str(error))
        still_owed = self._noted(labels, owed, status)
        with self._lock:
            self._in_hand.discard(owed.number)
            if still_owed:
                self._fault = fault
        self._on_change()


_NOT_OUT = {LabelStatus.UNSURE: PrintUnsure.code, LabelStatus.FAILED: "printer.failed"}


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
