"""Asking for a replay: rules are checked and inspections chosen once, so that going on later changes neither."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.errors import InspectionError
from inspection.hub.accounts import clock
from inspection.hub.bundles import registry
from inspection.hub.bundles.identity import Kind
from inspection.hub.hub import Hub
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.lineage.sources import SHIPPED, shipped
from inspection.hub.problems import Problem
from inspection.hub.replay.tables import replay_items, replays
from inspection.policy import Policy

TASK = "replay"
QUEUE = "replay"
MOST = 100_000
MAX_RULES_BYTES = 262_144
DEFAULT_RULES = Path(__file__).resolve().parents[3] / "configs" / "policy" / "default.yaml"

_CHOOSE = sa.text(
    """
    INSERT INTO replay_items (merchant_id, replay_id, position, inspection_id, revision)
    SELECT :merchant_id, :replay_id, row_number() OVER (ORDER BY received_at, inspection_id) - 1,
        inspection_id, revision
    FROM (
        SELECT i.inspection_id, i.revision, first.received_at FROM inspections first
        JOIN LATERAL (
            SELECT inspection_id, revision FROM inspections later
            WHERE later.merchant_id = first.merchant_id AND later.inspection_id = first.inspection_id
            ORDER BY revision DESC LIMIT 1
        ) i ON true
        WHERE first.merchant_id = :merchant_id AND first.revision = 1
            AND first.received_at >= :since AND first.received_at < :until
            AND (CAST(:station_id AS text) IS NULL OR first.station_id = :station_id)
        ORDER BY first.received_at DESC, first.inspection_id LIMIT :most
    ) chosen
    """
).bindparams(sa.bindparam("merchant_id", type_=sa.Uuid), sa.bindparam("replay_id", type_=sa.Uuid))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        since: inspections that the hub received from then on; ``until``: and before.
        bundle: id of the registry or of the shipped one, or, from the command line, a folder; ``None``: rules only.
        rules: text of a policy file; ``None``: the shipped rules, which then only carry the question about the model.
        station_id: of this station only.
        most: the newest so many.
        engine: ``pool`` or ``ray``.
    """

    since: datetime
    until: datetime
    bundle: str | None = None
    rules: str | None = None
    station_id: str | None = None
    most: int = MOST
    engine: str = "pool"


def last_days(days: float, now: datetime | None = None) -> tuple[datetime, datetime]:
    """Since and until of the last so many days."""
    until = now or datetime.now(UTC)
    return until - timedelta(days=days), until


def ask(connection: Connection, merchant_id: UUID, question: Question, by: str, *, job: bool = True) -> UUID:
    """Write a replay down with the inspections it is about, and leave a job behind that carries it out.

    Args:
        job: ``False`` for who carries it out at once.

    Raises:
        Problem: ``replay.nothing_asked``, ``replay.rules`` when they have a mistake, ``bundle.unknown``,
            ``replay.empty`` when no inspection lies in that time.
    """
    if question.bundle is None and question.rules is None:
        raise Problem("replay.nothing_asked", "name a bundle, rules, or both")
    policy, text = checked_rules(question.rules)
    if question.bundle is not None:
        known_bundle(connection, merchant_id, question.bundle)
    row: dict[str, Any] = {
        "merchant_id": merchant_id,
        "asked_by": by[:200],
        "since": question.since,
        "until": question.until,
        "as_of": sa.cast(clock.sql(), sa.Date),
        "bundle": question.bundle,
        "rules": text,
        "rules_version": policy.version,
        "rules_asked": "default" if question.rules is None else "given",
        "engine": question.engine,
        "total": 0,
    }
    replay_id: UUID = connection.execute(replays.insert().values(row).returning(replays.c.id)).scalar_one()
    chosen = connection.execute(
        _CHOOSE,
        {
            "merchant_id": merchant_id,
            "replay_id": replay_id,
            "since": question.since,
            "until": question.until,
            "station_id": question.station_id,
            "most": min(question.most, MOST),
        },
    ).rowcount
    if chosen == 0:
        raise Problem("replay.empty", "the hub received no inspections in that time")
    connection.execute(replays.update().where(mine(merchant_id, replay_id)).values(total=chosen))
    if job:
        leave_job(connection, merchant_id, replay_id)
    return replay_id


