"""The append-only record of what happened, written in the transaction that made it happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection


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
    EPCIS_STORED = "epcis_stored"
    EPCIS_QUERY_DUE = "epcis_query_due"
    PRECHECK_OPENED = "precheck_opened"
    PRECHECK_RECEIVED = "precheck_received"
    PRECHECK_ANSWERED = "precheck_answered"
    PRECHECK_PERSON_ASKED = "precheck_person_asked"
    PRECHECK_LINK_REVOKED = "precheck_link_revoked"
    PRECHECK_CHALLENGED = "precheck_challenged"
    PRECHECK_DECIDED = "precheck_decided"
    DRIFT_ALARMED = "drift_alarmed"
    DRIFT_CLOSED = "drift_closed"
    LABEL_ACCEPTED = "label_accepted"
    LABEL_WITHDRAWN = "label_withdrawn"
    DATASET_MADE = "dataset_made"
    TRAINING_ASKED = "training_asked"
    TRAINING_ENDED = "training_ended"
    BUNDLE_PUBLISHED = "bundle_published"
    BUNDLE_WITHDRAWN = "bundle_withdrawn"
    BUNDLE_GATED = "bundle_gated"
    GATE_EXCEPTED = "gate_excepted"
    BUNDLE_ROLLED_OUT = "bundle_rolled_out"
    BUNDLE_ROLLED_BACK = "bundle_rolled_back"


Happened = tuple[EventKind, str, dict[str, Any]]
"""What happened, to what, and the payload."""

# As text with one parameter for all rows: an insert that SQLAlchemy builds anew takes longer to build than to run.
_INSERT = sa.text(
    """
    INSERT INTO events (merchant_id, kind, subject, payload)
    SELECT :merchant_id, row.* FROM jsonb_to_recordset(:rows) AS row (kind text, subject text, payload jsonb)
    ON CONFLICT (merchant_id, subject) WHERE kind = 'return_received' DO NOTHING
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("rows", type_=JSONB))


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
    record_each(connection, merchant_id, [(kind, subject, payload) for subject, payload in payloads.items()])


def record_each(connection: Connection, merchant_id: UUID, happened: Sequence[Happened]) -> None:
    """Add events of any kinds, in their order; see :func:`record`. A return is received once, so that is told once."""
    rows = [{"kind": kind.value, "subject": subject, "payload": payload} for kind, subject, payload in happened]
    if rows:
        connection.execute(_INSERT, {"merchant_id": merchant_id, "rows": rows})
