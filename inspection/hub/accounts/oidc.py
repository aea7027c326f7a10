"""Signing in with an identity provider: OpenID Connect Core 1.0, authorisation code with PKCE (RFC 7636, S256).

The provider is discovered (OpenID Connect Discovery 1.0); its ID token's signature is checked against its published
keys, its claims against ours. It vouches for accounts that an administrator made here; it makes none.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import httpx2
import sqlalchemy as sa
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption
from sqlalchemy.engine import Connection

from inspection.hub.accounts import clock, sign_in, staff, throttle
from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.hashing import digest
from inspection.hub.accounts.settings import OidcSection
from inspection.hub.accounts.tables import oidc_flows
from inspection.hub.accounts.tables import staff as staff_table
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519")
"""Signatures with a key that only the provider has; ``none`` and shared-key ones are refused."""
FLOW_LASTS = timedelta(minutes=10)
KEEP_S, REFETCH_S = 3600.0, 60.0
LEEWAY_S = 60
MAX_BYTES = 262_144
TIMEOUT_S = 10.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class OidcRefused(Exception):
    """Why nobody was signed in; one word for the log, without anything of the person."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """What discovery told."""

    authorization: str
    token: str
    jwks: str
    answers_with_issuer: bool


class Provider:
    """One identity provider, as it describes itself; descriptions are kept for an hour.

    Args:
        section: its configuration.
        redirect_uri: where it sends browsers back to.
        monotonic_s: the clock of what is kept.
    """

    def __init__(
        self, section: OidcSection, redirect_uri: str, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.section, self.redirect_uri, self._now = section, redirect_uri, monotonic_s
        self._lock = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def metadata(self) -> Metadata:
        """Its end points.

        Raises:
            OidcRefused: when it does not answer, or answers for another issuer, or without encryption.
        """
        with self._lock:
            if self._metadata is None or self._now() - self._metadata[0] > KEEP_S:
                url = self.section.issuer.rstrip("/") + "/.well-known/openid-configuration"
                self._metadata = (self._now(), _metadata(self._get(url), self.section.issuer))
            return self._metadata[1]

    def authorization_url(self, state: str, nonce: str, verifier: str) -> str:
        """Where to send the browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.section.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.section.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        url = self.metadata().authorization
        return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"

    def claims(self, code: str, verifier: str, nonce: str) -> Mapping[str, Any]:
        """What the provider says of who came back with ``code``.

        Raises:
            OidcRefused: when it gives no ID token, or the token is not by it, for us, for this sign-in, and of now.
        """
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        sent |= {"code_verifier": verifier, "client_id": self.section.client_id}
        answer = self._ask("POST", self.metadata().token, data=sent, auth=self._client_auth())
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcRefused("no_id_token")
        return self._checked(token, nonce)

    def _checked(self, token: str, nonce: str) -> Mapping[str, Any]:
        try:
            decoded = self._decoded(token)
            exact = ClaimsOption(essential=True)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss=ClaimsOption(essential=True, value=self.section.issuer),
                aud=ClaimsOption(essential=True, value=self.section.client_id),
                nonce=ClaimsOption(essential=True, value=nonce),
                sub=exact,
                exp=exact,
                iat=exact,
            ).validate(decoded.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise OidcRefused(type(error).__name__) from None
        claims, audience = decoded.claims, decoded.claims["aud"]
        many = isinstance(audience, list) and len(audience) > 1
        if (many or "azp" in claims) and claims.get("azp") != self.section.client_id:
            raise OidcRefused("authorised_party")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:  # noqa: PLR2004 - the standard's
            raise OidcRefused("subject")
        return claims

    def _decoded(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, self._key_set(), algorithms=list(ALGORITHMS))
        except (JoseError, ValueError) as error:
            fresh = self._key_set(older_than_s=REFETCH_S)  # the provider may have rolled its keys
            try:
                return jwt.decode(token, fresh, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                raise OidcRefused(type(error).__name__) from None

    def _key_set(self, older_than_s: float = KEEP_S) -> KeySet:
        url = self.metadata().jwks
        with self._lock:
            if self._keys is None or self._now() - self._keys[0] > older_than_s:
                try:
                    self._keys = (self._now(), KeySet.import_key_set(self._get(url)))  # type: ignore[arg-type]
                except (JoseError, ValueError, TypeError, KeyError):
                    raise OidcRefused("jwks") from None
            return self._keys[1]

    def _client_auth(self) -> httpx2.BasicAuth | None:
        path = self.section.client_secret_file
        if path is None:
            return None
        try:
            return httpx2.BasicAuth(self.section.client_id, path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError):
            raise OidcRefused("client_secret_file") from None

    def _get(self, url: str) -> Mapping[str, Any]:
        return self._ask("GET", url)

    def _ask(
        self, method: str, url: str, *, data: Mapping[str, str] | None = None, auth: httpx2.BasicAuth | None = None
    ) -> Mapping[str, Any]:
        try:
            with (
                httpx2.Client(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False) as client,
                client.stream(method, url, data=data, auth=auth, headers={"Accept": "application/json"}) as response,
            ):
                raw = b""
                for chunk in response.iter_bytes():
                    raw += chunk
                    if len(raw) > MAX_BYTES:
                        raise OidcRefused("too_large")
                if response.status_code != httpx2.codes.OK:
                    raise OidcRefused(f"provider_said_{response.status_code}")
                value = json.loads(raw)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            raise OidcRefused("provider_unreachable") from None
        if not isinstance(value, dict):
            raise OidcRefused("provider_answer")
        return value


def begin(hub: Hub, provider: Provider, origin: Origin) -> tuple[str, str]:
    """Begin a sign-in: where to send the browser, and the value of the cookie that binds the flow to it.

    Raises:
        Problem: ``sign_in.failed`` when the provider cannot be asked; ``sign_in.locked``.
    """
    state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
    with hub.database.transaction() as connection:
        merchant = merchant_id(connection)
    throttle.admit(hub.database, merchant, [throttle.place("oidc", origin.source or "", free=100)])
    try:
        url = provider.authorization_url(state, nonce, verifier)
    except OidcRefused as refused:
        raise _problem(refused) from None
    with hub.database.transaction() as connection:
        now = clock.now(connection)
        mine = oidc_flows.c.merchant_id == merchant
        connection.execute(oidc_flows.delete().where(mine, oidc_flows.c.created_at < now - FLOW_LASTS))
        row = {"merchant_id": merchant, "state_sha256": digest(state), "browser_sha256": digest(browser)}
        connection.execute(oidc_flows.insert().values(row | {"nonce": nonce, "verifier": verifier, "created_at": now}))
    return url, browser


def finish(
    hub: Hub, provider: Provider, came_back: Mapping[str, str], browser: str | None, origin: Origin
) -> sign_in.SignedIn:
    """Finish a sign-in with what the browser came back with; each flow is finished once, by the browser that began it.

    Raises:
        Problem: ``sign_in.failed``.
    """
    with hub.database.transaction() as connection:
        merchant = merchant_id(connection)
        flow = _flow(connection, merchant, came_back.get("state", ""), browser or "")
    try:
        person = _vouched_for(hub, provider, merchant, flow, came_back)
    except OidcRefused as refused:
        raise _problem(refused) from None
    return sign_in.known(hub, merchant, person, origin)


def _vouched_for(
    hub: Hub, provider: Provider, merchant: UUID, flow: sa.Row[Any] | None, came_back: Mapping[str, str]
) -> sa.Row[Any]:
    if flow is None:
        raise OidcRefused("state")
    named = came_back.get("iss")  # RFC 9207: against answers of another provider
    if named != provider.section.issuer and (named is not None or provider.metadata().answers_with_issuer):
        raise OidcRefused("issuer")
    if "error" in came_back or not came_back.get("code"):
        raise OidcRefused("provider_refused")
    claims = provider.claims(came_back["code"], flow.verifier, flow.nonce)
    with hub.database.transaction() as connection:
        return _person(connection, merchant, claims)


def _flow(connection: Connection, merchant: UUID, state: str, browser: str) -> sa.Row[Any] | None:
    table, now = oidc_flows, clock.now(connection)
    mine = sa.and_(table.c.merchant_id == merchant, table.c.state_sha256 == digest(state))
    its = sa.and_(mine, table.c.browser_sha256 == digest(browser))
    fresh = sa.and_(table.c.created_at > now - FLOW_LASTS, table.c.created_at <= now + FLOW_LASTS)
    return connection.execute(table.delete().where(its, fresh).returning(table)).one_or_none()


def _person(connection: Connection, merchant: UUID, claims: Mapping[str, Any]) -> sa.Row[Any]:
    """Whose account it is: by issuer and subject; the first time by the address, if the provider verified it."""
    subject = f"{claims['iss']} {claims['sub']}"
    known = staff.find_by(connection, merchant, "oidc_subject", subject)
    if known is not None:
        return known
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        raise OidcRefused("unknown_subject")
    mine = sa.and_(staff_table.c.merchant_id == merchant, staff_table.c.oidc_email == email.lower())
    first = staff_table.update().where(mine, staff_table.c.oidc_subject.is_(None)).values(oidc_subject=subject)
    person = connection.execute(first.returning(staff_table)).one_or_none()
    if person is None:
        raise OidcRefused("unknown_address")
    return person


def _metadata(answer: Mapping[str, Any], issuer: str) -> Metadata:
    if answer.get("issuer") != issuer:
        raise OidcRefused("issuer_differs")
    ends = [answer.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    for end in ends:
        parts = urlsplit(end) if isinstance(end, str) else None
        if parts is None or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
            raise OidcRefused("end_point_without_https")
    answers = answer.get("authorization_response_iss_parameter_supported") is True
    return Metadata(str(ends[0]), str(ends[1]), str(ends[2]), answers)


def _problem(refused: OidcRefused) -> Problem:
    structlog.get_logger("hub.accounts").warning("oidc_refused", reason=str(refused))
    return Problem("sign_in.failed", "the identity provider did not sign anybody in here")
