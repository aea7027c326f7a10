"""Devices that were let in a moment ago, so that who reports often is not looked up for every request.

For routes whose transaction looks again whether the token still lets in (:func:`live_tokens`), and for nothing else:
what is remembered here saves a look-up, it never lets anything be stored.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from inspection.hub.accounts.hashing import digest
from inspection.hub.accounts.tokens import Caller, Kind
from inspection.hub.problems import Problem

FOR_S = 2.0
MAX_CALLERS = 10_000
DEVICES = frozenset({Kind.TOKEN, Kind.CREDENTIAL})
"""Sessions of people are looked up each time: they end when nobody uses them."""

LIVE = """
    SELECT id FROM access_tokens WHERE id = ANY(:tokens) AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > clock_timestamp())
"""
"""Which of these tokens of devices still let in."""
TOKENS = sa.bindparam("tokens", type_=ARRAY(sa.Uuid))
_LIVE = sa.text(LIVE).bindparams(TOKENS)


class Remembered:
    """Callers by the hash of what they showed; the longest unused are forgotten.

    Args:
        for_s: how long one is remembered after it was looked up.
        monotonic_s: the clock.
    """

    def __init__(self, for_s: float = FOR_S, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._for_s, self._now = for_s, monotonic_s
        self._callers: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, secret: str) -> Caller | None:
        """Who showed ``secret`` a moment ago."""
        with self._lock:
            caller, until = self._callers.get(digest(secret), (None, 0.0))
        return caller if self._now() < until else None

    def keep(self, secret: str, caller: Caller) -> None:
        """Remember a device that was just looked up; of a person nothing is kept."""
        if caller.kind not in DEVICES or caller.staff_id is not None:
            return
        name = digest(secret)
        with self._lock:
            self._callers[name] = (caller, self._now() + self._for_s)
            self._callers.move_to_end(name)
            if len(self._callers) > MAX_CALLERS:
                self._callers.popitem(last=False)


def live_tokens(connection: Connection, callers: Collection[Caller]) -> set[UUID]:
    """Tokens of these callers that let in at this moment, whatever was remembered of them."""
    return set(connection.execute(_LIVE, {"tokens": list({each.token_id for each in callers})}).scalars())


def shut_out() -> Problem:
    """What a caller is told whose token was revoked since it was remembered."""
    return Problem("token.invalid", "the token is unknown or was revoked")
