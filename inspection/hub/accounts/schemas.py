"""What the routes of accounts take and give."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

from inspection.hub.accounts.hashing import MAX_PASSWORD
from inspection.hub.accounts.matrix import Permission, Role
from inspection.hub.accounts.tokens import Kind

StationId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Login = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._@+-]{1,99}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}$", to_lower=True)]
Secret = Annotated[SecretStr, Field(max_length=MAX_PASSWORD * 2, json_schema_extra={"pattern": "^[^\\x00]*$"})]
PRINTED: dict[str, Any] = {"pattern": "^[\\x21-\\x7e]+$"}
"""What badges and PINs are made of, as the description says it."""
Language = Literal["zh-CN", "en", "th", "vi"]
StaffRole = Literal[
    Role.OPERATOR, Role.SUPERVISOR, Role.QA_ENGINEER, Role.INTEGRATOR, Role.AUDITOR, Role.ADMIN
]  # a station is no member of staff
_BADGE = re.compile(r"\A[\x21-\x7e]{4,128}\Z")


class Body(BaseModel):
    """What is sent: unknown members are refused."""

    model_config = ConfigDict(extra="forbid")


class EnrolmentRequest(Body):
    """A one-time code."""

    code: Annotated[str, Field(min_length=16, max_length=40, examples=["7Q2M-0XKD-93RT-VB5A"])]


class Credential(BaseModel):
    """A station's credential; shown this once."""

    station_id: str
    credential: str = Field(examples=["rx-credential-…"])
    expires_at: datetime
    rotate_after: datetime = Field(description="ask `POST /v1/credential/rotation` for the next from then on")


class EnrolmentCode(BaseModel):
    """A code that enrols one station once."""

    station_id: str
    code: str = Field(examples=["7Q2M-0XKD-93RT-VB5A"])
    expires_at: datetime


class Station(BaseModel):
    """A station, and what lets it in."""

    station_id: str
    created_at: datetime
    credentials: int = Field(description="credentials and tokens of this station that let in now")
    last_used_at: datetime | None


class Stations(BaseModel):
    """All stations."""

    stations: list[Station]


class Revoked(BaseModel):
    """How many were ended."""

    revoked: int


class BadgeSignIn(Body):
    """A scanned badge and a typed PIN."""

    badge: Annotated[SecretStr, Field(min_length=1, max_length=128, json_schema_extra=PRINTED)]
    pin: Annotated[SecretStr, Field(min_length=1, max_length=64, json_schema_extra=PRINTED)]


class SignedIn(BaseModel):
    """Who came in."""

    staff_id: UUID
    name: str
    role: Role
    language: str | None
    permissions: list[Permission] = Field(description="what they may do now; a station asks `/v1/me` for changes")
    session: str = Field(description="send it as `Authorization: Bearer`; revoked like any other session")
    session_id: UUID
    expires_at: datetime


class Me(BaseModel):
    """Who asks."""

    role: Role
    kind: Kind
    staff_id: UUID | None
    name: str | None
    station_id: str | None
    permissions: list[Permission]


class PasswordChange(Body):
    """The old password proves who asks."""

    old: Secret
    new: Secret


class Session(BaseModel):
    """One session that lets in now."""

    id: UUID
    kind: Kind
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    station_id: str | None
    source: str | None = Field(description="network address it was opened from")
    current: bool = Field(description="whether it is the one that asks")


class Sessions(BaseModel):
    """Sessions, newest first."""

    sessions: list[Session]


class StaffMember(BaseModel):
    """A member of staff; of secrets only whether they are set."""

    id: UUID
    login: str
    name: str
    role: Role
    language: str | None
    has_password: bool
    has_pin: bool
    has_badge: bool
    oidc_email: str | None
    created_at: datetime
    disabled_at: datetime | None

    @classmethod
    def of(cls, row: Any) -> StaffMember:
        """Of a row of ``staff``."""
        return cls(
            id=row.id,
            login=row.login,
            name=row.name,
            role=row.role,
            language=row.language,
            has_password=row.password_hash is not None,
            has_pin=row.pin_hash is not None,
            has_badge=row.badge_sha256 is not None,
            oidc_email=row.oidc_email,
            created_at=row.created_at,
            disabled_at=row.disabled_at,
        )


class StaffMembers(BaseModel):
    """All members of staff, by sign-in name."""

    staff: list[StaffMember]


class StaffChange(Body):
    """What changes; what is not named stays. ``null`` takes a secret or address away."""

    name: Name | None = None
    role: StaffRole | None = None
    language: Language | None = None
    password: Secret | None = None
    pin: Annotated[SecretStr, Field(max_length=64, json_schema_extra={"pattern": "^[0-9]{4,12}$"})] | None = None
    badge: Annotated[SecretStr, Field(min_length=4, max_length=128, json_schema_extra=PRINTED)] | None = Field(
        None, description="4 to 128 printable ASCII signs"
    )
    oidc_email: Email | None = None
    disabled: bool | None = None

    @field_validator("badge")
    @classmethod
    def _is_scannable(cls, badge: SecretStr | None) -> SecretStr | None:
        if badge is not None and not _BADGE.match(badge.get_secret_value().strip()):
            raise ValueError("must be 4 to 128 printable ASCII signs")
        return badge


class NewStaffMember(StaffChange):
    """A new member of staff."""

    login: Login
    name: Name
    role: StaffRole


class NewToken(Body):
    """A token for a program."""

    role: Role
    label: Name
    station_id: StationId | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class Token(BaseModel):
    """A token or credential; not the secret itself."""

    id: UUID
    kind: Kind
    role: Role
    label: str
    station_id: str | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


class MadeToken(Token):
    """A token that was made just now; the secret is shown this once."""

    token: str = Field(examples=["rx-integrator-…"])


class Tokens(BaseModel):
    """Tokens and credentials that let in now, newest first."""

    tokens: list[Token]


class AuditEntry(BaseModel):
    """Who did what, when, from where, on what."""

    id: int
    at: datetime
    actor_kind: str = Field(examples=["staff"])
    actor_id: str | None
    actor_role: str | None
    act: str = Field(examples=["staff.change"])
    subject: str = Field(examples=["staff/0d2c…"])
    outcome: Literal["done", "denied"]
    source: str | None
    request_id: str | None
    details: dict[str, Any]


class AuditPage(BaseModel):
    """Entries, newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None
