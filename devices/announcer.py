"""Delivers what a device says to one listener, in order; a slow or failing listener never holds the device up."""

from __future__ import annotations

import threading
from collections import deque
from datetime import UTC, datetime

import structlog

from devices.base import DeviceEvent, DeviceStatus, Emit
from inspection.errors import DeviceError
from inspection.reading import Reading

log = structlog.get_logger(__name__)

JOIN_S = 5.0


class Announcer:
    """A bounded queue and the thread that empties it into the listener, plus the device's status.

    When the listener does not keep up, the oldest messages go first and are counted in ``dropped``; the status is
    always current. An exception of the listener is logged and counted in ``listener_faults``; delivery goes on.
    """

    def __init__(self, device_id: str, kind: str, *, capacity: int = 1024) -> None:
        self.dropped = 0
        self.listener_faults = 0
        self._status = DeviceStatus(device_id, kind, connected=False, detail="not started", since=datetime.now(UTC))
        self._queue: deque[Reading | DeviceEvent] = deque()
        self._capacity = capacity
        self._changed = threading.Condition()
        self._stopping = False
        self._announced = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> DeviceStatus:
        return self._status

    def start(self, emit: Emit) -> None:
        """Begin delivering to ``emit``."""
        if self._thread is not None:
            raise DeviceError(f"{self._status.device_id} is already started")
        self._queue.clear()
        self._stopping = False
        self._announced = False
        self._status = self._changed_status(connected=False, detail="starting")
        name = f"{self._status.device_id}-announcer"
        self._thread = threading.Thread(target=self._deliver_all, args=(emit,), name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Deliver what is waiting, then end the thread; calling it twice is fine."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if thread is not threading.current_thread():
            thread.join(JOIN_S)
            if thread.is_alive():
                log.error("device.listener_hangs", device=self._status.device_id)
        self._status = self._changed_status(connected=False, detail="stopped")

    def came(self, detail: str) -> None:
        """The device can be used from now on."""
        self._announce(connected=True, detail=detail)

    def lost(self, detail: str) -> None:
        """The device cannot be used; an event once, after that only the status follows the reason."""
        self._announce(connected=False, detail=detail)

    def tells(self, detail: str) -> None:
        """The device says something else about itself, and can be used or not as before; an event at each change."""
        before = self._status
        if detail != before.detail:
            self._status = self._changed_status(connected=before.connected, detail=detail)
            self.deliver(DeviceEvent(before.device_id, before.connected, detail, self._status.since))

    def deliver(self, message: Reading | DeviceEvent) -> None:
        """Queue ``message`` for the listener."""
        with self._changed:
            if len(self._queue) >= self._capacity:
                self._queue.popleft()
                self.dropped += 1
            self._queue.append(message)
            self._changed.notify_all()

    def _announce(self, *, connected: bool, detail: str) -> None:
        before, announced = self._status, self._announced
        if announced and (connected, detail) == (before.connected, before.detail):
            return
        self._announced = True
        self._status = self._changed_status(connected=connected, detail=detail)
        log.info("device.connected" if connected else "device.lost", device=before.device_id, detail=detail)
        if not announced or connected != before.connected:
            self.deliver(DeviceEvent(before.device_id, connected, detail, self._status.since))

    def _changed_status(self, *, connected: bool, detail: str) -> DeviceStatus:
        status = self._status
        return DeviceStatus(status.device_id, status.kind, connected, detail, since=datetime.now(UTC))

    def _deliver_all(self, emit: Emit) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopping)
                if not self._queue:
                    return
                message = self._queue.popleft()
            try:
                emit(message)
            except Exception:  # whatever the listener does, the device goes on and it is heard
                self.listener_faults += 1
                log.exception("device.listener_failed", device=self._status.device_id)
