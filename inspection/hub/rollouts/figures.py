"""What is known of a stage so far, counted from opinions and reports."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock
from inspection.hub.inspections.reading import NEWEST
from inspection.hub.inspections.tables import inspections
from inspection.hub.rollouts.deciding import Figures
from inspection.hub.rollouts.plan import Plan
from inspection.hub.rollouts.sequential import Count
from inspection.hub.rollouts.tables import opinions
from inspection.rollout import Stage
from inspection.verdict import Disposition

BASELINE_DAYS = 7
"""The champion's items of so many days before the stage began count, too: where everything is the candidate's, there
are no others."""
MOST = 20_000
"""Of the champion's items, the newest so many are counted."""


def figures(
    connection: Connection, merchant_id: UUID, rollout_id: UUID, stage: Stage, since: datetime, plan: Plan
) -> Figures:
    """The figures of one stage of a rollout, which began at ``since``."""
    said = _said(connection, merchant_id, rollout_id, stage, plan.slow_ms)
    hours = connection.execute(
        sa.select(sa.extract("epoch", clock.sql() - sa.literal(since, sa.DateTime(timezone=True))) / 3600.0)
    ).scalar_one()
    if stage is Stage.SHADOW:
        hold = Count(said.candidate_hold, said.both), Count(said.champion_hold, said.both)
        override = Count(), Count()
        items = said.both
    else:
        ours = _candidates(connection, merchant_id, rollout_id)
        theirs = _champions(connection, merchant_id, rollout_id, since)
        hold = Count(ours.hold, ours.items), Count(theirs.hold, theirs.items)
        override = Count(ours.override, ours.decided), Count(theirs.override, theirs.decided)
        items = ours.items
    return Figures(
        items=items,
        hours=float(hours),
        override=override,
        hold=hold,
        disagreement=Count(said.differ, said.both),
        slow=Count(said.slow, said.asked),
        error=Count(said.error, said.asked),
    )


def _said(connection: Connection, merchant_id: UUID, rollout_id: UUID, stage: Stage, slow_ms: float) -> sa.Row[Any]:
    table, hold = opinions, Disposition.HOLD.value
    fit = table.c.candidate_error == ""
    both = sa.and_(table.c.champion.is_not(None), table.c.candidate.is_not(None), fit)
    query = sa.select(
        _count(table.c.candidate.is_not(None)).label("asked"),
        _count(both).label("both"),
        _count(both, table.c.champion != table.c.candidate).label("differ"),
        _count(both, table.c.candidate == hold).label("candidate_hold"),
        _count(both, table.c.champion == hold).label("champion_hold"),
        _count(table.c.candidate.is_not(None), table.c.candidate_ms > slow_ms).label("slow"),
        _count(table.c.candidate.is_not(None), ~fit).label("error"),
    ).where(table.c.merchant_id == merchant_id, table.c.rollout_id == rollout_id, table.c.stage == stage.value)
    return connection.execute(query).one()


def _candidates(connection: Connection, merchant_id: UUID, rollout_id: UUID) -> sa.Row[Any]:
    """Items whose verdict was made from the candidate's word and whose report is here."""
    return connection.execute(
        _outcomes()
        .where(inspections.c.merchant_id == merchant_id, NEWEST, _proposed())
        .where(sa.exists().where(*_by_candidate(rollout_id)))
    ).one()


def _champions(connection: Connection, merchant_id: UUID, rollout_id: UUID, since: datetime) -> sa.Row[Any]:
    """All others of the time, and of the days before, wherever they were judged."""
    begin = sa.literal(since, sa.DateTime(timezone=True)) - sa.text(f"interval '{BASELINE_DAYS} days'")
    newest = (
        sa.select(inspections)
        .where(inspections.c.merchant_id == merchant_id, inspections.c.received_at >= begin, NEWEST, _proposed())
        .where(~sa.exists().where(*_by_candidate(rollout_id)))
        .order_by(inspections.c.received_at.desc())
        .limit(MOST)
        .subquery()
    )
    return connection.execute(_outcomes(newest)).one()


def _by_candidate(rollout_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        opinions.c.merchant_id == inspections.c.merchant_id,
        opinions.c.rollout_id == rollout_id,
        opinions.c.inspection_id == inspections.c.inspection_id,
        opinions.c.judged_by == "candidate",
    )


def _proposed() -> sa.ColumnElement[bool]:
    """Whether rules proposed something from a machine's opinion."""
    report = inspections.c.report
    return sa.and_(report["policy"].astext.is_not(None), report["versions"]["bundle"].astext.is_not(None))


def _outcomes(source: Any = inspections) -> sa.Select[Any]:
    """Items, those left to a person by the rules, and, of those a person decided otherwise than proposed, the share."""
    report = source.c.report
    hold = report["policy"]["disposition"].astext == Disposition.HOLD.value
    decided = sa.and_(~hold, report["person"]["overrides"].astext.is_not(None))
    return sa.select(
        sa.func.count().label("items"),
        _count(hold).label("hold"),
        _count(decided).label("decided"),
        _count(decided, report["person"]["overrides"].astext == "true").label("override"),
    ).select_from(source)


def _count(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.count().filter(sa.and_(*conditions))


def outcome(connection: Connection, merchant_id: UUID, rollout_id: UUID) -> tuple[int, int]:
    """Items whose verdict was made from the candidate's word, and those of them where a person decided otherwise."""
    found = _candidates(connection, merchant_id, rollout_id)
    return found.items, found.override
