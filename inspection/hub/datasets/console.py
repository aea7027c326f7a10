"""``/console/quality/datasets``: data versions, one of them, and the difference of two as pictures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import RedirectResponse

from datasets.versions.changes import changes
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console.shell import CurrentShell, Fields, PageRoute
from inspection.hub.datasets import service
from inspection.hub.datasets.pages import words
from inspection.hub.datasets.routes import Id, who
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem

router = APIRouter(prefix="/console/quality/datasets", route_class=PageRoute, include_in_schema=False)
Reader = Annotated[Caller, Depends(allowed(Permission.DATASETS_READ))]
Maker = Annotated[Caller, Depends(allowed(Permission.DATASETS_MAKE))]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
SHOWN, SAMPLES = 120, 24


@router.get("")
def get_datasets(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """All versions, and a form that makes one of the labels there are now."""
    with hub.database.transaction() as connection:
        rows = service.listed(connection, caller.merchant_id)
    problem = request.query_params.get("problem", "")
    return shell.page(request, "datasets/datasets.html", caller, versions=rows, said=words, problem=problem)


@router.post("")
def post_dataset(hub: CurrentHub, caller: Maker, form: Fields) -> Response:
    """Makes a version of all accepted labels, then shows it."""
    base = form.get("base", "") or None
    name = base.split("@")[0] if base else form.get("name", "").strip() or "returns"
    try:
        made = service.make(hub, caller.merchant_id, name, base, None, who(caller))
    except Problem as problem:
        if problem.code != "dataset.refused":
            raise
        return RedirectResponse("/console/quality/datasets?problem=refused", status_code=303)
    left = f"useless={made.useless}&contradicting={made.contradicting}"
    return RedirectResponse(f"/console/quality/datasets/{made.row.id}?{left}", status_code=303)


@router.get("/pictures/{sha256}")
def get_picture(sha256: Hash, hub: CurrentHub, caller: Reader) -> Response:
    """A picture of some version; it lies in no cache of a shared computer."""
    content, media_type = service.picture(hub, caller.merchant_id, sha256)
    headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


@router.get("/{dataset_id}")
def get_dataset(dataset_id: Id, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """One version: counts, examples, models that learned from it, and versions to compare it with."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, dataset_id)
        others = [each for each in service.listed(connection, caller.merchant_id) if each.id != row.id]
        trained = service.trained_on(connection, caller.merchant_id, row)
    version = service.read(hub, caller.merchant_id, row)
    step = max(1, len(version.entries) // SAMPLES)
    shown: dict[str, Any] = {
        "row": row, "keys": version.splitting.keys, "others": others, "trained": trained, "said": words,
        "samples": version.entries[::step][:SAMPLES], "groups": len({entry.group for entry in version.entries}),
        "table": _table(version.entries), "left": _left(request),
    }  # fmt: skip
    return shell.page(request, "datasets/dataset.html", caller, **shown)


@router.get("/{dataset_id}/changes")
def get_changes(dataset_id: Id, request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """What is otherwise here than in ``?from=``, by default its parent, as pictures."""
    with hub.database.transaction() as connection:
        row = service.find(connection, caller.merchant_id, dataset_id)
        before = service.find(connection, caller.merchant_id, request.query_params.get("from") or row.parent or "")
    old, new = (service.read(hub, caller.merchant_id, each) for each in (before, row))
    found = changes(old, new)
    return shell.page(request, "datasets/changes.html", caller, found=found, most=SHOWN, said=words)


def _table(entries: Any) -> dict[str, dict[str, int]]:
    """Pictures by goods and condition."""
    found: dict[str, dict[str, int]] = {}
    for entry in entries:
        row = found.setdefault(entry.goods, {})
        row[entry.condition] = row.get(entry.condition, 0) + 1
    return dict(sorted(found.items()))


def _left(request: Request) -> dict[str, int]:
    """What of the labels did not enter the version, as the page that made it said."""
    told = {name: request.query_params.get(name, "") for name in ("useless", "contradicting")}
    return {name: int(value) for name, value in told.items() if value.isdecimal() and len(value) < 8 and int(value)}  # noqa: PLR2004
