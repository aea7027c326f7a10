"""The job queue (procrastinate, in a schema of its own), and what is to be delivered to the systems around."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import migrations_path
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
NEW_ID = sa.text("gen_random_uuid()")
WHEN = sa.DateTime(timezone=True)
WAITING = sa.text("state = 'waiting'")

QUEUE_VERSION = (3, 4, 0)
"""The library's migrations up to this one are applied here; later ones need a revision of ours."""

ENQUEUE = """
CREATE FUNCTION jobs.enqueue(task text, args jsonb, lock text, queue text, at timestamptz, once boolean)
RETURNS bigint LANGUAGE plpgsql SET search_path = jobs, pg_catalog AS $$
DECLARE
    found bigint[];
BEGIN
    IF once AND EXISTS (
        SELECT 1 FROM procrastinate_jobs job
        WHERE job.status = 'todo' AND job.lock = enqueue.lock AND job.task_name = enqueue.task
          AND COALESCE(job.scheduled_at, '-infinity') <= COALESCE(enqueue.at, now())
    ) THEN
        RETURN NULL;
    END IF;
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW(enqueue.queue, enqueue.task, 0, enqueue.lock, NULL, enqueue.args, enqueue.at)::procrastinate_job_to_defer_v1
    ]) INTO found;
    RETURN found[1];
END $$
"""

FAN_OUT = """
CREATE FUNCTION connector_fan_out() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    woken record;
BEGIN
    FOR woken IN WITH wanted AS (
        SELECT event.id, event.merchant_id, event.kind, event.subject, destination.name, destination.parallel,
               COALESCE(
                   (SELECT earlier.lane FROM connector_deliveries earlier
                    WHERE earlier.merchant_id = event.merchant_id AND earlier.destination = destination.name
                      AND earlier.subject = event.subject
                    ORDER BY earlier.event_id LIMIT 1),
                   NULLIF(event.payload ->> 'rma', ''),
                   event.subject
               ) AS lane
        FROM fresh_events event
        JOIN connector_destinations destination
          ON destination.merchant_id = event.merchant_id AND destination.enabled
         AND event.kind = ANY (destination.events)
    ), added AS (
        INSERT INTO connector_deliveries (merchant_id, destination, event_id, kind, subject, lane, slot)
        SELECT merchant_id, name, id, kind, subject, lane, mod(abs(hashtext(lane)::bigint), parallel)
        FROM wanted ORDER BY id
        ON CONFLICT DO NOTHING
        RETURNING merchant_id, destination, slot
    )
    SELECT DISTINCT merchant_id, destination, slot FROM added
    LOOP
        PERFORM jobs.enqueue(
            'connectors.deliver',
            jsonb_build_object('merchant_id', woken.merchant_id, 'destination', woken.destination, 'slot', woken.slot),
            'connectors/' || woken.merchant_id || '/' || woken.destination || '/' || woken.slot,
            'connectors', NULL, true
        );
    END LOOP;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Create queue, tables and the trigger that makes deliveries of events."""
    _queue()
    _destinations()
    _deliveries()
    op.execute(FAN_OUT)
    op.execute(
        "CREATE TRIGGER connector_fan_out AFTER INSERT ON events REFERENCING NEW TABLE AS fresh_events "
        "FOR EACH STATEMENT EXECUTE FUNCTION connector_fan_out()"
    )


def downgrade() -> None:
    """What waits to be delivered is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _queue() -> None:
    op.execute("CREATE SCHEMA jobs")
    op.execute("SET LOCAL search_path = jobs, public")
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("a migration needs its connection")
    for path in queue_migrations(QUEUE_VERSION):
        driver.execute(path.read_text(encoding="utf-8"))
    op.execute("CREATE INDEX jobs_waiting_lock_idx ON jobs.procrastinate_jobs (lock) WHERE status = 'todo'")
    op.execute("SET LOCAL search_path = public")
    op.execute(ENQUEUE)


def queue_migrations(up_to: tuple[int, ...]) -> list[Path]:
    """The library's migration files of versions up to ``up_to``, in the order they are applied."""
    found = []
    for path in sorted(Path(migrations_path).glob("*.sql")):
        match = re.match(r"(\d+)\.(\d+)\.(\d+)_", path.name)
        if match and tuple(int(part) for part in match.groups()) <= up_to:
            found.append(path)
    return found


