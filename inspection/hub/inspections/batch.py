"""``POST /v1/inspections/batch``: a station that was offline sends what waited, up to 30 reports at once."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.inspections.intake import Receipt
from inspection.hub.inspections.schemas import BatchAnswer, BatchEntry
from inspection.hub.inspections.taking import Brought, Outcome, take_all, told
from inspection.hub.problems import Problem, documented
from inspection.hub.requests import json_body

MOST = 30
ROOM = 1024
router = APIRouter(prefix="/v1/inspections", tags=["inspections"])
Reporter = Annotated[Caller, Depends(allowed(Permission.INSPECTIONS_REPORT, looked_at_again=True))]
BATCH_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["reports"],
                    "additionalProperties": False,
                    "properties": {
                        "reports": {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": MOST,
                            "items": {"$ref": "#/components/schemas/InspectionReport"},
                        }
                    },
                }
            }
        },
    }
}


@router.post(
    "/batch",
    response_model=BatchAnswer,
    summary="Report up to 30 revisions at once",
    responses=documented(
        "token.missing",
        "token.invalid",
        "token.scope",
        "request.not_json",
        "request.truncated",
        "request.media_type",
        "request.too_large",
        "request.invalid",
        "database.unavailable",
        "internal",
    ),
    openapi_extra=BATCH_BODY,
)
async def post_batch(request: Request, hub: CurrentHub, caller: Reporter) -> BatchAnswer:
    """Each report stands alone: one that is refused keeps no other from being stored.

    The answer is 200 with one result a report. When the database fails, the whole answer is 503 and nothing, or all
    of it, was stored: send the batch again, what was stored is then told as `inspection.exists`.
    """
    _, value = await json_body(request, hub.config.reports.max_bytes * MOST + ROOM)
    reports = value.get("reports") if isinstance(value, dict) and set(value) == {"reports"} else None
    if not isinstance(reports, list) or not 1 <= len(reports) <= MOST:
        fault = {"pointer": "/reports", "message": f"a list of 1 to {MOST} reports, and nothing beside it"}
        raise Problem("request.invalid", "see errors", errors=[fault])
    sent = request.headers.get("date")
    return BatchAnswer(results=await run_in_threadpool(_take_all, hub, caller, reports, sent))


def _take_all(hub: Hub, caller: Caller, reports: list[Any], sent: str | None) -> list[BatchEntry]:
    """One transaction for all; when the database finds fault with one of them, one for each."""
    limit = hub.config.reports.max_bytes
    texts = [json.dumps(report, ensure_ascii=False, separators=(",", ":")) for report in reports]
    small = [index for index, text in enumerate(texts) if len(text.encode(errors="surrogatepass")) <= limit]
    outcomes = take_all(hub, [Brought(caller, texts[index], reports[index], sent) for index in small])
    taken = {index: _taken(hub, outcome) for index, outcome in zip(small, outcomes, strict=True)}
    too_large = Problem("request.too_large", f"at most {limit} bytes are taken a report")
    return [_entry(index, taken.get(index, too_large)) for index in range(len(reports))]


def _taken(hub: Hub, outcome: Outcome) -> Receipt | Problem:
    """What a report's own entry tells of.

    Raises:
        Problem: ``token.invalid``, which is about none of them. Exception: why they could not be stored.
    """
    try:
        return told(hub, outcome)
    except Problem as problem:
        if problem.code == "token.invalid":
            raise
        return problem


def _entry(index: int, outcome: Receipt | Problem) -> BatchEntry:
    if isinstance(outcome, Problem):
        return _refused(index, outcome)
    return BatchEntry(
        index=index,
        status=201 if outcome.new else 409,
        code="stored" if outcome.new else "inspection.exists",
        inspection_id=outcome.inspection_id,
        revision=outcome.revision,
        evidence_hash=outcome.evidence_hash,
        missing_images=outcome.missing_images,
    )


def _refused(index: int, problem: Problem) -> BatchEntry:
    errors = problem.members.get("errors")
    return BatchEntry(index=index, status=problem.status, code=problem.code, detail=problem.detail, errors=errors)
