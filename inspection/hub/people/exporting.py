"""Everything the hub holds about one person's cases, as one ZIP that a person can read (GDPR article 15, PIPL 45)."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from inspection.hub.hub import Hub
from inspection.hub.inspections.tables import inspections
from inspection.hub.items.tables import item_matches
from inspection.hub.people import cases as known
from inspection.hub.people.register import PERSONAL
from inspection.hub.precheck import keeping
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import return_lines, returns
from inspection.hub.review.forgetting import rows_of

ABOUT = """This archive holds what the returns service stores about these cases.

returns.json      the cases as the shop handed them over
inspections.json  what was found and decided, every revision
matches.json      what people noted later
pictures/         the pictures, named by the SHA-256 of their bytes
labels.json       what people said of the pictures, so that a model learns from it
precheck.json     what the customer sent and was answered before the parcel travelled
precheck/         the files of it: as they came, and as they were shown; precheck.json names them under objects
register.json     which data of this kind are held at all, why, and what erasing does to them
"""


def export(hub: Hub, merchant_id: UUID, cases: list[str], target: Path) -> int:
    """Write the archive to ``target``; returns the number of pictures in it.

    Raises:
        Problem: ``store.unavailable`` when a picture cannot be read.
    """
    with hub.database.transaction() as connection:
        of = known.inspections_of(connection, merchant_id, cases)
        alone, shared = known.pictures_of(connection, merchant_id, of)
        there = known.held_pictures(connection, merchant_id, alone | shared)
        prechecks = keeping.rows_of(connection, merchant_id, cases)
        labels = rows_of(connection, merchant_id, cases)
        tables = {
            "returns": _rows(connection, returns, merchant_id, returns.c.rma.in_(cases)),
            "lines": _rows(connection, return_lines, merchant_id, return_lines.c.rma.in_(cases)),
            "inspections": _rows(connection, inspections, merchant_id, inspections.c.inspection_id.in_(of)),
            "matches": _rows(connection, item_matches, merchant_id, item_matches.c.inspection_id.in_(of)),
        }
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", ABOUT)
        archive.writestr("returns.json", _json({"returns": tables["returns"], "lines": tables["lines"]}))
        archive.writestr("inspections.json", _json(tables["inspections"]))
        archive.writestr("matches.json", _json(tables["matches"]))
        archive.writestr("labels.json", _json(labels))
        archive.writestr("register.json", _json({name: vars_of(entry) for name, entry in PERSONAL.items()}))
        for sha256 in sorted(there):
            archive.writestr(f"pictures/{sha256}", hub.images.get(merchant_id, sha256), zipfile.ZIP_STORED)
        archive.writestr("precheck.json", _json(prechecks))
        for sent in prechecks["objects"]:
            content = keeping.get(hub.images, merchant_id, sent["sha256"])
            archive.writestr(f"precheck/{sent['sha256']}", content, zipfile.ZIP_STORED)
    return len(there) + len(prechecks["objects"])


def vars_of(entry: object) -> dict[str, str]:
    """The members of one entry of the register."""
    return {name: str(getattr(entry, name)) for name in ("what", "subject", "why", "ending")}


def _rows(
    connection: sa.Connection, table: sa.Table, merchant_id: UUID, which: sa.ColumnElement[bool]
) -> list[dict[str, Any]]:
    hidden = {"merchant_id", "received_via", "content_sha256"}
    shown = [column for column in table.c if column.name not in hidden]
    query = sa.select(*shown).where(table.c.merchant_id == merchant_id, which).order_by(*table.primary_key.columns)
    return [dict(row) for row in connection.execute(query).mappings()]


def _json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, indent=2, default=str).encode()
    except ValueError:
        raise Problem("internal", "a stored value has no JSON form") from None
