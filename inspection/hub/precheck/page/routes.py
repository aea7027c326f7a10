"""``/precheck``: the customer's page. The link in the address is the key; nothing else is asked."""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.engine import Row
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile

from inspection.hub.accounts import cookies, throttle
from inspection.hub.accounts.roles import openly
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.connectors.mail import MAX_ADDRESS
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.precheck import cases, keeping, uploads
from inspection.hub.precheck.desk import CurrentDesk, Desk
from inspection.hub.precheck.links import TOKEN_PATTERN
from inspection.hub.precheck.page import words
from inspection.hub.precheck.page.forms import digest, multipart, versions
from inspection.hub.precheck.page.shell import FRAME, STATIC, PageRoute
from inspection.hub.precheck.page.view import mail_of, view
from inspection.hub.precheck.schemas import MAIL_PATTERN
from inspection.hub.precheck.tables import pictures
from inspection.hub.precheck.tables import uploads as upload_rows
from inspection.hub.precheck.uploads import NewUpload
from inspection.hub.problems import Problem, faults
from inspection.hub.requests import body, json_body

router = APIRouter(prefix="/precheck", route_class=PageRoute, include_in_schema=False)
BY_LINK = openly("the signed link in the address is the key")
Token = Annotated[str, Path(pattern=TOKEN_PATTERN)]
MAX_PIECE = 4_000_000
MAX_STREAMS = 300
TUS = {"Tus-Resumable": "1.0.0"}


