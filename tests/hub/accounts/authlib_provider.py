"""A provider that is not ours: Authlib's OAuth 2.0 and OpenID Connect server, on loopback.

Authlib checks client, way back, code and PKCE, and signs; here are only its storage, its key end point and HTTP.
"""

# ruff: noqa: ARG002 - Authlib calls these by its own interface

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import pytest
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, UserInfo
from authlib.oidc.core.grants import OpenIDCode
from joserfc.jwk import RSAKey

from tests.hub.accounts.oidc_provider import made_key


@dataclass(slots=True)
class Client(ClientMixin):  # type: ignore[misc]
    client_id: str
    secret: str
    redirect_uri: str

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope.split() if each in ("openid", "email"))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(client_secret, self.secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass(slots=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    code: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


class Asked(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it."""

    def __init__(self, method: str, uri: str, headers: dict[str, str], form: dict[str, str]) -> None:
        super().__init__(method, uri, headers=headers)
        self.payload, self._form = BasicOAuth2Payload(form), form

    @property
    def form(self) -> dict[str, str]:
        return self._form


class AuthlibProvider(AuthorizationServer):  # type: ignore[misc]
    """See the module's text.

    Attributes:
        person: claims of whoever signs in next; they replace Authlib's own, so that a token can be made wrong.
    """

    def __init__(self, client_id: str, secret: str, redirect_uri: str) -> None:
        super().__init__(scopes_supported=["openid", "email"])
        self.client = Client(client_id, secret, redirect_uri)
        self.person: dict[str, Any] = {}
        self.codes: dict[str, Code] = {}
        self.keys: list[RSAKey] = [made_key(0)]
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self.register_token_generator("default", BearerTokenGenerator(lambda **_: secrets.token_urlsafe(16)))
        self.register_grant(*_grant(self))

    def __enter__(self) -> Self:
        self._patch = pytest.MonkeyPatch()
        self._patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")  # loopback
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
        self._patch.undo()

    def roll_key(self) -> None:
        """A new key signs; the old one is published no longer."""
        self.keys = [made_key(len(self.keys))]

    def query_client(self, client_id: str) -> Client | None:
        return self.client if client_id == self.client.client_id else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        return None

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        return None

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> tuple[int, Any, Any]:
        return status, body, headers

    def published(self) -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False) for key in self.keys]}

    def metadata(self) -> dict[str, Any]:
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.issuer} | {name: f"{self.issuer}/{path}" for name, path in ends.items()}


def _grant(provider: AuthlibProvider) -> tuple[type[AuthorizationCodeGrant], list[Any]]:
    class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012 - Authlib's interface

        def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
            asked = request.payload.data
            challenge = asked.get("code_challenge"), asked.get("code_challenge_method")
            wanted = asked["redirect_uri"], request.payload.scope, asked.get("nonce")
            provider.codes[code] = Code(code, *wanted, *challenge)

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return provider.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            provider.codes.pop(authorization_code.code)

        def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
            return provider.person

    class IdToken(OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, request: OAuth2Request) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def get_client_algorithm(self, client: Any) -> str:
            return "RS256"

        def get_client_claims(self, client: Any) -> dict[str, Any]:
            return {"iss": provider.issuer}

        def get_encode_header(self, client: Any) -> dict[str, Any]:
            return {"alg": "RS256", "kid": provider.keys[-1].kid}

        def resolve_client_private_key(self, client: Any) -> RSAKey:
            return provider.keys[-1]

        def generate_user_info(self, user: dict[str, Any], scope: str) -> UserInfo:
            return UserInfo(user)

    return Grant, [CodeChallenge(required=True), IdToken(require_nonce=True)]


def _handler(provider: AuthlibProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match urlsplit(self.path).path:
                case "/.well-known/openid-configuration":
                    self._answer(200, provider.metadata(), [])
                case "/keys":
                    self._answer(200, provider.published(), [])
                case "/authorize":
                    request = self._request(urlsplit(self.path).query)
                    try:
                        grant = provider.get_consent_grant(request=request, end_user=provider.person)
                        told = provider.create_authorization_response(request, provider.person, grant=grant)
                    except OAuth2Error as error:
                        told = provider.handle_response(*error())
                    self._answer(*told)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(*provider.create_token_response(self._request(body)))

        def log_message(self, *_: Any) -> None:
            return

        def _request(self, form: str) -> Asked:
            headers = {"Authorization": self.headers.get("authorization", "")}
            return Asked(self.command, f"{provider.issuer}{self.path}", headers, dict(parse_qsl(form)))

        def _answer(self, status: int, body: Any, headers: list[tuple[str, str]]) -> None:
            raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", str(len(raw)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

    return Handler
