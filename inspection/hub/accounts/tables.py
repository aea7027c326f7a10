"""Stations of a merchant, and the tokens that stand for them; a token itself is never stored, only its SHA-256."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, ForeignKeyConstraint, Table, Text, Uuid, func

from inspection.hub.tables import METADATA

stations = Table(
    "stations",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("station_id", Text, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

access_tokens = Table(
    "access_tokens",
    METADATA,
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), nullable=False),
    Column("station_id", Text, comment="the only station this token may report for; null for any of the merchant"),
    Column("scope", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("revoked_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
    CheckConstraint("scope IN ('station', 'admin')", name="scope"),
    CheckConstraint("length(token_sha256) = 64", name="token_sha256"),
)
