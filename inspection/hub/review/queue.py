"""The queue: what waits, the most valuable first; leases, so that two people never get the same picture."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.audit import Actor
from inspection.hub.accounts.tokens import Caller
from inspection.hub.images.tables import images
from inspection.hub.problems import Problem
from inspection.hub.review.reasons import Reason
from inspection.hub.review.schemas import Counts, Proposal, ReviewItem, State
from inspection.hub.review.tables import items, labels
from inspection.hub.review.worth import VALUE

WAITING = (State.OPEN, State.SECOND)
AUDIT_EVERY = 10
"""One in so many pictures that are given is of the random audit, whatever its value: else an audit never comes."""
_folded = items.alias("folded")
_ALIKE = (
    sa.select(sa.func.count())
    .where(_folded.c.merchant_id == items.c.merchant_id, _folded.c.folded_into == items.c.id)
    .correlate(items)
    .scalar_subquery()
)
HELD = sa.exists().where(images.c.merchant_id == items.c.merchant_id, images.c.sha256 == items.c.image_sha256)
_COLUMNS = [column for column in items.c if column.name != "print"]


def who(caller: Caller) -> str:
    """Under which name what a caller says is kept: the member of staff's id, or the token's."""
    return str(Actor.of(caller).id)


def rows(
    connection: Connection, merchant_id: UUID, *where: sa.ColumnElement[bool], limit: int, by_value: bool = True
) -> Sequence[Row[Any]]:
    """Items with ``value`` and ``alike``, the most valuable first, or the newest change first."""
    order = [VALUE.desc(), items.c.id] if by_value else [items.c.changed_at.desc(), items.c.id]
    query = sa.select(*_COLUMNS, VALUE.label("value"), _ALIKE.label("alike"))
    return connection.execute(
        query.where(items.c.merchant_id == merchant_id, *where).order_by(*order).limit(limit)
    ).all()


def page(
    connection: Connection, merchant_id: UUID, *, state: State | None, reason: Reason | None, goods: str | None,
    limit: int, cursor: str | None,
) -> tuple[list[ReviewItem], str | None]:  # fmt: skip
    """A page of pictures by value.

    Raises:
        Problem: ``request.cursor``.
    """
    where: list[sa.ColumnElement[bool]] = [
        HELD,
        items.c.state.in_(WAITING) if state is None else items.c.state == state,
    ]
    if reason is not None:
        where.append(items.c.reasons.has_key(str(reason)))
    if goods is not None:
        where.append(items.c.goods == goods)
    if cursor is not None:
        value, item_id = decode(cursor)
        where.append(sa.or_(value > VALUE, sa.and_(sa.literal(value) == VALUE, items.c.id > item_id)))
    found = rows(connection, merchant_id, *where, limit=limit + 1)
    shown = found[:limit]
    more = encode(shown[-1].value, shown[-1].id) if len(found) > limit else None
    return [view(row) for row in shown], more


def one(connection: Connection, merchant_id: UUID, item_id: UUID) -> Row[Any]:
    """One item.

    Raises:
        Problem: ``review.unknown``.
    """
    found = rows(connection, merchant_id, items.c.id == item_id, limit=1)
    if not found:
        raise Problem("review.unknown", "nothing in the queue has this id")
    return found[0]


def locked(connection: Connection, merchant_id: UUID, item_id: UUID) -> Row[Any]:
    """One item, which nobody else changes until the transaction ends.

    Raises:
        Problem: ``review.unknown``.
    """
    mine = sa.and_(items.c.merchant_id == merchant_id, items.c.id == item_id)
    row = connection.execute(sa.select(*_COLUMNS).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise Problem("review.unknown", "nothing in the queue has this id")
    return row


def take(
    connection: Connection, caller: Caller, *, count: int, lease_s: int, reason: Reason | None = None,
    besides: Sequence[UUID] = (),
) -> list[ReviewItem]:  # fmt: skip
    """Give the caller the most valuable pictures that are nobody's and that they have not labelled or skipped."""
    me, now = who(caller), sa.func.clock_timestamp()
    said = sa.exists().where(
        labels.c.merchant_id == items.c.merchant_id,
        labels.c.item_id == items.c.id,
        labels.c.labeller == me,
        labels.c.undone_at.is_(None),
    )
    free = sa.or_(items.c.leased_until.is_(None), items.c.leased_until < now, items.c.leased_by == me)
    where = [items.c.merchant_id == caller.merchant_id, items.c.state.in_(WAITING), HELD, free, ~said]
    if reason is not None:
        where.append(items.c.reasons.has_key(str(reason)))
    if besides:
        where.append(items.c.id.not_in(besides))
    chosen: list[UUID] = []
    if reason is None and _audit_is_next(connection, caller, count):
        audits = [*where, items.c.reasons.has_key(str(Reason.AUDIT))]
        chosen += _free(connection, audits, 1, items.c.asked_at)
    if count > len(chosen):
        others = [*where, items.c.id.not_in(chosen)] if chosen else where
        chosen = _free(connection, others, count - len(chosen), VALUE.desc()) + chosen
    lease = {"leased_by": me, "leased_until": now + timedelta(seconds=lease_s)}
    mine = sa.and_(items.c.merchant_id == caller.merchant_id, items.c.id.in_(chosen))
    connection.execute(items.update().where(mine).values(lease))
    found = {
        row.id: row for row in rows(connection, caller.merchant_id, items.c.id.in_(chosen), limit=len(chosen) or 1)
    }
    return [view(found[each]) for each in chosen]


