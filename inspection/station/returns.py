"""What the customer was to send back: asked of the hub for a scanned RMA label, and never waited for long."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import structlog

from inspection.item import Item
from inspection.station.hub_client import HubClient

CACHE_SIZE = 2000
T = TypeVar("T")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """One line of a return: what was sold."""

    gtin: str | None
    serial: str | None


@dataclass(frozen=True, slots=True)
class ExpectedReturn:
    """The lines of one return, in the order of the case."""

    rma: str
    lines: tuple[ReturnLine, ...]

    def line_for(self, item: Item) -> ReturnLine | None:
        """The line this item should be compared with; ``None`` when the return says nothing.

        The line that fits best: same GTIN and serial, then same GTIN, then the first: an item that fits none differs.
        """
        if not self.lines:
            return None
        return max(
            self.lines,
            key=lambda line: (
                line.gtin is not None and line.gtin == item.gtin,
                line.serial is not None and line.serial == item.serial,
            ),
        )


def parse_return(rma: str, body: Mapping[str, Any]) -> ExpectedReturn:
    """The hub's answer; a line without a valid GTIN or serial counts as not knowing it."""
    lines = body.get("lines")
    found = [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
    return ExpectedReturn(rma, tuple(ReturnLine(_text(line.get("gtin")), _text(line.get("serial"))) for line in found))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


class Returns:
    """Looks returns up in the background and remembers them.

    Args:
        client: the hub; ``None`` knows nothing.
        timeout_s: how long an inspection waits for an answer at most.
        fresh_s: how long a remembered answer is not asked for again; an older one still serves when the hub is away.
        again_s: how long an RMA without an answer is not asked for again, so that a hub that is away costs no time.
    """

    def __init__(
        self, client: HubClient | None, *, timeout_s: float = 0.3, fresh_s: float = 900.0, again_s: float = 30.0
    ) -> None:
        self._client, self._timeout_s, self._fresh_s, self._again_s = client, timeout_s, fresh_s, again_s
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="returns")
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, tuple[float, ExpectedReturn]] = OrderedDict()
        self._failed: OrderedDict[str, float] = OrderedDict()
        self._asked: dict[str, Future[ExpectedReturn | None]] = {}

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def ask(self, rma: str) -> None:
        """Begin looking ``rma`` up, so that the answer is there when it is needed."""
        client = self._client
        if client is None:
            return
        with self._lock:
            now, cached = time.monotonic(), self._cache.get(rma)
            fresh = cached is not None and now - cached[0] < self._fresh_s
            if fresh or rma in self._asked or now - self._failed.get(rma, -self._again_s) < self._again_s:
                return
            self._asked[rma] = self._pool.submit(self._look_up, client, rma)

    def expected(self, rma: str) -> ExpectedReturn | None:
        """What is known of ``rma`` within the time allowed; ``None`` when the hub is away or does not know it."""
        self.ask(rma)
        with self._lock:
            future = self._asked.get(rma)
        if future is not None:
            try:
                future.result(self._timeout_s)
            except FutureTimeout:
                log.warning("return_unknown", rma=rma, reason="timeout")
        with self._lock:
            cached = self._cache.get(rma)
        return None if cached is None else cached[1]

    def _look_up(self, client: HubClient, rma: str) -> ExpectedReturn | None:
        try:
            body = client.get_return(rma, self._timeout_s)
            found = None if body is None else parse_return(rma, body)
        except httpx2.HTTPError as error:
            log.warning("return_unknown", rma=rma, reason=type(error).__name__)
            found = None
        with self._lock:
            self._asked.pop(rma, None)
            if found is None:
                _remember(self._failed, rma, time.monotonic())
            else:
                _remember(self._cache, rma, (time.monotonic(), found))
        return found


def _remember(memory: OrderedDict[str, T], rma: str, value: T) -> None:
    memory[rma] = value
    memory.move_to_end(rma)
    while len(memory) > CACHE_SIZE:
        memory.popitem(last=False)
