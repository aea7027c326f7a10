"""Inspections by revision, and the pictures each names. A correction is a new row; no row is ever overwritten."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    desc,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

inspections = Table(
    "inspections",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("inspection_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("rma", Text, comment="as the station gave it; the hub need not know the return yet"),
    Column("gtin", Text),
    Column("serial", Text),
    Column("epc", Text),
    Column("disposition", Text, nullable=False),
    Column("grade", Text),
    Column("decided_by", Text, nullable=False),
    Column("confirmed_at", DateTime(timezone=True), nullable=False, comment="by the station's clock"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("received_via", Uuid, ForeignKey("access_tokens.id"), nullable=False),
    Column("evidence_hash", Text, nullable=False, comment="SHA-256 of the canonical report without this member"),
    Column("report", JSONB, nullable=False, comment="the report as it was received"),
    Column("clock_offset_s", Float, comment="station's clock minus ours when it reported; null when it did not say"),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
    CheckConstraint("revision >= 1", name="revision"),
    CheckConstraint("disposition IN ('resell', 'repair', 'scrap', 'hold')", name="disposition"),
    CheckConstraint("length(evidence_hash) = 64", name="evidence_hash"),
)
Index(
    "inspections_newest_idx",
    inspections.c.merchant_id,
    desc(inspections.c.received_at),
    desc(inspections.c.inspection_id),
)
Index("inspections_rma_idx", inspections.c.merchant_id, inspections.c.rma)
Index("inspections_item_idx", inspections.c.merchant_id, inspections.c.gtin, inspections.c.serial)
Index(
    "inspections_product_idx",
    inspections.c.merchant_id,
    inspections.c.gtin,
    desc(inspections.c.received_at),
    desc(inspections.c.inspection_id),
)
Index("inspections_epc_idx", inspections.c.merchant_id, inspections.c.epc)
Index("inspections_station_idx", inspections.c.merchant_id, inspections.c.station_id, desc(inspections.c.received_at))
Index(
    "inspections_hold_idx",
    inspections.c.merchant_id,
    inspections.c.station_id,
    postgresql_where=inspections.c.disposition == "hold",
)
Index(
    "inspections_unidentified_idx",
    inspections.c.merchant_id,
    desc(inspections.c.received_at),
    postgresql_where=sa.and_(inspections.c.gtin.is_(None), inspections.c.epc.is_(None)),
)

station_clocks = Table(
    "station_clocks",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("station_id", Text, primary_key=True),
    Column("offset_s", Float, nullable=False, comment="station's clock minus ours"),
    Column("wrong", Boolean, nullable=False),
    Column("measured_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
)

inspection_images = Table(
    "inspection_images",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("inspection_id", Uuid, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("position", Integer, primary_key=True, comment="from 0, in the order of the report"),
    Column("view", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    ForeignKeyConstraint(
        ["merchant_id", "inspection_id", "revision"],
        ["inspections.merchant_id", "inspections.inspection_id", "inspections.revision"],
    ),
    CheckConstraint("length(sha256) = 64", name="sha256"),
)
Index("inspection_images_sha256_idx", inspection_images.c.merchant_id, inspection_images.c.sha256)
