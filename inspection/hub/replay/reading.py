"""Replays and their items as they are shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.bundles import registry
from inspection.hub.bundles.identity import Kind
from inspection.hub.inspections.tables import inspection_images
from inspection.hub.lineage.sources import shipped
from inspection.hub.replay import asking
from inspection.hub.replay.schemas import Replay, ReplayItem, ReplayItems
from inspection.hub.replay.tables import replay_items, replays

NEWEST = 50


def one(connection: Connection, merchant_id: UUID, replay_id: UUID) -> Replay:
    """One replay.

    Raises:
        Problem: ``replay.unknown``.
    """
    return _shown(connection, asking.find(connection, merchant_id, replay_id))


def newest(connection: Connection, merchant_id: UUID) -> list[Replay]:
    """The newest 50."""
    query = sa.select(replays).where(replays.c.merchant_id == merchant_id)
    rows = connection.execute(query.order_by(replays.c.asked_at.desc(), replays.c.id).limit(NEWEST)).all()
    return [_shown(connection, row) for row in rows]


def items(
    connection: Connection, merchant_id: UUID, replay_id: UUID, outcome: str | None, *, after: int, limit: int
) -> ReplayItems:
    """A page of what is done.

    Raises:
        Problem: ``replay.unknown``.
    """
    asking.find(connection, merchant_id, replay_id)
    table = replay_items
    query = sa.select(table).where(
        table.c.merchant_id == merchant_id, table.c.replay_id == replay_id, table.c.position > after
    )
    query = query.where(table.c.outcome == outcome if outcome is not None else table.c.outcome.is_not(None))
    rows = connection.execute(query.order_by(table.c.position).limit(limit + 1)).all()
    shown = [ReplayItem.model_validate(row, from_attributes=True) for row in rows[:limit]]
    return ReplayItems(items=shown, next_after=shown[-1].position if len(rows) > limit else None)


def pictures(connection: Connection, merchant_id: UUID, shown: list[ReplayItem]) -> dict[UUID, dict[str, str]]:
    """Hashes of the items' pictures by inspection and view."""
    named = inspection_images
    keys = [(each.inspection_id, each.revision) for each in shown]
    query = sa.select(named.c.inspection_id, named.c.view, named.c.sha256).where(
        named.c.merchant_id == merchant_id, sa.tuple_(named.c.inspection_id, named.c.revision).in_(keys)
    )
    found: dict[UUID, dict[str, str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.inspection_id, {})[row.view] = row.sha256
    return found


def bundle_choices(connection: Connection, merchant_id: UUID) -> list[str]:
    """Ids of the models that can be asked about, the newest first, then the one that comes with the software."""
    found = [row.bundle_id for row in registry.list(connection, merchant_id, Kind.BUNDLE)]
    ours = shipped()
    return [*found, *([ours.bundle_id] if ours is not None and ours.bundle_id not in found else [])]


def _shown(connection: Connection, row: Row[Any]) -> Replay:
    counts = asking.progress(connection, row.merchant_id, row.id)
    bundle = row.bundle.rsplit("/", 1)[-1] if row.bundle is not None else None  # a folder's name tells enough
    said = {name: getattr(row, name) for name in Replay.model_fields if hasattr(row, name)}
    said |= {"bundle": bundle, "done": sum(counts.values()), "changed": counts["changed"], "skipped": counts["skipped"]}
    return Replay(**said)
