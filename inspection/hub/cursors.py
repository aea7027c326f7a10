"""Opaque cursors for lists that are read newest first."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from uuid import UUID

from inspection.hub.problems import Problem


def encode_cursor(moment: datetime, key: UUID | str) -> str:
    """The place after the row of this moment and key."""
    raw = json.dumps([moment.isoformat(), str(key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The row before the place, where keys are UUIDs.

    Raises:
        Problem: ``request.cursor``.
    """
    moment, key = decode_place(cursor)
    try:
        return moment, UUID(key)
    except ValueError:
        raise _not_ours() from None


def decode_place(cursor: str) -> tuple[datetime, str]:
    """The row before the place, where keys are texts.

    Raises:
        Problem: ``request.cursor``.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        moment, key = json.loads(raw)
        if not isinstance(key, str) or "\0" in key:
            raise _not_ours()
        return datetime.fromisoformat(moment).astimezone(UTC), key
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _not_ours() from None


def _not_ours() -> Problem:
    return Problem("request.cursor", "use next_cursor of the page before, unchanged")
