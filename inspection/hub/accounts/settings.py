"""Settings of who gets in and how; part of the hub's configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ORIGIN = r"^https?://[^\s/?#]+$"


class OidcSection(BaseModel):
    """An identity provider (OpenID Connect) that may sign staff in at the console.

    Attributes:
        issuer: as its discovery document names it.
        client_id: what the provider calls this hub.
        client_secret_file: file with the secret; without one the hub is a public client, which PKCE protects.
        title: the words on the button.
        scopes: what is asked for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret_file: Path | None = None
    title: Annotated[str, Field(min_length=1, max_length=60)] = "OpenID Connect"
    scopes: tuple[str, ...] = ("openid", "email")


class AccessSection(BaseModel):
    """Who gets in and how.

    Attributes:
        public_url: scheme and host under which browsers reach the hub; needed for OIDC, and compared with ``Origin``.
        session_idle_min: a console session ends after so long without use.
        session_max_h: and after so long in any case.
        shift_max_h: a badge's session at a station ends after so long.
        code_valid_h: how long a station's enrolment code can be used.
        credential_days: how long a station's credential lasts when it is not rotated.
        credential_grace_min: how long the old one still works after a rotation.
        requests_per_s: requests a second that one caller may keep up, in one process.
        request_burst: requests at once that one caller may make beyond that.
        oidc: an identity provider.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_url: Annotated[str, Field(pattern=ORIGIN)] | None = None
    session_idle_min: Annotated[int, Field(ge=1, le=1440)] = 30
    session_max_h: Annotated[int, Field(ge=1, le=168)] = 12
    shift_max_h: Annotated[int, Field(ge=1, le=24)] = 12
    code_valid_h: Annotated[int, Field(ge=1, le=168)] = 24
    credential_days: Annotated[int, Field(ge=1, le=3650)] = 90
    credential_grace_min: Annotated[int, Field(ge=1, le=10_080)] = 60
    requests_per_s: Annotated[float, Field(gt=0, le=100_000)] = 500.0
    request_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    oidc: OidcSection | None = None

    @model_validator(mode="after")
    def _oidc_knows_the_way_back(self) -> Self:
        if self.oidc is not None and self.public_url is None:
            raise ValueError("oidc needs public_url, where the provider sends people back to")
        return self
