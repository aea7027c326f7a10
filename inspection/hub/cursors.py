"""Opaque cursors for lists that are read newest first."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from uuid import UUID

from inspection.hub.problems import Problem


def encode_cursor(received_at: datetime, inspection_id: UUID) -> str:
    """The place after this row."""
    raw = json.dumps([received_at.isoformat(), str(inspection_id)], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, UUID]:
    """The row before the place.

    Raises:
        Problem: ``request.cursor``.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        received_at, inspection_id = json.loads(raw)
        return datetime.fromisoformat(received_at).astimezone(UTC), UUID(inspection_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise Problem("request.cursor", "use next_cursor of the page before, unchanged") from None
