"""``/v1/datasets``: data versions made of accepted labels; read, compared, never changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from datasets.versions.changes import changes
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.datasets import service
from inspection.hub.datasets.schemas import DatasetChanges, Datasets, DatasetWithModels, MadeDataset, NewDataset
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body

router = APIRouter(prefix="/v1/datasets", tags=["quality"])
Reader = Annotated[Caller, Depends(allowed(Permission.DATASETS_READ))]
Maker = Annotated[Caller, Depends(allowed(Permission.DATASETS_MAKE))]
Id = Annotated[str, Path(pattern=service.ID_PATTERN, examples=["returns@0123456789ab"])]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BYTES = 4096
BODIES = (NewDataset,)


def who(caller: Caller) -> str:
    """Who asks, by id."""
    return f"staff/{caller.staff_id}" if caller.staff_id is not None else f"token/{caller.token_id}"


@router.get("", summary="List data versions", responses=documented(*COMMON))
def get_datasets(hub: CurrentHub, caller: Reader) -> Datasets:
    """The newest 200."""
    with hub.database.transaction() as connection:
        rows: list[Any] = service.listed(connection, caller.merchant_id)
    return Datasets.model_validate({"datasets": rows}, from_attributes=True)


@router.post(
    "",
    status_code=201,
    summary="Make a data version",
    responses=documented(*COMMON, *BODY, "dataset.unknown", "dataset.refused", "store.unavailable", "store.full"),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewDataset"}}},
        }
    },
)
async def post_dataset(request: Request, hub: CurrentHub, caller: Maker) -> MadeDataset:
    """Of all labels that people have accepted, on top of a base. The same labels and base give the same version."""
    _, value = await json_body(request, MAX_BYTES)
    try:
        wanted = NewDataset.model_validate(value)
    except ValidationError as error:
        raise Problem("request.invalid", "see errors", errors=faults(error)) from None
    return await run_in_threadpool(_make, hub, caller, wanted)


@router.get("/{dataset_id}", summary="Read one data version", responses=documented(*COMMON, "dataset.unknown"))
def get_dataset(dataset_id: Id, hub: CurrentHub, caller: Reader) -> DatasetWithModels:
    """What it holds, by goods, condition, defect, split, licence, consent and source; which models learned from it."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, dataset_id)
        trained = service.trained_on(connection, caller.merchant_id, row)
    return DatasetWithModels.model_validate({**row._mapping, "trained": trained})  # noqa: SLF001 - its public name


@router.get(
    "/{dataset_id}/manifest",
    response_class=Response,
    summary="Read a data version's manifest",
    responses={
        200: {
            "content": {"application/json": {"schema": {"type": "object"}}},
            "description": "Canonical JSON (RFC 8785)",
        },
        **documented(*COMMON, "dataset.unknown", "store.unavailable"),
    },
)
def get_manifest(dataset_id: Id, hub: CurrentHub, caller: Reader) -> Response:
    """The bytes whose SHA-256 begins with the id's digits: every picture with its hash, label, keys, licence, split."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, dataset_id)
    version = service.read(hub, caller.merchant_id, row)
    headers = {"ETag": f'"{row.sha256}"', "Cache-Control": "private, no-cache"}
    return Response(version.manifest, media_type="application/json", headers=headers)


@router.get(
    "/{dataset_id}/changes/{newer_id}",
    summary="Compare two data versions",
    responses=documented(*COMMON, "dataset.unknown", "store.unavailable"),
)
def get_changes(dataset_id: Id, newer_id: Id, hub: CurrentHub, caller: Reader) -> DatasetChanges:
    """Pictures added, removed, labelled otherwise, moved between splits."""
    with hub.database.transaction() as connection:
        rows = [service.find(connection, caller.merchant_id, each) for each in (dataset_id, newer_id)]
    old, new = (service.read(hub, caller.merchant_id, row) for row in rows)
    return DatasetChanges.model_validate(changes(old, new).plain())


def _make(hub: Hub, caller: Caller, wanted: NewDataset) -> MadeDataset:
    made = service.make(hub, caller.merchant_id, wanted.name, wanted.base, wanted.exam_share, who(caller))
    left = {"useless": made.useless, "contradicting": made.contradicting, "erased": made.erased}
    return MadeDataset.model_validate({**made.row._mapping, **left})  # noqa: SLF001
