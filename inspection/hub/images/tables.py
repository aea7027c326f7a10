"""Pictures that the hub holds."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    func,
)

from inspection.hub.tables import METADATA

images = Table(
    "images",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("size_bytes", Integer, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("length(sha256) = 64", name="sha256"),
)

image_pieces = Table(
    "image_pieces",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("sha256", Text, primary_key=True, comment="of the whole picture, as the sender says"),
    Column("start", Integer, primary_key=True, comment="offset of the piece's first byte"),
    Column("data", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    CheckConstraint("start >= 0", name="start"),
    Index("image_pieces_received_idx", "merchant_id", "received_at"),
)
"""What has arrived of pictures whose sending was cut off: pieces that join without a gap, from 0."""

image_keys = Table(
    "image_keys",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("sha256", Text, primary_key=True, comment="of the picture"),
    Column("wrapped", LargeBinary, comment="its key under the master key; null once destroyed"),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("destroyed_at", DateTime(timezone=True)),
    CheckConstraint("length(sha256) = 64", name="sha256"),
    CheckConstraint("(wrapped IS NULL) = (destroyed_at IS NOT NULL)", name="destroyed"),
)
