"""Answers that a client may keep: the ETag is the hash of the body, and who has that body is told so."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from pydantic import BaseModel

NOT_MODIFIED = {"description": "What you have is still so; see `ETag`"}


def conditional(request: Request, model: BaseModel) -> Response:
    """``model`` as JSON with a strong ETag, or 304 when ``If-None-Match`` names it (RFC 9110, 13.1.2)."""
    body = model.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def matches(request: Request, tag: str) -> bool:
    """Whether ``If-None-Match`` names ``tag``, or everything."""
    named = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in named or named == ["*"]
