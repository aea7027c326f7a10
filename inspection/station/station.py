"""The station at work: one thread takes what devices and people say, in order; a fault is shown and never ends it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from devices.barcode.keyboard import KeyboardScanner
from devices.base import Device, DeviceEvent
from inspection.errors import InspectionError
from inspection.reading import BarcodeReading, Reading, TagReading, WeightReading
from inspection.station.orders import Order
from inspection.station.people import Person
from inspection.station.ports import StationCamera
from inspection.station.reporter import Reporter
from inspection.station.rollouts.desk import RolloutDesk
from inspection.station.rollouts.running import Running
from inspection.station.session_data import NotPossible
from inspection.station.setup.heard import LastHeard
from inspection.station.sign_in.desk import Watcher
from inspection.station.snapshot import Fault
from inspection.station.work import Parts, Work, fault_of

log = structlog.get_logger()


@dataclass(slots=True)
class _Ordered:
    """An order from the page with the one who waits for its outcome."""

    order: Order
    done: Future[None]


@dataclass(frozen=True, slots=True)
class _Delivered:
    inspection_id: UUID


@dataclass(frozen=True, slots=True)
class _SignedIn:
    person: Person


@dataclass(frozen=True, slots=True)
class _SignedOut:
    person_id: str


class _Changed:
    """Something shown on the screen changed outside the session."""


class _Stop:
    """Leave the loop."""


_Message = BarcodeReading | DeviceEvent | _Ordered | _Delivered | _SignedIn | _SignedOut | _Changed | _Stop


class Station:
    """Runs the work in its thread and connects devices, page and reporter to it.

    Args:
        parts: what the work needs.
        devices: scanners and readers; the cameras are in ``parts``.
        make_reporter: builds the reporter with this station's callbacks ``(on_change, on_delivered)``.
        rollouts: looks after what judges; ``None`` where that is the configuration's alone.
    """

    def __init__(
        self,
        parts: Parts,
        devices: Sequence[Device],
        make_reporter: Callable[[Callable[[], None], Callable[[UUID], None]], Reporter],
        rollouts: RolloutDesk | None = None,
    ) -> None:
        self.parts = parts
        self.heard = LastHeard()
        self.reporter = make_reporter(self._note_change, self._note_delivery)
        self._devices: tuple[Device | StationCamera, ...] = (*devices, *parts.cameras)
        parts.outputs.watch(self._note_change)
        parts.prechecks.watch(self._note_change)
        if parts.desk is not None:
            parts.desk.watch(self._note_change)
        self._work = Work(parts, self.reporter)
        self._rollouts = rollouts
        self._inbox: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the session's thread and the reporter's run."""
        return self._thread.is_alive() and self.reporter.alive

    @property
    def worker(self) -> str:
        """Badge id of whoever works here now."""
        return self._work.worker

    @property
    def running(self) -> Running:
        """What judges."""
        return self._work.running

    @property
    def keyboard(self) -> KeyboardScanner | None:
        """The scanner that types into the page, where one is configured."""
        return next((device for device in self._devices if isinstance(device, KeyboardScanner)), None)

    @property
    def devices(self) -> tuple[Device | StationCamera, ...]:
        """Scanners, readers, scales, lamps, printers, then the cameras."""
        return self._devices

    @contextmanager
    def resting(self, device_id: str) -> Iterator[None]:
        """Let a device go of its port for a while; one that there is not changes nothing."""
        found = [device for device in self._devices if device.status.device_id == device_id]
        for device in found:
            device.stop()
        try:
            yield
        finally:
            for device in found:
                device.start(self.accept)

    @property
    def cameras(self) -> dict[str, StationCamera]:
        """The cameras by view."""
        return {camera.view: camera for camera in self.parts.cameras}

    def start(self) -> None:
        """Resume what the journal says was on the table, then start the devices and the reporter."""
        self._work.publish()
        self._thread.start()
        self.reporter.start()
        if self.parts.desk is not None:
            self.parts.desk.start()
        if self.parts.sign_in is not None:
            self.parts.sign_in.start(Watcher(self._note_change, self._note_sign_in, self._note_sign_out))
        for device in self._devices:
            device.start(self.accept)
        if self._rollouts is not None:
            self._rollouts.start()

    def stop(self) -> None:
        """Stop everything; what is not decided yet is resumed by the next start."""
        self.parts.board.close()
        if self._rollouts is not None:
            self._rollouts.stop()
        if self.parts.desk is not None:
            self.parts.desk.stop()
        if self.parts.sign_in is not None:
            self.parts.sign_in.stop()
        self.parts.outputs.close()
        for device in self._devices:
            device.stop()
        self._inbox.put(_Stop())
        if self._thread.is_alive():
            self._thread.join(10.0)
        self.reporter.stop()
        self.parts.returns.close()
        self.parts.prechecks.close()
        self.parts.codes.close()
        self.parts.journal.close()

    def accept(self, event: Reading | DeviceEvent) -> None:
        """Where every device delivers; returns at once."""
        if not isinstance(event, DeviceEvent):
            self.heard.hear(event)
        match event:
            case TagReading():
                self.parts.tags.hear(event)
            case WeightReading():
                self.parts.weights.hear(event)
            case DeviceEvent():
                self.parts.weights.forget(event.device_id)
                self._inbox.put(event)
            case BarcodeReading():
                self._inbox.put(event)
            case _:
                log.warning("reading_ignored", kind=type(event).__name__)

    def order(self, order: Order) -> Future[None]:
        """Give an order; the future ends when it is on disk, or with the reason why it was refused."""
        done: Future[None] = Future()
        self._inbox.put(_Ordered(order, done))
        return done

    def refresh(self) -> None:
        """Show the session again, as something beside it changed."""
        self._note_change()

    def revive_reports(self) -> int:
        """A person wants the refused reports sent again and every wait cut short; returns how many were refused."""
        revived = self.parts.journal.revive()
        self.reporter.retry_now()
        self._note_change()
        return revived

    def _note_change(self) -> None:
        self._inbox.put(_Changed())

    def _note_delivery(self, inspection_id: UUID) -> None:
        self._inbox.put(_Delivered(inspection_id))

    def _note_sign_in(self, person: Person) -> None:
        self._inbox.put(_SignedIn(person))

    def _note_sign_out(self, person_id: str) -> None:
        self._inbox.put(_SignedOut(person_id))

    def _run(self) -> None:
        self._guarded(self._work.resume)
        while True:
            while self._guarded(self._work.progress):
                pass
            try:
                message = self._inbox.get(timeout=self._work.patience_s())
            except queue.Empty:
                continue
            if isinstance(message, _Stop):
                return
            self._guarded(partial(self._handle, message))

    def _guarded(self, work: Callable[[], bool | None]) -> bool:
        """Do ``work``; an error becomes a fault on the screen, never the end of the thread."""
        try:
            return bool(work())
        except InspectionError as error:
            log.error("step_failed", error=error.one_line())
            self._work.failed(fault_of(error))
        except Exception as error:
            log.exception("step_failed")
            self._work.failed(Fault(code="internal", detail=type(error).__name__))
        return False

    def _handle(self, message: _Message) -> None:
        match message:
            case BarcodeReading():
                self._work.scanned(message)
            case _Ordered(order=order, done=done):
                self._carry_out(order, done)
            case _Delivered(inspection_id=inspection_id):
                self._work.delivered(inspection_id)
            case _SignedIn(person=person):
                self._work.signed_in(person)
            case _SignedOut(person_id=person_id):
                self._work.signed_out(person_id)
            case DeviceEvent():
                log.info("device", device_id=message.device_id, connected=message.connected, detail=message.detail)
                self.parts.metrics.device_event(connected=message.connected)
                self._work.look_again()
            case _Changed() | _Stop():
                self._work.publish()

    def _carry_out(self, order: Order, done: Future[None]) -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            self._work.ordered(order)
        except NotPossible as error:
            done.set_exception(error)
        except Exception as error:
            done.set_exception(error)
            raise
        else:
            done.set_result(None)
