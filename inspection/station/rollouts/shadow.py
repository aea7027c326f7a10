"""The second opinion: another judge looks at the same stored pictures, in silence, when the verdict is on the screen.

It runs in a thread of low priority, one item at a time, and only as often as its budget allows. An item that comes
while it is busy, or over budget, has no second opinion; nothing waits for one.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from inspection.errors import InspectionError
from inspection.rollout import TrialOpinion
from inspection.station.rollouts.running import Asked, Judged, Running, Side, no_opinion, opinion_of

log = structlog.get_logger()
NICENESS = 10
BURST = 4.0
"""So many times the cost of one opinion may be saved up."""
QUIET_S = 5.0
"""A second opinion waits at most so long for the item on the table."""


class Budget:
    """Spends at most ``per_item_ms`` on average for each item that comes by; a token bucket.

    The first opinion is always taken, for what one costs is not known before.
    """

    def __init__(self, per_item_ms: float) -> None:
        self._per_item_ms = per_item_ms
        self._saved_ms = 0.0
        self._cost_ms: float | None = None

    def comes(self) -> bool:
        """An item comes by; whether there may be an opinion about it."""
        self._saved_ms += self._per_item_ms
        if self._per_item_ms <= 0:
            return False
        if self._cost_ms is None:
            return True
        self._saved_ms = min(self._saved_ms, BURST * self._cost_ms + self._per_item_ms)
        return self._saved_ms >= self._cost_ms

    def spent(self, ms: float) -> None:
        """An opinion took so long; the next is expected to take what the last few did."""
        self._saved_ms -= ms
        self._cost_ms = ms if self._cost_ms is None else 0.7 * self._cost_ms + 0.3 * ms


@dataclass(frozen=True, slots=True)
class _Look:
    opinion: TrialOpinion
    other: Side
    asked: Asked


class Shadow:
    """A thread that asks for second opinions.

    Args:
        keep: takes every opinion about an item on trial, with or without the second one.
    """

    def __init__(self, running: Running, keep: Callable[[TrialOpinion], None]) -> None:
        self._running, self._keep = running, keep
        self._budget: tuple[str, Budget] = ("", Budget(0.0))
        self._looks: queue.Queue[_Look | None] = queue.Queue(maxsize=1)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        running.listener = self.offer

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop after the opinion under way."""
        self._running.listener = lambda _judged, _asked: None
        with suppress(queue.Full):
            self._looks.put(None, timeout=timeout_s)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def offer(self, judged: Judged, asked: Asked) -> None:
        """An item was judged; returns at once."""
        if judged.opinion is None:
            return
        tried = self._running.tried
        wanted = judged.other is not None and tried is not None and self._budget_of(tried.budget_ms, judged).comes()
        if wanted and judged.other is not None:
            try:
                self._looks.put_nowait(_Look(judged.opinion, judged.other, asked))
            except queue.Full:
                wanted = False
        told_already = judged.opinion.judged_by == "candidate" or judged.opinion.candidate is not None
        if not wanted and told_already:  # of the champion alone there is nothing to learn that its report does not say
            self._keep(judged.opinion)

    def _budget_of(self, per_item_ms: float, judged: Judged) -> Budget:
        opinion = judged.opinion
        key = f"{opinion.rollout_id if opinion else ''} {opinion.stage if opinion else ''} {per_item_ms}"
        if self._budget[0] != key:
            self._budget = (key, Budget(per_item_ms))
        return self._budget[1]

    def _run(self) -> None:
        _be_nice()
        while (look := self._looks.get()) is not None:
            try:
                self._keep(self._second(look))
            except InspectionError as error:
                log.warning("second_opinion_not_kept", error=error.one_line())
            except Exception:
                log.exception("second_opinion_failed")

    def _second(self, look: _Look) -> TrialOpinion:
        self._running.idle.wait(QUIET_S)
        asked, start = look.asked, time.perf_counter()
        try:
            judgement = look.other.bench.judge_take(asked.item, asked.taken, asked.expected, asked.weight)
            said = opinion_of(judgement)
        except Exception as error:
            log.exception("second_opinion_broken")
            said = no_opinion(look.other, f"{type(error).__name__}: {error}")
        self._budget[1].spent((time.perf_counter() - start) * 1e3)
        side = "champion" if look.opinion.judged_by == "candidate" else "candidate"
        return look.opinion.model_copy(update={side: said})


def _be_nice() -> None:
    """Lower this thread's priority where the system has one a thread (Linux: setpriority(2), per-thread nice)."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
