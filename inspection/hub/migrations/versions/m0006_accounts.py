"""Staff with passwords, badges and sessions; enrolment and rotation of station credentials; the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NOW = sa.text("now()")
WHEN = sa.DateTime(timezone=True)
NEW_ID = sa.text("gen_random_uuid()")
STAFF_ROLES = "'operator', 'supervisor', 'qa_engineer', 'integrator', 'auditor', 'admin'"


def upgrade() -> None:
    """Add what accounts need; tokens that are there stay what they are."""
    _staff()
    _tokens()
    _enrolment()
    _brakes()
    _audit()


def downgrade() -> None:
    """Nothing goes back."""
    raise NotImplementedError("migrations go forward only; restore a backup instead")


def _merchant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["merchant_id"], ["merchants.id"], name=f"{table}_merchant_id_fkey")


def _staff() -> None:
    op.create_table(
        "staff",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, server_default=NEW_ID, nullable=False),
        sa.Column("login", sa.Text, nullable=False, comment="lower case; what is typed at the console"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("pin_hash", sa.Text),
        sa.Column("badge_sha256", sa.Text),
        sa.Column("oidc_email", sa.Text, comment="lower case; whom the identity provider may sign in the first time"),
        sa.Column("oidc_subject", sa.Text, comment="issuer and subject, once known; then the address no longer counts"),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("disabled_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "id", name="staff_pkey"),
        _merchant("staff"),
        *(
            sa.UniqueConstraint("merchant_id", each, name=f"staff_merchant_id_{each}_key")
            for each in ("login", "badge_sha256", "oidc_email", "oidc_subject")
        ),
        sa.CheckConstraint(f"role IN ({STAFF_ROLES})", name=op.f("staff_role_check")),
        sa.CheckConstraint("pin_hash IS NULL OR badge_sha256 IS NOT NULL", name=op.f("staff_pin_check")),
    )


def _tokens() -> None:
    for column in (
        sa.Column("kind", sa.Text, nullable=False, server_default=sa.text("'token'")),
        sa.Column("staff_id", sa.Uuid, comment="whose session it is"),
        sa.Column("expires_at", WHEN),
        sa.Column("idle_s", sa.Integer, comment="ends when it was not used for so long"),
        sa.Column("last_used_at", WHEN, comment="to the minute"),
        sa.Column("replaces", sa.Uuid, comment="the credential that was rotated into this one"),
        sa.Column("source", sa.Text, comment="network address it was made from"),
    ):
        op.add_column("access_tokens", column)
    op.create_foreign_key(
        "access_tokens_merchant_id_staff_id_fkey",
        "access_tokens",
        "staff",
        ["merchant_id", "staff_id"],
        ["merchant_id", "id"],
    )
    op.create_foreign_key("access_tokens_replaces_fkey", "access_tokens", "access_tokens", ["replaces"], ["id"])
    op.drop_constraint(op.f("access_tokens_scope_check"), "access_tokens")
    for name, rule in {
        "scope": f"scope IN ({STAFF_ROLES}, 'station')",
        "kind": "kind IN ('token', 'credential', 'session', 'badge')",
        "staff": "(kind IN ('session', 'badge')) = (staff_id IS NOT NULL)",
        "credential": "kind <> 'credential' OR station_id IS NOT NULL",
    }.items():
        op.create_check_constraint(op.f(f"access_tokens_{name}_check"), "access_tokens", rule)
    op.create_index("access_tokens_staff_idx", "access_tokens", ["merchant_id", "staff_id"])
    op.create_index("access_tokens_station_idx", "access_tokens", ["merchant_id", "station_id"])
    op.create_index("access_tokens_replaces_idx", "access_tokens", ["replaces"])


def _enrolment() -> None:
    op.create_table(
        "enrolment_codes",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.Column("expires_at", WHEN, nullable=False),
        sa.Column("used_at", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "code_sha256", name="enrolment_codes_pkey"),
        _merchant("enrolment_codes"),
        sa.ForeignKeyConstraint(
            ["merchant_id", "station_id"],
            ["stations.merchant_id", "stations.station_id"],
            name="enrolment_codes_merchant_id_station_id_fkey",
        ),
        sa.UniqueConstraint("code_sha256", name="enrolment_codes_code_sha256_key"),
    )
    op.create_table(
        "oidc_flows",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("state_sha256", sa.Text, nullable=False),
        sa.Column("browser_sha256", sa.Text, nullable=False, comment="of the cookie of the browser that began it"),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("verifier", sa.Text, nullable=False, comment="PKCE (RFC 7636)"),
        sa.Column("created_at", WHEN, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("merchant_id", "state_sha256", name="oidc_flows_pkey"),
        _merchant("oidc_flows"),
        sa.UniqueConstraint("state_sha256", name="oidc_flows_state_sha256_key"),
    )


def _brakes() -> None:
    op.create_table(
        "sign_in_attempts",
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column(
            "subject", sa.Text, nullable=False, comment="what is guessed at, or who guesses; hashed where it is typed"
        ),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("started_at", WHEN, nullable=False),
        sa.Column("locked_until", WHEN),
        sa.PrimaryKeyConstraint("merchant_id", "subject", name="sign_in_attempts_pkey"),
        _merchant("sign_in_attempts"),
    )


def _audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("merchant_id", sa.Uuid, nullable=False),
        sa.Column("at", WHEN, nullable=False, server_default=NOW),
        sa.Column("actor_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, comment="of the staff account or token"),
        sa.Column("actor_role", sa.Text),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, comment="on what"),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("source", sa.Text, comment="network address"),
        sa.Column("request_id", sa.Text),
        sa.Column("details", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="audit_entries_pkey"),
        _merchant("audit_entries"),
        sa.CheckConstraint("outcome IN ('done', 'denied')", name=op.f("audit_entries_outcome_check")),
    )
    op.create_index("audit_entries_merchant_id_idx", "audit_entries", ["merchant_id", "id"])
    op.create_index("audit_entries_subject_idx", "audit_entries", ["merchant_id", "subject", "id"])
    op.execute(
        """
        CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the audit trail is append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
