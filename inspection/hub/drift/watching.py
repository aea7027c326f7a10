"""Takes observations into the streams of their station and kind of goods, in order and once; raises and closes alarms.

A batch goes in with the cursor that says so, in one transaction: killed anywhere, the next run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Row

from inspection.drifting import RECENT, Watch, threshold_of
from inspection.hub.accounts import clock
from inspection.hub.drift.causes import proposal
from inspection.hub.drift.charts import chart_of, worst
from inspection.hub.drift.figures import FIGURES
from inspection.hub.drift.settings import DriftSection
from inspection.hub.drift.tables import alarms, cursors, observations, streams
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub

BATCH = 200
Key = tuple[str, str, str, str]
"""Station, goods, figure, basis."""


@dataclass(slots=True)
class Stream:
    """A stream while a batch goes in."""

    watch: Watch
    first_day: date
    last_day: date
    days: int
    last_number: int

    @property
    def a_week(self) -> float:
        """Items a week, as far as it has been seen."""
        return 7 * self.watch.seen / max(1, (self.last_day - self.first_day).days + 1)


def advance(hub: Hub, merchant_id: UUID, section: DriftSection) -> int:
    """Take in one batch of observations; how many."""
    with hub.database.transaction() as connection:
        start = _cursor(connection, merchant_id)
        rows = _after(connection, merchant_id, start)
        if not rows:
            return 0
        known = _streams(connection, merchant_id, {(row.station_id, row.goods) for row in rows})
        watching = _watching(connection, merchant_id)
        touched: dict[Key, Stream] = {}
        for row in rows:
            for key, value in _figures_of(row):
                stream = known.get(key) or _begun(key, row)
                known[key] = touched[key] = stream
                _take(connection, merchant_id, key, stream, value, row, section, watching, known)
        _keep(connection, merchant_id, touched)
        for key, stream in touched.items():
            _refresh(connection, merchant_id, key, stream)
        _close_superseded(connection, merchant_id, touched, known)
        _set_cursor(connection, merchant_id, rows[-1].number)
        return len(rows)


def forget_old(hub: Hub, merchant_id: UUID, section: DriftSection) -> int:
    """Drop observations that are older than `drift.keep_days`."""
    with hub.database.transaction() as connection:
        before = clock.now(connection).date() - timedelta(days=section.keep_days)
        old = sa.and_(observations.c.merchant_id == merchant_id, observations.c.day < before)
        return connection.execute(observations.delete().where(old)).rowcount


def _take(
    connection: Connection,
    merchant_id: UUID,
    key: Key,
    stream: Stream,
    value: float,
    row: Row[Any],
    section: DriftSection,
    watching: int,
    known: Mapping[Key, Stream],
) -> None:
    watch, day = stream.watch, row.day.toordinal()
    stream.days += int(row.day != stream.last_day or watch.seen == 0)
    stream.last_day, stream.last_number = max(stream.last_day, row.day), row.number
    if not watch.watching:
        if watch.seen >= section.reference_items and stream.days > section.reference_days:
            watch.learnt_enough()  # by whole days: the one that begins now is not among them
        else:
            watch.learn(value, day)
            return
    threshold = threshold_of(stream.a_week, max(watching, 1), section.false_alarms_a_week)
    found = watch.watch(value, day, f"{row.inspection_id}/{key[2]}", threshold)
    if found is not None:
        _keep(connection, merchant_id, {key: stream})
        _raise(connection, merchant_id, key, stream, row.number, known)
    elif watch.alarm is not None and watch.cured():
        close(connection, merchant_id, _open_of(merchant_id, key), "cured")


def _raise(
    connection: Connection, merchant_id: UUID, key: Key, stream: Stream, number: int, known: Mapping[Key, Stream]
) -> None:
    found = stream.watch.alarm
    if found is None:
        return
    since = _since(connection, merchant_id, key, number, found.items)
    moved = {other[2]: other for other, each in known.items() if other[:2] == key[:2] and each.watch.suspicious} | {
        key[2]: key
    }
    proposed = proposal(list(moved))
    row = {
        "merchant_id": merchant_id,
        "station_id": key[0],
        "goods": key[1],
        "figure": key[2],
        "basis": key[3],
        "number": number,
        "direction": found.direction,
        "effect": found.effect,
        "items": found.items,
        "cause": proposed.cause.value,
        "action": proposed.action.value,
        "evidence": worst(stream.watch, since, found.direction),
        "chart": chart_of(stream.watch, [value for value, _ in since]),
    }
    insert = postgresql.insert(alarms).values(row).on_conflict_do_nothing().returning(alarms.c.id)
    made = connection.execute(insert).scalar_one_or_none()
    # What an alarm told first is seen in another light once more figures have moved.
    mine = sa.and_(
        alarms.c.merchant_id == merchant_id,
        alarms.c.station_id == key[0],
        alarms.c.goods == key[1],
        alarms.c.closed_at.is_(None),
    )
    proposed_now = {"cause": proposed.cause.value, "action": proposed.action.value}
    connection.execute(alarms.update().where(mine).values(proposed_now))
    if made is not None:
        payload = {name: row[name] for name in ("station_id", "goods", "figure", "direction", "effect", "items")}
        record(connection, merchant_id, EventKind.DRIFT_ALARMED, str(made), payload | proposed_now)


def _refresh(connection: Connection, merchant_id: UUID, key: Key, stream: Stream) -> None:
    """Early on few items stand behind an alarm: while it is young, those that came since join them."""
    found, more = stream.watch.alarm, len(stream.watch.recent)
    if found is None or not 0 < more < RECENT:
        return
    since = _since(connection, merchant_id, key, stream.last_number, found.items + more)
    values = {
        "items": len(since),
        "evidence": worst(stream.watch, since, found.direction),
        "chart": chart_of(stream.watch, [value for value, _ in since]),
    }
    live = sa.and_(_open_of(merchant_id, key), alarms.c.closed_at.is_(None))
    connection.execute(alarms.update().where(live).values(values))


def close(connection: Connection, merchant_id: UUID, which: sa.ColumnElement[bool], by: str) -> list[UUID]:
    """Close the open alarms that ``which`` names; their ids."""
    live = sa.and_(alarms.c.merchant_id == merchant_id, alarms.c.closed_at.is_(None), which)
    values = {"closed_at": clock.sql(), "closed_by": by[:200]}
    closed = list(connection.execute(alarms.update().where(live).values(values).returning(alarms.c.id)).scalars())
    for each in closed:
        record(connection, merchant_id, EventKind.DRIFT_CLOSED, str(each), {"by": by[:200]})
    return closed


def accept(connection: Connection, merchant_id: UUID, alarm: Row[Any], by: str) -> None:
    """Take what is now as the new normal: the alarm is closed, and the stream learns its reference anew."""
    close(connection, merchant_id, alarms.c.id == alarm.id, by)
    fresh = Watch(FIGURES[alarm.figure].kind)
    table = streams
    mine = _stream(merchant_id, (alarm.station_id, alarm.goods, alarm.figure, alarm.basis))
    values = {"state": fresh.as_json(), "first_day": table.c.last_day, "days": 0}
    connection.execute(table.update().where(mine).values(values))


def _close_superseded(
    connection: Connection, merchant_id: UUID, touched: Mapping[Key, Stream], known: Mapping[Key, Stream]
) -> None:
    """Alarms of a bundle, policy or calibration that was replaced: another one is in its place since yesterday."""
    for key, other in known.items():
        if key in touched or other.watch.alarm is None:
            continue
        if any(new[:3] == key[:3] and each.last_day > other.last_day for new, each in touched.items()):
            other.watch.alarm = None
            _keep(connection, merchant_id, {key: other})
            close(connection, merchant_id, _open_of(merchant_id, key), "superseded")


def _figures_of(row: Row[Any]) -> Iterable[tuple[Key, float]]:
    for name, (value, basis) in row.figures.items():
        if name in FIGURES:
            yield (row.station_id, row.goods, name, basis), float(value)


def _begun(key: Key, row: Row[Any]) -> Stream:
    return Stream(Watch(FIGURES[key[2]].kind), row.day, row.day, 0, row.number)


def _since(
    connection: Connection, merchant_id: UUID, key: Key, number: int, items: int
) -> list[tuple[float, tuple[str, str | None]]]:
    """Values of a stream since a change began, with inspection and picture, the newest first."""
    mine = sa.and_(
        observations.c.merchant_id == merchant_id,
        observations.c.station_id == key[0],
        observations.c.goods == key[1],
        observations.c.number <= number,
        observations.c.figures[key[2]][1].astext == key[3],
    )
    value = observations.c.figures[key[2]][0].astext.cast(sa.Float)
    query = sa.select(value, observations.c.inspection_id, observations.c.sha256).where(mine)
    rows = connection.execute(query.order_by(observations.c.number.desc()).limit(min(max(items, 1), 500)))
    return [(row[0], (str(row.inspection_id), row.sha256)) for row in rows]


def _cursor(connection: Connection, merchant_id: UUID) -> int:
    row = {"merchant_id": merchant_id, "number": 0}
    connection.execute(postgresql.insert(cursors).values(row).on_conflict_do_nothing())
    query = sa.select(cursors.c.number).where(cursors.c.merchant_id == merchant_id).with_for_update()
    found: int = connection.execute(query).scalar_one()
    return found


def _set_cursor(connection: Connection, merchant_id: UUID, number: int) -> None:
    connection.execute(cursors.update().where(cursors.c.merchant_id == merchant_id).values(number=number))


def _after(connection: Connection, merchant_id: UUID, number: int) -> Sequence[Row[Any]]:
    query = sa.select(observations).where(observations.c.merchant_id == merchant_id, observations.c.number > number)
    return connection.execute(query.order_by(observations.c.number).limit(BATCH)).all()


def _streams(connection: Connection, merchant_id: UUID, places: set[tuple[str, str]]) -> dict[Key, Stream]:
    here = sa.tuple_(streams.c.station_id, streams.c.goods).in_(list(places))
    query = sa.select(streams).where(streams.c.merchant_id == merchant_id, here)
    return {
        (row.station_id, row.goods, row.figure, row.basis): Stream(
            Watch.of(row.state), row.first_day, row.last_day, row.days, row.last_number
        )
        for row in connection.execute(query)
    }


def _watching(connection: Connection, merchant_id: UUID) -> int:
    """How many streams share the budget of false alarms."""
    bets = sa.func.jsonb_array_length(streams.c.state["bets"])
    query = sa.select(sa.func.count()).where(streams.c.merchant_id == merchant_id, bets > 0)
    found: int = connection.execute(query).scalar_one()
    return found


def _keep(connection: Connection, merchant_id: UUID, touched: Mapping[Key, Stream]) -> None:
    for key, stream in touched.items():
        names = dict(zip(("station_id", "goods", "figure", "basis"), key, strict=True))
        values = {
            "state": stream.watch.as_json(),
            "first_day": stream.first_day,
            "last_day": stream.last_day,
            "days": stream.days,
            "last_number": stream.last_number,
        }
        insert = postgresql.insert(streams).values(merchant_id=merchant_id, **names, **values)
        places = ["merchant_id", *names]
        connection.execute(insert.on_conflict_do_update(index_elements=places, set_=values))


def _stream(merchant_id: UUID, key: Key) -> sa.ColumnElement[bool]:
    names = zip((streams.c.station_id, streams.c.goods, streams.c.figure, streams.c.basis), key, strict=True)
    return sa.and_(streams.c.merchant_id == merchant_id, *(column == value for column, value in names))


def _open_of(merchant_id: UUID, key: Key) -> sa.ColumnElement[bool]:
    names = zip((alarms.c.station_id, alarms.c.goods, alarms.c.figure, alarms.c.basis), key, strict=True)
    return sa.and_(alarms.c.merchant_id == merchant_id, *(column == value for column, value in names))
