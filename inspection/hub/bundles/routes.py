"""``/v1/bundles``: model bundles, policies and reference banks in, and out to stations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from inspection.errors import InspectionError
from inspection.hub.accounts import audit
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.bundles import archives, registry
from inspection.hub.bundles.identity import Kind
from inspection.hub.bundles.ranges import NoSuchRange, asked_range
from inspection.hub.bundles.schemas import BundlePage, PublishedBundle
from inspection.hub.cursors import decode_place, encode_cursor
from inspection.hub.etags import NOT_MODIFIED, conditional, matches
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.images.store import Incoming
from inspection.hub.problems import Problem, documented
from inspection.hub.requests import chunks

router = APIRouter(prefix="/v1/bundles", tags=["bundles"])
Reader = Annotated[Caller, Depends(allowed(Permission.BUNDLES_READ))]
Publisher = Annotated[Caller, Depends(allowed(Permission.BUNDLES_PUBLISH))]
BundleId = Annotated[str, Path(pattern=registry.ID_PATTERN, examples=["default@4+2975abc28640"])]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
ZIP = {archives.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
OVERHEAD = 1_000_000
"""What a zip may have beyond the files in it."""
AT_ONCE = 1 << 20
ETAG = {"ETag": {"description": "SHA-256 of the zip", "schema": {"type": "string"}}}


@router.post(
    "",
    status_code=201,
    response_model=PublishedBundle,
    summary="Publish a bundle, a policy or reference banks",
    responses={
        200: {"model": PublishedBundle, "description": "It is already there"},
        **documented(
            *COMMON,
            "request.truncated",
            "request.too_large",
            "request.media_type",
            "bundle.refused",
            "store.unavailable",
            "store.full",
        ),
    },
    openapi_extra={"requestBody": {"required": True, "content": ZIP}},
)
async def post_bundle(request: Request, hub: CurrentHub, caller: Publisher) -> JSONResponse:
    """Send a zip of the folder: a bundle as training made it, one policy (`.yaml`), or reference banks (`.ref`).

    Every byte is checked against the hashes in it, signatures against the hub's trusted keys, and the bundle judges its
    own samples here before it is taken. Publishing gives it to no station; a rollout does.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != archives.MEDIA_TYPE:
        raise Problem("request.media_type", f"send Content-Type: {archives.MEDIA_TYPE}")
    with await run_in_threadpool(hub.images.incoming) as incoming:
        await _receive(request, hub.config.bundles.max_bytes + OVERHEAD, incoming)
        row, is_new = await run_in_threadpool(_publish, hub, caller, incoming, audit.Origin.of(request))
    body = PublishedBundle.of(row).model_dump(mode="json")
    headers = {"Location": f"/v1/bundles/{row.bundle_id}"}
    return JSONResponse(body, status_code=201 if is_new else 200, headers=headers)


@router.get("", summary="List what was published, newest first", responses=documented(*COMMON, "request.cursor"))
def list_bundles(
    hub: CurrentHub,
    caller: Reader,
    *,
    kind: Annotated[Kind | None, Query(description="only these")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before")] = None,
) -> BundlePage:
    """Withdrawn ones, too; see `state`."""
    after = decode_place(cursor) if cursor else None
    with hub.database.transaction() as connection:
        rows = registry.list(connection, caller.merchant_id, kind, limit=limit + 1, after=after)
    shown = rows[:limit]
    more = encode_cursor(shown[-1].published_at, shown[-1].bundle_id) if len(rows) > limit else None
    return BundlePage(bundles=[PublishedBundle.of(row) for row in shown], next_cursor=more)


@router.get(
    "/{bundle_id}",
    response_model=PublishedBundle,
    summary="Read what was published under an id",
    responses={304: NOT_MODIFIED, **documented(*COMMON, "bundle.unknown")},
)
def get_bundle(bundle_id: BundleId, request: Request, hub: CurrentHub, caller: Reader) -> Response:
    """Who signed it, where it comes from, and what it says of its own quality."""
    with hub.database.transaction() as connection:
        row = registry.get(connection, caller.merchant_id, bundle_id)
    return conditional(request, PublishedBundle.of(row))


@router.get(
    "/{bundle_id}/archive",
    response_class=Response,
    summary="Fetch the files of what was published, as one zip",
    responses={
        200: {"content": ZIP, "description": "The zip", "headers": ETAG},
        206: {"content": ZIP, "description": "The part asked for", "headers": ETAG},
        304: NOT_MODIFIED,
        **documented(*COMMON, "bundle.unknown", "bundle.range", "store.unavailable", "image.erased"),
    },
)
def get_archive(
    bundle_id: BundleId,
    request: Request,
    hub: CurrentHub,
    caller: Reader,
    byte_range: Annotated[str | None, Header(alias="Range", max_length=200)] = None,
    if_range: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The same bytes every time, so that a download goes on where it was cut, with `Range` and `If-Range`.

    Check the files against the hashes and signatures inside before using any.
    """
    with hub.database.transaction() as connection:
        row = registry.get(connection, caller.merchant_id, bundle_id)
    tag = f'"{row.archive_sha256}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if matches(request, tag):
        return Response(status_code=304, headers=headers)
    size = row.archive_bytes
    try:
        part = asked_range(byte_range, if_range, tag, size)
    except NoSuchRange:
        raise Problem(
            "bundle.range", f"it has {size} bytes", headers={"Content-Range": f"bytes */{size}"}, size_bytes=size
        ) from None
    data = registry.zipped(hub, caller.merchant_id, row)
    if part is None:
        return Response(data, media_type=archives.MEDIA_TYPE, headers=headers)
    headers["Content-Range"] = part.header(size)
    return Response(data[part.first : part.last + 1], 206, headers, archives.MEDIA_TYPE)


def _publish(hub: Hub, caller: Caller, incoming: Incoming, origin: audit.Origin) -> tuple[registry.BundleRow, bool]:
    try:
        ready = registry.prepare_archive(hub, caller.merchant_id, incoming.content())
        with hub.database.transaction() as connection:
            return _entered(connection, caller, ready, origin)
    except InspectionError as error:
        said = registry.without_place(hub, str(error))
        raise Problem("bundle.refused", said, reason=error.code, hint=error.hint) from None


def _entered(
    connection: Connection, caller: Caller, ready: registry.Ready, origin: audit.Origin
) -> tuple[registry.BundleRow, bool]:
    bundle_id = ready.identity.bundle_id
    is_new = not registry.is_known(connection, caller.merchant_id, bundle_id)
    row = registry.enter(connection, caller.merchant_id, ready, by_of(caller))
    if is_new:
        details = {"kind": row.kind.value, "archive_sha256": row.archive_sha256}
        audit.note(connection, caller, audit.Act.BUNDLE_PUBLISHED, f"bundle/{bundle_id}", origin, details=details)
    return row, is_new


def by_of(caller: Caller) -> str:
    """Who publishes: the member of staff, else the token."""
    return str(caller.staff_id or caller.token_id)


async def _receive(request: Request, limit: int, incoming: Incoming) -> None:
    waiting: list[bytes] = []
    async for chunk in chunks(request, limit):
        waiting.append(chunk)
        if sum(map(len, waiting)) >= AT_ONCE:
            await run_in_threadpool(incoming.write, b"".join(waiting))
            waiting.clear()
    await run_in_threadpool(incoming.write, b"".join(waiting))
