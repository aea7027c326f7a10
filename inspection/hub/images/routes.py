"""``/v1/images``: pictures in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.images import pieces, service
from inspection.hub.images.picture_header import PictureHeader
from inspection.hub.images.store import Incoming
from inspection.hub.problems import Problem, documented
from inspection.hub.requests import chunks

router = APIRouter(prefix="/v1/images", tags=["images"])
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, lower-case hex")]
Reader = Annotated[Caller, Depends(allowed(Permission.PICTURES_READ))]
Bringer = Annotated[Caller, Depends(allowed(Permission.PICTURES_STORE))]
Sender = Annotated[Caller, Depends(allowed(Permission.PICTURES_STORE, looked_at_again=True))]
COMMON = (
    "token.missing",
    "token.invalid",
    "token.scope",
    "request.invalid",
    "database.unavailable",
    "store.unavailable",
    "internal",
)
BINARY = {"schema": {"type": "string", "format": "binary"}}
OFFSET_HEADER = {"Upload-Offset": {"description": "bytes that are here", "schema": {"type": "integer"}}}
AT_ONCE = 1 << 20
WORTH_KEEPING = 16_384
"""Of a PUT that was cut off, a beginning shorter than this is sent again sooner than asked for."""


class Picture(BaseModel):
    """A picture that the hub holds."""

    sha256: str
    size_bytes: int
    media_type: str
    width: int
    height: int


@router.put(
    "/{sha256}",
    status_code=201,
    response_model=Picture,
    summary="Store one picture",
    responses={
        200: {"model": Picture, "description": "It is already there"},
        **documented(
            *COMMON,
            "request.truncated",
            "request.too_large",
            "image.hash_mismatch",
            "image.not_a_picture",
            "store.full",
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": {"image/jpeg": BINARY, "image/png": BINARY}}},
)
async def put_image(sha256: Hash, request: Request, hub: CurrentHub, caller: Sender) -> JSONResponse:
    """Send the picture's bytes; they are kept only when they have this hash and are a JPEG or PNG.

    May come before or after the report that names it. Repeating is harmless.
    """
    with hub.images.incoming() as incoming:
        try:
            await _receive(request, hub.config.images.max_bytes, incoming)
        except Problem as problem:
            if problem.code == "request.truncated":
                await run_in_threadpool(_keep_beginning, hub, caller, sha256, incoming)
            raise
        header, new = await run_in_threadpool(service.keep, hub, caller, sha256, incoming)
        return _stored(sha256, incoming.size_bytes, header, new=new)


@router.head(
    "/{sha256}",
    response_class=Response,
    summary="How much of a picture is here",
    responses={
        200: {"description": "All of it", "headers": OFFSET_HEADER},
        204: {"description": "`Upload-Offset` bytes: go on from there with PATCH", "headers": OFFSET_HEADER},
        **documented(*COMMON),
    },
)
def head_image(sha256: Hash, hub: CurrentHub, caller: Bringer) -> Response:
    """For a sender whose connection broke. Also what a PUT had brought before it was cut off is here."""
    with hub.database.transaction() as connection:
        row = service.row_of(connection, caller.merchant_id, sha256)
        if row is not None:
            return Response(headers={"Upload-Offset": str(row.size_bytes), "Upload-Complete": "?1"})
        there = pieces.offset(connection, caller.merchant_id, sha256)
    return Response(status_code=204, headers={"Upload-Offset": str(there), "Upload-Complete": "?0"})


@router.patch(
    "/{sha256}",
    status_code=201,
    response_model=Picture,
    summary="Go on with one picture",
    responses={
        200: {"model": Picture, "description": "It is already there"},
        204: {"description": "Kept; more is to come", "headers": OFFSET_HEADER},
        **documented(
            *COMMON,
            "request.truncated",
            "request.too_large",
            "image.offset",
            "image.hash_mismatch",
            "image.not_a_picture",
            "store.full",
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": {"application/partial-upload": BINARY}}},
)
async def patch_image(
    sha256: Hash,
    request: Request,
    hub: CurrentHub,
    caller: Bringer,
    upload_offset: Annotated[int, Header(ge=0, description="where the first byte of the body belongs")],
    upload_complete: Annotated[
        str, Header(pattern=r"^\?[01]$", description="`?1`: these are the last bytes; `?0`: more is to come")
    ],
) -> Response:
    """Append bytes at `Upload-Offset`; of a body that is cut off again, what arrived is kept.

    Modelled on Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload). Pieces are kept for a day.
    """
    room = hub.config.images.max_bytes - upload_offset
    with hub.images.incoming() as incoming:
        cut = None
        try:
            await _receive(request, max(0, room), incoming)
        except Problem as problem:
            if problem.code != "request.truncated":
                raise
            cut = problem
        there = await run_in_threadpool(_append, hub, caller, sha256, upload_offset, incoming)
        if cut is not None:
            raise cut
        if upload_complete == "?0":
            headers = {"Upload-Offset": str(there), "Upload-Complete": "?0"}
            return Response(status_code=204, headers=headers)
    return await run_in_threadpool(_complete, hub, caller, sha256)


@router.get(
    "/{sha256}",
    response_class=Response,
    summary="Read one picture",
    responses={
        200: {"content": {"image/jpeg": BINARY, "image/png": BINARY}, "description": "The picture's bytes"},
        304: {"description": "You have it already"},
        **documented(*COMMON, "image.unknown", "image.erased"),
    },
)
def get_image(sha256: Hash, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """The bytes, as they were stored. They never change, so they may be cached for ever by who may see them."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, sha256)
    headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if f'"{sha256}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(hub.images.get(caller.merchant_id, sha256), media_type=row.media_type, headers=headers)


