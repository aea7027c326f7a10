"""The state machine of rollouts: shadow, canary, full; and back, by itself or by a person, from anywhere.

One rollout at a time; two would spoil each other's figures. Every step is a row, an event and, by a person, an entry of
the audit trail, in the transaction that makes it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.accounts import audit, clock
from inspection.hub.accounts.audit import Act, Actor, Origin
from inspection.hub.accounts.tokens import Caller
from inspection.hub.bundles import gates, registry
from inspection.hub.events import EventKind, record
from inspection.hub.problems import Problem
from inspection.hub.rollouts.deciding import Decision, Move, decide
from inspection.hub.rollouts.figures import figures
from inspection.hub.rollouts.plan import Plan
from inspection.hub.rollouts.tables import champions, rollouts, steps
from inspection.rollout import Kind, Stage

log = structlog.get_logger("hub.rollouts")
AUTOMATIC = "automatic"
HERE = Origin()
LOOK_AGAIN_S = 2.0
"""Figures are weighed again at most so often."""
_NEXT = {"shadow": "canary", "canary": "full"}
Row = sa.Row[Any]
Who = Caller | Actor


def start(connection: Connection, who: Who, candidate_id: str, plan: Plan, origin: Origin = HERE) -> UUID:
    """Begin the shadow of a candidate.

    Raises:
        Problem: ``bundle.unknown``; ``rollout.refused`` when the gate did not let it pass or nobody asked it;
            ``rollout.running`` while there is another; ``rollout.champion`` for what runs everywhere already.
    """
    merchant_id = who.merchant_id
    found = registry.get(connection, merchant_id, candidate_id)
    if found.state != "published":
        raise Problem("rollout.refused", f"{candidate_id} was withdrawn")
    passed, forced_by = _ruling(connection, merchant_id, candidate_id)
    if not passed and forced_by is None:
        raise Problem("rollout.refused", f"the gate has not let {candidate_id} pass; a second person may except it")
    champion = champion_of(connection, merchant_id, Kind(found.kind.value))
    if champion == candidate_id:
        raise Problem("rollout.champion", f"{candidate_id} runs everywhere already")
    row = {
        "merchant_id": merchant_id,
        "kind": found.kind.value,
        "candidate_id": candidate_id,
        "champion_id": champion,
        "state": "shadow",
        "plan": plan.model_dump(mode="json"),
        "forced_by": None if passed else forced_by,
    }
    insert = postgresql.insert(rollouts).values(row).on_conflict_do_nothing().returning(rollouts.c.id)
    rollout_id: UUID | None = connection.execute(insert).scalar_one_or_none()
    if rollout_id is None:
        raise Problem("rollout.running", "another rollout is not over; promote it or take it back first")
    details = {"forced": row["forced_by"] is not None}
    _step(connection, who, rollout_id, "start", "shadow", "", details)
    _audited(connection, who, Act.ROLLOUT_STARTED, rollout_id, origin, {"candidate": candidate_id, **details})
    _told(connection, merchant_id, rollout_id, row, "shadow", _by(who))
    return rollout_id


def promote(connection: Connection, who: Who, rollout_id: UUID, reason: str, origin: Origin = HERE) -> str:
    """One stage on, whatever the figures say; returns the state.

    Raises:
        Problem: ``rollout.unknown``, ``rollout.over``.
    """
    row = _locked(connection, who.merchant_id, rollout_id)
    state = _move_on(connection, row, who, reason, row.figures)
    _audited(connection, who, Act.ROLLOUT_PROMOTED, rollout_id, origin, {"state": state})
    return state


def roll_back(connection: Connection, who: Who, rollout_id: UUID, reason: str, origin: Origin = HERE) -> None:
    """Take the candidate back; one that runs everywhere already makes room for what ran before it.

    Raises:
        Problem: ``rollout.unknown``, ``rollout.over``.
    """
    row = _locked(connection, who.merchant_id, rollout_id, over=True)
    if row.state == "rolled_back":
        raise Problem("rollout.over", "it was taken back already")
    if row.state == "full":
        _restore(connection, row)
    _end(connection, row, who, "rollback", "rolled_back", reason, row.figures)
    _audited(connection, who, Act.ROLLOUT_ROLLED_BACK, rollout_id, origin, {"from": row.state})


def pause(
    connection: Connection,
    who: Who,
    rollout_id: UUID,
    reason: str,
    *,
    paused: bool,
    origin: Origin = HERE,
) -> None:
    """Let nothing go on by itself, or let it again. Harm takes a candidate back in any case.

    Raises:
        Problem: ``rollout.unknown``, ``rollout.over``.
    """
    row = _locked(connection, who.merchant_id, rollout_id)
    connection.execute(rollouts.update().where(_mine(row.merchant_id, rollout_id)).values(paused=paused))
    _step(connection, who, rollout_id, "pause" if paused else "resume", row.state, reason, row.figures)
    _audited(connection, who, Act.ROLLOUT_PAUSED, rollout_id, origin, {"paused": paused})


def look(connection: Connection, merchant_id: UUID, *, at_once: bool = False) -> Decision | None:
    """Weigh the figures of the rollout that is under way and do what they say; ``None`` when that was done just now.

    Called whenever a station asks or says something; processes that call it at once do not wait for each other.
    """
    stale = sa.or_(
        rollouts.c.looked_at.is_(None),
        rollouts.c.looked_at < clock.sql() - sa.text(f"interval '{0 if at_once else LOOK_AGAIN_S} seconds'"),
    )
    live = sa.and_(rollouts.c.merchant_id == merchant_id, rollouts.c.ended_at.is_(None), stale)
    row = connection.execute(sa.select(rollouts).where(live).with_for_update(skip_locked=True)).one_or_none()
    if row is None:
        return None
    plan, stage = Plan.model_validate(row.plan), Stage(row.state)
    found = figures(connection, merchant_id, row.id, stage, row.stage_at, plan)
    decision = decide(stage, found, plan)
    wanted = plan.of(stage)
    kept = {
        "items": found.items,
        "hours": round(found.hours, 4),
        "min_items": wanted.min_items,
        "min_hours": wanted.min_hours,
        **_as_json(decision),
    }
    looked = {"looked_at": clock.sql(), "figures": kept}
    connection.execute(rollouts.update().where(_mine(merchant_id, row.id)).values(looked))
    who = Actor(merchant_id, AUTOMATIC)
    if decision.move is Move.BACK:
        reason = ", ".join(decision.reasons)
        _end(connection, row, who, "rollback", "rolled_back", reason, kept)
        audit.note(connection, who, Act.ROLLOUT_ROLLED_BACK, f"rollout/{row.id}", details={"harm": [*decision.reasons]})
    elif decision.move is Move.ON and not row.paused:
        _move_on(connection, row, who, "", kept)
    elif decision.move is Move.ASK and not row.paused and plan.automatic:
        connection.execute(rollouts.update().where(_mine(merchant_id, row.id)).values(paused=True))
        _step(connection, who, row.id, "pause", row.state, ", ".join(decision.reasons), kept)
    return decision


def champion_of(connection: Connection, merchant_id: UUID, kind: Kind) -> str | None:
    """What all stations run; ``None``: what each is configured with."""
    mine = sa.and_(champions.c.merchant_id == merchant_id, champions.c.kind == kind.value)
    return connection.execute(sa.select(champions.c.bundle_id).where(mine)).scalar_one_or_none()


def under_way(connection: Connection, merchant_id: UUID) -> Row | None:
    """The rollout that is not over."""
    live = sa.and_(rollouts.c.merchant_id == merchant_id, rollouts.c.ended_at.is_(None))
    return connection.execute(sa.select(rollouts).where(live)).one_or_none()


def _ruling(connection: Connection, merchant_id: UUID, candidate_id: str) -> tuple[bool, str | None]:
    """Whether the gate let it pass, and who let it through if not."""
    ruling = gates.ruling(connection, merchant_id, candidate_id)
    return ruling.passed, ruling.forced_by


def _locked(connection: Connection, merchant_id: UUID, rollout_id: UUID, *, over: bool = False) -> Row:
    row = connection.execute(sa.select(rollouts).where(_mine(merchant_id, rollout_id)).with_for_update()).one_or_none()
    if row is None:
        raise Problem("rollout.unknown", "there is no such rollout")
    if row.ended_at is not None and not over:
        raise Problem("rollout.over", f"it is {row.state} already")
    return row


def _move_on(connection: Connection, row: Row, who: Who, reason: str, kept: dict[str, Any]) -> str:
    state = _NEXT[row.state]
    if state == "full":
        _crown(connection, row)
        _end(connection, row, who, "promote", state, reason, kept)
        return state
    changed = {"state": state, "stage_at": clock.sql(), "paused": False, "looked_at": None, "figures": {}}
    connection.execute(rollouts.update().where(_mine(row.merchant_id, row.id)).values(changed))
    _step(connection, who, row.id, "promote", state, reason, kept)
    _told(connection, row.merchant_id, row.id, row._asdict(), state, _by(who))
    return state


def _end(connection: Connection, row: Row, who: Who, act: str, state: str, reason: str, kept: dict[str, Any]) -> None:
    changed = {"state": state, "ended_at": clock.sql(), "paused": False}
    connection.execute(rollouts.update().where(_mine(row.merchant_id, row.id)).values(changed))
    _step(connection, who, row.id, act, state, reason, kept)
    _told(connection, row.merchant_id, row.id, row._asdict(), state, _by(who))
    log.warning("rollout_ended", rollout=str(row.id), candidate=row.candidate_id, state=state, act=act)


def _crown(connection: Connection, row: Row) -> None:
    """Let all stations run the candidate, and remember what they ran."""
    new = {"bundle_id": row.candidate_id, "previous_id": row.champion_id, "since": clock.sql()}
    insert = postgresql.insert(champions).values(new | {"merchant_id": row.merchant_id, "kind": row.kind})
    connection.execute(insert.on_conflict_do_update(index_elements=["merchant_id", "kind"], set_=new))


def _restore(connection: Connection, row: Row) -> None:
    """Let all stations run again what they ran before.

    Raises:
        Problem: ``rollout.over`` when something else runs everywhere by now.
    """
    mine = sa.and_(champions.c.merchant_id == row.merchant_id, champions.c.kind == row.kind)
    now = connection.execute(sa.select(champions).where(mine).with_for_update()).one_or_none()
    if now is None or now.bundle_id != row.candidate_id:
        raise Problem("rollout.over", "something else runs everywhere by now")
    if now.previous_id is None:
        connection.execute(champions.delete().where(mine))
        return
    back = {"bundle_id": now.previous_id, "previous_id": None, "since": clock.sql()}
    connection.execute(champions.update().where(mine).values(back))


def _step(
    connection: Connection, who: Who, rollout_id: UUID, act: str, state: str, reason: str, kept: dict[str, Any]
) -> None:
    row = {
        "merchant_id": who.merchant_id,
        "rollout_id": rollout_id,
        "act": act,
        "state": state,
        "by": _by(who),
        "reason": reason[:500],
        "figures": kept,
    }
    connection.execute(steps.insert().values(row))


def _told(
    connection: Connection, merchant_id: UUID, rollout_id: UUID, row: dict[str, Any], state: str, by: str
) -> None:
    kind = EventKind.BUNDLE_ROLLED_BACK if state == "rolled_back" else EventKind.BUNDLE_ROLLED_OUT
    payload = {
        "rollout_id": str(rollout_id),
        "kind": row["kind"],
        "state": state,
        "champion_id": row["champion_id"],
        "by": by,
        "forced": row["forced_by"] is not None,
    }
    record(connection, merchant_id, kind, row["candidate_id"], payload)


def _audited(
    connection: Connection, who: Who, act: Act, rollout_id: UUID, origin: Origin, details: dict[str, Any]
) -> None:
    audit.note(connection, who, act, f"rollout/{rollout_id}", origin, details=details)


def _by(who: Who) -> str:
    if isinstance(who, Caller):
        return str(who.staff_id or who.token_id)
    return who.id or who.kind


def _as_json(decision: Decision) -> dict[str, Any]:
    """What the figures said, for the page and the record of the step."""
    weighed = []
    for each in decision.weighed:
        champion = each.champion
        weighed.append(
            {
                "name": each.name,
                "candidate_hits": each.candidate.hits,
                "candidate_items": each.candidate.items,
                "champion_hits": None if champion is None else champion.hits,
                "champion_items": None if champion is None else champion.items,
                **{name: round(value, 5) for name, value in asdict(each.bounds).items()},
                "fine_high": round(each.fine_high, 5),
                "harm": each.limit.harm,
                "fine": each.limit.fine,
                "word": each.word.value,
            }
        )
    return {"move": decision.move.value, "reasons": [*decision.reasons], "weighed": weighed}


def _mine(merchant_id: UUID, rollout_id: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(rollouts.c.merchant_id == merchant_id, rollouts.c.id == rollout_id)
