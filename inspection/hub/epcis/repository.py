"""Storing events: each once, with what can be asked of it; and the captures they came with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection

from inspection.hub.epcis.documents import Candidate
from inspection.hub.epcis.facts import Described, describe, identifier
from inspection.hub.epcis.formats import company_prefix
from inspection.hub.epcis.tables import epcis_events, epcis_master_data

CAPTURE_LOCK = 0x6570636973  # "epcis"

# As text with one parameter for all rows: an insert that SQLAlchemy builds anew takes longer to build than to run.
_INSERT_EVENTS = sa.text(
    """
    INSERT INTO epcis_events (merchant_id, event_id, variant, content_hash, event_type, event_time, action,
        biz_step, disposition, read_point, biz_location, declared_at, epcs, facts, context, event)
    SELECT :merchant_id, row.* FROM jsonb_to_recordset(:rows) AS row (event_id text, variant text,
        content_hash text, event_type text, event_time timestamptz, action text, biz_step text, disposition text,
        read_point text, biz_location text, declared_at timestamptz, epcs text[], facts jsonb, context jsonb,
        event jsonb)
    ON CONFLICT DO NOTHING RETURNING event_id, variant, seq, content_hash
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("rows", type_=JSONB))
_INSERT_NAMES = sa.text(
    """
    INSERT INTO epcis_names (merchant_id, kind, name, shown)
    SELECT :merchant_id, row.* FROM jsonb_to_recordset(:rows) AS row (kind text, name text, shown text)
    ON CONFLICT DO NOTHING
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("rows", type_=JSONB))


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one candidate.

    Attributes:
        seq: its row; ``None`` when another event has its id.
        new: whether the row was written now.
    """

    event_id: str
    seq: int | None
    new: bool


def serialise_captures(connection: Connection, merchant_id: UUID) -> None:
    """Let one capture of a merchant wait for another, so that two with the same events cannot block each other."""
    lock = sa.func.pg_advisory_xact_lock(sa.literal(CAPTURE_LOCK ^ (merchant_id.int & 0x7FFFFFFFFFFF), sa.BigInteger))
    connection.execute(sa.select(lock))


def store(connection: Connection, merchant_id: UUID, candidates: Sequence[Candidate]) -> list[Stored]:
    """Store checked events in their order; one that is there already stays as it is.

    Two events are the same when their ids, their CBV 2.0 hashes and their error declarations are.
    """
    if not candidates:
        return []
    described = [describe(candidate.event, candidate.context) for candidate in candidates]
    rows = [_row(candidate, columns) for candidate, columns in zip(candidates, described, strict=True)]
    inserted = _insert(connection, merchant_id, rows)
    _note_names(connection, merchant_id, candidates, described)
    missing = [row for row in rows if _key(row) not in inserted]
    there = _found(connection, merchant_id, [row["event_id"] for row in missing]) if missing else {}
    told: list[Stored] = []
    seen: set[tuple[str, str]] = set()
    for row in rows:
        key = _key(row)
        seq, content_hash = inserted.get(key) or there[key]
        same = content_hash == row["content_hash"]
        told.append(Stored(row["event_id"], seq if same else None, same and key in inserted and key not in seen))
        seen.add(key)
    return told


def note_master_data(connection: Connection, merchant_id: UUID, frame: Mapping[str, Any]) -> None:
    """Keep the master data of a document's header; an element captured later takes the place of an earlier one."""
    header = frame.get("epcisHeader", {}).get("epcisMasterData", {})
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for vocabulary in header.get("vocabularyList", []):
        for element in vocabulary.get("vocabularyElementList", []):
            name = identifier(element["id"])
            rows[vocabulary["type"], name] = {
                "merchant_id": merchant_id,
                "vocabulary": vocabulary["type"],
                "name": name,
                "element": element,
                "children": [identifier(child) for child in element.get("children", [])],
            }
    if not rows:
        return
    statement = postgresql.insert(epcis_master_data).values([rows[key] for key in sorted(rows)])
    changed = {name: statement.excluded[name] for name in ("element", "children", "captured_at")}
    key = ["merchant_id", "vocabulary", "name"]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def _row(candidate: Candidate, columns: Described) -> dict[str, Any]:
    return {
        "event_id": candidate.event_id,
        "variant": _variant(candidate),
        "content_hash": candidate.content_hash,
        "event_type": columns.event_type,
        "event_time": columns.event_time.isoformat(),
        "action": columns.action,
        "biz_step": columns.biz_step,
        "disposition": columns.disposition,
        "read_point": columns.read_point,
        "biz_location": columns.biz_location,
        "declared_at": columns.declared_at and columns.declared_at.isoformat(),
        "epcs": columns.epcs,
        "facts": columns.facts,
        "context": candidate.outer,
        "event": candidate.event | {"eventID": candidate.event_id},
    }


def _variant(candidate: Candidate) -> str:
    """What tells events of one id apart: nothing, as a rule, so that an id belongs to one event.

    An error declaration has the id of the event that it takes back. And an id that says it is a hash, but is not the
    hash of its event, names nothing: partners whose programs hash otherwise give such an id to different events.
    """
    parts = []
    if (declaration := candidate.event.get("errorDeclaration")) is not None:
        parts.append(hashlib.sha256(json.dumps(declaration, sort_keys=True).encode()).hexdigest())
    if candidate.event_id.startswith("ni:") and candidate.event_id != candidate.content_hash:
        parts.append(candidate.content_hash)
    return " ".join(parts)


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["event_id"], row["variant"]


def _insert(
    connection: Connection, merchant_id: UUID, rows: Sequence[dict[str, Any]]
) -> dict[tuple[str, str], tuple[int, str]]:
    """Rows that were written now, by their key."""
    distinct = {_key(row): row for row in reversed(rows)}
    ordered = [row for row in rows if distinct.get(_key(row)) is row]
    made = connection.execute(_INSERT_EVENTS, {"merchant_id": merchant_id, "rows": ordered})
    return {(row.event_id, row.variant): (row.seq, row.content_hash) for row in made}


def _found(
    connection: Connection, merchant_id: UUID, event_ids: Iterable[str]
) -> dict[tuple[str, str], tuple[int, str]]:
    table = epcis_events
    query = sa.select(table.c.event_id, table.c.variant, table.c.seq, table.c.content_hash).where(
        table.c.merchant_id == merchant_id, table.c.event_id.in_(list(event_ids))
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)}


