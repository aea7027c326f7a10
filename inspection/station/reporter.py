"""The reporter: empties the outbox into the hub, pictures first, at least once, and drops nothing without a person."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import structlog

from inspection.errors import JournalError
from inspection.station.delivery import Delivery
from inspection.station.hub_client import Answer, Outcome
from inspection.station.journal import Journal, OutboxEntry

log = structlog.get_logger()
UNEXPECTED_S = 5.0
"""Pause after something went wrong on this side."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """Exponential with full jitter: uniform between 0 and ``base_s * 2**failures``, at most ``cap_s`` (AWS, 2015).

    Attributes:
        blocked_s: pause after an answer that only a person can cure (a refused token, a wrong address).
    """

    base_s: float = 0.5
    cap_s: float = 30.0
    blocked_s: float = 60.0

    def delay_s(self, failures: int, retry_after_s: float | None) -> float:
        """Seconds to wait after ``failures`` failures in a row; never less than the hub asked for."""
        ceiling = min(self.cap_s, self.base_s * 2 ** min(failures, 30))
        jittered = random.uniform(0, ceiling)  # noqa: S311 - spreads load, guards no secret
        return max(jittered, retry_after_s or 0.0)


@dataclass(frozen=True, slots=True)
class ReporterStatus:
    """How reporting goes.

    Attributes:
        trouble: code of what stands in the way, or ``""``: ``hub.none``, ``hub.unreachable``, ``token.missing``, …
        detail: what was said, for a technician.
        last_delivery_at: when the hub last took a report.
    """

    trouble: str = ""
    detail: str = ""
    last_delivery_at: datetime | None = None


@dataclass(slots=True)
class _Pause:
    """When something may be tried again, by the monotonic clock, and how often it failed in a row."""

    failures: int = 0
    until: float = 0.0


@dataclass(slots=True)
class _Progress:
    """What is known of one entry while this process lives."""

    pause: _Pause = field(default_factory=_Pause)
    uploaded: set[str] = field(default_factory=set)


class Reporter:
    """A thread that sends what waits in the journal's outbox.

    Args:
        delivery: the way to the hub; ``None`` keeps everything waiting and says so.
        on_change: called from the reporter's thread when the status or the queue changed.
        on_delivered: called with the inspection's id after it is ``reported`` in the journal.
        on_answer: called with every outcome, for metrics.
    """

    def __init__(
        self,
        journal: Journal,
        delivery: Delivery | None,
        *,
        back_off: BackOff,
        on_change: Callable[[], None],
        on_delivered: Callable[[UUID], None],
        on_answer: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        self._journal, self._delivery, self._back_off = journal, delivery, back_off
        self._on_change, self._on_delivered, self._on_answer = on_change, on_delivered, on_answer
        self._status = ReporterStatus() if delivery else ReporterStatus("hub.none", "no hub is configured")
        self._hub = _Pause()
        self._progress: dict[int, _Progress] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    @property
    def status(self) -> ReporterStatus:
        return self._status

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Stop soon; a request under way may be cut off, which the next start repeats harmlessly."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._delivery is not None and not self._thread.is_alive():
            self._delivery.close()

    def wake(self) -> None:
        """Something new waits."""
        self._wake.set()

    def retry_now(self) -> None:
        """A person wants every wait cut short, e.g. after a new token."""
        self._hub.until = 0.0
        for progress in list(self._progress.values()):
            progress.pause.until = 0.0
        self._wake.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                delay_s = self._round(self._delivery) if self._delivery is not None else None
            except JournalError as error:
                log.error("outbox_unreadable", error=error.one_line())
                self._tell(error.code, str(error))
                delay_s = UNEXPECTED_S
            except Exception as error:
                log.exception("reporter_failed")
                self._tell("internal", type(error).__name__)
                delay_s = UNEXPECTED_S
            self._wake.wait(delay_s)

    def _round(self, delivery: Delivery) -> float | None:
        """Try everything that is due; returns the seconds until something is due again, ``None`` for "when woken"."""
        after, soonest = 0, float("inf")
        while not self._stopping.is_set():
            if self._hub.until > time.monotonic():
                return self._hub.until - time.monotonic()
            entries = self._journal.waiting(after)
            if not entries:
                break
            for entry in entries:
                after = entry.number
                progress = self._progress.setdefault(entry.number, _Progress())
                if progress.pause.until > time.monotonic() or not self._attempt(delivery, entry, progress):
                    soonest = min(soonest, progress.pause.until)
                elif soonest < float("inf"):
                    return 0.0  # the hub works again: whatever was waiting for its turn is due now
                if self._stopping.is_set() or self._hub.until > time.monotonic():
                    break
        return None if soonest == float("inf") else max(0.0, soonest - time.monotonic())

    def _attempt(self, delivery: Delivery, entry: OutboxEntry, progress: _Progress) -> bool:
        """Send one report with its pictures; returns whether the hub has it."""
        answer = delivery.deliver(entry.body, progress.uploaded)
        self._on_answer(answer.outcome)
        fields = {"inspection_id": str(entry.inspection_id), "revision": entry.revision, "answer": answer.detail}
        match answer.outcome:
            case Outcome.DONE:
                self._journal.delivered(entry, datetime.now(UTC))
                log.info("report_delivered", **fields)
                self._succeeded(entry)
                return True
            case Outcome.DEAD:
                self._journal.failed(entry, answer.detail, dead=True)
                log.error("report_refused", **fields)
                self._progress.pop(entry.number, None)
                self._on_change()
            case Outcome.RETRY:
                self._journal.failed(entry, answer.detail, dead=False)
                log.warning("report_failed", **fields)
                self._wait(progress.pause, answer)
            case Outcome.HUB_DOWN:
                log.warning("hub_down", **fields)
                self._wait(self._hub, answer)
                self._tell(answer.code or "hub.unreachable", answer.detail)
            case Outcome.BLOCKED:
                log.error("hub_refuses", **fields)
                self._hub.until = time.monotonic() + self._back_off.blocked_s
                self._tell(answer.code or "hub.refuses", answer.detail)
        return False

    def _succeeded(self, entry: OutboxEntry) -> None:
        """One success proves that the hub works: everything that waits is due at once."""
        self._progress.pop(entry.number, None)
        self._hub = _Pause()
        for progress in self._progress.values():
            progress.pause.until = 0.0
        self._status = ReporterStatus(last_delivery_at=datetime.now(UTC))
        self._on_delivered(entry.inspection_id)

    def _wait(self, pause: _Pause, answer: Answer) -> None:
        delay_s = self._back_off.delay_s(pause.failures, answer.retry_after_s)
        pause.failures += 1
        pause.until = time.monotonic() + delay_s

    def _tell(self, trouble: str, detail: str) -> None:
        self._status = ReporterStatus(trouble, detail, self._status.last_delivery_at)
        self._on_change()
