"""What the customer's page sends: its form, bounded, and checksums; and the stream of news it listens to."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import AsyncIterator, Callable

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from inspection.hub.precheck.desk import Desk
from inspection.hub.problems import Problem
from inspection.hub.requests import chunks

MAX_FORM = 200_000_000
MAX_FILES = 8
STREAM_S, LOOKS_EVERY_S, BEAT_EVERY_S = 100.0, 1.0, 15.0


async def multipart(request: Request) -> FormData:
    """The form, whole and bounded.

    Raises:
        Problem: ``request.media_type``, ``request.invalid``, and what :func:`chunks` raises.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise Problem("request.media_type", "send the form of the page")
    parser = MultiPartParser(request.headers, chunks(request, MAX_FORM), max_files=MAX_FILES, max_fields=20)  # type: ignore[arg-type]
    try:
        return await parser.parse()
    except MultiPartException:
        raise Problem("request.invalid", "the form cannot be read") from None


def digest(header: str | None) -> bytes | None:
    """The SHA-256 in ``Upload-Checksum: sha256 <Base64>``.

    Raises:
        Problem: ``request.invalid``.
    """
    if header is None:
        return None
    name, _, value = header.partition(" ")
    try:
        found = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if name.lower() != "sha256" or len(found) != 32:  # noqa: PLR2004 -- bytes of SHA-256
        raise Problem("request.invalid", "Upload-Checksum is: sha256 <Base64>")
    return found


async def versions(desk: Desk, request: Request, since: int, asks: Callable[[], int]) -> AsyncIterator[str]:
    """Server-sent events (WHATWG HTML, 9.2): the case's version, as ``asks`` tells it, whenever it is another."""
    desk.streams += 1
    try:
        ends = time.monotonic() + STREAM_S
        beat, shown = time.monotonic(), since
        yield "retry: 2000\n\n"
        while time.monotonic() < ends and not await request.is_disconnected():
            try:
                version = await run_in_threadpool(asks)
            except Problem:  # revoked or over in between
                return
            if version != shown:
                shown = version
                yield f"id: {shown}\ndata: {shown}\n\n"
            elif time.monotonic() - beat > BEAT_EVERY_S:
                beat = time.monotonic()
                yield ": still here\n\n"
            await asyncio.sleep(LOOKS_EVERY_S)
    finally:
        desk.streams -= 1
