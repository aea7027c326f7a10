"""Reading a request's body: bounded, whole, and parsed with nothing guessed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from starlette.requests import ClientDisconnect

from inspection.hub.problems import Problem

DRAIN_BYTES = 64 << 20
"""Of a body that is too large, so much is still read and dropped, so that the sender gets to read our answer."""


async def chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body piece by piece.

    Raises:
        Problem: ``request.too_large`` beyond ``limit`` bytes; ``request.truncated`` when the sender goes away.
    """
    length = request.headers.get("content-length", "")
    stream = request.stream()
    try:
        if length.isdecimal() and int(length) > limit:
            await _drain(stream)
            raise _too_large(limit)
        total = 0
        async for chunk in stream:
            total += len(chunk)
            if total > limit:
                await _drain(stream)
                raise _too_large(limit)
            yield chunk
    except ClientDisconnect:
        raise Problem("request.truncated", "the sender went away; nothing was stored") from None


async def body(request: Request, limit: int) -> bytes:
    """The whole body; raises what :func:`chunks` raises."""
    return b"".join([chunk async for chunk in chunks(request, limit)])


async def json_body(request: Request, limit: int) -> tuple[str, Any]:
    """The body as text and as the JSON value it says.

    Raises:
        Problem: what :func:`chunks` raises; ``request.media_type``; ``request.not_json`` also for a key that occurs
            twice, for NaN and infinities, and for U+0000, which no two readers treat alike.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem("request.media_type", "send Content-Type: application/json")
    raw = await body(request, limit)
    return parse_json(raw)


def parse_json(raw: bytes) -> tuple[str, Any]:
    """See :func:`json_body`."""
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
        nul = "\\u0000" in text and _has_nul(value)
    except UnicodeDecodeError as error:
        raise Problem("request.not_json", f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise Problem("request.not_json", "nested too deep") from None
    except json.JSONDecodeError as error:
        raise Problem("request.not_json", f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    except ValueError as error:
        raise Problem("request.not_json", str(error)[:200]) from None
    if nul:
        raise Problem("request.not_json", "U+0000 is not allowed")
    return text, value


def unspoiled(text: str | None, name: str) -> str | None:
    """``text`` of a parameter, when the database can hold it.

    Raises:
        Problem: ``request.invalid`` for U+0000.
    """
    if text is not None and "\0" in text:
        fault = {"pointer": f"/query/{name}", "message": "U+0000 is not allowed"}
        raise Problem("request.invalid", "see errors", errors=[fault])
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _has_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(_has_nul(element) for element in value)
        case dict():
            return any("\0" in key or _has_nul(element) for key, element in value.items())
    return False


async def _drain(stream: AsyncIterator[bytes]) -> None:
    dropped = 0
    async for chunk in stream:
        dropped += len(chunk)
        if dropped > DRAIN_BYTES:
            return


def _too_large(limit: int) -> Problem:
    return Problem("request.too_large", f"at most {limit} bytes are taken", max_bytes=limit)
