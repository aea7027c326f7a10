"""The job of the gate: both judge the exam in a process of its own; what it said is kept, with its pictures."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from procrastinate import JobContext
from sqlalchemy.engine import Connection, Row

from inspection.errors import InspectionError
from inspection.hub.bundles import archives, exams, registry, trial
from inspection.hub.bundles.gate_tables import gates
from inspection.hub.bundles.identity import POLICY_ENDINGS, Kind
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.jobs.context import work_of
from inspection.hub.problems import Problem

MAX_ATTEMPTS = 3
"""Runs that were begun and came to no end, after which a gate is broken and a person looks."""
MAX_REPORT = 64 << 20
NICE = 10
POLL_S = 0.5
PICTURES = "pictures"
_PASSED, _FAILED = 0, 1
log = structlog.get_logger("hub.gates")


class Broken(InspectionError):
    """A gate comes to no end, whoever tries."""

    code = "gate.broken"


class Stopping(InspectionError):
    """The worker stops; another one begins the gate anew."""

    code = "gate.stopping"
    retryable = True


def run(context: JobContext, *, merchant_id: str, gate: str) -> None:
    """Let one candidate through its exam."""
    work = work_of(context)
    run_gate(work.hub, UUID(merchant_id), UUID(gate), work.stopping)


def run_gate(hub: Hub, merchant_id: UUID, gate_id: UUID, stopping: threading.Event | None = None) -> None:
    """Take the exam, unless that was done; killed meanwhile, it is taken anew by who finds the job."""
    with hub.database.transaction() as connection:
        row = _begun(connection, merchant_id, gate_id)
    if row is None:
        return
    folder = hub.config.data_dir / "bundles" / "gates" / f"{gate_id}.{row.attempts}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _not_too_often(row)
        folder.mkdir(parents=True, mode=0o700)
        report = _taken(hub, merchant_id, row, folder, stopping or threading.Event())
        pictures = _kept(hub, merchant_id, folder / PICTURES)
    except (Broken, OSError) as error:
        log.warning("gate_broken", gate=str(gate_id), error=type(error).__name__)
        _end(hub, merchant_id, row, "broken", trouble=str(error)[:1000])
    except Stopping:
        with hub.database.transaction() as connection:  # no fault of the candidate's
            connection.execute(gates.update().where(_mine(row)).values(attempts=gates.c.attempts - 1))
        raise
    else:
        _end(hub, merchant_id, row, "passed" if report["passed"] else "failed", report, pictures)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def command_of(hub: Hub, merchant_id: UUID, row: Row[Any], folder: Path) -> list[str]:
    """The command that takes the exam, everything that it needs laid out.

    Raises:
        Broken: something that it needs is not there any more. Problem: ``store.unavailable``.
    """
    section = hub.config.bundles
    try:
        with hub.database.transaction() as connection:
            candidate = registry.get(connection, merchant_id, row.candidate_id)

            def place(bundle_id: str) -> Path:
                return registry.archive(hub, connection, merchant_id, bundle_id)

            new, judge = place(row.candidate_id), place(row.judge_id)
            old = None if row.champion_id is None else place(row.champion_id)
        exam = exams.laid_out(hub, merchant_id, row.exam, folder / "exam")
    except InspectionError as error:
        raise Broken(str(error)) from error
    except Problem as problem:
        if problem.status >= 500:  # noqa: PLR2004 - the store does not answer; later it may
            raise
        raise Broken(problem.detail) from problem
    champion = old if candidate.kind is Kind.BUNDLE and old is not None else judge
    policy = section.policy_file if candidate.kind is not Kind.POLICY or old is None else _policy_of(old)
    words: dict[str, Path] = {
        "champion": champion, "candidate": judge, "exam": exam / exams.MANIFEST, "images": exam, "out": folder,
        "policy": policy, "products": section.products_file, "rules": section.rules_file,
    }  # fmt: skip
    if candidate.kind is Kind.POLICY:
        words["candidate-policy"] = _policy_of(new)
    if candidate.kind is Kind.REFERENCES:
        words |= {"candidate-reference": new} | ({"reference": old} if old is not None else {})
    given = [word for name, path in words.items() for word in (f"--{name}", str(path.resolve()))]
    return [sys.executable, "-m", "models", "gate", *given, "--threads", str(section.gate_threads)]


def _taken(hub: Hub, merchant_id: UUID, row: Row[Any], folder: Path, stopping: threading.Event) -> dict[str, Any]:
    command = command_of(hub, merchant_id, row, folder)
    told = folder / "told"
    with told.open("wb") as errors:
        done = _watched(command, errors.fileno(), hub.config.bundles.gate_s, stopping)
    if done not in (_PASSED, _FAILED):
        last = told.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        raise Broken(f"status {done}: {' '.join(last)[:800]}")
    with (folder / "gate.json").open("rb") as stream:
        raw = stream.read(MAX_REPORT + 1)
    if len(raw) > MAX_REPORT:
        raise Broken("its report is too large")
    report: dict[str, Any] = json.loads(raw)
    if report["passed"] is not (done == _PASSED):
        raise Broken("its report and its status contradict each other")
    return report


def _watched(command: list[str], errors: int, seconds: float, stopping: threading.Event) -> int:
    """The status of a command that is ended when the worker stops or the time is over; with all it started."""
    until = time.monotonic() + seconds
    process = subprocess.Popen(
        command,
        cwd=trial.ROOT,
        env=trial.harmless(dict(os.environ)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        start_new_session=True,
    )
    os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
    try:
        while process.poll() is None:
            if stopping.wait(POLL_S):
                raise Stopping("the worker stops")
            if time.monotonic() > until:
                raise Broken(f"it took longer than {seconds:g} s")
        return process.returncode
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _not_too_often(row: Row[Any]) -> None:
    if row.attempts > MAX_ATTEMPTS:
        raise Broken("it was begun several times and never came to an end")


def _kept(hub: Hub, merchant_id: UUID, pictures: Path) -> str | None:
    """The pictures of the report as one object; ``None`` when nothing changes."""
    if not any(pictures.iterdir()):
        return None
    data = archives.pack(pictures, hub.config.bundles.max_bytes)
    sha256 = hashlib.sha256(data).hexdigest()
    hub.images.put(merchant_id, sha256, data)
    return sha256


def _begun(connection: Connection, merchant_id: UUID, gate_id: UUID) -> Row[Any] | None:
    open_ = sa.and_(
        gates.c.merchant_id == merchant_id, gates.c.id == gate_id, gates.c.state.in_(("waiting", "running"))
    )
    begun = {"state": "running", "attempts": gates.c.attempts + 1}
    return connection.execute(gates.update().where(open_).values(begun).returning(gates)).one_or_none()


def _end(
    hub: Hub,
    merchant_id: UUID,
    row: Row[Any],
    state: str,
    report: dict[str, Any] | None = None,
    pictures: str | None = None,
    trouble: str | None = None,
) -> None:
    values: dict[str, Any] = {"state": state, "ended_at": sa.func.clock_timestamp(), "trouble": trouble}
    if report is not None:
        values |= {"report": report, "exam_sha256": report["exam"]["sha256"], "pictures_sha256": pictures}
    with hub.database.transaction() as connection:
        if connection.execute(gates.update().where(_mine(row)).values(values)).rowcount:
            payload = {
                "gate": str(row.id), "state": state, "champion_id": row.champion_id, "exam": row.exam,
                "exam_sha256": None if report is None else report["exam"]["sha256"],
            }  # fmt: skip
            record(connection, merchant_id, EventKind.BUNDLE_GATED, row.candidate_id, payload)


def _mine(row: Row[Any]) -> sa.ColumnElement[bool]:
    """The gate, unless another worker took it over meanwhile."""
    return sa.and_(
        gates.c.merchant_id == row.merchant_id,
        gates.c.id == row.id,
        gates.c.state == "running",
        gates.c.attempts == row.attempts,
    )


def _policy_of(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.suffix in POLICY_ENDINGS)
