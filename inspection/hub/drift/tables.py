"""What was measured of each inspection, how each stream of figures stands, and the alarms."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

observations = Table(
    "drift_observations",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("number", BigInteger, Identity(always=True), primary_key=True, comment="the order in which they count"),
    Column("inspection_id", Uuid, nullable=False),
    Column("station_id", Text, nullable=False),
    Column("goods", Text, nullable=False),
    Column("day", Date, nullable=False, comment="when the hub received it, UTC"),
    Column("figures", JSONB, nullable=False, comment="name: [value, what it rests on]"),
    Column("sha256", Text, comment="of the picture that tells most"),
    UniqueConstraint("merchant_id", "inspection_id"),
)

streams = Table(
    "drift_streams",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("station_id", Text, primary_key=True),
    Column("goods", Text, primary_key=True),
    Column("figure", Text, primary_key=True),
    Column("basis", Text, primary_key=True, comment="bundle, rules or calibration its reference belongs to"),
    Column("state", JSONB, nullable=False, comment="see inspection.drifting.Watch"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("days", Integer, nullable=False, comment="days with items while the reference was learnt"),
    Column("last_number", BigInteger, nullable=False, comment="the last observation that went in"),
)

cursors = Table(
    "drift_cursors",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("number", BigInteger, nullable=False, comment="observations up to it went into the streams"),
)

alarms = Table(
    "drift_alarms",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("station_id", Text, nullable=False),
    Column("goods", Text, nullable=False),
    Column("figure", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("number", BigInteger, nullable=False, comment="the observation that raised it"),
    Column("direction", Text, nullable=False),
    Column("effect", Float, nullable=False),
    Column("items", Integer, nullable=False, comment="since it began"),
    Column("cause", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("evidence", JSONB, nullable=False, comment="inspections and their pictures behind it"),
    Column("chart", JSONB, nullable=False, comment="reference and what came since, in bins"),
    Column("closed_at", DateTime(timezone=True)),
    Column("closed_by", Text, comment="cured, superseded, or who took it as the new normal"),
    ForeignKeyConstraint(
        ["merchant_id", "station_id", "goods", "figure", "basis"],
        [
            "drift_streams.merchant_id",
            "drift_streams.station_id",
            "drift_streams.goods",
            "drift_streams.figure",
            "drift_streams.basis",
        ],
        name="drift_alarms_stream_fkey",
    ),
    UniqueConstraint("merchant_id", "station_id", "goods", "figure", "basis", "number", name="drift_alarms_once_key"),
    CheckConstraint("direction IN ('up', 'down', 'spread')", name="direction"),
    CheckConstraint("action IN ('recalibrate', 'relabel', 'retrain', 'look')", name="action"),
    CheckConstraint("(closed_at IS NULL) = (closed_by IS NULL)", name="closed"),
    Index("drift_alarms_opened_idx", "merchant_id", "opened_at", "id"),
)
