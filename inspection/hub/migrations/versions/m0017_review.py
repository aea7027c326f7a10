"""The review queue: what is asked, what people said, which labels count, and what models doubt of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAME = """
CREATE FUNCTION review_name_due() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    woken record;
BEGIN
    FOR woken IN WITH added AS (
        INSERT INTO review_due (merchant_id, inspection_id, revision)
        SELECT merchant_id, inspection_id, revision FROM fresh_inspections
        ON CONFLICT DO NOTHING
        RETURNING merchant_id
    )
    SELECT DISTINCT merchant_id FROM added
    LOOP
        PERFORM jobs.enqueue('review.fill', jsonb_build_object('merchant_id', woken.merchant_id),
            'review.fill/' || woken.merchant_id, 'default', now() + interval '2 seconds', true, -10);
    END LOOP;
    RETURN NULL;
END $$
"""
WAKE = """
SELECT jobs.enqueue('review.fill', jsonb_build_object('merchant_id', merchant_id), 'review.fill/' || merchant_id,
    'default', now(), true, -10)
FROM (SELECT DISTINCT merchant_id FROM review_due) AS named
"""


def upgrade() -> None:
    """Create the tables, and the trigger that names what is to be looked through; what is there already is named."""
    _due()
    _items()
    _goods()
    _labels()
    _accepted()
    _suspects()
    op.execute(NAME)
    op.execute(
        "CREATE TRIGGER review_name_due AFTER INSERT ON inspections REFERENCING NEW TABLE AS fresh_inspections "
        "FOR EACH STATEMENT EXECUTE FUNCTION review_name_due()"
    )
    op.execute(
        "INSERT INTO review_due (merchant_id, inspection_id, revision) "
        "SELECT merchant_id, inspection_id, revision FROM inspections "
        "WHERE received_at > now() - interval '30 days'"
    )
    op.execute(WAKE)


def downgrade() -> None:
    """What people said is never dropped."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _due() -> None:
    op.create_table(
        "review_due",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("inspection_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="review_due_merchant_id_fkey"),
        sa.PrimaryKeyConstraint("merchant_id", "inspection_id", "revision", name="review_due_pkey"),
    )
    op.create_index("review_due_next_idx", "review_due", ["merchant_id", "not_before"])


def _items() -> None:
    op.create_table(
        "review_items",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column(
            "inspection_id", sa.Uuid(), nullable=True, comment="null for a picture that was brought in by itself"
        ),
        sa.Column("rma", sa.Text(), nullable=True),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("station_id", sa.Text(), nullable=False),
        sa.Column(
            "item_key", sa.Text(), nullable=False, comment="the unit: EPC, GTIN and serial number, or its inspection"
        ),
        sa.Column("customer_key", sa.Uuid(), nullable=True, comment="random; the same for all cases of one order"),
        sa.Column("captured_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gtin", sa.Text(), nullable=True),
        sa.Column("goods", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column(
            "needed", sa.Integer(), server_default=sa.text("1"), nullable=False, comment="people who must label it"
        ),
        sa.Column("reasons", JSONB, nullable=False, comment="why it is asked: strength 0..1 by reason"),
        sa.Column("uncertainty", sa.REAL(), nullable=False, comment="0..1"),
        sa.Column("cost", sa.BigInteger(), nullable=False, comment="of a mistake, minor units"),
        sa.Column("model", JSONB, nullable=True, comment="what the model said: condition, defects, boxes, bundle"),
        sa.Column(
            "override",
            JSONB,
            nullable=True,
            comment="what the worker said who overrode it: condition, defects, boxes, reason",
        ),
        sa.Column("print", HALFVEC(256), nullable=True, comment="of length 1; null for a picture without structure"),
        sa.Column("folded_into", sa.Uuid(), nullable=True, comment="the picture that is asked in its place"),
        sa.Column("leased_by", sa.Text(), nullable=True, comment="staff or token id"),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("(state = 'folded') = (folded_into IS NOT NULL)", name="folded"),
        sa.CheckConstraint("state IN ('open', 'second', 'disputed', 'accepted', 'folded')", name="state"),
        sa.CheckConstraint("cost >= 0", name="cost"),
        sa.CheckConstraint("length(image_sha256) = 64", name="image_sha256"),
        sa.CheckConstraint("needed IN (1, 2)", name="needed"),
        sa.CheckConstraint("uncertainty BETWEEN 0 AND 1", name="uncertainty"),
        sa.CheckConstraint("width >= 1 AND height >= 1", name="size"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "folded_into"],
            ["review_items.merchant_id", "review_items.id"],
            name="review_items_folded_fkey",
        ),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="review_items_merchant_id_fkey"),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="review_items_pkey"),
        sa.UniqueConstraint("merchant_id", "image_sha256", name="review_items_merchant_id_image_sha256_key"),
    )
    op.create_index("review_items_folded_idx", "review_items", ["merchant_id", "folded_into"])
    op.create_index("review_items_inspection_idx", "review_items", ["merchant_id", "inspection_id"])
    op.create_index(
        "review_items_near_idx",
        "review_items",
        ["print"],
        postgresql_using="hnsw",
        postgresql_ops={"print": "halfvec_ip_ops"},
    )
    op.create_index("review_items_state_idx", "review_items", ["merchant_id", "state", "changed_at"])


