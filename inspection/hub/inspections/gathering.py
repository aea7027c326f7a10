"""Reports that arrive one by one at the same time share a transaction: one commit, one of each statement, for all.

Nobody is kept waiting for others to come: a report that finds no transaction under way begins one at once. Those that
arrive meanwhile go together into the next. Each is answered after the commit that holds it, by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool

from inspection.hub.hub import Hub
from inspection.hub.inspections.taking import Brought, Outcome, take_all

MOST = 30
"""Reports of one transaction."""
AT_ONCE = 3
"""Transactions of one process; the second and third begin only while more wait than one takes."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    brought: Brought
    outcome: asyncio.Future[Outcome]


class Gathering:
    """Takes in the reports of one process. Only its event loop calls it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waiting: deque[_Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def take(self, brought: Brought) -> Outcome:
        """What became of a report; see :func:`~inspection.hub.inspections.taking.take_all`.

        A sender that goes away meanwhile changes nothing: the report is stored, and is there already when it comes
        again.
        """
        waiting = _Waiting(brought, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if not self._running or (len(self._waiting) >= MOST and len(self._running) < AT_ONCE):
            task = asyncio.create_task(self._run())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await waiting.outcome

    async def _run(self) -> None:
        while self._waiting:
            together = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            try:
                outcomes = await run_in_threadpool(take_all, self._hub, [each.brought for each in together])
            except BaseException as error:
                self._tell(together, [error if isinstance(error, Exception) else _ended()] * len(together))
                raise
            self._tell(together, outcomes)

    @staticmethod
    def _tell(together: list[_Waiting], outcomes: list[Outcome]) -> None:
        for each, outcome in zip(together, outcomes, strict=True):
            if not each.outcome.done():  # it is when its sender has gone away
                each.outcome.set_result(outcome)


def _ended() -> Exception:
    return RuntimeError("the hub was stopped")
