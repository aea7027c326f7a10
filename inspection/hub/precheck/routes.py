"""``/v1/precheck``: opening cases and reading them, for the shop and for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from sqlalchemy.engine import Connection
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub
from inspection.hub.precheck import cases, keeping
from inspection.hub.precheck.agreement import agreement
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.challenges import ask, challenges_of
from inspection.hub.precheck.deciding import Ruling, decide, decisions_of, queue
from inspection.hub.precheck.desk import CurrentDesk
from inspection.hub.precheck.schemas import (
    AgreementView,
    CaseInShort,
    CaseLink,
    CaseQueue,
    CaseSummary,
    CaseView,
    ChallengeView,
    ClaimView,
    DecisionView,
    KindView,
    NewCase,
    NewDecision,
    PictureView,
    SignalView,
    UploadView,
)
from inspection.hub.precheck.summary import summary
from inspection.hub.precheck.tables import objects, pictures, uploads
from inspection.hub.precheck.trust.weighing import claim_of, signals_of
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body
from inspection.hub.returns.schemas import RMA_PATTERN

router = APIRouter(prefix="/v1/precheck", tags=["precheck"])
Inviter = Annotated[Caller, Depends(allowed(Permission.PRECHECK_INVITE))]
Reader = Annotated[Caller, Depends(allowed(Permission.PRECHECK_READ))]
Summarized = Annotated[Caller, Depends(allowed(Permission.PRECHECK_SUMMARY))]
Decider = Annotated[Caller, Depends(allowed(Permission.PRECHECK_DECIDE))]
Analyst = Annotated[Caller, Depends(allowed(Permission.STATS_READ))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
Rma = Annotated[str, Path(pattern=RMA_PATTERN)]
MAX_BYTES = 16_384
BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/cases",
    status_code=201,
    response_model=CaseLink,
    summary="Open a case, and get its link",
    responses={
        200: {"model": CaseLink, "description": "It was open already"},
        **documented(
            *COMMON,
            "request.not_json",
            "request.truncated",
            "request.media_type",
            "request.too_large",
            "return.unknown",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewCase"}}},
        }
    },
)
async def post_case(request: Request, hub: CurrentHub, desk: CurrentDesk, caller: Inviter) -> JSONResponse:
    """One return has one link: asked again, it is the same until it is nearly over or was revoked.

    What is named again is changed; what is left out stays.
    """
    _, value = await json_body(request, MAX_BYTES)
    try:
        new = NewCase.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    known = new.model_dump(exclude={"rma", "check_value"}, exclude_none=True)
    if "email" in known:
        known["email"] = known["email"] or None
    if new.check_value is not None:
        known["check_hmac"] = desk.key.check(caller.merchant_id, new.rma, new.check_value)

    def opened() -> tuple[CaseLink, bool]:
        with hub.database.transaction() as connection:
            case, is_new = cases.open_case(connection, caller.merchant_id, new.rma, known)
            lasts = timedelta(days=hub.config.precheck.link_days)
            token, expires_at = cases.link_of(connection, caller.merchant_id, case.id, desk.key, lasts)
        base = hub.config.access.public_url or str(request.base_url).rstrip("/")
        url = f"{base}/precheck/c/{token}"
        return CaseLink(rma=case.rma, state=case.state, url=url, expires_at=expires_at), is_new

    link, is_new = await run_in_threadpool(opened)
    return JSONResponse(link.model_dump(mode="json"), status_code=201 if is_new else 200)


@router.delete(
    "/cases/{rma}/link",
    status_code=204,
    response_class=Response,
    summary="Revoke a case's link",
    responses=documented(*COMMON, "precheck.not_found"),
)
def delete_link(rma: Rma, hub: CurrentHub, caller: Inviter) -> Response:
    """From now on it opens nothing; repeating is harmless."""
    with hub.database.transaction() as connection:
        cases.revoke_link(connection, caller.merchant_id, rma)
    return Response(status_code=204)


@router.get("/cases", summary="List the cases for a person", responses=documented(*COMMON))
def get_cases(hub: CurrentHub, caller: Reader, state: Annotated[State | None, Query()] = None) -> CaseQueue:
    """The 50 most urgent: who asked for a person first, then by what was promised, tier and age.

    Without `state`, all that are not decided.
    """
    with hub.database.transaction() as connection:
        rows = queue(connection, caller.merchant_id, state)
    return CaseQueue(cases=[CaseSummary.model_validate(row) for row in rows])


@router.post(
    "/cases/{rma}/decision",
    status_code=201,
    summary="Decide a case",
    responses=documented(
        *COMMON,
        "request.not_json",
        "request.truncated",
        "request.media_type",
        "request.too_large",
        "precheck.not_found",
        "precheck.changed",
    ),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewDecision"}}},
        }
    },
)
async def post_decision(rma: Rma, request: Request, hub: CurrentHub, caller: Decider) -> DecisionView:
    """A person's decision; the customer's page shows it at once. Who thinks again decides again.

    With the `version` of the case that was read, a case that has changed since is refused.
    """
    _, value = await json_body(request, MAX_BYTES)
    try:
        new = NewDecision.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None

    def decided() -> DecisionView:
        with hub.database.transaction() as connection:
            return DecisionView.model_validate(decide(connection, caller, rma, Ruling(**new.model_dump())))

    return await run_in_threadpool(decided)


@router.post(
    "/cases/{rma}/challenge",
    status_code=201,
    response_model=ChallengeView,
    summary="Ask for a paper with four characters beside the item",
    responses={
        200: {"model": ChallengeView, "description": "The customer is asked for one already"},
        **documented(*COMMON, "precheck.not_found", "precheck.decided"),
    },
)
def post_challenge(rma: Rma, hub: CurrentHub, caller: Decider) -> JSONResponse:
    """The customer's page shows the characters at once. The picture is shown beside them; a person compares."""
    lasts = timedelta(hours=hub.config.precheck.challenge_hours)
    with hub.database.transaction() as connection:
        asked, is_new = ask(connection, caller, rma, lasts)
    shown = ChallengeView.model_validate(asked).model_dump(mode="json")
    return JSONResponse(shown, status_code=201 if is_new else 200)