def leave_job(connection: Connection, merchant_id: UUID, replay_id: UUID) -> None:
    """Have a worker carry it out, or go on with it."""
    args = {"replay": str(replay_id)}
    enqueue(connection, TASK, args, merchant_id=merchant_id, lock=f"replay/{merchant_id}", queue=QUEUE, priority=-20)


def checked_rules(text: str | None) -> tuple[Policy, str]:
    """The rules and their text; the shipped ones for ``None``.

    Raises:
        Problem: ``replay.rules`` with the first mistake.
    """
    if text is None:
        text = DEFAULT_RULES.read_text(encoding="utf-8")
    if len(text.encode()) > MAX_RULES_BYTES:
        raise Problem("replay.rules", f"a file of rules has at most {MAX_RULES_BYTES} bytes")
    try:
        return rules_of(text), text
    except InspectionError as error:
        raise Problem("replay.rules", str(error)[:1000]) from None


def rules_of(text: str) -> Policy:
    """The policy in a file's text.

    Raises:
        PolicyError: naming the first mistake.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.yaml"
        path.write_bytes(text.encode())
        return Policy.load(path)


def known_bundle(connection: Connection, merchant_id: UUID, name: str) -> None:
    """Make sure that there is a bundle of this name.

    Raises:
        Problem: ``bundle.unknown``; ``replay.no_model`` when it is of another kind.
    """
    ours = shipped()
    if Path(name).is_absolute() or (ours is not None and ours.bundle_id == name):
        return
    if registry.get(connection, merchant_id, name).kind is not Kind.BUNDLE:
        raise Problem("replay.no_model", f"{name} is no model")


def folder_of(hub: Hub, merchant_id: UUID, name: str) -> Path:
    """Where the bundle of a replay lies.

    Raises:
        Problem: ``bundle.unknown``, ``store.unavailable``. BundleError: it is damaged.
    """
    ours = shipped()
    if Path(name).is_absolute():
        return Path(name)
    if ours is not None and ours.bundle_id == name:
        return SHIPPED
    with hub.database.transaction() as connection:
        return registry.archive(hub, connection, merchant_id, name)


def find(connection: Connection, merchant_id: UUID, replay_id: UUID) -> Row[Any]:
    """The row of one replay.

    Raises:
        Problem: ``replay.unknown``.
    """
    row = connection.execute(sa.select(replays).where(mine(merchant_id, replay_id))).one_or_none()
    if row is None:
        raise Problem("replay.unknown", "no replay has this id")
    return row


def cancel(connection: Connection, merchant_id: UUID, replay_id: UUID) -> None:
    """Let it end after what it is doing; what it found stays.

    Raises:
        Problem: ``replay.unknown``; ``replay.over``.
    """
    find(connection, merchant_id, replay_id)
    live = sa.and_(mine(merchant_id, replay_id), replays.c.state.in_(["waiting", "running"]))
    if connection.execute(replays.update().where(live).values(state="cancelled", ended_at=clock.sql())).rowcount == 0:
        raise Problem("replay.over", "the replay has ended already")


def progress(connection: Connection, merchant_id: UUID, replay_id: UUID) -> dict[str, int]:
    """How many inspections came to what so far."""
    here = sa.and_(replay_items.c.merchant_id == merchant_id, replay_items.c.replay_id == replay_id)
    query = sa.select(replay_items.c.outcome, sa.func.count()).where(here, replay_items.c.outcome.is_not(None))
    found = {row[0]: int(row[1]) for row in connection.execute(query.group_by(replay_items.c.outcome))}
    return {name: found.get(name, 0) for name in ("same", "changed", "skipped")}


def mine(merchant_id: UUID, replay_id: UUID) -> sa.ColumnElement[bool]:
    """This replay of this merchant."""
    return sa.and_(replays.c.merchant_id == merchant_id, replays.c.id == replay_id)
