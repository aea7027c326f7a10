"""Returns and their lines."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
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

returns = Table(
    "returns",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("rma", Text, primary_key=True),
    Column("order_ref", Text),
    Column("opened_at", DateTime(timezone=True)),
    Column("content_sha256", Text, nullable=False, comment="of the canonical request; tells a repeat from a conflict"),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("returns_newest_idx", returns.c.merchant_id, desc(returns.c.created_at), desc(returns.c.rma))
Index("returns_order_ref_idx", returns.c.merchant_id, returns.c.order_ref)

return_lines = Table(
    "return_lines",
    METADATA,
    Column("merchant_id", Uuid, primary_key=True),
    Column("rma", Text, primary_key=True),
    Column("line_no", Integer, primary_key=True),
    Column("gtin", Text),
    Column("serial", Text),
    Column("sku", Text),
    Column("quantity", Integer, nullable=False),
    Column("reason_code", Text),
    Column("declared_defects", JSONB, nullable=False),
    ForeignKeyConstraint(["merchant_id", "rma"], ["returns.merchant_id", "returns.rma"]),
    CheckConstraint("line_no >= 1", name="line_no"),
    CheckConstraint("quantity >= 1", name="quantity"),
)
Index("return_lines_item_idx", return_lines.c.merchant_id, return_lines.c.gtin, return_lines.c.serial)
