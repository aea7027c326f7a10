"""Labels that models doubt which never saw their picture: listed, then confirmed or dismissed by a person.

Either way a person has looked, and what they say counts as the picture's label.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.finding import Condition, Defect
from inspection.hub.accounts.tokens import Caller
from inspection.hub.images.tables import images
from inspection.hub.problems import Problem
from inspection.hub.review import queue
from inspection.hub.review.labelling import SUSPECT, accept
from inspection.hub.review.opinions import Opinion, in_order, opinion, stored
from inspection.hub.review.queue import who
from inspection.hub.review.schemas import NewSuspect, State, SuspectsTaken, SuspectView
from inspection.hub.review.tables import accepted, items, suspects

BROUGHT = "brought"
"""Station and view of a picture that came with a list and not from an inspection."""


def enter(connection: Connection, caller: Caller, new: Sequence[NewSuspect]) -> SuspectsTaken:
    """List doubted labels. What waits is renewed; what a person decided with the same label is not asked again.

    Raises:
        Problem: ``request.invalid`` for a label that contradicts itself.
    """
    listed = known = unheld = 0
    for place, each in enumerate(new):
        _demand_sense(place, each)
        item = _item(connection, caller, each)
        if item is None:
            unheld += 1
        elif _was_asked(connection, item, each):
            known += 1
        else:
            row = {"merchant_id": caller.merchant_id, "item_id": item.id, "score": each.score}
            row |= {"given": each.given.model_dump(mode="json"), "suggested": each.suggested.model_dump(mode="json")}
            connection.execute(suspects.insert().values(row))
            listed += 1
    return SuspectsTaken(listed=listed, known=known, unheld=unheld)


def page(
    connection: Connection, merchant_id: UUID, state: str, limit: int, cursor: str | None
) -> tuple[list[SuspectView], str | None]:
    """The surest first.

    Raises:
        Problem: ``request.cursor``.
    """
    where = [suspects.c.merchant_id == merchant_id, suspects.c.state == state, queue.HELD]
    if cursor is not None:
        score, suspect_id = queue.decode(cursor)
        after = sa.and_(suspects.c.score == score, suspects.c.id > suspect_id)
        where.append(sa.or_(suspects.c.score < score, after))
    rows = connection.execute(
        _query().where(*where).order_by(suspects.c.score.desc(), suspects.c.id).limit(limit + 1)
    ).all()
    shown = rows[:limit]
    more = queue.encode(shown[-1].score, shown[-1].id) if len(rows) > limit else None
    return [SuspectView.model_validate(row, from_attributes=True) for row in shown], more


def one(connection: Connection, merchant_id: UUID, suspect_id: UUID) -> SuspectView:
    """One doubted label.

    Raises:
        Problem: ``review.unknown``.
    """
    mine = sa.and_(suspects.c.merchant_id == merchant_id, suspects.c.id == suspect_id)
    found = connection.execute(_query().where(mine)).one_or_none()
    if found is None:
        raise Problem("review.unknown", "no doubted label has this id")
    return SuspectView.model_validate(found, from_attributes=True)


def decide(connection: Connection, caller: Caller, suspect_id: UUID, *, confirmed: bool) -> Row[Any]:
    """Say whether the label was wrong; what is right counts from now on. The same again changes nothing.

    Boxes of the label that counted stay when it is dismissed.

    Raises:
        Problem: ``review.unknown``; ``review.settled`` when it was decided otherwise.
    """
    mine = sa.and_(suspects.c.merchant_id == caller.merchant_id, suspects.c.id == suspect_id)
    row = connection.execute(sa.select(suspects).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise Problem("review.unknown", "no doubted label has this id")
    state = "confirmed" if confirmed else "dismissed"
    if row.state == state:
        return row
    if row.state != "open":
        raise Problem("review.settled", f"it was {row.state}; label the picture anew if that was wrong")
    item = queue.locked(connection, caller.merchant_id, row.item_id)
    said = _said(row.suggested if confirmed else row.given)
    before = _accepted(connection, item)
    if before is not None and before.same_as(said):
        said = before
    accept(connection, item, said, [who(caller)], SUSPECT)
    done = {"state": state, "decided_by": who(caller), "decided_at": sa.func.now()}
    return connection.execute(suspects.update().where(mine).values(done).returning(suspects)).one()


def _query() -> sa.Select[Any]:
    of = sa.and_(items.c.merchant_id == suspects.c.merchant_id, items.c.id == suspects.c.item_id)
    about = items.c.image_sha256, items.c.width, items.c.height, items.c.goods
    return sa.select(suspects, *about).join(items, of)


def _demand_sense(place: int, each: NewSuspect) -> None:
    for name, said in (("given", each.given), ("suggested", each.suggested)):
        try:
            opinion(said.condition, said.defects, (), False, (1, 1))
        except Problem as problem:
            faults = [
                {**fault, "pointer": f"/suspects/{place}/{name}{fault['pointer']}"}
                for fault in problem.members["errors"]
            ]
            raise Problem("request.invalid", "see errors", errors=faults) from None


def _item(connection: Connection, caller: Caller, each: NewSuspect) -> Row[Any] | None:
    """The picture's item, made when it has none; ``None`` when the hub does not hold it."""
    held = sa.and_(images.c.merchant_id == caller.merchant_id, images.c.sha256 == each.image_sha256)
    picture = connection.execute(sa.select(images).where(held).with_for_update(read=True)).one_or_none()
    if picture is None:
        return None
    row = {
        "merchant_id": caller.merchant_id,
        "image_sha256": each.image_sha256,
        "view": BROUGHT,
        "station_id": BROUGHT,
        "item_key": f"picture/{each.image_sha256}",
        "captured_at": picture.received_at,
        "goods": each.goods,
        "width": picture.width,
        "height": picture.height,
        "state": State.ACCEPTED,
        "reasons": {},
        "uncertainty": 0.0,
        "cost": 0,
    }
    connection.execute(postgresql.insert(items).values(row).on_conflict_do_nothing())
    mine = sa.and_(items.c.merchant_id == caller.merchant_id, items.c.image_sha256 == each.image_sha256)
    return connection.execute(sa.select(items.c.merchant_id, items.c.id, items.c.image_sha256).where(mine)).one()


def _was_asked(connection: Connection, item: Row[Any], each: NewSuspect) -> bool:
    """Whether the doubt waits already, or a person has looked at this very label."""
    mine = sa.and_(suspects.c.merchant_id == item.merchant_id, suspects.c.item_id == item.id)
    given = each.given.model_dump(mode="json")
    for row in connection.execute(sa.select(suspects).where(mine).with_for_update()):
        if row.state == "open":
            fresh = {"given": given, "suggested": each.suggested.model_dump(mode="json"), "score": each.score}
            this = sa.and_(suspects.c.merchant_id == row.merchant_id, suspects.c.id == row.id)
            connection.execute(suspects.update().where(this).values(fresh))
            return True
        looked_at = row.suggested if row.state == "confirmed" else row.given
        if _said(looked_at).same_as(_said(given)):
            return True
    return False


def _said(plain: dict[str, Any]) -> Opinion:
    return Opinion(Condition(plain["condition"]), in_order(set(map(Defect, plain["defects"]))))


def _accepted(connection: Connection, item: Row[Any]) -> Opinion | None:
    now = sa.and_(
        accepted.c.merchant_id == item.merchant_id,
        accepted.c.image_sha256 == item.image_sha256,
        accepted.c.withdrawn_at.is_(None),
    )
    row = connection.execute(sa.select(accepted).where(now)).one_or_none()
    return None if row is None else stored(row)
