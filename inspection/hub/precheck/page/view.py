"""What the customer's page shows of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.connectors.tables import destinations
from inspection.hub.precheck.challenges import challenges_of
from inspection.hub.precheck.line import expected_wait_s
from inspection.hub.precheck.messages import sentence
from inspection.hub.precheck.replies import reply
from inspection.hub.precheck.tables import decisions, objects, pictures, pieces, uploads

TRIES = 2
"""After so many pictures of one step that are not good, the next thing offered is to send one anyway."""
SHOWN_FINDINGS = 5
LEAST_PROBABILITY = 0.5
DONE = frozenset({"answered", "waiting", "parked"})


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding drawn on a picture.

    Attributes:
        defect, severity: codes.
        points: corners as SVG has them, pixels of the picture; empty when no region is known.
        number: beside it in picture and list.
    """

    defect: str
    severity: str
    points: str
    number: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with its marks."""

    id: UUID
    width: int
    height: int
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Content credentials (C2PA) of a file.

    Attributes:
        state: ``trusted``, ``valid``, ``invalid``, or ``present`` where they could not be read.
        signer: as the certificate says; hearsay unless trusted.
        actions: what was done to the picture, as the signer says.
        is_made: whether the signer says that a machine made it, or some of it.
    """

    state: str
    signer: str
    actions: tuple[str, ...]
    is_made: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """One file of the customer.

    Attributes:
        message: what they are told of it; empty while nothing is known.
        problem: code of the sketch that shows how to do better, without ``precheck.``; empty for none.
        anyway: whether sending it anyway is offered.
        credentials: what is told of its content credentials, when it carries any.
    """

    id: UUID
    step: str
    state: str
    message: str
    problem: str
    anyway: bool
    pictures: tuple[Shown, ...]
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A file of which a part is here; chosen again, it goes on there."""

    step: str
    percent: int


@dataclass(frozen=True, slots=True)
class View:
    """A case as its customer sees it.

    Attributes:
        wait_s: until the next answer; 0 when nothing waits.
        open_steps: what has not been shown well yet, in order.
        decision: what a person decided, in the customer's language; empty while nobody has.
        note: what that person wrote.
        challenge: characters for a paper beside the item; empty while nobody asks for one.
        unfinished: files that were cut off on their way.
    """

    state: str
    version: int
    outcome: str
    why: str
    problem: str
    asked: bool
    wait_s: int
    sent: tuple[Sent, ...]
    answering: Shown | None
    open_steps: tuple[str, ...]
    decision: str = ""
    note: str = ""
    challenge: str = ""
    unfinished: tuple[Unfinished, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """What the page says of e-mail.

    Attributes:
        offered: whether this hub sends any.
        to: the address, most of it hidden, as a link can reach other eyes; empty for none.
    """

    offered: bool
    to: str = ""


def mail_of(connection: Connection, case: Row[Any]) -> Mail:
    """Whether, and where, the customer is told by e-mail."""
    mine = sa.and_(destinations.c.merchant_id == case.merchant_id, destinations.c.kind == "mail")
    query = sa.select(destinations.c.name).where(mine, destinations.c.enabled).limit(1)
    name, _, domain = (case.email or "").rpartition("@")
    return Mail(connection.execute(query).scalar() is not None, f"{name[:1]}…@{domain}" if domain else "")


def view(connection: Connection, case: Row[Any], language: str) -> View:
    """What the customer of a case sees in ``language``."""
    mine = sa.and_(uploads.c.merchant_id == case.merchant_id, uploads.c.case_id == case.id)
    rows = connection.execute(
        sa.select(uploads).where(mine, uploads.c.state != "receiving").order_by(uploads.c.started_at, uploads.c.id)
    ).all()
    seen = _pictures(connection, case, [row.id for row in rows])
    waits = [expected_wait_s(connection, row) for row in rows if row.state == "waiting"]
    sent = tuple(_sent(row, rows, seen.get(row.id, ()), language) for row in rows)
    stored = case.answer or {}
    deciding = stored.get("picture")
    shown = [picture for each in sent for picture in each.pictures]
    done = {row.step for row in rows if row.state in DONE}
    counts = _decision(connection, case)
    asked = next((each for each in challenges_of(connection, case) if each.live), None)
    return View(
        state=case.state,
        version=case.version,
        outcome=case.outcome or "",
        why=(stored.get("why") or {}).get(language, ""),
        problem=case.problem,
        asked=case.person_asked_at is not None,
        wait_s=max(waits, default=0),
        sent=tuple(reversed(sent)),
        answering=next((picture for picture in shown if str(picture.id) == deciding), None),
        open_steps=tuple(step for step in ("whole", "damage", "label") if step not in done),
        decision=reply(counts.decision, language) if counts is not None else "",
        note=counts.note if counts is not None else "",
        challenge=asked.code if asked is not None and case.state != "decided" else "",
        unfinished=_unfinished(connection, mine),
    )


def _unfinished(connection: Connection, mine: sa.ColumnElement[bool]) -> tuple[Unfinished, ...]:
    of = sa.and_(pieces.c.merchant_id == uploads.c.merchant_id, pieces.c.upload_id == uploads.c.id)
    here = sa.func.sum(sa.func.length(pieces.c.data))
    query = sa.select(uploads.c.step, uploads.c.size_bytes, here.label("here")).join(pieces, of)
    rows = query.where(mine, uploads.c.state == "receiving", uploads.c.mark.is_not(None))
    grouped = rows.group_by(uploads.c.id, uploads.c.step, uploads.c.size_bytes, uploads.c.started_at)
    found = connection.execute(grouped.order_by(uploads.c.started_at))
    return tuple(Unfinished(row.step, int(100 * row.here / row.size_bytes)) for row in found)


def _decision(connection: Connection, case: Row[Any]) -> Row[Any] | None:
    """The decision that counts."""
    if case.decided_by is None:
        return None
    mine = sa.and_(decisions.c.merchant_id == case.merchant_id, decisions.c.id == case.decided_by)
    return connection.execute(sa.select(decisions).where(mine)).one_or_none()


def _sent(row: Row[Any], rows: Any, seen: tuple[Shown, ...], language: str) -> Sent:
    poor = [each for each in rows if each.step == row.step and each.state == "retake"]
    return Sent(
        id=row.id,
        step=row.step,
        state=row.state,
        message=sentence(row.code, language) if row.code else "",
        problem=(row.code or "").removeprefix("precheck.") if row.state == "retake" else "",
        anyway=row.state == "retake" and len(poor) >= TRIES and row is poor[-1],
        pictures=seen,
        credentials=_credentials(row.told or {}),
    )


def _credentials(told: Mapping[str, Any]) -> Credentials | None:
    state = told.get("c2pa", "absent")
    if state == "absent":
        return None
    made = any("algorithmicmedia" in str(each).lower() for each in told.get("c2pa_sources", ()))
    return Credentials(state, told.get("c2pa_signer", ""), tuple(told.get("c2pa_actions", ())), made)


def _pictures(connection: Connection, case: Row[Any], of: list[UUID]) -> dict[UUID, tuple[Shown, ...]]:
    there = sa.and_(objects.c.merchant_id == pictures.c.merchant_id, objects.c.sha256 == pictures.c.object_sha256)
    mine = sa.and_(pictures.c.merchant_id == case.merchant_id, pictures.c.upload_id.in_(of))
    found: dict[UUID, tuple[Shown, ...]] = {}
    for row in connection.execute(sa.select(pictures).join(objects, there).where(mine).order_by(pictures.c.number)):
        shown = Shown(row.id, row.width, row.height, _marks(row.findings))
        found[row.upload_id] = (*found.get(row.upload_id, ()), shown)
    return found


def _marks(findings: list[dict[str, Any]]) -> tuple[Mark, ...]:
    likely = [each for each in findings if each["probability"] >= LEAST_PROBABILITY]
    likely.sort(key=lambda each: -each["probability"])
    return tuple(
        Mark(each["type"], each["severity"], _points(each), number)
        for number, each in enumerate(likely[:SHOWN_FINDINGS], start=1)
    )


def _points(finding: dict[str, Any]) -> str:
    outline = finding.get("outline")
    if not outline and finding.get("box"):
        x, y, width, height = finding["box"]
        outline = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return " ".join(f"{x:g},{y:g}" for x, y in outline or ())
