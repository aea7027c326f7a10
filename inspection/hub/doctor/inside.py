"""What the database tells: schema, clock, workers, queue, deliveries, evidence, retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tables import staff
from inspection.hub.config import HubConfig
from inspection.hub.connectors import overview
from inspection.hub.database import Database, head_revision
from inspection.hub.doctor.findings import Finding, bad, good, look
from inspection.hub.evidence.tables import entries
from inspection.hub.people.retention import EVERY, TASK

SKEW_S = 5.0
LATE = timedelta(minutes=10)
_WORKERS = sa.text("SELECT count(*) AS alive FROM jobs.procrastinate_workers WHERE last_heartbeat > now() - :silence")
_QUEUE = sa.text("""
    SELECT count(*) FILTER (WHERE status = 'todo' AND COALESCE(scheduled_at, '-infinity') <= now()) AS due,
           count(*) FILTER (WHERE status = 'doing') AS doing,
           count(*) FILTER (WHERE status = 'failed') AS parked,
           min(scheduled_at) FILTER (WHERE status = 'todo' AND scheduled_at <= now()) AS overdue_since
    FROM jobs.procrastinate_jobs
""")
_RETENTION = sa.text("""
    SELECT min(scheduled_at) FROM jobs.procrastinate_jobs WHERE task_name = :task AND status IN ('todo', 'doing')
""")


def schema(database: Database, *, embedded: bool) -> Finding:
    """Whether the database answers and has this program's schema."""
    database.check()
    return good("database", f"{'embedded' if embedded else 'elsewhere'}; answers; schema {head_revision()} is right")


def clock(connection: Connection) -> Finding:
    """Whether this machine's clock and the database's agree; evidence and sessions go by the database's."""
    before = datetime.now(UTC)
    theirs: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    after = datetime.now(UTC)
    off_s = (theirs - (before + (after - before) / 2)).total_seconds()
    if abs(off_s) > SKEW_S:
        return bad("clock", f"the database's clock is {off_s:+.1f} s off this machine's: set both by NTP")
    return good("clock", f"the database's is {off_s:+.1f} s off this machine's")


def workers(connection: Connection, config: HubConfig) -> Finding:
    """Whether somebody runs jobs."""
    silence = timedelta(seconds=config.worker.stalled_after_s)
    alive = connection.execute(_WORKERS, {"silence": silence}).scalar_one()
    if alive == 0:
        return look("workers", "none runs: deliveries, erasures and retention wait; start hub_app.py worker")
    return good("workers", f"{alive} served within {config.worker.stalled_after_s:g} s")


def queue(connection: Connection) -> Finding:
    """Jobs that wait, run, or failed so often that a person must look."""
    row = connection.execute(_QUEUE).one()
    said = f"{row.due} due, {row.doing} running, {row.parked} parked"
    if row.parked:
        return look("queue", f"{said}: see GET /v1/jobs/parked, then POST /v1/jobs/parked/{{id}}/run")
    if row.overdue_since is not None and datetime.now(UTC) - row.overdue_since > LATE:
        return look("queue", f"{said}, one since {row.overdue_since:%Y-%m-%d %H:%M} UTC: start more workers")
    return good("queue", said)


def deliveries(connection: Connection) -> Finding:
    """What other systems have not been told."""
    found = list(overview.counts(connection))
    if not found:
        return good("deliveries", "no destination is configured")
    waiting, dead = sum(each.waiting for each in found), sum(each.dead for each in found)
    said = f"{waiting} waiting, {dead} dead letters, {len(found)} destinations"
    troubled = sorted({each.name for each in found if each.dead or each.shut})
    if troubled:
        return look("deliveries", f"{said}; look at {', '.join(troubled)}: hub_app.py connectors list")
    return good("deliveries", said)


def evidence(connection: Connection, config: HubConfig) -> Finding:
    """Whether what came in is covered by a checkpoint."""
    table = entries
    waiting = connection.execute(sa.select(sa.func.count()).where(table.c.leaf_index.is_(None))).scalar_one()
    if waiting:
        after = f"{config.evidence.interval_s:g} s"
        return look(
            "evidence", f"{waiting} entries wait for a checkpoint; a hub that serves takes them in within {after}"
        )
    return good("evidence", "every entry is covered by a checkpoint")


def retention(connection: Connection, config: HubConfig) -> Finding:
    """Whether what is over its time will be removed."""
    days = config.retention.pictures_days
    kept = "pictures are kept for ever" if days is None else f"pictures are kept {days} days"
    following = connection.execute(_RETENTION, {"task": TASK}).scalar_one()
    if following is None:
        return look("retention", f"{kept}; no run is planned: a worker plans one when it starts")
    if datetime.now(UTC) - following > LATE:
        return look("retention", f"{kept}; a run is due since {following:%Y-%m-%d %H:%M} UTC: start a worker")
    hours = EVERY.total_seconds() / 3600
    return good("retention", f"{kept}; next run {following:%Y-%m-%d %H:%M} UTC, then every {hours:g} h")


def administrators(connection: Connection) -> Finding:
    """Whether anybody can sign in who looks after the hub."""
    live = sa.and_(staff.c.role == Role.ADMIN.value, staff.c.disabled_at.is_(None))
    count: Any = connection.execute(sa.select(sa.func.count()).select_from(staff).where(live)).scalar_one()
    if not count:
        return look("accounts", "there is no administrator: hub_app.py admin create NAME")
    return good("accounts", f"{count} administrators")
