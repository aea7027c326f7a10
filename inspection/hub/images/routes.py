"""``/v1/images``: pictures in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub
from inspection.hub.images import service
from inspection.hub.problems import documented
from inspection.hub.requests import chunks

router = APIRouter(prefix="/v1/images", tags=["images"])
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, lower-case hex")]
Reader = Annotated[Caller, Depends(allowed(Permission.PICTURES_READ))]
Bringer = Annotated[Caller, Depends(allowed(Permission.PICTURES_STORE))]
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
async def put_image(sha256: Hash, request: Request, hub: CurrentHub, caller: Bringer) -> JSONResponse:
    """Send the picture's bytes; they are kept only when they have this hash and are a JPEG or PNG.

    May come before or after the report that names it. Repeating is harmless.
    """
    with await run_in_threadpool(hub.images.incoming) as incoming:
        async for chunk in chunks(request, hub.config.images.max_bytes):
            await run_in_threadpool(incoming.write, chunk)
        header, new = await run_in_threadpool(service.keep, hub, caller, sha256, incoming)
        picture = Picture(
            sha256=sha256,
            size_bytes=incoming.size_bytes,
            media_type=header.media_type,
            width=header.width,
            height=header.height,
        )
    return JSONResponse(picture.model_dump(), status_code=201 if new else 200)


@router.get(
    "/{sha256}",
    response_class=StreamingResponse,
    summary="Read one picture",
    responses={
        200: {"content": {"image/jpeg": BINARY, "image/png": BINARY}, "description": "The picture's bytes"},
        304: {"description": "You have it already"},
        **documented(*COMMON, "image.unknown"),
    },
)
def get_image(sha256: Hash, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """The bytes, as they were stored. They never change, so they may be cached for ever by who may see them."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, sha256)
    headers = {"ETag": f'"{sha256}"', "Cache-Control": "private, max-age=31536000, immutable"}
    if f'"{sha256}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers["Content-Length"] = str(row.size_bytes)
    return StreamingResponse(hub.images.get(caller.merchant_id, sha256), media_type=row.media_type, headers=headers)