def _destinations() -> None:
    op.create_table(
        "connector_destinations",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("events", sa.ARRAY(sa.Text), nullable=False, comment="kinds of events that are delivered"),
        sa.Column("parallel", sa.Integer, nullable=False, comment="slots that deliver side by side"),
        sa.Column("enabled", sa.Boolean, nullable=False, comment="whether the configuration has it"),
        sa.Column(
            "paused", sa.Boolean, nullable=False, server_default=sa.text("false"), comment="until a person resumes it"
        ),
        sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0"), comment="in a row"),
        sa.Column("open_until", WHEN, comment="nothing is sent before; the circuit breaker's moment"),
        sa.Column("probing_until", WHEN, comment="one delivery tries whether it answers again"),
        sa.Column("last_success_at", WHEN),
        sa.Column("reason", sa.Text, comment="why it is paused or open"),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "name", name="connector_destinations_pkey"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="connector_destinations_merchant_id_fkey"),
        sa.CheckConstraint("parallel BETWEEN 1 AND 64", name=op.f("connector_destinations_parallel_check")),
    )
    op.create_table(
        "connector_references",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("rma", sa.Text, nullable=False),
        sa.Column("gtin", sa.Text, nullable=False, comment="empty for the whole return"),
        sa.Column("serial", sa.Text, nullable=False, comment="empty for every unit"),
        sa.Column("ids", JSONB, nullable=False, comment="what the destination calls it"),
        sa.PrimaryKeyConstraint(
            "merchant_id", "destination", "rma", "gtin", "serial", name="connector_references_pkey"
        ),
        _to_destination("connector_references"),
    )


def _deliveries() -> None:
    op.create_table(
        "connector_deliveries",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("delivery_id", sa.Uuid, server_default=NEW_ID, nullable=False),
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False, comment="of one lane, one at a time, by event id"),
        sa.Column("slot", sa.Integer, nullable=False, comment="who delivers the lane"),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("first_attempt_at", WHEN),
        sa.Column("next_attempt_at", WHEN, nullable=False, server_default=NOW),
        sa.Column(
            "notes",
            JSONB,
            nullable=False,
            server_default=sa.text("'{}'::jsonb"),
            comment="steps done; see contract.py",
        ),
        sa.Column("reason", sa.Text, comment="why it waits, is dead or was skipped"),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("finished_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "delivery_id", name="connector_deliveries_pkey"),
        sa.UniqueConstraint(
            "merchant_id",
            "destination",
            "event_id",
            name="connector_deliveries_merchant_id_destination_event_id_key",
        ),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="connector_deliveries_event_id_fkey"),
        _to_destination("connector_deliveries"),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'skipped', 'dead')", name=op.f("connector_deliveries_state_check")
        ),
    )
    first = ["merchant_id", "destination"]
    for name, columns, where in (
        ("due", ["slot", "next_attempt_at"], WAITING),
        ("lane", ["lane", "event_id"], WAITING),
        ("subject", ["subject", "event_id"], None),
        ("state", ["state", "event_id"], None),
    ):
        op.create_index(
            f"connector_deliveries_{name}_idx", "connector_deliveries", first + columns, postgresql_where=where
        )
    op.create_table(
        "connector_attempts",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("attempt_id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("delivery_id", sa.Uuid, nullable=False),
        sa.Column("at", WHEN, nullable=False, server_default=NOW),
        sa.Column("request", sa.Text, nullable=False, comment="method and URL, without query"),
        sa.Column("status", sa.Integer, comment="of HTTP; null when there was no answer"),
        sa.Column("duration_ms", sa.Integer, nullable=False),
        sa.Column("response", sa.Text, nullable=False, comment="its beginning"),
        sa.Column("problem", sa.Text, comment="why it did not do; null when it did"),
        sa.PrimaryKeyConstraint("merchant_id", "attempt_id", name="connector_attempts_pkey"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "delivery_id"],
            ["connector_deliveries.merchant_id", "connector_deliveries.delivery_id"],
            name="connector_attempts_merchant_id_delivery_id_fkey",
        ),
    )
    op.create_index(
        "connector_attempts_delivery_idx", "connector_attempts", ["merchant_id", "delivery_id", "attempt_id"]
    )


def _to_destination(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["merchant_id", "destination"],
        ["connector_destinations.merchant_id", "connector_destinations.name"],
        name=f"{table}_merchant_id_destination_fkey",
    )
