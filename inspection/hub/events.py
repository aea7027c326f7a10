"""The append-only record of what happened, written in the transaction that made it happen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Connection

from inspection.hub.tables import events


class EventKind(StrEnum):
    """What can happen."""

    RETURN_CREATED = "return_created"
    RETURN_RECEIVED = "return_received"
    INSPECTION_CONFIRMED = "inspection_confirmed"
    INSPECTION_CORRECTED = "inspection_corrected"
    IMAGE_RECEIVED = "image_received"
    ITEM_MATCHED = "item_matched"
    STATION_CLOCK = "station_clock"
    PERSON_ERASED = "person_erased"
    PRECHECK_OPENED = "precheck_opened"
    PRECHECK_RECEIVED = "precheck_received"
    PRECHECK_ANSWERED = "precheck_answered"
    PRECHECK_PERSON_ASKED = "precheck_person_asked"
    PRECHECK_LINK_REVOKED = "precheck_link_revoked"


def record(connection: Connection, merchant_id: UUID, kind: EventKind, subject: str, payload: dict[str, Any]) -> None:
    """Add one event.

    Args:
        connection: the transaction that causes the event.
        merchant_id: whose it is.
        kind: what happened.
        subject: to what: an inspection id, an RMA, a picture's hash.
        payload: JSON values that a later reader needs to act on the event without a look-up.
    """
    record_all(connection, merchant_id, kind, {subject: payload})


def record_all(
    connection: Connection, merchant_id: UUID, kind: EventKind, payloads: Mapping[str, dict[str, Any]]
) -> None:
    """Add one event for each subject; see :func:`record`."""
    rows = [
        {"merchant_id": merchant_id, "kind": kind.value, "subject": subject, "payload": payload}
        for subject, payload in payloads.items()
    ]
    if rows:
        connection.execute(events.insert(), rows)
