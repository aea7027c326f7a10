"""The stations' side: what each is to run, what each says of it, and second opinions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock
from inspection.hub.accounts.tokens import Caller, ensure_station
from inspection.hub.bundles import registry
from inspection.hub.problems import Problem
from inspection.hub.rollouts import service
from inspection.hub.rollouts.plan import Plan
from inspection.hub.rollouts.schemas import Taken
from inspection.hub.rollouts.tables import champions, opinions, rollouts, standings
from inspection.rollout import Assignment, Fetched, Kind, OpinionPart, Opinions, Stage, Standing, Trial, TrialOpinion

ASK_S, ASK_ON_TRIAL_S = 30.0, 5.0
"""How often stations ask; while they try something more often, so that it is taken back soon."""


def own_station(caller: Caller, station_id: str) -> None:
    """Raises Problem ``station.mismatch`` when the caller is another station."""
    if caller.station_id is not None and caller.station_id != station_id:
        raise Problem("station.mismatch", f"this token is of station {caller.station_id} only")


def assignment(connection: Connection, merchant_id: UUID, station_id: str) -> Assignment:
    """What a station is to run now."""
    mine = champions.c.merchant_id == merchant_id
    found = {
        Kind(row.kind): _fetched(connection, merchant_id, row.bundle_id)
        for row in connection.execute(sa.select(champions).where(mine))
    }
    trial = _trial(connection, merchant_id, station_id)
    return Assignment(champions=found, trial=trial, ask_s=ASK_S if trial is None else ASK_ON_TRIAL_S)


def _trial(connection: Connection, merchant_id: UUID, station_id: str) -> Trial | None:
    row = service.under_way(connection, merchant_id)
    if row is None:
        return None
    plan, stage = Plan.model_validate(row.plan), Stage(row.state)
    where = plan.of(stage)
    if where.stations and station_id not in where.stations:
        return None
    return Trial(
        rollout_id=row.id,
        kind=Kind(row.kind),
        stage=stage,
        candidate=_fetched(connection, merchant_id, row.candidate_id),
        share=where.share if stage is Stage.CANARY else 1.0,
        budget_ms=plan.budget_ms,
    )


def _fetched(connection: Connection, merchant_id: UUID, bundle_id: str) -> Fetched:
    row = registry.get(connection, merchant_id, bundle_id)
    return Fetched(bundle_id=row.bundle_id, archive_sha256=row.archive_sha256, archive_bytes=row.archive_bytes)


def keep_standing(connection: Connection, caller: Caller, station_id: str, standing: Standing) -> None:
    """Put what a station says in the place of what it said before."""
    ensure_station(connection, caller.merchant_id, station_id)
    row = {"standing": standing.model_dump(mode="json"), "received_at": clock.sql()}
    insert = postgresql.insert(standings).values(row | {"merchant_id": caller.merchant_id, "station_id": station_id})
    connection.execute(insert.on_conflict_do_update(index_elements=["merchant_id", "station_id"], set_=row))


def take(connection: Connection, merchant_id: UUID, station_id: str, said: Opinions) -> Taken:
    """Keep opinions about the rollout that is under way; the same again takes the place of what was there."""
    ids = {each.rollout_id for each in said.opinions}
    live = sa.and_(rollouts.c.merchant_id == merchant_id, rollouts.c.id.in_(ids), rollouts.c.ended_at.is_(None))
    known = set(connection.execute(sa.select(rollouts.c.id).where(live)).scalars())
    rows = {
        (each.rollout_id, each.inspection_id): _row(merchant_id, station_id, each)
        for each in said.opinions
        if each.rollout_id in known
    }
    if rows:
        insert = postgresql.insert(opinions).values([*rows.values()])
        changed = {name: insert.excluded[name] for name in next(iter(rows.values())) if name not in _KEY}
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=[*_KEY], set_=changed, where=opinions.c.station_id == station_id
            )
        )
    return Taken(taken=len(rows), ignored=len(said.opinions) - len(rows))


_KEY = ("merchant_id", "rollout_id", "inspection_id")


def _row(merchant_id: UUID, station_id: str, said: TrialOpinion) -> dict[str, Any]:
    candidate = said.candidate
    return {
        "merchant_id": merchant_id,
        "rollout_id": said.rollout_id,
        "inspection_id": said.inspection_id,
        "station_id": station_id,
        "stage": said.stage.value,
        "judged_by": said.judged_by,
        "champion": _disposition(said.champion),
        "candidate": _disposition(candidate),
        "candidate_ms": None if candidate is None or candidate.error else candidate.ms,
        "candidate_error": "" if candidate is None else candidate.error,
        "said": said.model_dump(mode="json"),
    }


def _disposition(said: OpinionPart | None) -> str | None:
    return None if said is None else said.disposition.value
