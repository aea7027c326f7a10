"""What the log says of reports and pictures, compared with the rows and bytes that are stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.evidence import evidence_hash, sha256_hex
from inspection.hub.evidence.entering import RECORD_SHA256
from inspection.hub.evidence.tables import entries
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.problems import Problem
from inspection.ledger.leaves import moment

Difference = tuple[str, str]
"""Which thing, and what is wrong with it."""


class VerdictRows:
    """Rows of ``inspections`` and ``inspection_images``."""

    def __init__(self, connection: Connection, merchant_id: UUID) -> None:
        self._connection, self._merchant_id = connection, merchant_id

    def differences(self, said: Sequence[dict[str, Any]], _: ImageStore | None) -> Iterator[Difference]:
        """Compare the rows with what leaves say of them."""
        ids = {UUID(facts["inspection_id"]) for facts in said}
        rows, views = self._rows(ids), self._views(ids)
        for facts in said:
            key = (UUID(facts["inspection_id"]), facts["revision"])
            thing = f"inspection {key[0]} revision {key[1]}"
            if key not in rows:
                yield thing, "is in the log, and its row is gone"
                continue
            for says in [*_of_leaf(rows[key], facts), *_of_report(rows[key])]:
                yield thing, says
            named = [(place, each["view"], each["sha256"]) for place, each in enumerate(rows[key].report["pictures"])]
            if views.get(key, []) != named:
                yield thing, "inspection_images does not name the pictures of its report"

    def not_entered(self) -> Iterator[str]:
        """Rows that the log does not speak of."""
        table = inspections
        subject = sa.func.concat("verdict/", sa.cast(table.c.inspection_id, sa.Text), "/", table.c.revision)
        query = sa.select(table.c.inspection_id, table.c.revision).where(
            table.c.merchant_id == self._merchant_id, ~_entered(self._merchant_id, subject)
        )
        for row in self._connection.execute(query):
            yield f"inspection {row.inspection_id} revision {row.revision}"

    def _rows(self, ids: set[UUID]) -> dict[tuple[UUID, int], Row[Any]]:
        table = inspections
        query = sa.select(
            *table.c, RECORD_SHA256.label("record_sha256"), sa.cast(table.c.report, sa.Text).label("report_text")
        ).where(table.c.merchant_id == self._merchant_id, table.c.inspection_id.in_(ids))
        return {(row.inspection_id, row.revision): row for row in self._connection.execute(query)}

    def _views(self, ids: set[UUID]) -> dict[tuple[UUID, int], list[tuple[int, str, str]]]:
        table = inspection_images
        mine = sa.and_(table.c.merchant_id == self._merchant_id, table.c.inspection_id.in_(ids))
        found: dict[tuple[UUID, int], list[tuple[int, str, str]]] = {}
        for row in self._connection.execute(sa.select(table).where(mine).order_by(table.c.position)):
            found.setdefault((row.inspection_id, row.revision), []).append((row.position, row.view, row.sha256))
        return found


class PictureRows:
    """Rows of ``images``, and the pictures themselves."""

    def __init__(self, connection: Connection, merchant_id: UUID) -> None:
        self._connection, self._merchant_id = connection, merchant_id

    def differences(self, said: Sequence[dict[str, Any]], store: ImageStore | None) -> Iterator[Difference]:
        """Compare the rows, and with a store the bytes, with what leaves say of them."""
        hashes = [facts["sha256"] for facts in said]
        mine = sa.and_(images.c.merchant_id == self._merchant_id, images.c.sha256.in_(hashes))
        rows = {row.sha256: row for row in self._connection.execute(sa.select(images).where(mine))}
        for facts in said:
            thing = f"picture {facts['sha256']}"
            row = rows.get(facts["sha256"])
            if row is None:
                yield thing, "is in the log, and its row is gone"
            else:
                for name in ("size_bytes", "media_type", "width", "height"):
                    yield from _difference(thing, name, getattr(row, name), facts[name])
                yield from _difference(thing, "received_at", moment(row.received_at), facts["received_at"])
            if store is not None:
                yield from self._bytes(thing, facts["sha256"], store)

    def not_entered(self) -> Iterator[str]:
        """Rows that the log does not speak of."""
        subject = sa.func.concat("picture/", images.c.sha256)
        query = sa.select(images.c.sha256).where(
            images.c.merchant_id == self._merchant_id, ~_entered(self._merchant_id, subject)
        )
        for sha256 in self._connection.execute(query).scalars():
            yield f"picture {sha256}"

    def _bytes(self, thing: str, sha256: str, store: ImageStore) -> Iterator[Difference]:
        try:
            content = store.get(self._merchant_id, sha256)
        except Problem as problem:
            yield thing, f"its bytes cannot be read: {problem.detail}"
            return
        if sha256_hex(content) != sha256:
            yield thing, f"its {len(content)} bytes have another hash"


def _of_leaf(row: Row[Any], facts: dict[str, Any]) -> Iterator[str]:
    """What is not as it was entered."""
    if row.record_sha256 != facts["record_sha256"]:
        yield "the stored report is not the one that was entered"
    for name, value in (
        ("evidence_hash", row.evidence_hash),
        ("received_at", moment(row.received_at)),
        ("received_via", str(row.received_via)),
    ):
        if value != facts[name]:
            yield f"{name} is {value}, and was entered as {facts[name]}"
    if "clock_offset_s" in facts and _spelt(row.clock_offset_s) != _spelt(facts["clock_offset_s"]):
        yield f"clock_offset_s is {row.clock_offset_s}, and was entered as {facts['clock_offset_s']}"


def _spelt(number: float | None) -> str:
    """With every bit, that of a zero's sign included."""
    return "" if number is None else float(number).hex()


def _of_report(row: Row[Any]) -> Iterator[str]:
    """What is not as the row's own report says."""
    report = row.report
    if evidence_hash(json.loads(row.report_text)) != row.evidence_hash:
        yield "the stored report has another evidence hash"
    item, verdict = report["item"], report["verdict"]
    for name, said in (
        ("station_id", report["station_id"]),
        ("rma", report.get("rma")),
        ("gtin", item.get("gtin")),
        ("serial", item.get("serial")),
        ("epc", item.get("epc_uri")),
        ("disposition", verdict["disposition"]),
        ("grade", verdict.get("grade")),
        ("decided_by", verdict["decided_by"]),
        ("confirmed_at", datetime.fromisoformat(report["confirmed_at"])),
    ):
        if getattr(row, name) != said:
            yield f"{name} is {getattr(row, name)}, its report says {said}"


def _difference(thing: str, name: str, found: object, entered: object) -> Iterator[Difference]:
    if found != entered:
        yield thing, f"{name} is {found}, and was entered as {entered}"


def _entered(merchant_id: UUID, subject: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.exists().where(entries.c.merchant_id == merchant_id, entries.c.subject == subject)
