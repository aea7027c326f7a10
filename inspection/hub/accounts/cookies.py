"""Cookies of the console: ``__Host-``, Secure, HttpOnly, SameSite=Lax; and the tokens against forged requests.

Over plain HTTP a browser is let in only on this very machine (the demo): then the cookie's name says that it is not
secure. Anywhere else signing in needs HTTPS, here or at a proxy that sets ``X-Forwarded-Proto``.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response

from inspection.hub.accounts.hashing import keyed
from inspection.hub.problems import Problem
from inspection.hub.requests import body

SESSION, FORM, FLOW, LANGUAGE = "session", "form", "flow", "language"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_FORM_BYTES = 16_384
MAX_FIELDS = 50
FORM_TYPE = "application/x-www-form-urlencoded"


def is_https(request: Request) -> bool:
    """Whether the browser's own connection is encrypted."""
    return request.url.scheme == "https"


def is_this_machine(request: Request) -> bool:
    """Whether browser and hub are one machine and the browser knows it, so that plain HTTP is no danger."""
    client = request.client.host if request.client else ""
    return client in LOOPBACK and (request.url.hostname or "") in LOOPBACK


def is_readable(request: Request) -> bool:
    """Whether cookies are used on this connection at all."""
    return is_https(request) or is_this_machine(request)


def demand_safe_transport(request: Request) -> None:
    """Refuse to take or give a secret over a network in the clear.

    Raises:
        Problem: ``sign_in.transport``.
    """
    if not is_readable(request):
        raise Problem("sign_in.transport", "reach the hub by https; see the administrator's how-to")


def name_of(request: Request, cookie: str) -> str:
    """The cookie's full name on this connection."""
    return f"__Host-{cookie}" if is_https(request) else f"insecure-loopback-{cookie}"


def read(request: Request, cookie: str) -> str | None:
    """The cookie's value; none on a connection on which it must not be used."""
    if not is_readable(request):
        return None
    value = request.cookies.get(name_of(request, cookie))
    return value if value and len(value) <= 256 else None  # noqa: PLR2004


def put(request: Request, response: Response, cookie: str, value: str, max_age_s: int | None = None) -> None:
    """Set the cookie for this connection.

    Raises:
        Problem: ``sign_in.transport``.
    """
    demand_safe_transport(request)
    response.set_cookie(
        name_of(request, cookie), value, max_age_s, path="/", secure=is_https(request), httponly=True, samesite="lax"
    )


def drop(request: Request, response: Response, cookie: str) -> None:
    """Delete the cookie."""
    response.delete_cookie(name_of(request, cookie), path="/", secure=is_https(request), httponly=True, samesite="lax")


def csrf_token(secret: str) -> str:
    """What a page of this browser carries in its forms; nobody without the cookie's value can know it."""
    return keyed(secret, "csrf")


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, read once and kept on the request; nothing when the body is no form.

    Raises:
        Problem: ``request.too_large``, ``request.truncated``, ``request.invalid``.
    """
    kept: dict[str, str] | None = getattr(request.state, "form", None)
    if kept is not None:
        return kept
    fields: dict[str, str] = {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_TYPE:
        raw = await body(request, MAX_FORM_BYTES)
        try:
            fields = dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
        except (ValueError, UnicodeDecodeError):
            raise Problem("request.invalid", "the form cannot be read") from None
        if any("\0" in value for value in fields.values()):
            raise Problem("request.invalid", "U+0000 is not allowed")
    request.state.form = fields
    return fields


def demand_own_page(request: Request, secret: str, offered: str, public_url: str | None) -> None:
    """Refuse an unsafe request that no page of ours sent.

    Raises:
        Problem: ``session.csrf``.
    """
    origin = request.headers.get("origin")
    ours = {f"{request.url.scheme}://{request.url.netloc}"} | ({public_url} if public_url else set())
    foreign = origin is not None and _plain(origin) not in {_plain(each) for each in ours}
    foreign = foreign or request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}
    if foreign or not hmac.compare_digest(offered.encode(), csrf_token(secret).encode()):
        raise Problem("session.csrf", "reload the page and try again")


def _plain(origin: str) -> tuple[str, str, int | None]:
    try:
        parts = urlsplit(origin)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", origin, None
    return parts.scheme, parts.hostname or "", port
