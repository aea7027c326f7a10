"""Whether something may be rolled out: what the gate said of it, and whether two persons let it through anyway."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts import audit
from inspection.hub.accounts.tokens import Caller
from inspection.hub.bundles import archives, exams, registry
from inspection.hub.bundles.gate_tables import exceptions, gates
from inspection.hub.bundles.identity import Kind
from inspection.hub.bundles.registry import BundleRow
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.problems import Problem

TASK = "gate"
QUEUE = "gate"
MAX_WORDS = 1000
ENDED = ("passed", "failed")
NOWHERE = audit.Origin()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What counts for a rollout.

    Attributes:
        passed: the newest gate that came to an end let it pass.
        forced_by: id of the member of staff who, as the second, let it through although that gate failed.
        code: ``passed``, ``forced``, ``failed``, ``not_gated``, ``withdrawn``.
        gate_id: the gate that counts; ``None`` when there is none.
        champion_id: against what; exam_sha256: on what.
    """

    candidate_id: str
    passed: bool
    forced_by: str | None
    code: str
    gate_id: UUID | None = None
    champion_id: str | None = None
    exam_sha256: str | None = None

    @property
    def allowed(self) -> bool:
        """Whether it may be rolled out."""
        return self.passed or self.forced_by is not None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the gate.

    Attributes:
        candidate_id: what is to be rolled out.
        champion_id: what it is to replace; needed for a bundle.
        exam: name in the hub's configuration, or id of a data version.
        judge_id: the bundle that judges for a policy or for reference banks; a bundle judges for itself.
    """

    candidate_id: str
    champion_id: str | None
    exam: str
    judge_id: str | None = None


def ruling(connection: Connection, merchant_id: UUID, candidate_id: str) -> Ruling:
    """What counts for a rollout of ``candidate_id``: its newest gate that came to an end.

    Raises:
        Problem: ``bundle.unknown``.
    """
    bundle = registry.get(connection, merchant_id, candidate_id)
    ended = sa.and_(_of(merchant_id), gates.c.candidate_id == candidate_id, gates.c.state.in_(ENDED))
    both = sa.and_(exceptions.c.merchant_id == gates.c.merchant_id, exceptions.c.gate_id == gates.c.id)
    query = sa.select(gates, exceptions.c.granted, exceptions.c.decided_by).join(exceptions, both, isouter=True)
    row = connection.execute(query.where(ended).order_by(gates.c.ended_at.desc()).limit(1)).one_or_none()
    if row is None:
        return Ruling(candidate_id, False, None, "withdrawn" if bundle.state == "withdrawn" else "not_gated")
    known = (row.id, row.champion_id, row.exam_sha256)
    if bundle.state == "withdrawn":
        return Ruling(candidate_id, False, None, "withdrawn", *known)
    if row.state == "passed":
        return Ruling(candidate_id, True, None, "passed", *known)
    if row.granted == "yes":
        return Ruling(candidate_id, False, str(row.decided_by), "forced", *known)
    return Ruling(candidate_id, False, None, "failed", *known)


def ask(
    hub: Hub, connection: Connection, caller: Caller, question: Question, origin: audit.Origin = NOWHERE
) -> Row[Any]:
    """Leave a gate for the worker; one for the same question that is not over yet is that one.

    Raises:
        Problem: ``bundle.unknown``; ``gate.refused`` when the question makes no sense, e.g. for an exam that is not
            there, or for a candidate and a champion of two kinds.
    """
    merchant_id = caller.merchant_id
    candidate = registry.get(connection, merchant_id, question.candidate_id)
    champion = None if question.champion_id is None else registry.get(connection, merchant_id, question.champion_id)
    judge_id = _judge(connection, merchant_id, question, candidate, champion)
    if question.exam not in exams.names(hub, connection, merchant_id):
        raise Problem(
            "gate.refused",
            "there is no exam of this name; see bundles.exams of the hub's configuration",
            reason="no_exam",
        )
    row = {
        "merchant_id": merchant_id, "candidate_id": candidate.bundle_id, "champion_id": question.champion_id,
        "judge_id": judge_id, "exam": question.exam,
    }  # fmt: skip
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"gate {merchant_id}", 0))))
    same = sa.and_(*(gates.c[name].is_not_distinct_from(value) for name, value in row.items()))
    running = sa.select(gates).where(same, gates.c.state.in_(("waiting", "running")))
    found = connection.execute(running).first()
    if found is not None:
        return found
    made = connection.execute(gates.insert().values(row | {"asked_by": by_of(caller)}).returning(gates)).one()
    enqueue(connection, TASK, {"gate": str(made.id)}, merchant_id=merchant_id, queue=QUEUE)
    audit.note(connection, caller, audit.Act.GATE_ASKED, f"gate/{made.id}", origin, details={"exam": question.exam})
    return made


def get(connection: Connection, merchant_id: UUID, gate_id: UUID) -> Row[Any]:
    """One gate.

    Raises:
        Problem: ``gate.unknown``.
    """
    row = connection.execute(sa.select(gates).where(_of(merchant_id), gates.c.id == gate_id)).one_or_none()
    if row is None:
        raise Problem("gate.unknown", "there is no gate of this id")
    return row


def newest(connection: Connection, merchant_id: UUID, limit: int = 50) -> list[Row[Any]]:
    """The newest gates, without their reports."""
    columns = [column for column in gates.c if column.name != "report"]
    query = sa.select(*columns, gates.c.report["money"]["moves"].as_integer().label("moves"))
    query = query.where(_of(merchant_id)).order_by(gates.c.asked_at.desc(), gates.c.id).limit(limit)
    return list(connection.execute(query))


def exception_of(connection: Connection, merchant_id: UUID, gate_id: UUID) -> Row[Any] | None:
    """The exception that was asked for, if any."""
    mine = sa.and_(exceptions.c.merchant_id == merchant_id, exceptions.c.gate_id == gate_id)
    return connection.execute(sa.select(exceptions).where(mine)).one_or_none()


def ask_exception(
    connection: Connection, caller: Caller, gate_id: UUID, reason: str, origin: audit.Origin = NOWHERE
) -> None:
    """Ask a second person to let through what failed.

    Raises:
        Problem: ``gate.unknown``; ``gate.person`` when no member of staff asks; ``gate.refused`` when it did not fail,
            no reason is given, or somebody asked already.
    """
    row, staff_id, words = get(connection, caller.merchant_id, gate_id), _person(caller), _words(reason)
    if row.state != "failed":
        raise Problem("gate.refused", "only of what failed an exception can be made")
    if not words:
        raise Problem("gate.refused", "say why it should run although it failed")
    if exception_of(connection, caller.merchant_id, gate_id) is not None:
        raise Problem("gate.refused", "somebody has asked already")
    new = {"merchant_id": caller.merchant_id, "gate_id": gate_id, "reason": words, "asked_by": staff_id}
    connection.execute(exceptions.insert().values(new))
    audit.note(connection, caller, audit.Act.EXCEPTION_ASKED, f"gate/{gate_id}", origin)


def decide_exception(
    connection: Connection,
    caller: Caller,
    gate_id: UUID,
    *,
    granted: bool,
    answer: str = "",
    origin: audit.Origin = NOWHERE,
) -> None:
    """Let it through, or not, as the second person.

    Raises:
        Problem: ``gate.unknown``; ``gate.person`` when who asked decides, or no member of staff; ``gate.refused`` when
            nobody asked, or it was decided.
    """
    row, staff_id = get(connection, caller.merchant_id, gate_id), _person(caller)
    found = exception_of(connection, caller.merchant_id, gate_id)
    if found is None or found.granted is not None:
        raise Problem("gate.refused", "nobody asked for an exception, or it was decided")
    if found.asked_by == staff_id:
        raise Problem("gate.person", "who asked cannot decide; a second person does")
    mine = sa.and_(
        exceptions.c.merchant_id == caller.merchant_id,
        exceptions.c.gate_id == gate_id,
        exceptions.c.granted.is_(None),
    )
    said = {"granted": "yes" if granted else "no", "decided_by": staff_id, "answer": _words(answer)}
    changed = exceptions.update().where(mine).values(said | {"decided_at": sa.func.clock_timestamp()})
    if connection.execute(changed).rowcount == 0:
        raise Problem("gate.refused", "it was decided meanwhile")
    audit.note(connection, caller, audit.Act.EXCEPTION_DECIDED, f"gate/{gate_id}", origin, details={"granted": granted})
    payload = {"gate": str(gate_id), "granted": granted, "asked_by": str(found.asked_by), "decided_by": str(staff_id)}
    record(connection, caller.merchant_id, EventKind.GATE_EXCEPTED, row.candidate_id, payload)


def by_of(caller: Caller) -> str:
    """Who asks: the member of staff, else the token."""
    return str(caller.staff_id or caller.token_id)


def _judge(
    connection: Connection, merchant_id: UUID, question: Question, candidate: BundleRow, champion: BundleRow | None
) -> str:
    if champion is not None and champion.kind is not candidate.kind:
        raise Problem("gate.refused", f"a {candidate.kind} does not replace a {champion.kind}", reason="other_kind")
    if champion is not None and champion.bundle_id == candidate.bundle_id:
        raise Problem("gate.refused", "the candidate is the champion", reason="same")
    if candidate.kind is Kind.BUNDLE:
        if champion is None:
            raise Problem("gate.refused", "say which bundle it is to replace", reason="no_champion")
        return candidate.bundle_id
    if candidate.kind is Kind.REFERENCES and candidate.parent is not None:
        wanted = candidate.parent  # no other bundle understands them
    elif question.judge_id is not None:
        wanted = question.judge_id
    else:
        raise Problem("gate.refused", "say which bundle judges for it", reason="no_judge")
    if registry.get(connection, merchant_id, wanted).kind is not Kind.BUNDLE:
        raise Problem("gate.refused", f"{wanted} is no bundle", reason="no_judge")
    return wanted


def picture(hub: Hub, merchant_id: UUID, row: Row[Any], number: int) -> bytes:
    """A picture of a gate's report, JPEG, by its place among the changes.

    Raises:
        Problem: ``image.unknown``, ``store.unavailable``.
    """
    name = f"{number:04d}.jpg"
    if row.pictures_sha256 is not None:
        folder = hub.config.data_dir / "bundles" / "reports" / str(merchant_id) / row.pictures_sha256
        if not folder.is_dir():
            data = hub.images.get(merchant_id, row.pictures_sha256)
            with registry.scratch(hub) as fresh:
                archives.unpack(data, fresh, hub.config.bundles.max_bytes)
                folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                with suppress(OSError):  # another process was first
                    fresh.rename(folder)
        if (folder / name).is_file():
            found: bytes = (folder / name).read_bytes()
            return found
    raise Problem("image.unknown", "the report has no such picture")


def _person(caller: Caller) -> UUID:
    if caller.staff_id is None:
        raise Problem("gate.person", "an exception is a person's to make; a token is none")
    return caller.staff_id


def _words(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:MAX_WORDS]


def _of(merchant_id: UUID) -> sa.ColumnElement[bool]:
    return gates.c.merchant_id == merchant_id
