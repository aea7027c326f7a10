"""Pre-checks: cases, links, uploads and pictures; and jobs with a priority."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
NEW_ID = sa.text("gen_random_uuid()")
WHEN = sa.DateTime(timezone=True)

ENQUEUE = """
CREATE FUNCTION jobs.enqueue(
    task text, args jsonb, lock text, queue text, at timestamptz, once boolean, priority integer
) RETURNS bigint LANGUAGE plpgsql SET search_path = jobs, pg_catalog AS $$
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
        ROW(enqueue.queue, enqueue.task, enqueue.priority, enqueue.lock, NULL, enqueue.args, enqueue.at)
        ::procrastinate_job_to_defer_v1
    ]) INTO found;
    RETURN found[1];
END $$
"""


def upgrade() -> None:
    """Create the tables, and the form of ``jobs.enqueue`` that takes a priority."""
    op.execute(ENQUEUE)
    _cases()
    _uploads()
    _kept()
    _pictures()


def downgrade() -> None:
    """What customers sent is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _cases() -> None:
    name = "precheck_cases"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=NEW_ID),
        sa.Column("rma", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'open'")),
        _version(),
        sa.Column("language", sa.Text, comment="that the customer last chose"),
        _tier(),
        sa.Column("answer_by", WHEN, comment="promised to the customer"),
        sa.Column(
            "check_hmac", sa.Text, comment="of what opens the case beside the order number; keyed, for it is short"
        ),
        sa.Column("problem", sa.Text, nullable=False, server_default=sa.text("''"), comment="in the customer's words"),
        sa.Column("outcome", sa.Text, comment="what will probably happen"),
        sa.Column("answer", JSONB, comment="what stands behind the outcome; see answers.py"),
        sa.Column("person_asked_at", WHEN),
        sa.Column("opened_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("changed_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.UniqueConstraint("merchant_id", "rma", name=f"{name}_merchant_id_rma_key"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "rma"], ["returns.merchant_id", "returns.rma"], name=f"{name}_merchant_id_rma_fkey"
        ),
        sa.CheckConstraint("state IN ('open', 'checking', 'answered', 'with_person', 'decided')", name="state"),
        sa.CheckConstraint("tier BETWEEN 0 AND 9", name="tier"),
    )
    op.create_index("precheck_cases_state_idx", name, ["merchant_id", "state", "changed_at"])
    name = "precheck_links"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, comment="signed into the link; the link itself is not stored"),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("made_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("revoked_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.UniqueConstraint("id", name=f"{name}_id_key"),
        _of_case(name),
    )
    live = sa.text("revoked_at IS NULL")
    op.create_index("precheck_links_live_idx", name, ["merchant_id", "case_id"], unique=True, postgresql_where=live)


def _version() -> sa.Column[int]:
    comment = "grows with all the customer can see"
    return sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1"), comment=comment)


def _tier() -> sa.Column[int]:
    comment = "of the member; higher is answered sooner"
    return sa.Column("tier", sa.Integer, nullable=False, server_default=sa.text("0"), comment=comment)


def _uploads() -> None:
    name = "precheck_uploads"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=NEW_ID),
        sa.Column("case_id", sa.Uuid, nullable=False),
        sa.Column("step", sa.Text, nullable=False, comment="what the customer was asked to show"),
        sa.Column("kind", sa.Text, comment="image or video; null until its first bytes are here"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'receiving'")),
        sa.Column("size_bytes", sa.Integer, nullable=False, comment="of the whole file, as the sender says"),
        sa.Column("sha256", sa.Text, comment="of the whole file"),
        sa.Column("code", sa.Text, comment="precheck.… of messages.py: what the customer is told of it"),
        sa.Column("quality", JSONB),
        sa.Column("told", JSONB, comment="what the file said about itself"),
        sa.Column("sent_anyway", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0"), comment="looks that were begun"),
        sa.Column("timings_ms", JSONB),
        sa.Column("place_hmac", sa.Text, comment="of the sender's network address, keyed; for quotas"),
        sa.Column("started_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("received_at", WHEN, comment="when it was whole and kept"),
        sa.Column("due_at", WHEN, comment="the queue's order: earliest first"),
        sa.Column("looking_since", WHEN),
        sa.Column("done_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        _of_case(name),
        sa.CheckConstraint("step IN ('whole', 'damage', 'label', 'video', 'other')", name="step"),
        sa.CheckConstraint("kind IN ('image', 'video')", name="kind"),
        sa.CheckConstraint(
            "state IN ('receiving', 'waiting', 'retake', 'answered', 'refused', 'parked')", name="state"
        ),
        sa.CheckConstraint("size_bytes >= 1", name="size_bytes"),
        sa.CheckConstraint("(state = 'receiving') = (received_at IS NULL)", name="received"),
    )
    op.create_index("precheck_uploads_case_idx", name, ["merchant_id", "case_id", "started_at"])
    op.create_index("precheck_uploads_place_idx", name, ["merchant_id", "place_hmac", "started_at"])
    waiting = sa.text("state = 'waiting'")
    op.create_index("precheck_uploads_waiting_idx", name, ["due_at"], postgresql_where=waiting)
    op.create_index("precheck_uploads_done_idx", name, ["done_at"])


def _kept() -> None:
    name = "precheck_pieces"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("upload_id", sa.Uuid, nullable=False),
        sa.Column("start", sa.Integer, nullable=False, comment="offset of the piece's first byte"),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", "upload_id", "start", name=f"{name}_pkey"),
        _of_upload(name),
        sa.CheckConstraint("start >= 0", name="start"),
    )
    name = "precheck_objects"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False, comment="the object's name in the picture store; see keeping.py"),
        sa.Column("upload_id", sa.Uuid, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("kept_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "sha256", name=f"{name}_pkey"),
        _of_upload(name),
        sa.CheckConstraint("role IN ('original', 'shown')", name="role"),
        sa.CheckConstraint("length(sha256) = 64", name="sha256"),
    )
    op.create_index("precheck_objects_upload_idx", name, ["merchant_id", "upload_id"])
    op.create_index("precheck_objects_kept_idx", name, ["merchant_id", "kept_at"])


def _pictures() -> None:
    name, shown = "precheck_pictures", "precheck_objects.sha256 of the picture as it is shown"
    op.create_table(
        name,
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False, server_default=NEW_ID),
        sa.Column("upload_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False, comment="0; of a video 0, 1, … in the order of time"),
        sa.Column("at_ms", sa.Integer, comment="place in the video"),
        sa.Column("object_sha256", sa.Text, nullable=False, comment=shown),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("quality", JSONB, nullable=False),
        sa.Column("findings", JSONB, nullable=False),
        sa.Column("condition", sa.Text),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False, comment="of the customer's policy"),
        sa.Column("why", JSONB, nullable=False, comment="sentence per language"),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("judged_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "id", name=f"{name}_pkey"),
        sa.UniqueConstraint("merchant_id", "upload_id", "number", name=f"{name}_merchant_id_upload_id_number_key"),
        _of_upload(name),
        sa.CheckConstraint("number >= 0", name="number"),
    )


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    there = ["precheck_cases.merchant_id", "precheck_cases.id"]
    return sa.ForeignKeyConstraint(["merchant_id", "case_id"], there, name=f"{table}_merchant_id_case_id_fkey")


def _of_upload(table: str) -> sa.ForeignKeyConstraint:
    there = ["precheck_uploads.merchant_id", "precheck_uploads.id"]
    return sa.ForeignKeyConstraint(["merchant_id", "upload_id"], there, name=f"{table}_merchant_id_upload_id_fkey")
