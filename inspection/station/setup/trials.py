"""Trying things out beside the running station: does this device answer, what hangs on this port, keep what it says.

One trial at a time, in a thread of its own. A device of the station that holds the same port rests meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
import yaml

from devices.base import DeviceEvent
from devices.serial_device import SerialDevice
from devices.tools.candidates import all_candidates, spoken_unasked
from devices.tools.probe import Attempt, Found, listen, probe
from devices.tools.recording import Recorder
from inspection.errors import InspectionError
from inspection.reading import Reading
from inspection.station.setup import roles
from inspection.station.setup.config_file import Refused
from inspection.station.setup.heard import Heard, heard

log = structlog.get_logger()
ANSWER_S = 10.0
READING_S = 15.0
LISTEN_S = 8.0
RECORD_S = 30.0


class TrialRunning(InspectionError):
    """Another trial is still going on."""

    code = "setup.trial_running"
    retryable = True


@dataclass(frozen=True, slots=True)
class Trial:
    """How a trial stands.

    Attributes:
        kind: ``test``, ``probe`` or ``record``; empty before the first.
        about: the device or port.
        going_on: it has not ended.
        share: how much of it is done, 0 to 1.
        answer: ``""`` while it goes on, else ``good``, ``silent`` (connected, nothing was read), ``lost``,
            ``nothing`` (nobody answered), ``kept`` (a recording) or ``failed``.
        detail: what the device said about itself, or why it is not there.
        reading: the first reading.
        driver, baudrate: what a probe found.
    """

    kind: str = ""
    about: str = ""
    going_on: bool = False
    share: float = 0.0
    answer: str = ""
    detail: str = ""
    reading: Heard | None = None
    driver: str = ""
    baudrate: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "about": self.about,
            "going_on": self.going_on,
            "share": round(self.share, 2),
            "answer": self.answer,
            "detail": self.detail,
            "reading": None if self.reading is None else self.reading.as_json(),
            "driver": self.driver,
            "baudrate": self.baudrate,
        }


Resting = Callable[[str], AbstractContextManager[object]]
"""Lets a device of the station, by its id, give its port away for a while; an unknown id is fine."""


class Trials:
    """Runs them.

    Args:
        resting: see `Resting`.
        holder: id of the station's device that holds a place, ``""`` for none.
        recordings: folder in which recordings are kept for support.
        listen_s: how long a probe listens for what speaks unasked.
    """

    def __init__(
        self, resting: Resting, holder: Callable[[Any], str], recordings: Path, *, listen_s: float = LISTEN_S
    ) -> None:
        self._resting, self._holder, self._recordings, self._listen_s = resting, holder, recordings, listen_s
        self._lock = threading.Lock()
        self._trial = Trial()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def now(self) -> Trial:
        """The trial that goes on, or the last one."""
        with self._lock:
            return self._trial

    def close(self) -> None:
        """End what goes on."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(ANSWER_S)

    def test(self, entry: Mapping[str, Any]) -> None:
        """Start an entry's driver, wait for it to connect, then for something to be read.

        Raises:
            Refused: it is no entry, or another device of the station holds the port.
            TrialRunning
        """
        device = roles.build(entry)
        place = entry.get("port")
        holder = self._holder(place) if place else ""
        if holder not in ("", entry["id"]):
            raise Refused(f"{holder} has this port", hint=f"give {holder} another port first")
        self._begin("test", str(entry["id"]), lambda: self._test(device, holder or str(entry["id"]), entry))

    def probe(self, port: str) -> None:
        """Find out what hangs on ``port``.

        Raises:
            Refused: a device of the station holds the port.
            TrialRunning
        """
        holder = self._holder(roles.place_of(port))
        if holder:
            raise Refused(f"{holder} has this port", hint="it is known already what it is")
        self._begin("probe", port, lambda: self._probe(port))

    def record(self, device: SerialDevice, seconds: float = RECORD_S) -> None:
        """Keep every byte of a device of the station for a while, for support; it rests a moment before and after.

        Raises:
            TrialRunning
        """
        self._begin("record", device.device_id, lambda: self._record(device, seconds))

    def _begin(self, kind: str, about: str, work: Callable[[], Trial]) -> None:
        with self._lock:
            if self._trial.going_on:
                raise TrialRunning("another trial is going on", hint="wait until it has ended")
            self._trial = Trial(kind, about, going_on=True)
        self._thread = threading.Thread(target=self._run, args=(work,), name="setup-trial", daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Trial]) -> None:
        try:
            ended = work()
        except InspectionError as error:
            ended = replace(self.now, answer="failed", detail=f"{error} {error.hint}".strip())
        except Exception as error:
            log.exception("setup_trial_failed")
            ended = replace(self.now, answer="failed", detail=type(error).__name__)
        with self._lock:
            self._trial = replace(ended, going_on=False, share=1.0)

    def _tell(self, **changes: Any) -> None:
        with self._lock:
            self._trial = replace(self._trial, **changes)

    def _test(self, device: Any, resting: str, entry: Mapping[str, Any]) -> Trial:
        collected = _Collected()
        role = str(entry["driver"]).partition(".")[0]
        reads = role in ("barcode", "rfid", "scale")
        with self._resting(resting):
            try:
                device.start(collected.take)
                connected = self._wait(collected.connected, ANSWER_S, upto=0.4 if reads else 1.0)
                if connected and reads:
                    self._tell(detail=collected.detail)
                    self._wait(collected.read, READING_S, since=0.4)
            finally:
                device.stop()
        if not connected:
            return replace(self.now, answer="lost", detail=collected.detail or device.status.detail)
        answer = "good" if collected.reading is not None or not reads else "silent"
        return replace(self.now, answer=answer, detail=collected.detail, reading=collected.reading)

    def _wait(self, event: threading.Event, seconds: float, *, since: float = 0.0, upto: float = 1.0) -> bool:
        began = time.monotonic()
        while not event.wait(0.1):
            spent = time.monotonic() - began
            if spent > seconds or self._closing.is_set():
                return False
            self._tell(share=since + (upto - since) * spent / seconds)
        return True

    def _probe(self, port: str) -> Trial:
        def told(attempt: Attempt) -> None:
            if self._closing.is_set():
                raise InspectionError("the station ends")
            self._tell(share=attempt.number / (attempt.of + 1), detail=f"{attempt.driver}, {attempt.baudrate} baud")

        self._tell(detail="")
        network = "://" in port
        found: Found | None = listen(
            port, spoken_unasked(), 9600 if network or "ttyS" in port else 115200, self._listen_s
        )
        found = found or probe(port, all_candidates(), speeds=[115200] if network else None, on_attempt=told)
        if found is None:
            return replace(self.now, answer="nothing", detail="")
        [line] = yaml.safe_load(found.config("x"))
        return replace(self.now, answer="good", detail=found.detail, driver=line["driver"], baudrate=found.baudrate)

    def _record(self, device: SerialDevice, seconds: float) -> Trial:
        self._recordings.mkdir(parents=True, exist_ok=True)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path = self._recordings / f"{device.device_id}-{stamp}.jsonl"
        line = device.port_settings
        with Recorder(path, device=device.device_id, port=str(line.port), baudrate=line.baudrate) as recorder:
            with self._resting(device.device_id):
                device.listen_in(recorder)
            self._wait(threading.Event(), seconds)
            with self._resting(device.device_id):
                device.listen_in(None)
        return replace(self.now, answer="kept", detail=f"{path.name}: {recorder.bytes_in} bytes")


@dataclass(slots=True)
class _Collected:
    """What a device under test said."""

    connected: threading.Event = field(default_factory=threading.Event)
    read: threading.Event = field(default_factory=threading.Event)
    detail: str = ""
    reading: Heard | None = None

    def take(self, message: Reading | DeviceEvent) -> None:
        if isinstance(message, DeviceEvent):
            self.detail = message.detail
            if message.connected:
                self.connected.set()
        elif self.reading is None:
            self.reading = heard(message)
            self.read.set()