def _note_names(
    connection: Connection, merchant_id: UUID, candidates: Sequence[Candidate], described: Sequence[Described]
) -> None:
    names: dict[tuple[str, str], str] = {}
    for candidate, columns in zip(candidates, described, strict=True):
        event = candidate.event
        for canonical, written in columns.shown.items():
            names.setdefault(("epc", canonical), written)
            if company := company_prefix(written):
                names.setdefault(("company", company), company)
        for kind, name, member in (
            ("eventType", columns.event_type, event["type"]),
            ("bizStep", columns.biz_step, event.get("bizStep")),
            ("disposition", columns.disposition, event.get("disposition")),
            ("readPoint", columns.read_point, event.get("readPoint")),
            ("bizLocation", columns.biz_location, event.get("bizLocation")),
        ):
            if name is not None:
                written = member["id"] if isinstance(member, dict) else name
                names.setdefault((kind, name), written)
                if company := company_prefix(written):
                    names.setdefault(("company", company), company)
        for prefix, namespace in candidate.context.own_prefixes():
            names.setdefault(("prefix", f"{prefix} {namespace}"[:1000]), namespace)
    rows = [{"kind": kind, "name": name, "shown": shown} for (kind, name), shown in sorted(names.items())]
    connection.execute(_INSERT_NAMES, {"merchant_id": merchant_id, "rows": rows})