@router.get("/cases/{rma}", summary="Read one case", responses=documented(*COMMON, "precheck.not_found"))
def get_case(rma: Rma, hub: CurrentHub, caller: Reader) -> CaseView:
    """The case with every file that came and what was seen in it."""
    with hub.database.transaction() as connection:
        return case_view(connection, caller.merchant_id, rma)


@router.get(
    "/cases/{rma}/summary", summary="Read one case in short", responses=documented(*COMMON, "precheck.not_found")
)
def get_summary(rma: Rma, hub: CurrentHub, caller: Summarized) -> CaseInShort:
    """What a station shows beside the item: the answer, the damage seen, and what a person decided."""
    with hub.database.transaction() as connection:
        return CaseInShort.model_validate(summary(connection, caller.merchant_id, rma))


@router.get(
    "/pictures/{picture_id}",
    response_class=Response,
    summary="Read one picture as it is shown",
    responses={
        200: {"content": {"image/jpeg": BINARY}, "description": "Made of pixels alone; without metadata"},
        **documented(*COMMON, "image.unknown", "image.erased", "store.unavailable"),
    },
)
def get_picture(picture_id: UUID, hub: CurrentHub, caller: Reader) -> Response:
    """Findings lie in it, in its pixels."""
    mine = sa.and_(pictures.c.merchant_id == caller.merchant_id, pictures.c.id == picture_id)
    with hub.database.transaction() as connection:
        found = connection.execute(sa.select(pictures.c.object_sha256).where(mine)).scalar()
    if found is None:
        raise Problem("image.unknown", "no picture has this id")
    return Response(keeping.get(hub.images, caller.merchant_id, found), media_type="image/jpeg")


@router.get(
    "/uploads/{upload_id}/original",
    response_class=Response,
    summary="Take out a file as it came",
    responses={
        200: {"content": {"application/octet-stream": BINARY}, "description": "As the customer sent it"},
        **documented(*COMMON, "upload.unknown", "image.erased", "store.unavailable"),
    },
)
def get_original(upload_id: UUID, hub: CurrentHub, caller: Decider) -> Response:
    """For a dispute. It may be anything, also hostile: open it where that does no harm."""
    with hub.database.transaction() as connection:
        found = keeping.original_of(connection, caller.merchant_id, upload_id)
    if found is None:
        raise Problem("upload.unknown", "no file of this id is kept")
    headers = {"Content-Disposition": f'attachment; filename="{upload_id}.bin"'}
    content = keeping.get(hub.images, caller.merchant_id, found)
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get("/agreement", summary="Compare pre-checks with what stations found", responses=documented(*COMMON))
def get_agreement(
    hub: CurrentHub, desk: CurrentDesk, caller: Analyst, days: Annotated[int, Query(ge=1, le=3650)] = 90
) -> AgreementView:
    """By kind of goods of the catalogue (`precheck.products`), the most frequent first."""
    with hub.database.transaction() as connection:
        kinds = agreement(connection, caller.merchant_id, desk.catalogue, days)
    return AgreementView(days=days, kinds=[KindView.model_validate(each) for each in kinds])


def case_view(connection: Connection, merchant_id: UUID, rma: str) -> CaseView:
    """Everything of one case.

    Raises:
        Problem: ``precheck.not_found``.
    """
    case = cases.of_return(connection, merchant_id, rma)
    sent = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.case_id == case.id)
    rows = connection.execute(sa.select(uploads).where(sent).order_by(uploads.c.started_at, uploads.c.id)).all()
    seen: dict[UUID, list[PictureView]] = {}
    there = sa.and_(objects.c.merchant_id == pictures.c.merchant_id, objects.c.sha256 == pictures.c.object_sha256)
    of = sa.and_(pictures.c.merchant_id == merchant_id, pictures.c.upload_id.in_([row.id for row in rows]))
    query = sa.select(pictures).join(objects, there).where(of).order_by(pictures.c.number)
    for picture in connection.execute(query):
        seen.setdefault(picture.upload_id, []).append(PictureView.model_validate(picture))
    found: list[Any] = [
        UploadView.model_validate(row).model_copy(update={"pictures": seen.get(row.id, [])}) for row in rows
    ]
    claim = claim_of(connection, case)
    more = {
        "uploads": found,
        "claim": None if claim is None else ClaimView.model_validate(claim),
        "signals": [SignalView.model_validate(row) for row in signals_of(connection, merchant_id, case.id)],
        "challenges": [ChallengeView.model_validate(each) for each in challenges_of(connection, case)],
        "decisions": [DecisionView.model_validate(row) for row in decisions_of(connection, merchant_id, case.id)],
    }
    return CaseView.model_validate(case).model_copy(update=more)
