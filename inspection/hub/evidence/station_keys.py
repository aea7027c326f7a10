"""Keys with which stations sign their records. What the hub knows of a key are entries of the log, never overwritten.

A key is *trusted* when it came in the first signed report of its station, delivered with a token that stands for this
very station, or when a person says so. Any other key is *recorded*: its reports are kept, and said not to be trusted.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.accounts.tokens import Caller
from inspection.hub.evidence.entering import Signed, enter
from inspection.hub.evidence.tables import entries
from inspection.ledger import leaves
from inspection.ledger.leaves import new_leaf
from inspection.report import InspectionReport

LOCK = 0x6B657973  # "keys"


class KeyState(StrEnum):
    """What the hub can come to think of a key; the furthest of them counts."""

    RECORDED = "recorded"
    TRUSTED = "trusted"
    REVOKED = "revoked"


def examine(connection: Connection, caller: Caller, report: InspectionReport) -> Signed:
    """Make the key of a report known, whose signature was verified."""
    if report.signature is None:
        return Signed()
    key, station_id = report.signature.public_key, report.station_id
    states = _states(connection, caller.merchant_id, station_id, key)
    if not states:
        states = _meet(connection, caller, station_id, key)
    return Signed(key, KeyState.TRUSTED in states and KeyState.REVOKED not in states)


def decide(connection: Connection, merchant_id: UUID, station_id: str, key: str, state: KeyState) -> bool:
    """Enter what a person decided about a key; whether that was new. A revoked key is never trusted again."""
    return enter(connection, merchant_id, [new_leaf(leaves.station_key(station_id, key, state))]) > 0


def known(connection: Connection, merchant_id: UUID, station_id: str | None = None) -> dict[tuple[str, str], KeyState]:
    """State of every key by station and key, of one station or of all."""
    prefix = "station_key" if station_id is None else f"station_key/{station_id}"
    # "0" comes after "/": a range that the index on subjects, ordered by bytes, answers.
    query = sa.select(entries.c.leaf, entries.c.salt).where(
        entries.c.merchant_id == merchant_id, entries.c.subject > f"{prefix}/", entries.c.subject < f"{prefix}0"
    )
    found: dict[tuple[str, str], KeyState] = {}
    order = list(KeyState)
    for row in connection.execute(query):
        facts = leaves.Leaf(row.salt, row.leaf).facts
        place, state = (facts["station_id"], facts["public_key"]), KeyState(facts["state"])
        found[place] = max(found.get(place, state), state, key=order.index)
    return found


def _states(connection: Connection, merchant_id: UUID, station_id: str, key: str) -> set[KeyState]:
    subjects = {leaves.subject_of(leaves.station_key(station_id, key, state)): state for state in KeyState}
    query = sa.select(entries.c.subject).where(
        entries.c.merchant_id == merchant_id, entries.c.subject.in_(list(subjects))
    )
    return {subjects[subject] for subject in connection.execute(query).scalars() if subject}


def _meet(connection: Connection, caller: Caller, station_id: str, key: str) -> set[KeyState]:
    """Enter a key that is new to the station; of several first keys that come at once, one is the first."""
    place = f"{caller.merchant_id}/{station_id}"
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK, sa.func.hashtext(place))))
    first = not known(connection, caller.merchant_id, station_id)
    states = {KeyState.RECORDED}
    if first and caller.station_id == station_id:
        states.add(KeyState.TRUSTED)
    enter(
        connection,
        caller.merchant_id,
        [new_leaf(leaves.station_key(station_id, key, state)) for state in sorted(states)],
    )
    return _states(connection, caller.merchant_id, station_id, key)
