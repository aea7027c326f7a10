"""Cases that must be kept, and erasures: asked, done, certified."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, DateTime, ForeignKey, Index, Table, Text, Uuid, desc, func
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.tables import METADATA

WHEN = DateTime(timezone=True)

legal_holds = Table(
    "legal_holds",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("rma", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", WHEN, nullable=False, server_default=func.now()),
    Column("released_by", Text),
    Column("released_at", WHEN),
    CheckConstraint("(released_by IS NULL) = (released_at IS NULL)", name="released"),
    Index("legal_holds_rma_idx", "merchant_id", "rma"),
)

erasures = Table(
    "erasures",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("cases", JSONB, nullable=False, comment="RMA numbers; what they name is gone, the numbers are not"),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", WHEN, nullable=False, server_default=func.now()),
    Column("done_at", WHEN),
    Column("certificate", JSONB),
    Column("failure", Text, comment="why it could not be done; the job tries again"),
    CheckConstraint("(certificate IS NULL) = (done_at IS NULL)", name="done"),
)
Index("erasures_asked_idx", erasures.c.merchant_id, desc(erasures.c.asked_at), erasures.c.id)
