"""What is asked, what people said, which labels count, and what a model doubts of them."""

from __future__ import annotations

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
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
DIMENSIONS = 256
"""Of a print; see prints.py."""
CONDITIONS = "condition IN ('intact', 'minor', 'major', 'critical')"
_ITEM = ["review_items.merchant_id", "review_items.id"]

due = Table(
    "review_due",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("inspection_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("reported_at", WHEN, nullable=False, server_default=func.now()),
    Column("not_before", WHEN, nullable=False, server_default=func.now()),
    Index("review_due_next_idx", "merchant_id", "not_before"),
)
"""Reports that nobody has looked through for something to ask; a row goes when that is done."""

items = Table(
    "review_items",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("image_sha256", Text, nullable=False),
    Column("inspection_id", Uuid, comment="null for a picture that was brought in by itself"),
    Column("rma", Text),
    Column("view", Text, nullable=False),
    Column("station_id", Text, nullable=False),
    Column("item_key", Text, nullable=False, comment="the unit: EPC, GTIN and serial number, or its inspection"),
    Column("customer_key", Uuid, comment="random; the same for all cases of one order"),
    Column("captured_at", WHEN, nullable=False),
    Column("gtin", Text),
    Column("goods", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("needed", Integer, nullable=False, server_default=text("1"), comment="people who must label it"),
    Column("reasons", JSONB, nullable=False, comment="why it is asked: strength 0..1 by reason"),
    Column("uncertainty", REAL, nullable=False, comment="0..1"),
    Column("cost", BigInteger, nullable=False, comment="of a mistake, minor units"),
    Column("model", JSONB, comment="what the model said: condition, defects, boxes, bundle"),
    Column("override", JSONB, comment="what the worker said who overrode it: condition, defects, boxes, reason"),
    Column("print", HALFVEC(DIMENSIONS), comment="of length 1; null for a picture without structure"),
    Column("folded_into", Uuid, comment="the picture that is asked in its place"),
    Column("leased_by", Text, comment="staff or token id"),
    Column("leased_until", WHEN),
    Column("asked_at", WHEN, nullable=False, server_default=func.now()),
    Column("changed_at", WHEN, nullable=False, server_default=func.now()),
    UniqueConstraint("merchant_id", "image_sha256"),
    ForeignKeyConstraint(["merchant_id", "folded_into"], _ITEM, name="review_items_folded_fkey"),
    CheckConstraint("state IN ('open', 'second', 'disputed', 'accepted', 'folded')", name="state"),
    CheckConstraint("(state = 'folded') = (folded_into IS NOT NULL)", name="folded"),
    CheckConstraint("needed IN (1, 2)", name="needed"),
    CheckConstraint("uncertainty BETWEEN 0 AND 1", name="uncertainty"),
    CheckConstraint("cost >= 0", name="cost"),
    CheckConstraint("width >= 1 AND height >= 1", name="size"),
    CheckConstraint("length(image_sha256) = 64", name="image_sha256"),
    Index("review_items_state_idx", "merchant_id", "state", "changed_at"),
    Index("review_items_inspection_idx", "merchant_id", "inspection_id"),
    Index("review_items_folded_idx", "merchant_id", "folded_into"),
    Index(
        "review_items_near_idx",
        "print",
        postgresql_using="hnsw",
        postgresql_ops={"print": "halfvec_ip_ops"},
    ),
)

goods = Table(
    "review_goods",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("goods", Text, primary_key=True),
    Column("share", REAL, nullable=False, comment="of the inspections of the last 30 days"),
    Column("counted_at", WHEN, nullable=False, server_default=func.now()),
    CheckConstraint("share > 0 AND share <= 1", name="share"),
)

labels = Table(
    "review_labels",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("item_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("labeller", Text, nullable=False, comment="staff id, or the token's of another program"),
    Column("source", Text, nullable=False, comment="whose proposal it was, when it was taken as it stood"),
    Column("condition", Text),
    Column("defects", JSONB, nullable=False),
    Column("boxes", JSONB, nullable=False),
    Column("useless", Boolean, nullable=False),
    Column("took_ms", Integer, comment="from being shown to being labelled, as the page measured"),
    Column("at", WHEN, nullable=False, server_default=func.clock_timestamp()),
    Column("undone_at", WHEN),
    ForeignKeyConstraint(["merchant_id", "item_id"], _ITEM, ondelete="CASCADE"),
    CheckConstraint("kind IN ('label', 'skip', 'adjudication')", name="kind"),
    CheckConstraint("source IN ('person', 'override', 'model')", name="source"),
    CheckConstraint(f"condition IS NULL OR {CONDITIONS}", name="condition"),
    Index("review_labels_item_idx", "merchant_id", "item_id", "at"),
    Index("review_labels_labeller_idx", "merchant_id", "labeller", "at"),
    Index(
        "review_labels_once_idx",
        "merchant_id",
        "item_id",
        "labeller",
        "kind",
        unique=True,
        postgresql_where=text("undone_at IS NULL"),
    ),
)
"""What people said; a row is added and at most undone."""

accepted = Table(
    "review_accepted",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("item_id", Uuid, nullable=False),
    Column("image_sha256", Text, nullable=False),
    Column("condition", Text),
    Column("defects", JSONB, nullable=False),
    Column("boxes", JSONB, nullable=False),
    Column("useless", Boolean, nullable=False),
    Column("labellers", JSONB, nullable=False, comment="who said so, and who decided between them"),
    Column("source", Text, nullable=False),
    Column("at", WHEN, nullable=False, server_default=func.clock_timestamp()),
    Column("withdrawn_at", WHEN, comment="undone, or replaced by a newer one"),
    ForeignKeyConstraint(["merchant_id", "item_id"], _ITEM, ondelete="CASCADE"),
    CheckConstraint("source IN ('person', 'override', 'model', 'adjudicated', 'suspect')", name="source"),
    CheckConstraint(f"condition IS NULL OR {CONDITIONS}", name="condition"),
    CheckConstraint("(condition IS NULL) = useless", name="useless"),
    Index("review_accepted_item_idx", "merchant_id", "item_id"),
    Index("review_accepted_at_idx", "merchant_id", "at", "id"),
    Index(
        "review_accepted_now_idx",
        "merchant_id",
        "image_sha256",
        unique=True,
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
)
"""Labels that count; of a picture one at a time. Earlier ones stay: models were trained on them."""

suspects = Table(
    "review_suspects",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=NEW_ID),
    Column("item_id", Uuid, nullable=False),
    Column("given", JSONB, nullable=False, comment="condition and defects that the label says"),
    Column("suggested", JSONB, nullable=False, comment="what models say that never saw the picture"),
    Column("score", REAL, nullable=False, comment="0..1; the higher the surer that the label is wrong"),
    Column("state", Text, nullable=False, server_default=text("'open'")),
    Column("decided_by", Text, comment="staff or token id"),
    Column("decided_at", WHEN),
    Column("listed_at", WHEN, nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["merchant_id", "item_id"], _ITEM, ondelete="CASCADE"),
    CheckConstraint("state IN ('open', 'confirmed', 'dismissed')", name="state"),
    CheckConstraint("score BETWEEN 0 AND 1", name="score"),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    Index("review_suspects_next_idx", "merchant_id", "state", "score"),
    Index("review_suspects_item_idx", "merchant_id", "item_id"),
)
