"""Which item, or which return, a person said an inspection was of. Nothing is overwritten: the newest row counts."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Index, Table, Text, Uuid, func

from inspection.hub.tables import METADATA

item_matches = Table(
    "item_matches",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("inspection_id", Uuid, nullable=False),
    Column("rma", Text),
    Column("gtin", Text),
    Column("serial", Text),
    Column("epc", Text),
    Column("reason", Text, nullable=False),
    Column("matched_by", Text, nullable=False),
    Column("matched_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("item_matches_inspection_idx", "merchant_id", "inspection_id", "id"),
    Index("item_matches_rma_idx", "merchant_id", "rma"),
    Index("item_matches_item_idx", "merchant_id", "gtin", "serial"),
    Index("item_matches_epc_idx", "merchant_id", "epc"),
)
_newer = item_matches.alias("newer")
CURRENT = ~sa.exists().where(
    _newer.c.merchant_id == item_matches.c.merchant_id,
    _newer.c.inspection_id == item_matches.c.inspection_id,
    _newer.c.id > item_matches.c.id,
)
"""Of the matches of one inspection, the one that counts."""
