"""Writing down what was seen in an upload: once, however many looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.hub import Hub
from inspection.hub.people.erasing import shred
from inspection.hub.precheck import answers, cases, keeping
from inspection.hub.precheck.decoder import PictureRefused
from inspection.hub.precheck.keeping import Kept, Role
from inspection.hub.precheck.looking import Glance, Look, Outcome, finding_json
from inspection.hub.precheck.photo_quality import PhotoQuality
from inspection.hub.precheck.tables import pictures, uploads
from inspection.hub.precheck.trust import tasks as trust


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of an upload.

    Attributes:
        state: of ``precheck_uploads``.
        code: what the customer is told of it.
        looks: of each picture in it; empty when there is none.
        at_ms: their places in the video.
        timings_ms: what it took.
    """

    state: str
    code: str
    looks: Sequence[Look] = ()
    at_ms: Sequence[int | None] = ()
    timings_ms: Mapping[str, float] | None = None


def refused(problem: PictureRefused, open_ms: float) -> Seen:
    """An upload that gives no picture."""
    return Seen("refused", problem.code, timings_ms={"open": open_ms})


def not_good(seen: Sequence[Glance]) -> Seen:
    """An upload with which the customer can do better; it is not judged, unless they say that they cannot."""
    best = min(seen, key=lambda each: len(each.quality.problems))
    looks = [shown(each) for each in seen]
    return Seen("retake", best.code, looks, [each.at_ms for each in seen], total(each.timings_ms for each in seen))


def judged(looks: Sequence[Look], at_ms: Sequence[int | None]) -> Seen:
    """An upload that was judged."""
    code = next((look.code for look in looks if look.code == "precheck.ok"), looks[0].code)
    return Seen("answered", code, looks, at_ms, total(look.timings_ms for look in looks))


def shown(seen: Glance) -> Look:
    """A picture that is kept and shown without being judged."""
    height, width = seen.opened.pixels.shape[:2]
    return Look(
        accepted=True,
        code=seen.code,
        outcome=Outcome.MORE_PHOTOS,
        quality=seen.quality,
        jpeg=seen.jpeg,
        width=int(width),
        height=int(height),
        told=seen.opened.told,
        timings_ms=seen.timings_ms,
    )


def total(timings: Any) -> dict[str, float]:
    """Milliseconds by stage, added up."""
    found: dict[str, float] = {}
    for each in timings:
        for stage, ms in each.items():
            found[stage] = round(found.get(stage, 0.0) + ms, 1)
    return found


def write(hub: Hub, merchant_id: UUID, upload_id: UUID, seen: Seen) -> bool:
    """Keep the pictures, then write down what was seen and settle the case; whether it was this call that did.

    Raises:
        Problem: what the picture store raises; nothing is written then.
    """
    kept = [keeping.put(hub.images, merchant_id, upload_id, Role.SHOWN, look.jpeg) for look in seen.looks]
    took_s = _written(hub, merchant_id, upload_id, seen, kept)
    if took_s is None:
        shred_late(hub, merchant_id, upload_id, kept)
        return False
    outcomes = [str(look.outcome) for look in seen.looks if look.policy] if seen.state == "answered" else []
    hub.metrics.precheck.looked(seen.state, seen.code, outcomes, seen.timings_ms or {}, took_s)
    return True


def shred_late(hub: Hub, merchant_id: UUID, upload_id: UUID, kept: Sequence[Kept]) -> None:
    """Destroy what was stored for an upload whose case was erased in between."""
    with hub.database.transaction() as connection:
        is_over = keeping.entered_none(connection, merchant_id, upload_id)
    if is_over:
        shred(hub.database, hub.images, merchant_id, [each.sha256 for each in kept])


def _written(hub: Hub, merchant_id: UUID, upload_id: UUID, seen: Seen, kept: Sequence[Kept]) -> float | None:
    """Seconds since the upload was whole; ``None`` when it waits no more, and nothing was written."""
    with hub.database.transaction() as connection:
        mine = sa.and_(uploads.c.merchant_id == merchant_id, uploads.c.id == upload_id)
        of = connection.execute(sa.select(uploads.c.case_id).where(mine)).scalar()
        if of is None:
            return None
        case = cases.locked(connection, merchant_id, of)
        row = connection.execute(sa.select(uploads).where(mine).with_for_update()).one()
        if row.state != "waiting":
            return None
        _replace(connection, row, seen, kept)
        values: dict[str, Any] = {"state": seen.state, "code": seen.code, "looking_since": None}
        values |= {"done_at": sa.func.clock_timestamp(), "timings_ms": dict(seen.timings_ms or {})}
        if seen.looks:
            values |= {"told": dict(seen.looks[0].told), "quality": _quality(seen.looks[0].quality)}
        took = sa.extract("epoch", uploads.c.done_at - uploads.c.received_at)
        took_s = connection.execute(uploads.update().where(mine).values(values).returning(took)).scalar_one()
        answers.settle(connection, case)
        if seen.looks and seen.state == "answered":
            trust.wanted(connection, merchant_id, upload_id)
    return max(0.0, float(took_s))


def _replace(connection: Connection, row: Row[Any], seen: Seen, kept: Sequence[Kept]) -> None:
    """The pictures of an upload; those of an earlier look, when it was not judged, make room."""
    mine = sa.and_(pictures.c.merchant_id == row.merchant_id, pictures.c.upload_id == row.id)
    connection.execute(pictures.delete().where(mine))
    for number, (look, each, at_ms) in enumerate(zip(seen.looks, kept, seen.at_ms, strict=True)):
        keeping.enter(connection, row.merchant_id, row.id, each)
        values = {
            "merchant_id": row.merchant_id,
            "upload_id": row.id,
            "number": number,
            "at_ms": at_ms,
            "object_sha256": each.sha256,
            "width": look.width,
            "height": look.height,
            "quality": _quality(look.quality),
            "findings": [finding_json(finding, look.condition) for finding in look.findings],
            "condition": None if look.condition is None else str(look.condition),
            "outcome": str(look.outcome),
            "rule": look.rule,
            "why": dict(look.why),
            "model": look.model,
            "policy": look.policy,
        }
        connection.execute(pictures.insert().values(values))


def _quality(quality: PhotoQuality | None) -> dict[str, Any]:
    if quality is None:
        return {}
    return {
        "ok": quality.ok,
        "problems": [f"precheck.{code}" for code in quality.problems],
        "contrast": quality.contrast,
        "brightness": quality.brightness,
        "blur_px": quality.blur_px,
        "item_share": quality.item_share,
    }
