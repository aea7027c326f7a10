"""``/v1/review``: what waits, labelling, deciding, agreement, the labels that count, and doubted labels."""

from __future__ import annotations

from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.moments import Moment
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body, unspoiled
from inspection.hub.review import labelling, labels, queue, schemas, suspects
from inspection.hub.review.agreement import agreement
from inspection.hub.review.reasons import Reason
from inspection.hub.review.schemas import BODIES, State

__all__ = ["BODIES", "router"]

router = APIRouter(prefix="/v1/review", tags=["review"])
Labeller = Annotated[Caller, Depends(allowed(Permission.REVIEW_LABEL))]
Decider = Annotated[Caller, Depends(allowed(Permission.REVIEW_DECIDE))]
Reader = Annotated[Caller, Depends(allowed(Permission.LABELS_READ))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES, MAX_LIST_BYTES = 65_536, 1_048_576
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")]
M = TypeVar("M", bound=BaseModel)


def _takes(model: str) -> dict[str, object]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.get("/items", summary="What waits to be labelled", responses=documented(*COMMON, "request.cursor"))
def list_items(
    hub: CurrentHub,
    caller: Labeller,
    *,
    state: Annotated[State | None, Query(description="by default what waits for a person to label it")] = None,
    reason: Annotated[Reason | None, Query(description="only what is asked for this reason")] = None,
    goods: Annotated[str | None, Query(max_length=100, description="only this kind of goods")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.ReviewPage:
    """The most valuable first; see inspection/hub/review/worth.py for how that is reckoned."""
    with hub.database.transaction() as connection:
        found, more = queue.page(
            connection, caller.merchant_id, state=state, reason=reason, goods=unspoiled(goods, "goods"),
            limit=limit, cursor=cursor,
        )  # fmt: skip
    return schemas.ReviewPage(items=found, next_cursor=more)


@router.get("/counts", summary="How much waits", responses=documented(*COMMON))
def get_counts(hub: CurrentHub, caller: Labeller) -> schemas.Counts:
    """By state, and by reason."""
    with hub.database.transaction() as connection:
        return queue.counts(connection, caller)


@router.get("/items/{item_id}", summary="One picture", responses=documented(*COMMON, "review.unknown"))
def get_item(item_id: UUID, hub: CurrentHub, caller: Labeller) -> schemas.ReviewItemDetail:
    """With what was said of it. While it waits for a second person, they are not told what the first said."""
    with hub.database.transaction() as connection:
        row = queue.one(connection, caller.merchant_id, item_id)
        said = labelling.labels_of(connection, row, caller)
    return schemas.ReviewItemDetail(**queue.view(row).model_dump(), labels=said)


@router.post(
    "/leases",
    response_model=schemas.Leased,
    summary="Be given pictures to label",
    responses=documented(*COMMON, *BODY),
    openapi_extra=_takes("NewLease"),
)
async def post_lease(request: Request, hub: CurrentHub, caller: Labeller) -> schemas.Leased:
    """The most valuable that are nobody's; for `review.lease_s` nobody else is given them.

    One in ten is of the random audit. What the caller labelled or skipped never comes again. Ask for a few, so that
    the next pictures are there before they are needed.
    """
    new = await _body(request, schemas.NewLease, MAX_BYTES)

    def taken() -> schemas.Leased:
        with hub.database.transaction() as connection:
            found = queue.take(
                connection, caller, count=new.count, lease_s=hub.config.review.lease_s, reason=new.reason,
                besides=new.besides,
            )  # fmt: skip
        return schemas.Leased(items=found)

    return await run_in_threadpool(taken)


@router.post(
    "/items/{item_id}/labels",
    status_code=201,
    response_model=schemas.Labelled,
    summary="Say what a picture shows",
    responses=documented(*COMMON, *BODY, "review.unknown", "review.leased", "review.labelled"),
    openapi_extra=_takes("NewLabel"),
)
async def post_label(item_id: UUID, request: Request, hub: CurrentHub, caller: Labeller) -> schemas.Labelled:
    """Accepted at once, or when a second person says the same; `disputed` when they say something else.

    Repeating the same is harmless.
    """
    new = await _body(request, schemas.NewLabel, MAX_BYTES)

    def labelled() -> schemas.Labelled:
        with hub.database.transaction() as connection:
            return labelling.label(connection, caller, item_id, new)

    return await run_in_threadpool(labelled)


@router.post(
    "/items/{item_id}/skip",
    status_code=204,
    response_class=Response,
    summary="Leave a picture to others",
    responses=documented(*COMMON, "review.unknown", "review.labelled"),
)
def post_skip(item_id: UUID, hub: CurrentHub, caller: Labeller) -> Response:
    """The caller is not given it again."""
    with hub.database.transaction() as connection:
        labelling.skip(connection, caller, item_id)
    return Response(status_code=204)


@router.delete(
    "/labels/{label_id}",
    summary="Take back a label",
    responses=documented(*COMMON, "review.unknown_label", "review.settled"),
)
def delete_label(label_id: UUID, hub: CurrentHub, caller: Labeller) -> schemas.Undone:
    """One's own, while nobody else has said anything after it. The picture is the caller's again."""
    with hub.database.transaction() as connection:
        item_id = labelling.undo(connection, caller, label_id, hub.config.review.lease_s)
        return schemas.Undone(item=queue.view(queue.one(connection, caller.merchant_id, item_id)))


@router.delete(
    "/labels",
    summary="Take back what one said last",
    responses=documented(*COMMON, "review.unknown_label", "review.settled"),
)
def delete_last(hub: CurrentHub, caller: Labeller) -> schemas.Undone:
    """Label or skip, whatever came last."""
    with hub.database.transaction() as connection:
        last = labelling.last_of(connection, caller)
        if last is None:
            raise Problem("review.unknown_label", "there is nothing to take back")
        item_id = labelling.undo(connection, caller, last, hub.config.review.lease_s)
        return schemas.Undone(item=queue.view(queue.one(connection, caller.merchant_id, item_id)))


@router.post(
    "/items/{item_id}/decision",
    status_code=201,
    response_model=schemas.Labelled,
    summary="Decide between two labels",
    responses=documented(*COMMON, *BODY, "review.unknown", "review.own", "review.undisputed"),
    openapi_extra=_takes("NewLabel"),
)
async def post_decision(item_id: UUID, request: Request, hub: CurrentHub, caller: Decider) -> schemas.Labelled:
    """By somebody who has not labelled it. What is accepted can be decided anew; the newest decision counts."""
    new = await _body(request, schemas.NewLabel, MAX_BYTES)

    def decided() -> schemas.Labelled:
        with hub.database.transaction() as connection:
            return labelling.adjudicate(connection, caller, item_id, new)

    return await run_in_threadpool(decided)


@router.get("/agreement", summary="How far two people agree", responses=documented(*COMMON))
def get_agreement(
    hub: CurrentHub, caller: Reader, days: Annotated[int, Query(ge=1, le=3650)] = 90
) -> schemas.AgreementReport:
    """Cohen's kappa of each defect, and of the condition with quadratic weights, before anybody decided."""
    with hub.database.transaction() as connection:
        return agreement(connection, caller.merchant_id, days)


@router.get(
    "/labels.csv",
    response_class=StreamingResponse,
    summary="The labels that count, as manifest.csv",
    responses={
        200: {
            "description": "Columns file, set, goods, defects, condition, group, capture, licence, note",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **documented(*COMMON),
    },
)
def get_labels(
    hub: CurrentHub,
    caller: Reader,
    since: Annotated[Moment | None, Query(description="accepted at this time or later")] = None,
) -> StreamingResponse:
    """A picture's file is its SHA-256 and its type, e.g. `….jpg`: fetch it from `/v1/images/{sha256}`.

    Pictures that are of no use, or that the hub no longer holds, are left out.
    """
    with hub.database.transaction() as connection:
        lines = list(labels.manifest(labels.accepted(connection, caller.merchant_id, since=since)))
    headers = {"Content-Disposition": 'attachment; filename="manifest.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(iter(lines), media_type="text/csv; charset=utf-8", headers=headers)


@router.post(
    "/suspects",
    response_model=schemas.SuspectsTaken,
    summary="List doubted labels",
    responses=documented(*COMMON, *BODY),
    openapi_extra=_takes("NewSuspects"),
)
async def post_suspects(request: Request, hub: CurrentHub, caller: Decider) -> schemas.SuspectsTaken:
    """Up to 1000, as `python -m models suspects` finds them. What a person has looked at is not asked again."""
    new = await _body(request, schemas.NewSuspects, MAX_LIST_BYTES)

    def entered() -> schemas.SuspectsTaken:
        with hub.database.transaction() as connection:
            return suspects.enter(connection, caller, new.suspects)

    return await run_in_threadpool(entered)


@router.get("/suspects", summary="Doubted labels", responses=documented(*COMMON, "request.cursor"))
def list_suspects(
    hub: CurrentHub,
    caller: Labeller,
    state: Annotated[str, Query(pattern="^(open|confirmed|dismissed)$")] = "open",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> schemas.SuspectPage:
    """The surest first."""
    with hub.database.transaction() as connection:
        found, more = suspects.page(connection, caller.merchant_id, state, limit, cursor)
    return schemas.SuspectPage(suspects=found, next_cursor=more)


@router.post(
    "/suspects/{suspect_id}",
    response_model=schemas.SuspectView,
    summary="Confirm or dismiss a doubt",
    responses=documented(*COMMON, *BODY, "review.unknown", "review.settled"),
    openapi_extra=_takes("SuspectRuling"),
)
async def post_suspect(suspect_id: UUID, request: Request, hub: CurrentHub, caller: Decider) -> schemas.SuspectView:
    """Either way what is right counts as the picture's label from now on. Repeating the same is harmless."""
    new = await _body(request, schemas.SuspectRuling, MAX_BYTES)

    def decided() -> schemas.SuspectView:
        return _decided(hub, caller, suspect_id, confirmed=new.decision == "confirm")

    return await run_in_threadpool(decided)


def _decided(hub: Hub, caller: Caller, suspect_id: UUID, *, confirmed: bool) -> schemas.SuspectView:
    with hub.database.transaction() as connection:
        suspects.decide(connection, caller, suspect_id, confirmed=confirmed)
        return suspects.one(connection, caller.merchant_id, suspect_id)


async def _body(request: Request, model: type[M], limit: int) -> M:
    _, value = await json_body(request, limit)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
