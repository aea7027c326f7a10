"""Rollouts with every step they took, what champion and candidate said of each item, and how far each station is."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

DISPOSITIONS = "('resell', 'repair', 'scrap', 'hold')"

champions = Table(
    "rollout_champions",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("bundle_id", Text, nullable=False, comment="what all stations run"),
    Column("previous_id", Text, comment="what they ran before it; null: what each is configured with"),
    Column("since", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    ForeignKeyConstraint(["merchant_id", "bundle_id"], ["bundles.merchant_id", "bundles.bundle_id"]),
    CheckConstraint("kind IN ('bundle', 'policy', 'references')", name="kind"),
)

rollouts = Table(
    "rollouts",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("kind", Text, nullable=False),
    Column("candidate_id", Text, nullable=False),
    Column("champion_id", Text, comment="of this kind when it began; null: what stations are configured with"),
    Column("state", Text, nullable=False),
    Column("paused", Boolean, nullable=False, server_default=text("false"), comment="decides nothing by itself"),
    Column("plan", JSONB, nullable=False),
    Column("forced_by", Text, comment="who let it begin although the gate refused it"),
    Column("started_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("stage_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("looked_at", DateTime(timezone=True), comment="when its figures were weighed last"),
    Column("figures", JSONB, nullable=False, server_default=text("'{}'"), comment="as they were then"),
    Column("ended_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["merchant_id", "candidate_id"], ["bundles.merchant_id", "bundles.bundle_id"]),
    CheckConstraint("kind IN ('bundle', 'policy', 'references')", name="kind"),
    CheckConstraint("state IN ('shadow', 'canary', 'full', 'rolled_back')", name="state"),
    CheckConstraint("(state IN ('full', 'rolled_back')) = (ended_at IS NOT NULL)", name="ended_at"),
)
Index(
    "rollouts_one_at_a_time_idx",
    rollouts.c.merchant_id,
    unique=True,
    postgresql_where=rollouts.c.ended_at.is_(None),
)
Index("rollouts_started_idx", rollouts.c.merchant_id, rollouts.c.started_at)

steps = Table(
    "rollout_steps",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("rollout_id", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("act", Text, nullable=False),
    Column("state", Text, nullable=False, comment="after it"),
    Column("by", Text, nullable=False, comment="id of a member of staff or token, command line, or automatic"),
    Column("reason", Text, nullable=False, server_default=text("''")),
    Column("figures", JSONB, nullable=False, server_default=text("'{}'"), comment="that it was decided from"),
    ForeignKeyConstraint(["merchant_id", "rollout_id"], ["rollouts.merchant_id", "rollouts.id"]),
    Index("rollout_steps_rollout_idx", "merchant_id", "rollout_id", "id"),
)

opinions = Table(
    "rollout_opinions",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("rollout_id", Uuid, primary_key=True),
    Column("inspection_id", Uuid, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("judged_by", Text, nullable=False),
    Column("champion", Text, comment="disposition that it proposed; null: it was not asked"),
    Column("candidate", Text, comment="likewise"),
    Column("candidate_ms", Float),
    Column("candidate_error", Text, nullable=False, server_default=text("''")),
    Column("said", JSONB, nullable=False, comment="as it was received"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    ForeignKeyConstraint(["merchant_id", "rollout_id"], ["rollouts.merchant_id", "rollouts.id"]),
    CheckConstraint(f"champion IS NULL OR champion IN {DISPOSITIONS}", name="champion"),
    CheckConstraint(f"candidate IS NULL OR candidate IN {DISPOSITIONS}", name="candidate"),
    CheckConstraint("stage IN ('shadow', 'canary')", name="stage"),
    CheckConstraint("judged_by IN ('champion', 'candidate')", name="judged_by"),
    Index("rollout_opinions_stage_idx", "merchant_id", "rollout_id", "stage"),
    Index("rollout_opinions_inspection_idx", "merchant_id", "inspection_id"),
)

standings = Table(
    "rollout_standings",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("station_id", Text, primary_key=True),
    Column("standing", JSONB, nullable=False, comment="as it was received"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
)
