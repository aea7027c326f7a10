"""What a subscription asks for: its request's body, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from inspection.hub.connectors.contract import DeliveryProblem
from inspection.hub.connectors.guard import Guard
from inspection.hub.epcis.subscriptions.schedule import Schedule, read_schedule, refused

MEMBERS = {"dest", "signatureToken", "stream", "schedule", "reportIfEmpty", "initialRecordTime", "@context"}
MAX_DEST = 2000
MIN_TOKEN, MAX_TOKEN = 16, 512
CONTROLS = ("orderBy", "orderDirection", "eventCountLimit", "maxEventCount", "perPage", "nextPageToken")
"""Parameters that a query with subscriptions must not have (EPCIS 2.0, 8.2.5)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription that can be made.

    Attributes:
        token: what messages are signed with; ``None`` leaves them unsigned.
        schedule: with ``spelled`` as it was asked for; ``None`` for a stream.
    """

    dest: str
    token: str | None
    schedule: Schedule | None
    spelled: Mapping[str, Any] | None
    report_if_empty: bool
    initial_record_time: datetime | None


def read_body(value: Any, guard: Guard) -> Asked:
    """What the body asks for; its destination is one that may be asked at all.

    Raises:
        Problem: ``epcis.query`` as ``SubscriptionControlsException``.
    """
    if not isinstance(value, dict):
        raise refused("", "must be an object with dest, and stream or schedule")
    for name in value:
        if name not in MEMBERS:
            raise refused(str(name)[:80], "no member of a subscription")
    stream, spelled = value.get("stream", False), value.get("schedule")
    if not isinstance(stream, bool) or stream is (spelled is not None):
        raise refused("stream", "give either stream, which is true, or a schedule")
    empty = value.get("reportIfEmpty", False)
    if not isinstance(empty, bool) or (empty and stream):
        raise refused("reportIfEmpty", "must be true or false, and belongs to a schedule")
    return Asked(
        dest=_dest(value.get("dest"), guard),
        token=_token(value.get("signatureToken")),
        schedule=None if spelled is None else read_schedule(spelled),
        spelled=spelled,
        report_if_empty=empty,
        initial_record_time=_moment(value.get("initialRecordTime")),
    )


def refuse_controls(query: Mapping[str, Any]) -> None:
    """A query that counts or orders its answer cannot be told piece by piece.

    Raises:
        Problem: see :func:`read_body`.
    """
    for name in CONTROLS:
        if name in query:
            raise refused(name, "a query with this parameter cannot be subscribed to")


def _dest(value: Any, guard: Guard) -> str:
    fits = isinstance(value, str) and value.isascii() and value.isprintable() and " " not in value
    if not fits or len(value) > MAX_DEST or "#" in value:
        raise refused("dest", f"must be a URL of at most {MAX_DEST} characters, without fragment")
    try:
        guard.check_url(value)
        host = urlsplit(value).hostname or ""
        guard.addresses(host, urlsplit(value).port or 443)
    except DeliveryProblem as problem:
        raise refused("dest", problem.one_line()) from None
    except ValueError:
        raise refused("dest", "is no URL") from None
    return str(value)


def _token(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not MIN_TOKEN <= len(value) <= MAX_TOKEN or not value.isascii():
        raise refused("signatureToken", f"must be {MIN_TOKEN} to {MAX_TOKEN} ASCII characters")
    return value


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        moment = found.astimezone(UTC) if found.tzinfo is not None else None
    except (TypeError, ValueError, OverflowError):
        moment = None
    if moment is None:
        raise refused("initialRecordTime", "must be a time with its offset, such as 2026-11-22T08:00:00Z")
    return moment
