"""What the customer's pictures showed and what was answered: asked of the hub in the background, never waited for.

It is shown beside the item and plays no part in the verdict. A hub that is away, or knows nothing, shows nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog

from inspection.station.hub_client import HubClient
from inspection.station.snapshot import ShownPrecheck

CACHE_SIZE = 500
MAX_DEFECTS = 5
PERSON = "person"
_CODE = re.compile(r"\A[a-z][a-z_]{0,31}\Z")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    """The last answer about one return, and until when, by the monotonic clock, it is not asked for again."""

    shown: ShownPrecheck | None
    until: float


def parse_precheck(body: Mapping[str, Any]) -> ShownPrecheck | None:
    """The hub's answer as it is shown; ``None`` while neither machine nor person has said anything."""
    defects = body.get("defects")
    outcome, decision = _code(body.get("outcome")), _code(body.get("decision"))
    if outcome is None and body.get("state") == "with_person":
        outcome = PERSON
    if outcome is None and decision is None:
        return None
    named = [_code(each) for each in defects[:MAX_DEFECTS]] if isinstance(defects, list) else []
    return ShownPrecheck(outcome=outcome, defects=tuple(each for each in named if each), decision=decision)


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and _CODE.match(value) else None


class Prechecks:
    """Looks pre-checks up and remembers them.

    Args:
        client: the hub, these look-ups' own; ``None`` knows nothing.
        timeout_s: how long one look-up may take; nothing waits for it.
        fresh_s: how long an answer is not asked for again: a person may decide while the item lies on the table.
        again_s: how long a hub that did not answer is left alone.
    """

    def __init__(
        self, client: HubClient | None, *, timeout_s: float = 3.0, fresh_s: float = 60.0, again_s: float = 30.0
    ) -> None:
        self._client, self._timeout_s, self._fresh_s, self._again_s = client, timeout_s, fresh_s, again_s
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prechecks")
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asked: set[str] = set()
        self._away_until = float("-inf")
        self._closed = False
        self._on_change: Callable[[], None] = lambda: None

    def watch(self, on_change: Callable[[], None]) -> None:
        """Have ``on_change`` called, from a thread of this object's, when there is something else to be shown."""
        self._on_change = on_change

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def known(self, rma: str) -> ShownPrecheck | None:
        """What is known now; returns at once, and has it looked up when that is due."""
        with self._lock:
            known, now = self._known.get(rma), time.monotonic()
            due = known is None or now >= known.until
            if due and self._may_ask(rma, now):
                self._asked.add(rma)
                self._pool.submit(self._look_up, rma)
        return None if known is None else known.shown

    def _may_ask(self, rma: str, now: float) -> bool:
        return self._client is not None and not self._closed and rma not in self._asked and now >= self._away_until

    def _look_up(self, rma: str) -> None:
        shown, away = None, True
        try:
            body = self._client.get_precheck(rma, self._timeout_s) if self._client is not None else None
            shown, away = None if body is None else parse_precheck(body), False
        except httpx2.HTTPError as error:
            log.info("precheck_unknown", rma=rma, reason=type(error).__name__)
        except Exception:
            if not self._closed:  # a client that is closed under a request says so in many ways
                log.exception("precheck_failed", rma=rma)
        with self._lock:
            self._asked.discard(rma)
            before = self._known.get(rma)
            if away:
                self._away_until = time.monotonic() + self._again_s
                return
            self._known[rma] = _Known(shown, time.monotonic() + self._fresh_s)
            self._known.move_to_end(rma)
            while len(self._known) > CACHE_SIZE:
                self._known.popitem(last=False)
            told = not self._closed and shown != (None if before is None else before.shown)
        if told:
            self._on_change()
