"""How the hub is doing: counts, health, readiness, metrics."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from inspection.hub.accounts.roles import Permission, allowed, openly
from inspection.hub.accounts.tokens import Caller
from inspection.hub.errors import DatabaseUnavailable, SchemaOutdated
from inspection.hub.hub import CurrentHub
from inspection.hub.images.tables import images
from inspection.hub.inspections.reading import NEWEST
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.problems import Problem, documented
from inspection.hub.returns.tables import returns
from inspection.hub.tables import events
from inspection.verdict import Disposition

router = APIRouter(tags=["operations"])
Counter = Annotated[Caller, Depends(allowed(Permission.STATS_READ))]


class Stats(BaseModel):
    """What the hub holds of the caller's merchant."""

    inspections: int = Field(description="inspections, each counted once")
    revisions: int = Field(description="reports, corrections included")
    dispositions: dict[Disposition, int] = Field(description="of the newest revisions")
    images: int
    images_missing: int = Field(description="pictures that a report names and that have not come yet")
    returns: int
    events: int


class Health(BaseModel):
    """A yes."""

    status: str = "ok"


@router.get(
    "/v1/stats",
    summary="Counts",
    responses=documented("token.missing", "token.invalid", "token.scope", "database.unavailable", "internal"),
)
def get_stats(hub: CurrentHub, caller: Counter) -> Stats:
    """Exact, not estimated."""
    with hub.database.transaction() as connection:
        return _stats(connection, caller.merchant_id)


@router.get(
    "/healthz", summary="Whether the process runs", dependencies=[openly("a supervisor of processes has no token")]
)
def healthz() -> Health:
    """Asks nothing of the database: a hub whose database is gone must not be restarted for it."""
    return Health()


@router.get(
    "/readyz",
    summary="Whether requests can be served",
    responses=documented("database.unavailable"),
    dependencies=[openly("a load balancer has no token")],
)
def readyz(hub: CurrentHub) -> Health:
    """Whether the database answers and has this program's schema."""
    try:
        hub.database.check()
    except (DatabaseUnavailable, SchemaOutdated) as error:
        raise Problem("database.unavailable", error.code) from None
    return Health()


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    dependencies=[openly("counts without names; keep it inside with the proxy")],
)
def metrics(hub: CurrentHub) -> Response:
    """Counts without names; each metric says what it means."""
    return Response(hub.metrics.exposition(), media_type=hub.metrics.media_type)


def _stats(connection: Connection, merchant_id: UUID) -> Stats:
    def count(table: sa.Table) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(table.c.merchant_id == merchant_id)
        found: int = connection.execute(query).scalar_one()
        return found

    by_disposition = (
        sa.select(inspections.c.disposition, sa.func.count())
        .where(inspections.c.merchant_id == merchant_id, NEWEST)
        .group_by(inspections.c.disposition)
    )
    dispositions = {Disposition(name): number for name, number in connection.execute(by_disposition)}
    named = inspection_images
    there = sa.exists().where(images.c.merchant_id == named.c.merchant_id, images.c.sha256 == named.c.sha256)
    missing = sa.select(sa.func.count(sa.distinct(named.c.sha256))).where(named.c.merchant_id == merchant_id, ~there)
    return Stats(
        inspections=sum(dispositions.values()),
        revisions=count(inspections),
        dispositions=dispositions,
        images=count(images),
        images_missing=connection.execute(missing).scalar_one(),
        returns=count(returns),
        events=count(events),
    )
