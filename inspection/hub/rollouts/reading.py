"""Rollouts as the API and the console show them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.problems import Problem
from inspection.hub.rollouts.figures import outcome
from inspection.hub.rollouts.plan import Plan
from inspection.hub.rollouts.schemas import (
    Rollout,
    RolloutPage,
    RolloutStep,
    StageFigures,
    StationStep,
    WeighedFigure,
)
from inspection.hub.rollouts.tables import champions, rollouts, standings, steps
from inspection.rollout import Kind, Standing

MOST = 50
MOST_STATIONS = 500


def page(connection: Connection, merchant_id: UUID) -> RolloutPage:
    """The newest rollouts, without their steps, and what all stations run."""
    rows = connection.execute(
        sa.select(rollouts)
        .where(rollouts.c.merchant_id == merchant_id)
        .order_by(rollouts.c.started_at.desc(), rollouts.c.id)
        .limit(MOST)
    ).all()
    found = connection.execute(sa.select(champions).where(champions.c.merchant_id == merchant_id)).all()
    return RolloutPage(
        rollouts=[_rollout(row) for row in rows], champions={Kind(each.kind): each.bundle_id for each in found}
    )


def one(connection: Connection, merchant_id: UUID, rollout_id: UUID) -> Rollout:
    """One rollout with its steps and how far each station is.

    Raises:
        Problem: ``rollout.unknown``.
    """
    mine = sa.and_(rollouts.c.merchant_id == merchant_id, rollouts.c.id == rollout_id)
    row = connection.execute(sa.select(rollouts).where(mine)).one_or_none()
    if row is None:
        raise Problem("rollout.unknown", "there is no such rollout")
    own = sa.and_(steps.c.merchant_id == merchant_id, steps.c.rollout_id == rollout_id)
    happened = connection.execute(sa.select(steps).where(own).order_by(steps.c.id)).all()
    judged, wrong = outcome(connection, merchant_id, rollout_id)
    return _rollout(row).model_copy(
        update={
            "judged": judged,
            "wrong": wrong,
            "steps": [RolloutStep.model_validate(each, from_attributes=True) for each in happened],
            "stations": _stations(connection, merchant_id, row.candidate_id),
        }
    )


def _rollout(row: sa.Row[Any]) -> Rollout:
    kept = dict(row.figures)
    weighed = [WeighedFigure.model_validate(each) for each in kept.pop("weighed", [])]
    plain = {name: value for name, value in row._asdict().items() if name in Rollout.model_fields}
    plain["plan"] = Plan.model_validate(row.plan)
    return Rollout.model_validate(plain | {"figures": StageFigures(at=row.looked_at, **kept, weighed=weighed)})


def _stations(connection: Connection, merchant_id: UUID, candidate_id: str) -> list[StationStep]:
    query = (
        sa.select(standings)
        .where(standings.c.merchant_id == merchant_id)
        .order_by(standings.c.station_id)
        .limit(MOST_STATIONS)
    )
    return [
        StationStep(
            station_id=row.station_id, at=row.received_at, step=part.step.value, code=part.code, detail=part.detail
        )
        for row in connection.execute(query)
        for part in Standing.model_validate(row.standing).bundles
        if part.bundle_id == candidate_id
    ]
