"""``/console/quality/review``: what waits, labelling by keyboard, deciding, agreement, doubted labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from inspection.finding import Condition, Defect
from inspection.hub.accounts.matrix import may
from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.console import words as console_words
from inspection.hub.console.shell import WITH_SCRIPT, CurrentShell, PageRoute, Shell
from inspection.hub.hub import CurrentHub
from inspection.hub.images.service import find
from inspection.hub.review import queue
from inspection.hub.review import suspects as doubted
from inspection.hub.review.agreement import agreement
from inspection.hub.review.pages import words
from inspection.hub.review.reasons import Reason
from inspection.hub.review.schemas import State

router = APIRouter(prefix="/console/quality/review", route_class=PageRoute, include_in_schema=False)
Labeller = Annotated[Caller, Depends(allowed(Permission.REVIEW_LABEL))]
Decider = Annotated[Caller, Depends(allowed(Permission.REVIEW_DECIDE))]
Reader = Annotated[Caller, Depends(allowed(Permission.LABELS_READ))]
SHOWN, SUSPECTS, DAYS = 25, 24, 90


@router.get("")
def get_queue(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Labeller) -> Response:
    """What waits, by reason, and the most valuable of it; ``?state=`` shows other states."""
    wanted = request.query_params.get("state", "")
    state = State(wanted) if wanted in set(State) else None
    with hub.database.transaction() as connection:
        found, _ = queue.page(
            connection, caller.merchant_id, state=state, reason=None, goods=None, limit=SHOWN, cursor=None
        )
        counts = queue.counts(connection, caller)
        open_suspects, _ = doubted.page(connection, caller.merchant_id, "open", 1, None)
    ordered = sorted(counts.reasons.items(), key=lambda each: -each[1])
    shown = {"items": found, "counts": counts, "reasons": ordered, "has_suspects": bool(open_suspects)}
    return _page(shell, request, "queue.html", caller, **shown)


@router.get("/label")
def get_label(request: Request, shell: CurrentShell, caller: Labeller) -> Response:
    """The labelling page; its script asks for pictures and sends what is said."""
    wanted = request.query_params.get("reason", "")
    reason = wanted if wanted in set(Reason) else ""
    return _labelling(shell, request, caller, mode="label", reason=reason)


@router.get("/decide")
def get_decide(request: Request, shell: CurrentShell, caller: Decider) -> Response:
    """The same, for pictures of which two people said different things."""
    return _labelling(shell, request, caller, mode="decide", reason="")


@router.get("/agreement")
def get_agreement(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Reader) -> Response:
    """Cohen's kappa over the last 90 days."""
    with hub.database.transaction() as connection:
        found = agreement(connection, caller.merchant_id, DAYS)
    named = [each for each in found.defects if each.both or each.one]
    return _page(shell, request, "agreement.html", caller, found=found, defects=named, days=DAYS)


@router.get("/suspects")
def get_suspects(request: Request, hub: CurrentHub, shell: CurrentShell, caller: Decider) -> Response:
    """Doubted labels with their pictures, the surest first."""
    with hub.database.transaction() as connection:
        found, more = doubted.page(connection, caller.merchant_id, "open", SUSPECTS, None)
    response = _page(shell, request, "suspects.html", caller, suspects=found, more=more is not None)
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


@router.get("/pictures/{item_id}")
def get_picture(item_id: UUID, hub: CurrentHub, caller: Labeller) -> Response:
    """A picture of the queue; it lies in no cache of a shared computer."""
    with hub.database.transaction() as connection:
        item = queue.one(connection, caller.merchant_id, item_id)
        row = find(connection, caller.merchant_id, item.image_sha256)
    content = hub.images.get(caller.merchant_id, item.image_sha256)
    return Response(content, media_type=row.media_type, headers={"Cache-Control": "private, no-store"})


def _labelling(shell: Shell, request: Request, caller: Caller, *, mode: str, reason: str) -> Response:
    tag = shell.language(request, caller)
    config = {
        "mode": mode,
        "reason": reason or None,
        "me": queue.who(caller),
        "sayings": _said(shell, tag, words.SAYINGS),
        "defects": _said(shell, tag, console_words.DEFECTS),
        "conditions": _said(shell, tag, console_words.CONDITIONS),
        "reasons": _said(shell, tag, words.REASONS),
        "goods": _said(shell, tag, console_words.GOODS),
    }
    response = _page(
        shell, request, "label.html", caller, config=config, mode=mode, conditions=list(Condition),
        defects=[(each, words.KEYS[each]) for each in Defect],
    )  # fmt: skip
    response.headers["Content-Security-Policy"] = WITH_SCRIPT
    return response


def _said(shell: Shell, tag: str, table: Mapping[str, str]) -> dict[str, str]:
    say = shell.languages.catalogues[tag].gettext
    return {code: say(text) for code, text in table.items()}


def _page(shell: Shell, request: Request, name: str, caller: Caller, **shown: Any) -> Response:
    allowed_tabs = [
        ("/console/quality/review", "queue", Permission.REVIEW_LABEL),
        ("/console/quality/review/label", "label", Permission.REVIEW_LABEL),
        ("/console/quality/review/decide", "decide", Permission.REVIEW_DECIDE),
        ("/console/quality/review/suspects", "suspects", Permission.REVIEW_DECIDE),
        ("/console/quality/review/agreement", "agreement", Permission.LABELS_READ),
    ]
    tabs = [(path, name) for path, name, permission in allowed_tabs if may(caller.role, permission)]
    return shell.page(request, f"review/{name}", caller, review_words=words, review_tabs=tabs, **shown)
