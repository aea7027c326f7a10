"""Tells the hub how the station is doing: at every change, and every few seconds while there is none.

A supervisor sees it there. Nothing waits for it, nothing of it is kept for later, and a hub that does not take it, or
is away, changes nothing here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import structlog

from inspection.errors import InspectionError
from inspection.station.config import HubSection
from inspection.station.hub_client import Answer, HubClient, Outcome
from inspection.station.journal import Journal
from inspection.station.snapshot import Board, Fault, Snapshot
from inspection.station.tally import last_hour, oldest_waiting_s
from inspection.station_status import MAX_TROUBLES, StationStatus, TableState, TroublePart

log = structlog.get_logger()
SOONEST_S = 2.0
"""Between two of them, however much changes."""
REFUSED_S = 300.0
"""After an answer that the next one will be like: an older hub, a token that may not."""
LOOK_S = 0.5
TIMEOUT_S = 5.0


@contextmanager
def beating(hub: HubSection | None, station_id: str, board: Board, journal: Journal) -> Iterator[None]:
    """While the block runs, the hub is told how the station is doing, where the configuration wants that."""
    if hub is None or hub.status_s == 0:
        yield
        return
    client = HubClient(hub.url, hub.token, timeout_s=min(hub.timeout_s, TIMEOUT_S), proxy=hub.proxy)
    heartbeat = Heartbeat(client, station_id, board, journal, every_s=hub.status_s)
    heartbeat.start()
    try:
        yield
    finally:
        heartbeat.stop()


class Heartbeat:
    """A thread that sends the station's status.

    Args:
        client: the hub; this heartbeat's own, closed with it.
        every_s: the longest silence.
        monotonic: seconds, for how long a state lasts.
    """

    def __init__(
        self,
        client: HubClient,
        station_id: str,
        board: Board,
        journal: Journal,
        *,
        every_s: float = 15.0,
        soonest_s: float = SOONEST_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._station_id, self._board, self._journal = client, station_id, board, journal
        self._every_s, self._soonest_s, self._monotonic = every_s, soonest_s, monotonic
        self._state, self._since = "", monotonic()
        self._failing = ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop soon; what is under way may be cut off."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._client.close()

    def status(self) -> StationStatus:
        """How the station is doing now.

        Raises:
            JournalError: when the journal cannot be read.
        """
        shown = self._board.latest
        self._note_state(shown)
        lost = sum(not device.connected for device in shown.devices)
        return StationStatus(
            state=cast("TableState", shown.state.value),
            state_s=max(0.0, self._monotonic() - self._since),
            hour=last_hour(self._journal),
            waiting=shown.queue.waiting,
            oldest_waiting_s=oldest_waiting_s(self._journal) if shown.queue.waiting else None,
            refused=shown.queue.dead,
            troubles=tuple(_trouble(fault) for fault in shown.faults[:MAX_TROUBLES]),
            devices=min(len(shown.devices), 1000),
            devices_lost=min(lost, 1000),
            software=shown.versions.software,
            policy=shown.versions.policy,
            products=shown.versions.products,
            model=shown.versions.bundle,
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            told = _gist(self._board.latest)
            pause_s = REFUSED_S if self._send() is Outcome.BLOCKED else self._every_s
            again = self._monotonic() + pause_s
            soonest = self._monotonic() + (pause_s if pause_s == REFUSED_S else self._soonest_s)
            while not self._stopping.wait(LOOK_S) and (now := self._monotonic()) < again:
                shown = self._board.latest
                self._note_state(shown)
                if now >= soonest and _gist(shown) != told:
                    break

    def _send(self) -> Outcome:
        try:
            body = self.status().model_dump_json().encode()
        except InspectionError as error:
            self._tell(error.code)
            return Outcome.RETRY
        except Exception:
            log.exception("heartbeat_failed")
            return Outcome.RETRY
        answer = self._client.put_status(self._station_id, body)
        self._tell("" if answer.outcome is Outcome.DONE else answer.code or answer.detail)
        return _lasting(answer)

    def _tell(self, trouble: str) -> None:
        """Log what changes, not every time."""
        if trouble != self._failing:
            self._failing = trouble
            log.info("heartbeat", trouble=trouble)

    def _note_state(self, shown: Snapshot) -> None:
        state = f"{shown.state.value} {shown.inspection_id}"
        if state != self._state:
            self._state, self._since = state, self._monotonic()


def _lasting(answer: Answer) -> Outcome:
    """What an answer means here: nothing is ever dead, as the next status is another."""
    return Outcome.BLOCKED if answer.outcome in (Outcome.BLOCKED, Outcome.DEAD) else answer.outcome


def _gist(shown: Snapshot) -> tuple[object, ...]:
    """What a supervisor would notice at once."""
    return shown.state, shown.inspection_id, shown.queue, tuple((one.code, one.about) for one in shown.faults)


def _trouble(fault: Fault) -> TroublePart:
    code = "".join(letter for letter in fault.code.lower() if letter.isascii() and (letter.isalnum() or letter in "._"))
    return TroublePart(code=code[:64].lstrip("0123456789._") or "internal", about=fault.about[:64])
