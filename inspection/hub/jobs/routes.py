"""``/v1/jobs``: background jobs that were parked after they failed too often."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.hub import CurrentHub
from inspection.hub.jobs import parked
from inspection.hub.problems import documented

router = APIRouter(prefix="/v1/jobs", tags=["operations"])
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
Keeper = Annotated[Caller, Depends(allowed(Permission.JOBS_MANAGE))]


class ParkedJobView(BaseModel):
    """A job that waits for a person."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    task: str = Field(examples=["connectors.deliver"])
    args: dict[str, JsonValue]
    attempts: int
    failed_at: datetime | None


class ParkedJobs(BaseModel):
    """Parked jobs, newest first."""

    jobs: list[ParkedJobView]


@router.get("/parked", summary="List parked jobs", responses=documented(*COMMON))
def get_parked(hub: CurrentHub, caller: Keeper, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> ParkedJobs:
    """Jobs that failed as often as their kind is tried; the log says where, by job number."""
    with hub.database.transaction() as connection:
        found: list[Any] = list(parked.parked(connection, caller.merchant_id, limit))
    return ParkedJobs(jobs=[ParkedJobView.model_validate(each) for each in found])


@router.post(
    "/parked/{job_id}/run",
    status_code=202,
    response_class=Response,
    summary="Run a parked job again",
    responses=documented(*COMMON, "job.unknown"),
)
def post_run(job_id: Annotated[int, Path(ge=1, le=2**63 - 1)], hub: CurrentHub, caller: Keeper) -> Response:
    """At once; when it fails again, it is parked again."""
    with hub.database.transaction() as connection:
        parked.run_again(connection, caller.merchant_id, job_id)
    return Response(status_code=202)
