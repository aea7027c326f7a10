"""An OpenID provider on loopback that behaves as the standards say, and can be told to misbehave."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey


@functools.cache
def made_key(number: int) -> RSAKey:
    """The key that a provider uses as its ``number``-th; to make one takes longer than a test."""
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"}, private=True)


class OidcProvider:
    """Discovery, authorisation, token and key end points of one client.

    Attributes:
        person: claims of whoever signs in next.
        claims: claims that replace the right ones.
        algorithm: how the next ID tokens are signed; ``none`` and ``HS256`` are attacks.
    """

    def __init__(self, client_id: str, secret: str | None = None) -> None:
        self.client_id, self.secret = client_id, secret
        self.person: dict[str, Any] = {"sub": "p-1", "email": "anna@example.com", "email_verified": True}
        self.claims: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.issuer_named: str | None = None
        self.keys_asked = 0
        self._codes: dict[str, dict[str, str]] = {}
        self._keys_made = 0
        self.roll_key()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.get(self)

            def do_POST(self) -> None:
                provider.post(self)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def roll_key(self) -> None:
        self.key = made_key(self._keys_made)
        self._keys_made += 1

    def get(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        if parts.path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            found = {name: f"{self.issuer}/{path}" for name, path in ends.items()}
            self._json(
                request, 200, {"issuer": self.issuer, "authorization_response_iss_parameter_supported": True} | found
            )
        elif parts.path == "/keys":
            self.keys_asked += 1
            self._json(request, 200, {"keys": [self.key.as_dict(private=False)]})
        elif parts.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            assert asked["response_type"] == "code"
            assert asked["client_id"] == self.client_id
            assert asked["code_challenge_method"] == "S256"
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            back = {"code": code, "state": asked["state"], "iss": self.issuer_named or self.issuer}
            request.send_response(303)
            request.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
            request.end_headers()

    def post(self, request: BaseHTTPRequestHandler) -> None:
        raw = request.rfile.read(int(request.headers["content-length"]))
        sent = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        asked = self._codes.pop(sent.get("code", ""), None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        wanted = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        known = self.secret is None or request.headers.get("authorization") == f"Basic {wanted}"
        if (
            asked is None
            or not known
            or challenge != asked["code_challenge"]
            or sent["redirect_uri"] != asked["redirect_uri"]
        ):
            self._json(request, 400, {"error": "invalid_grant"})
            return
        self._json(
            request, 200, {"access_token": "x", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])}
        )

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": self.client_id, "iat": now, "exp": now + 300, "nonce": nonce}
        claims |= self.person | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.algorithm == "none":
            parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        if self.algorithm == "HS256":  # the public key taken for a shared secret
            key = OctKey.import_key(self.key.as_pem(private=False))
            return jwt.encode({"alg": "HS256", "kid": self.key.kid}, claims, key, algorithms=["HS256"])
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, self.key, algorithms=[self.algorithm])

    @staticmethod
    def _json(request: BaseHTTPRequestHandler, status: int, value: Any) -> None:
        body = json.dumps(value).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