class Announced(BaseModel):
    """What the page says of a file before it comes."""

    model_config = ConfigDict(extra="forbid")

    step: Annotated[str, Field(pattern="^(whole|damage|label|video|challenge|other)$")]
    size_bytes: Annotated[int, Field(ge=1, le=2**31 - 1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    mark: Annotated[str, Field(pattern="^[0-9a-f]{16,64}$")] | None = None


@router.get("", dependencies=[openly("where customers begin")])
def get_find(request: Request) -> Response:
    """The form for order number and check value."""
    return FRAME.page("find.html", FRAME.language(request), failed=False, order_ref="")


@router.post("", dependencies=[openly("where customers begin; braked")])
async def post_find(request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """To the case; whatever does not fit is answered the same, and guessing is braked."""
    given = await cookies.form(request)
    order_ref, check = given.get("order_ref", "").strip()[:64], given.get("check_value", "").strip()[:64]

    def found() -> str | None:
        return _link_by_order(hub, desk, order_ref, check, _address(request))

    token = await run_in_threadpool(found)
    language = FRAME.language(request)
    if token is None:
        return FRAME.page("find.html", language, status=404, failed=True, order_ref=order_ref)
    return RedirectResponse(f"/precheck/c/{token}?lang={language}", status_code=303)


@router.get("/static/{name}", dependencies=[openly("styles, scripts and sketches say nothing")])
def get_static(name: Annotated[str, Path(pattern=r"^[a-z_-]+\.(css|js|svg)$")]) -> Response:
    """A file of ours; its address carries its version."""
    path = STATIC / name
    if not path.is_file():
        raise Problem("http.not_found", "nothing is served at this path")
    return FileResponse(path, headers={"Cache-Control": "public, max-age=31536000, immutable"})


@router.get("/c/{token}", dependencies=[BY_LINK])
def get_case(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """The page."""
    return _page(request, hub, desk, token, "case.html")


@router.get("/c/{token}/state", dependencies=[BY_LINK])
def get_state(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """The part of the page that changes."""
    return _page(request, hub, desk, token, "state.html")


@router.post("/c/{token}", dependencies=[BY_LINK])
async def post_case(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """The whole form of a browser without scripts: text and files; then back to the page."""
    case = await run_in_threadpool(_case, hub, desk, token, request)
    form = await multipart(request)
    try:
        await run_in_threadpool(_take, hub, desk, case, form, request)
    finally:
        await form.close()
    language = FRAME.language(request, case.language)
    return RedirectResponse(f"/precheck/c/{token}?lang={language}", status_code=303)


@router.post("/c/{token}/text", dependencies=[BY_LINK])
async def post_text(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """What the customer writes, kept while they type."""
    case = await run_in_threadpool(_case, hub, desk, token, request)
    given = await cookies.form(request)
    await run_in_threadpool(_describe, hub, case, given.get("problem", ""), FRAME.language(request, case.language))
    return Response(status_code=204)


@router.post("/c/{token}/person", dependencies=[BY_LINK])
def post_person(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """A person is asked for."""
    case = _case(hub, desk, token, request)
    with hub.database.transaction() as connection:
        cases.ask_person(connection, case.merchant_id, case.id)
    return RedirectResponse(f"/precheck/c/{token}?lang={FRAME.language(request, case.language)}", status_code=303)


@router.post("/c/{token}/mail", dependencies=[BY_LINK])
async def post_mail(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """Where the customer is told of the case; without an address, nowhere: so a mail program stops it (RFC 8058)."""
    case = await run_in_threadpool(_case, hub, desk, token, request)
    address = (await cookies.form(request)).get("email", "").strip()
    if len(address) > MAX_ADDRESS or not re.fullmatch(MAIL_PATTERN, address):
        raise Problem("request.invalid", "this is no e-mail address")

    def kept() -> None:
        with hub.database.transaction() as connection:
            cases.tell_by_mail(connection, case.merchant_id, case.id, address or None)

    await run_in_threadpool(kept)
    return RedirectResponse(f"/precheck/c/{token}?lang={FRAME.language(request, case.language)}#mail", status_code=303)


@router.post("/c/{token}/uploads", status_code=201, dependencies=[BY_LINK])
async def post_upload(token: Token, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """Announce a file; its place is in ``Location``. One with the same ``mark`` that was begun before goes on there."""
    case = await run_in_threadpool(_case, hub, desk, token, request)
    _, value = await json_body(request, 4096)
    try:
        said = Announced.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    new = NewUpload(said.step, said.size_bytes, said.sha256, _place(desk, case, request), said.mark)

    def begun() -> tuple[UUID, int, bool]:
        with hub.database.transaction() as connection:
            before = uploads.known(connection, case, new)
            if before is not None:
                return before.id, uploads.offset(connection, before), False
            return uploads.begin(connection, case, new, hub.config.precheck), 0, True

    made, there, is_new = await run_in_threadpool(begun)
    location = f"/precheck/c/{token}/uploads/{made}"
    expires = f"{int(keeping.UNFINISHED_FOR.total_seconds())}"
    headers = {"Location": location, "Upload-Offset": str(there), "Upload-Expires-In": expires, **TUS}
    return Response(status_code=201 if is_new else 200, headers=headers)


@router.head("/c/{token}/uploads/{upload_id}", dependencies=[BY_LINK])
def head_upload(token: Token, upload_id: UUID, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """How much of a file is here."""
    case = _case(hub, desk, token, request)
    with hub.database.transaction() as connection:
        row = uploads.find(connection, case, upload_id)
        return Response(headers=_where(uploads.offset(connection, row), row))


@router.patch("/c/{token}/uploads/{upload_id}", dependencies=[BY_LINK])
async def patch_upload(
    token: Token,
    upload_id: UUID,
    request: Request,
    hub: CurrentHub,
    desk: CurrentDesk,
    upload_offset: Annotated[int, Header(ge=0)],
    upload_checksum: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """Append a piece at ``Upload-Offset``; ``Upload-Checksum: sha256 <Base64>`` is compared when it is there.

    With the last piece the file is kept and the first look is taken; an empty piece at the end asks for that again.
    """
    case = await run_in_threadpool(_case, hub, desk, token, request)
    data = await body(request, MAX_PIECE)
    checksum = digest(upload_checksum)

    def appended() -> dict[str, str]:
        with hub.database.transaction() as connection:
            row = uploads.find(connection, case, upload_id)
            if row.state != "receiving":
                return _where(row.size_bytes, row)
            there = uploads.append(connection, row, upload_offset, data, checksum)
        if there == row.size_bytes:
            desk.first_look(row.merchant_id, row.id, uploads.finish(hub, row))
        return _where(there, row)

    return Response(status_code=204, headers=await run_in_threadpool(appended))


@router.post("/c/{token}/uploads/{upload_id}/anyway", dependencies=[BY_LINK])
def post_anyway(token: Token, upload_id: UUID, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """Have a picture judged although it is not good."""
    case = _case(hub, desk, token, request)
    uploads.send_anyway(hub, case, upload_id)
    return RedirectResponse(f"/precheck/c/{token}?lang={FRAME.language(request, case.language)}", status_code=303)


@router.get("/c/{token}/pictures/{picture_id}", dependencies=[BY_LINK])
def get_picture(token: Token, picture_id: UUID, request: Request, hub: CurrentHub, desk: CurrentDesk) -> Response:
    """A picture of this case, made of pixels alone."""
    case = _case(hub, desk, token, request)
    joined = sa.and_(upload_rows.c.merchant_id == pictures.c.merchant_id, upload_rows.c.id == pictures.c.upload_id)
    mine = sa.and_(pictures.c.merchant_id == case.merchant_id, upload_rows.c.case_id == case.id)
    query = sa.select(pictures.c.object_sha256).join(upload_rows, joined).where(mine, pictures.c.id == picture_id)
    with hub.database.transaction() as connection:
        found = connection.execute(query).scalar()
    if found is None:
        raise Problem("image.unknown", "this case has no such picture")
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(keeping.get(hub.images, case.merchant_id, found), media_type="image/jpeg", headers=headers)


@router.get("/c/{token}/events", dependencies=[BY_LINK])
async def get_events(
    token: Token,
    request: Request,
    hub: CurrentHub,
    desk: CurrentDesk,
    since: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Server-sent events: the case's version whenever it changes. The browser comes again by itself."""
    await run_in_threadpool(_case, hub, desk, token, request)
    if desk.streams >= MAX_STREAMS:
        raise Problem("rate.limited", "ask for the state from time to time", headers={"Retry-After": "10"})
    headers = {"X-Accel-Buffering": "no"}
    news = versions(desk, request, since, lambda: int(_case(hub, desk, token, request).version))
    return StreamingResponse(news, media_type="text/event-stream", headers=headers)


def _page(request: Request, hub: Hub, desk: Desk, token: str, template: str) -> Response:
    case = _case(hub, desk, token, request)
    language = FRAME.language(request, case.language)
    with hub.database.transaction() as connection:
        if request.query_params.get("lang") == language and case.language != language:
            cases.describe(connection, case.merchant_id, case.id, "", language)
        shown = view(connection, case, language)
        mail = mail_of(connection, case)
    say = {name: FRAME.say(language, message) for name, message in words.SCRIPT.items()}
    return FRAME.page(
        template,
        language,
        token=token,
        case=shown,
        base=f"/precheck/c/{token}",
        contact=hub.config.precheck.contact,
        mail=mail,
        script_words=say,
    )


def _case(hub: Hub, desk: Desk, token: str, request: Request) -> Row[Any]:
    try:
        with hub.database.transaction() as connection:
            case = cases.by_token(connection, desk.key, token)
    except Problem:
        hub.rates.take(f"unknown {_address(request)}")
        raise
    hub.rates.take(f"precheck {case.id}")
    return case


def _link_by_order(hub: Hub, desk: Desk, order_ref: str, check: str, address: str) -> str | None:
    with hub.database.transaction() as connection:
        merchant = merchant_id(connection)
    brakes = [throttle.account("precheck", order_ref.casefold()), throttle.place("precheck", address)]
    throttle.admit(hub.database, merchant, brakes)

    def matches(rma: str, kept: str) -> bool:
        return hmac.compare_digest(desk.key.check(merchant, rma, check), kept)

    with hub.database.transaction() as connection:
        case = cases.by_order(connection, merchant, order_ref, matches)
        if case is None:
            return None
        throttle.forgive(connection, merchant, brakes)
        lasts = timedelta(days=hub.config.precheck.link_days)
        token, _ = cases.link_of(connection, merchant, case.id, desk.key, lasts)
        return token


def _take(hub: Hub, desk: Desk, case: Row[Any], form: FormData, request: Request) -> None:
    problem = form.get("problem")
    _describe(hub, case, problem if isinstance(problem, str) else "", FRAME.language(request, case.language))
    place = _place(desk, case, request)
    for name, given in form.multi_items():
        if not isinstance(given, UploadFile) or name not in uploads.STEPS or not given.size:
            continue
        new = NewUpload(name, given.size, None, place)
        with hub.database.transaction() as connection:
            made = uploads.begin(connection, case, new, hub.config.precheck)
            row = uploads.find(connection, case, made)
        content = given.file.read()
        uploads.keep(hub, row, content)
        desk.first_look(row.merchant_id, row.id, content)


def _describe(hub: Hub, case: Row[Any], problem: str, language: str) -> None:
    with hub.database.transaction() as connection:
        cases.describe(connection, case.merchant_id, case.id, problem, language)


def _where(there: int, row: Row[Any]) -> dict[str, str]:
    return {"Upload-Offset": str(there), "Upload-Length": str(row.size_bytes), **TUS}


def _place(desk: Desk, case: Row[Any], request: Request) -> str:
    return desk.key.place(case.merchant_id, _address(request))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