async def _receive(request: Request, limit: int, incoming: Incoming) -> None:
    """Take the body in, in pieces worth a change of thread where they go to the disk; of one that is cut off, what
    came."""
    waiting: list[bytes] = []
    size = 0
    try:
        async for chunk in chunks(request, limit):
            waiting.append(chunk)
            size += len(chunk)
            if size >= AT_ONCE:
                await run_in_threadpool(incoming.write, b"".join(waiting))
                waiting.clear()
                size = 0
    finally:
        if incoming.stays_in_memory(size):
            incoming.write(b"".join(waiting))
        else:
            await run_in_threadpool(incoming.write, b"".join(waiting))


def _stored(sha256: str, size_bytes: int, header: PictureHeader, *, new: bool) -> JSONResponse:
    picture = Picture(
        sha256=sha256,
        size_bytes=size_bytes,
        media_type=header.media_type,
        width=header.width,
        height=header.height,
    )
    return JSONResponse(picture.model_dump(), status_code=201 if new else 200)


def _append(hub: Hub, caller: Caller, sha256: str, start: int, incoming: Incoming) -> int:
    with hub.database.transaction() as connection:
        return pieces.append(connection, caller.merchant_id, sha256, start, incoming.content())


def _keep_beginning(hub: Hub, caller: Caller, sha256: str, incoming: Incoming) -> None:
    """Keep what a PUT brought, when that is more than was here."""
    if incoming.size_bytes < WORTH_KEEPING:
        return
    with hub.database.transaction() as connection:
        there = pieces.offset(connection, caller.merchant_id, sha256)
        if there < incoming.size_bytes:
            pieces.append(connection, caller.merchant_id, sha256, there, incoming.content()[there:])


def _complete(hub: Hub, caller: Caller, sha256: str) -> JSONResponse:
    with hub.database.transaction() as connection:
        content = pieces.joined(connection, caller.merchant_id, sha256)
    with hub.images.incoming() as whole:
        whole.write(content)
        try:
            header, new = service.keep(hub, caller, sha256, whole)
        except Problem as problem:
            if problem.code in {"image.hash_mismatch", "image.not_a_picture"}:
                _forget(hub, caller, sha256)
            raise
    _forget(hub, caller, sha256)
    return _stored(sha256, len(content), header, new=new)


def _forget(hub: Hub, caller: Caller, sha256: str) -> None:
    with hub.database.transaction() as connection:
        pieces.drop(connection, caller.merchant_id, sha256)
