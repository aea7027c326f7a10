"""Stations, staff, tokens and sessions, enrolment codes, brakes on guessing, and the audit trail.

Of a token, a code or a badge only the SHA-256 is stored; of a password or PIN only its Argon2id hash.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
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
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.accounts.matrix import Role
from inspection.hub.tables import METADATA

WHEN = DateTime(timezone=True)
ROLES = ", ".join(f"'{role}'" for role in Role)
STAFF_ROLES = ", ".join(f"'{role}'" for role in Role if role is not Role.STATION)

stations = Table(
    "stations",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("station_id", Text, primary_key=True),
    Column("created_at", WHEN, nullable=False, server_default=func.now()),
)

staff = Table(
    "staff",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
    Column("login", Text, nullable=False, comment="lower case; what is typed at the console"),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("language", Text),
    Column("password_hash", Text),
    Column("pin_hash", Text),
    Column("badge_sha256", Text),
    Column("oidc_email", Text, comment="lower case; whom the identity provider may sign in the first time"),
    Column("oidc_subject", Text, comment="issuer and subject, once known; then the address no longer counts"),
    Column("created_at", WHEN, nullable=False, server_default=func.now()),
    Column("disabled_at", WHEN),
    UniqueConstraint("merchant_id", "login"),
    UniqueConstraint("merchant_id", "badge_sha256"),
    UniqueConstraint("merchant_id", "oidc_email"),
    UniqueConstraint("merchant_id", "oidc_subject"),
    CheckConstraint(f"role IN ({STAFF_ROLES})", name="role"),
    CheckConstraint("pin_hash IS NULL OR badge_sha256 IS NOT NULL", name="pin"),
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
    Column("created_at", WHEN, nullable=False, server_default=func.now()),
    Column("revoked_at", WHEN),
    Column("kind", Text, nullable=False, server_default=text("'token'")),
    Column("staff_id", Uuid, comment="whose session it is"),
    Column("expires_at", WHEN),
    Column("idle_s", Integer, comment="ends when it was not used for so long"),
    Column("last_used_at", WHEN, comment="to the minute"),
    Column("replaces", Uuid, comment="the credential that was rotated into this one"),
    Column("source", Text, comment="network address it was made from"),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
    ForeignKeyConstraint(["merchant_id", "staff_id"], ["staff.merchant_id", "staff.id"]),
    ForeignKeyConstraint(["replaces"], ["access_tokens.id"]),
    CheckConstraint(f"scope IN ({ROLES})", name="scope"),
    CheckConstraint("length(token_sha256) = 64", name="token_sha256"),
    CheckConstraint("kind IN ('token', 'credential', 'session', 'badge')", name="kind"),
    CheckConstraint("(kind IN ('session', 'badge')) = (staff_id IS NOT NULL)", name="staff"),
    CheckConstraint("kind <> 'credential' OR station_id IS NOT NULL", name="credential"),
    Index("access_tokens_staff_idx", "merchant_id", "staff_id"),
    Index("access_tokens_station_idx", "merchant_id", "station_id"),
    Index("access_tokens_replaces_idx", "replaces"),
)

enrolment_codes = Table(
    "enrolment_codes",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("code_sha256", Text, primary_key=True),
    Column("station_id", Text, nullable=False),
    Column("created_at", WHEN, nullable=False, server_default=func.now()),
    Column("expires_at", WHEN, nullable=False),
    Column("used_at", WHEN),
    ForeignKeyConstraint(["merchant_id", "station_id"], ["stations.merchant_id", "stations.station_id"]),
    UniqueConstraint("code_sha256"),
)

oidc_flows = Table(
    "oidc_flows",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("state_sha256", Text, primary_key=True),
    Column("browser_sha256", Text, nullable=False, comment="of the cookie of the browser that began it"),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False, comment="PKCE (RFC 7636)"),
    Column("created_at", WHEN, nullable=False, server_default=func.now()),
    UniqueConstraint("state_sha256"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    METADATA,
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), primary_key=True),
    Column("subject", Text, primary_key=True, comment="what is guessed at, or who guesses; hashed where it is typed"),
    Column("attempts", Integer, nullable=False),
    Column("started_at", WHEN, nullable=False),
    Column("locked_until", WHEN),
)

audit_entries = Table(
    "audit_entries",
    METADATA,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("merchant_id", Uuid, ForeignKey("merchants.id"), nullable=False),
    Column("at", WHEN, nullable=False, server_default=func.now()),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Text, comment="of the staff account or token"),
    Column("actor_role", Text),
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="on what"),
    Column("outcome", Text, nullable=False),
    Column("source", Text, comment="network address"),
    Column("request_id", Text),
    Column("details", JSONB, nullable=False),
    CheckConstraint("outcome IN ('done', 'denied')", name="outcome"),
    Index("audit_entries_merchant_id_idx", "merchant_id", "id"),
    Index("audit_entries_subject_idx", "merchant_id", "subject", "id"),
)
