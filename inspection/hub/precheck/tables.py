"""Pre-checks: a case for a return, its link, what the customer sent, and what was seen in it.

Trust signals and the agent's page build on these: a picture is named by ``(merchant_id, precheck_pictures.id)``.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

WHEN = DateTime(timezone=True)
NEW_ID = func.gen_random_uuid()

cases = Table(
    "precheck_cases",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("rma", Text, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("version", Integer, nullable=False, server_default=text("1"), comment="grows with all the customer can see"),
    Column("language", Text, comment="that the customer last chose"),
    Column(
        "tier", Integer, nullable=False, server_default=text("0"), comment="of the member; higher is answered sooner"
    ),
    Column("answer_by", WHEN, comment="promised to the customer"),
    Column("check_hmac", Text, comment="of what opens the case beside the order number; keyed, for it is short"),
    Column("email", Text, comment="where the customer is told of the case; null: nowhere"),
    Column("problem", Text, nullable=False, server_default=text("''"), comment="in the customer's words"),
    Column("outcome", Text, comment="what will probably happen"),
    Column("answer", JSONB, comment="what stands behind the outcome; see answers.py"),
    Column("person_asked_at", WHEN),
    Column("decided_by", Uuid, comment="the decision that counts, of precheck_decisions"),
    Column("opened_at", WHEN, nullable=False, server_default=func.now()),
    Column("changed_at", WHEN, nullable=False, server_default=func.now()),
    UniqueConstraint("merchant_id", "rma"),
    ForeignKeyConstraint(["merchant_id", "rma"], ["returns.merchant_id", "returns.rma"]),
    CheckConstraint("state IN ('open', 'checking', 'answered', 'with_person', 'decided')", name="state"),
    CheckConstraint("tier BETWEEN 0 AND 9", name="tier"),
    Index("precheck_cases_state_idx", "merchant_id", "state", "changed_at"),
)

links = Table(
    "precheck_links",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, comment="signed into the link; the link itself is not stored"),
    Column("case_id", Uuid, nullable=False),
    Column("made_at", WHEN, nullable=False, server_default=func.now()),
    Column("expires_at", WHEN, nullable=False),
    Column("revoked_at", WHEN),
    UniqueConstraint("id"),
    ForeignKeyConstraint(["merchant_id", "case_id"], ["precheck_cases.merchant_id", "precheck_cases.id"]),
    Index(
        "precheck_links_live_idx",
        "merchant_id",
        "case_id",
        unique=True,
        postgresql_where=text("revoked_at IS NULL"),
    ),
)

uploads = Table(
    "precheck_uploads",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("case_id", Uuid, nullable=False),
    Column("step", Text, nullable=False, comment="what the customer was asked to show"),
    Column("kind", Text, comment="image or video; null until its first bytes are here"),
    Column("state", Text, nullable=False, server_default=text("'receiving'")),
    Column("size_bytes", Integer, nullable=False, comment="of the whole file, as the sender says"),
    Column("sha256", Text, comment="of the whole file"),
    Column("code", Text, comment="precheck.… of messages.py: what the customer is told of it"),
    Column("quality", JSONB),
    Column("told", JSONB, comment="what the file said about itself"),
    Column("sent_anyway", Boolean, nullable=False, server_default=text("false")),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="looks that were begun"),
    Column("timings_ms", JSONB),
    Column("mark", Text, comment="by it the sender finds a file again that was cut off; for a day"),
    Column("place_hmac", Text, comment="of the sender's network address, keyed; for quotas"),
    Column("started_at", WHEN, nullable=False, server_default=func.now()),
    Column("received_at", WHEN, comment="when it was whole and kept"),
    Column("due_at", WHEN, comment="the queue's order: earliest first"),
    Column("looking_since", WHEN),
    Column("done_at", WHEN),
    ForeignKeyConstraint(["merchant_id", "case_id"], ["precheck_cases.merchant_id", "precheck_cases.id"]),
    CheckConstraint("step IN ('whole', 'damage', 'label', 'video', 'challenge', 'other')", name="step"),
    CheckConstraint("kind IN ('image', 'video')", name="kind"),
    CheckConstraint("state IN ('receiving', 'waiting', 'retake', 'answered', 'refused', 'parked')", name="state"),
    CheckConstraint("size_bytes >= 1", name="size_bytes"),
    CheckConstraint("(state = 'receiving') = (received_at IS NULL)", name="received"),
    Index("precheck_uploads_case_idx", "merchant_id", "case_id", "started_at"),
    Index("precheck_uploads_place_idx", "merchant_id", "place_hmac", "started_at"),
    Index("precheck_uploads_waiting_idx", "due_at", postgresql_where=text("state = 'waiting'")),
    Index("precheck_uploads_done_idx", "done_at"),
)

pieces = Table(
    "precheck_pieces",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("upload_id", Uuid, primary_key=True),
    Column("start", Integer, primary_key=True, comment="offset of the piece's first byte"),
    Column("data", LargeBinary, nullable=False),
    ForeignKeyConstraint(["merchant_id", "upload_id"], ["precheck_uploads.merchant_id", "precheck_uploads.id"]),
    CheckConstraint("start >= 0", name="start"),
)
"""What has arrived of uploads that are not whole: pieces that join without a gap, from 0."""

objects = Table(
    "precheck_objects",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("sha256", Text, primary_key=True, comment="the object's name in the picture store; see keeping.py"),
    Column("upload_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("kept_at", WHEN, nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["merchant_id", "upload_id"], ["precheck_uploads.merchant_id", "precheck_uploads.id"]),
    CheckConstraint("role IN ('original', 'shown')", name="role"),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    Index("precheck_objects_upload_idx", "merchant_id", "upload_id"),
    Index("precheck_objects_kept_idx", "merchant_id", "kept_at"),
)
"""What lies encrypted in the picture store: originals for a dispute, and the re-encoded pictures that are shown."""

pictures = Table(
    "precheck_pictures",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("upload_id", Uuid, nullable=False),
    Column("number", Integer, nullable=False, comment="0; of a video 0, 1, … in the order of time"),
    Column("at_ms", Integer, comment="place in the video"),
    Column("object_sha256", Text, nullable=False, comment="precheck_objects.sha256 of the picture as it is shown"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("quality", JSONB, nullable=False),
    Column("findings", JSONB, nullable=False),
    Column("condition", Text),
    Column("outcome", Text, nullable=False),
    Column("rule", Text, nullable=False, comment="of the customer's policy"),
    Column("why", JSONB, nullable=False, comment="sentence per language"),
    Column("model", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("judged_at", WHEN, nullable=False, server_default=func.now()),
    UniqueConstraint("merchant_id", "upload_id", "number"),
    ForeignKeyConstraint(["merchant_id", "upload_id"], ["precheck_uploads.merchant_id", "precheck_uploads.id"]),
    CheckConstraint("number >= 0", name="number"),
)

decisions = Table(
    "precheck_decisions",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("case_id", Uuid, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=text("''"), comment="to the customer"),
    Column("staff_id", Uuid, comment="who decided; null for a token of another system"),
    Column("state_before", Text, nullable=False),
    Column("decided_at", WHEN, nullable=False, server_default=func.clock_timestamp()),
    ForeignKeyConstraint(["merchant_id", "case_id"], ["precheck_cases.merchant_id", "precheck_cases.id"]),
    Index("precheck_decisions_case_idx", "merchant_id", "case_id", "decided_at"),
)
"""What people decided; rows are only added, but for notes of a person that was erased."""

challenges = Table(
    "precheck_challenges",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("case_id", Uuid, nullable=False),
    Column("code", Text, nullable=False, comment="what the customer writes on a paper"),
    Column("asked_at", WHEN, nullable=False, server_default=func.clock_timestamp()),
    Column("expires_at", WHEN, nullable=False),
    ForeignKeyConstraint(["merchant_id", "case_id"], ["precheck_cases.merchant_id", "precheck_cases.id"]),
    CheckConstraint("length(code) = 4", name="code"),
    CheckConstraint("expires_at > asked_at", name="expires_at"),
    Index("precheck_challenges_case_idx", "merchant_id", "case_id", "asked_at"),
)
"""What people asked customers to write beside the item; rows are only added. Which file answers is told by time."""
