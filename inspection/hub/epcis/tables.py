"""Events, the captures they came with, the names they use, master data and named queries.

An event is never changed. Its error declaration is a row of its own beside it, with the same event id.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from inspection.hub.tables import METADATA

epcis_events = Table(
    "epcis_events",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("variant", Text, nullable=False, comment="tells events of one id apart; see repository.py"),
    Column("content_hash", Text, nullable=False, comment="CBV 2.0 event hash"),
    Column("event_type", Text, nullable=False),
    Column("event_time", DateTime(timezone=True), nullable=False),
    Column("record_time", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("action", Text),
    Column("biz_step", Text),
    Column("disposition", Text),
    Column("read_point", Text),
    Column("biz_location", Text),
    Column("declared_at", DateTime(timezone=True)),
    Column("epcs", ARRAY(Text), nullable=False, comment="every EPC, canonical"),
    Column("facts", JSONB, nullable=False, comment="what queries look at; see facts.py"),
    Column("context", JSONB, nullable=False, comment="the @context it came with"),
    Column("event", JSONB, nullable=False, comment="as it was captured, with its event id, without a record time"),
    UniqueConstraint("merchant_id", "event_id", "variant"),
)
for _name in ("event_type", "biz_step", "disposition", "read_point", "biz_location"):
    Index(
        f"epcis_events_{_name}_idx",
        epcis_events.c.merchant_id,
        epcis_events.c[_name],
        epcis_events.c.event_time,
        epcis_events.c.seq,
    )
Index("epcis_events_time_idx", epcis_events.c.merchant_id, epcis_events.c.event_time, epcis_events.c.seq)
Index("epcis_events_record_idx", epcis_events.c.merchant_id, epcis_events.c.record_time, epcis_events.c.seq)
Index("epcis_events_epcs_idx", epcis_events.c.epcs, postgresql_using="gin")
Index(
    "epcis_events_facts_idx",
    epcis_events.c.facts,
    postgresql_using="gin",
    postgresql_ops={"facts": "jsonb_path_ops"},
)

epcis_captures = Table(
    "epcis_captures",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("capture_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("finished_at", DateTime(timezone=True)),
    Column("captured_via", Uuid, ForeignKey("access_tokens.id"), nullable=False),
    Column("success", Boolean, nullable=False),
    Column("behaviour", Text, nullable=False),
    Column("event_count", Integer, nullable=False, comment="events of the document that are in the repository"),
    Column("errors", JSONB, nullable=False),
    Column("frame", JSONB, comment="the document without its events; null for a single event"),
    Column("event_seqs", ARRAY(BigInteger), nullable=False, comment="its events in order"),
    CheckConstraint("behaviour IN ('rollback', 'proceed')", name="behaviour"),
)
Index("epcis_captures_newest_idx", epcis_captures.c.merchant_id, epcis_captures.c.seq)

epcis_names = Table(
    "epcis_names",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("kind", Text, primary_key=True, comment="epc, bizStep, …, prefix (of extensions), company (prefix of URNs)"),
    Column("name", Text(collation="C"), primary_key=True, comment="canonical"),
    Column("shown", Text, nullable=False, comment="as it was written first"),
)

epcis_master_data = Table(
    "epcis_master_data",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("vocabulary", Text, primary_key=True),
    Column("name", Text, primary_key=True, comment="canonical"),
    Column("element", JSONB, nullable=False, comment="as it was captured last"),
    Column("children", ARRAY(Text), nullable=False, comment="canonical"),
    Column("captured_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
Index("epcis_master_data_name_idx", epcis_master_data.c.merchant_id, epcis_master_data.c.name)

epcis_queries = Table(
    "epcis_queries",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("name", Text(collation="C"), primary_key=True),
    Column("query", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("created_via", Uuid, ForeignKey("access_tokens.id"), nullable=False),
)