def _goods() -> None:
    op.create_table(
        "review_goods",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("goods", sa.Text(), nullable=False),
        sa.Column("share", sa.REAL(), nullable=False, comment="of the inspections of the last 30 days"),
        sa.Column("counted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("share > 0 AND share <= 1", name="share"),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name="review_goods_merchant_id_fkey"),
        sa.PrimaryKeyConstraint("merchant_id", "goods", name="review_goods_pkey"),
    )


def _labels() -> None:
    op.create_table(
        "review_labels",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("labeller", sa.Text(), nullable=False, comment="staff id, or the token's of another program"),
        sa.Column("source", sa.Text(), nullable=False, comment="whose proposal it was, when it was taken as it stood"),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("defects", JSONB, nullable=False),
        sa.Column("boxes", JSONB, nullable=False),
        sa.Column("useless", sa.Boolean(), nullable=False),
        sa.Column(
            "took_ms", sa.Integer(), nullable=True, comment="from being shown to being labelled, as the page measured"
        ),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "condition IS NULL OR condition IN ('intact', 'minor', 'major', 'critical')", name="condition"
        ),
        sa.CheckConstraint("kind IN ('label', 'skip', 'adjudication')", name="kind"),
        sa.CheckConstraint("source IN ('person', 'override', 'model')", name="source"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "item_id"],
            ["review_items.merchant_id", "review_items.id"],
            name="review_labels_merchant_id_item_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="review_labels_pkey"),
    )
    op.create_index("review_labels_item_idx", "review_labels", ["merchant_id", "item_id", "at"])
    op.create_index("review_labels_labeller_idx", "review_labels", ["merchant_id", "labeller", "at"])
    op.create_index(
        "review_labels_once_idx",
        "review_labels",
        ["merchant_id", "item_id", "labeller", "kind"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )


def _accepted() -> None:
    op.create_table(
        "review_accepted",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("image_sha256", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("defects", JSONB, nullable=False),
        sa.Column("boxes", JSONB, nullable=False),
        sa.Column("useless", sa.Boolean(), nullable=False),
        sa.Column("labellers", JSONB, nullable=False, comment="who said so, and who decided between them"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "withdrawn_at", sa.DateTime(timezone=True), nullable=True, comment="undone, or replaced by a newer one"
        ),
        sa.CheckConstraint(
            "condition IS NULL OR condition IN ('intact', 'minor', 'major', 'critical')", name="condition"
        ),
        sa.CheckConstraint("source IN ('person', 'override', 'model', 'adjudicated', 'suspect')", name="source"),
        sa.CheckConstraint("(condition IS NULL) = useless", name="useless"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "item_id"],
            ["review_items.merchant_id", "review_items.id"],
            name="review_accepted_merchant_id_item_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="review_accepted_pkey"),
    )
    op.create_index("review_accepted_at_idx", "review_accepted", ["merchant_id", "at", "id"])
    op.create_index("review_accepted_item_idx", "review_accepted", ["merchant_id", "item_id"])
    op.create_index(
        "review_accepted_now_idx",
        "review_accepted",
        ["merchant_id", "image_sha256"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def _suspects() -> None:
    op.create_table(
        "review_suspects",
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("given", JSONB, nullable=False, comment="condition and defects that the label says"),
        sa.Column("suggested", JSONB, nullable=False, comment="what models say that never saw the picture"),
        sa.Column("score", sa.REAL(), nullable=False, comment="0..1; the higher the surer that the label is wrong"),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True, comment="staff or token id"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("listed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        sa.CheckConstraint("state IN ('open', 'confirmed', 'dismissed')", name="state"),
        sa.CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "item_id"],
            ["review_items.merchant_id", "review_items.id"],
            name="review_suspects_merchant_id_item_id_fkey",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="review_suspects_pkey"),
    )
    op.create_index("review_suspects_item_idx", "review_suspects", ["merchant_id", "item_id"])
    op.create_index("review_suspects_next_idx", "review_suspects", ["merchant_id", "state", "score"])
