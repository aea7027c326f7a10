"""What people say of a picture, and what follows: accepted, asked of a second person, or disputed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts.tokens import Caller
from inspection.hub.events import EventKind, record
from inspection.hub.problems import Problem
from inspection.hub.review import queue
from inspection.hub.review.opinions import Opinion, boxes_of, columns, opinion, stored
from inspection.hub.review.queue import who
from inspection.hub.review.schemas import Labelled, LabelView, NewLabel, Source, State
from inspection.hub.review.tables import accepted, items, labels

ADJUDICATED, SUSPECT = "adjudicated", "suspect"
"""Sources of accepted labels beside those of :class:`Source`."""


def label(connection: Connection, caller: Caller, item_id: UUID, new: NewLabel) -> Labelled:
    """Keep what the caller says. The same again is told as the first time.

    Raises:
        Problem: ``review.unknown``; ``request.invalid``; ``review.leased`` while it is another's; ``review.labelled``
            when the caller has said something else, or it is settled.
    """
    item = queue.locked(connection, caller.merchant_id, item_id)
    said = _opinion(new, item)
    mine = _own(connection, item, who(caller))
    if mine is not None and mine.kind == "label":
        if stored(mine) == said:
            return Labelled(label_id=mine.id, item_id=item.id, state=item.state)
        raise Problem("review.labelled", "you labelled this picture: undo that first")
    if item.state not in queue.WAITING:
        raise Problem("review.labelled", "this picture is labelled, or another is asked in its place")
    _demand_free(item, caller)
    if mine is not None:
        _undo(connection, mine)  # it was skipped, and came back
    made = _add(connection, caller, item, "label", said, new)
    return Labelled(label_id=made, item_id=item.id, state=_settle(connection, item))


def skip(connection: Connection, caller: Caller, item_id: UUID) -> None:
    """Leave a picture to others: the caller is not given it again.

    Raises:
        Problem: ``review.unknown``; ``review.labelled``.
    """
    item = queue.locked(connection, caller.merchant_id, item_id)
    mine = _own(connection, item, who(caller))
    if mine is not None and mine.kind == "skip":
        return
    if mine is not None or item.state not in queue.WAITING:
        raise Problem("review.labelled", "this picture is labelled: nothing is left to be skipped")
    _add(connection, caller, item, "skip", Opinion(None, useless=True), None)
    if item.leased_by == who(caller):
        _set(connection, item, leased_by=None, leased_until=None)


def undo(connection: Connection, caller: Caller, label_id: UUID, lease_s: int) -> UUID:
    """Take back what the caller said or skipped; the picture is theirs again. Returns its id. A repeat changes nothing.

    Raises:
        Problem: ``review.unknown_label``; ``review.settled`` when somebody else has said something after it.
    """
    query = sa.select(labels).where(labels.c.merchant_id == caller.merchant_id, labels.c.id == label_id)
    row = connection.execute(query).one_or_none()
    if row is None or row.labeller != who(caller):
        raise Problem("review.unknown_label", "you have said nothing of this id")
    item = queue.locked(connection, caller.merchant_id, row.item_id)
    row = connection.execute(query).one()
    if row.undone_at is not None:
        return UUID(str(item.id))
    later = [each for each in _live(connection, item) if each.at > row.at and each.labeller != row.labeller]
    if later:
        raise Problem("review.settled", "another person has labelled it since; ask for it to be decided anew")
    _undo(connection, row)
    _withdraw(connection, item)
    _settle(connection, item)
    until = sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, lease_s)
    _set(connection, item, leased_by=who(caller), leased_until=until)
    return UUID(str(item.id))


def last_of(connection: Connection, caller: Caller) -> UUID | None:
    """The newest thing the caller said that is not undone."""
    mine = sa.and_(
        labels.c.merchant_id == caller.merchant_id, labels.c.labeller == who(caller), labels.c.undone_at.is_(None)
    )
    query = sa.select(labels.c.id).where(mine, labels.c.kind != "adjudication").order_by(labels.c.at.desc()).limit(1)
    found: UUID | None = connection.execute(query).scalar_one_or_none()
    return found


def adjudicate(connection: Connection, caller: Caller, item_id: UUID, new: NewLabel) -> Labelled:
    """Decide between two who disagree, or anew what is accepted; the newest decision counts.

    Raises:
        Problem: ``review.unknown``; ``request.invalid``; ``review.own`` for one of those who labelled it;
            ``review.undisputed`` when there is nothing to decide.
    """
    item = queue.locked(connection, caller.merchant_id, item_id)
    said = _opinion(new, item)
    if item.state not in (State.DISPUTED, State.ACCEPTED):
        raise Problem("review.undisputed", "people have not said different things of this picture")
    given = _live(connection, item)
    me = who(caller)
    if any(each.kind == "label" and each.labeller == me for each in given):
        raise Problem("review.own", "somebody decides who has not labelled it")
    for earlier in (each for each in given if each.kind == "adjudication"):
        _undo(connection, earlier)
    made = _add(connection, caller, item, "adjudication", said, new)
    people = [each.labeller for each in given if each.kind == "label"]
    accept(connection, item, said, [*people, me], ADJUDICATED)
    return Labelled(label_id=made, item_id=item.id, state=State.ACCEPTED)


def accept(connection: Connection, item: Row[Any], said: Opinion, labellers: Sequence[str], source: str) -> UUID:
    """Let this label count for the picture from now on; an earlier one stays on record. Its id."""
    _withdraw(connection, item)
    row = {"merchant_id": item.merchant_id, "item_id": item.id, "image_sha256": item.image_sha256}
    row |= {**columns(said), "labellers": list(dict.fromkeys(labellers)), "source": source}
    made: UUID = connection.execute(accepted.insert().values(row).returning(accepted.c.id)).scalar_one()
    _set(connection, item, state=State.ACCEPTED, leased_by=None, leased_until=None, folded_into=None)
    payload = {"label_id": str(made), "item_id": str(item.id), "source": source, "useless": said.useless}
    record(connection, item.merchant_id, EventKind.LABEL_ACCEPTED, item.image_sha256, payload)
    return made


def labels_of(connection: Connection, item: Row[Any], caller: Caller) -> list[LabelView]:
    """What was said of a picture; of one that waits for a second person only what the caller said themselves."""
    mine = sa.and_(labels.c.merchant_id == item.merchant_id, labels.c.item_id == item.id, labels.c.kind != "skip")
    found = connection.execute(sa.select(labels).where(mine).order_by(labels.c.at)).all()
    told = [each for each in found if item.state not in queue.WAITING or each.labeller == who(caller)]
    return [_view(each) for each in told]


def _opinion(new: NewLabel, item: Row[Any]) -> Opinion:
    boxes = boxes_of([box.model_dump() for box in new.boxes])
    return opinion(new.condition, new.defects, boxes, new.useless, (item.width, item.height))


def _settle(connection: Connection, item: Row[Any]) -> State:
    """The state that the labels of a picture come to."""
    given = [each for each in _live(connection, item) if each.kind == "label"]
    if len(given) < item.needed:
        state = State.SECOND if given else State.OPEN
        _set(connection, item, state=state, leased_by=None, leased_until=None)
        return state
    opinions = [stored(each) for each in given]
    if all(each.same_as(opinions[0]) for each in opinions):
        best = next((each for each in reversed(opinions) if each.boxes), opinions[-1])
        source = given[0].source if len({each.source for each in given}) == 1 else Source.PERSON
        accept(connection, item, best, [each.labeller for each in given], source)
        return State.ACCEPTED
    _set(connection, item, state=State.DISPUTED, leased_by=None, leased_until=None)
    return State.DISPUTED


def _demand_free(item: Row[Any], caller: Caller) -> None:
    held = item.leased_until is not None and item.leased_until > datetime.now(UTC)
    if held and item.leased_by != who(caller):
        raise Problem("review.leased", "another person is looking at this picture")


def _own(connection: Connection, item: Row[Any], me: str) -> Row[Any] | None:
    own = [each for each in _live(connection, item) if each.labeller == me and each.kind != "adjudication"]
    return max(own, key=lambda each: each.kind == "label", default=None)


def _live(connection: Connection, item: Row[Any]) -> Sequence[Row[Any]]:
    mine = sa.and_(labels.c.merchant_id == item.merchant_id, labels.c.item_id == item.id, labels.c.undone_at.is_(None))
    return connection.execute(sa.select(labels).where(mine).order_by(labels.c.at)).all()


def _add(
    connection: Connection, caller: Caller, item: Row[Any], kind: str, said: Opinion, new: NewLabel | None
) -> UUID:
    row = {"merchant_id": item.merchant_id, "item_id": item.id, "kind": kind, "labeller": who(caller)}
    row |= columns(said) | {"source": Source.PERSON if new is None else new.source}
    row |= {"took_ms": None if new is None else new.took_ms}
    made: UUID = connection.execute(labels.insert().values(row).returning(labels.c.id)).scalar_one()
    return made


def _undo(connection: Connection, row: Row[Any]) -> None:
    this = sa.and_(labels.c.merchant_id == row.merchant_id, labels.c.id == row.id)
    connection.execute(labels.update().where(this).values(undone_at=sa.func.clock_timestamp()))


def _withdraw(connection: Connection, item: Row[Any]) -> None:
    """Let no label count for the picture."""
    now = sa.and_(
        accepted.c.merchant_id == item.merchant_id,
        accepted.c.image_sha256 == item.image_sha256,
        accepted.c.withdrawn_at.is_(None),
    )
    gone = accepted.update().where(now).values(withdrawn_at=sa.func.clock_timestamp()).returning(accepted.c.id)
    for label_id in connection.execute(gone).scalars():
        payload = {"label_id": str(label_id), "item_id": str(item.id)}
        record(connection, item.merchant_id, EventKind.LABEL_WITHDRAWN, item.image_sha256, payload)


def _set(connection: Connection, item: Row[Any], **values: Any) -> None:
    this = sa.and_(items.c.merchant_id == item.merchant_id, items.c.id == item.id)
    connection.execute(items.update().where(this).values(changed_at=sa.func.now(), **values))


def _view(row: Row[Any]) -> LabelView:
    said = {name: getattr(row, name) for name in LabelView.model_fields if name != "undone"}
    return LabelView(**said, undone=row.undone_at is not None)
