"""What each station said of itself last: one row a station, so that it never grows."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

station_status = Table(
    "station_status",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("station_id", Text, primary_key=True),
    Column("status", JSONB, nullable=False, comment="as it was received"),
    Column("state_since", DateTime(timezone=True), nullable=False, comment="by the hub's clock"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
)