def counts(connection: Connection, caller: Caller) -> Counts:
    """How much there is, by state and reason."""
    mine = items.c.merchant_id == caller.merchant_id
    by_state = sa.select(items.c.state, sa.func.count()).where(mine).group_by(items.c.state)
    states = {State(name): number for name, number in connection.execute(by_state)}
    key = sa.func.jsonb_object_keys(items.c.reasons)
    waiting = sa.select(key.label("reason")).where(mine, items.c.state.in_(WAITING)).subquery()
    by_reason = sa.select(waiting.c.reason, sa.func.count()).group_by(waiting.c.reason)
    reasons = {Reason(name): number for name, number in connection.execute(by_reason)}
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today = sa.and_(_said_by(caller), labels.c.kind != "skip", labels.c.at >= midnight)
    done = connection.execute(sa.select(sa.func.count()).where(today)).scalar_one()
    return Counts(states=states, reasons=reasons, labelled_today=done)


def view(row: Row[Any]) -> ReviewItem:
    """A row of :func:`rows` as it is told."""
    told = {name: getattr(row, name) for name in ReviewItem.model_fields if name not in {"model", "override"}}
    return ReviewItem(**told, model=_proposal(row.model), override=_proposal(row.override))


def _proposal(plain: dict[str, Any] | None) -> Proposal | None:
    return None if plain is None else Proposal.model_validate(plain)


def _free(
    connection: Connection, where: Sequence[sa.ColumnElement[bool]], count: int, order: sa.ColumnElement[Any]
) -> list[UUID]:
    query = sa.select(items.c.id).where(*where).order_by(order, items.c.id).limit(count)
    return list(connection.execute(query.with_for_update(skip_locked=True, of=items)).scalars())


def _audit_is_next(connection: Connection, caller: Caller, count: int) -> bool:
    """Whether one of the next ``count`` pictures of this person is their tenth."""
    said = connection.execute(sa.select(sa.func.count()).where(_said_by(caller))).scalar_one()
    return (said + count) // AUDIT_EVERY > said // AUDIT_EVERY


def _said_by(caller: Caller) -> sa.ColumnElement[bool]:
    return sa.and_(
        labels.c.merchant_id == caller.merchant_id, labels.c.labeller == who(caller), labels.c.undone_at.is_(None)
    )


def encode(value: float, item_id: UUID) -> str:
    """The place after the row of this value and id."""
    raw = json.dumps([value, str(item_id)], separators=(",", ":"))
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode(cursor: str) -> tuple[float, UUID]:
    """The row before the place.

    Raises:
        Problem: ``request.cursor``.
    """
    try:
        value, item_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        found = float(value), UUID(item_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        found = math.nan, UUID(int=0)
    if not math.isfinite(found[0]):
        raise Problem("request.cursor", "use next_cursor of the page before, unchanged")
    return found
