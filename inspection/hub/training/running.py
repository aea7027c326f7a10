"""One training from the queue to the registry. Killed anywhere and begun again it goes on; it publishes once.

``jobs/<id>/trained`` is written when the training has ended well: from then on only publishing is left.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog

from datasets.versions.entry import Split
from datasets.versions.folders import lay_out
from datasets.versions.store import hashes_of
from datasets.versions.version import Version
from inspection.errors import InspectionError
from inspection.hub.accounts import audit
from inspection.hub.bundles import registry
from inspection.hub.bundles.identity import Kind
from inspection.hub.datasets import service as datasets
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem
from inspection.hub.training import service
from inspection.hub.training.estimate import Speed
from inspection.hub.training.process import ROOT, Training, locked, words_of
from inspection.hub.training.tables import jobs, points

BY = "training"
TRAINED = "trained"
LOOK_S = 1.0
MAX_FAILURE = 500
log = structlog.get_logger()


@dataclass
class Place:
    """Where a training of a merchant keeps what."""

    root: Path
    job: UUID
    work: Path = field(init=False)
    own: Path = field(init=False)
    bundle: Path = field(init=False)

    def __post_init__(self) -> None:
        self.work, self.own = self.root / "work", self.root / "jobs" / str(self.job)
        self.bundle = self.own / "bundle"


def place_of(hub: Hub, merchant_id: UUID, job: UUID) -> Place:
    """The folders of a training."""
    root = hub.config.training.folder or hub.config.data_dir / "training"
    return Place(root.absolute() / str(merchant_id), job)


def run(hub: Hub, merchant_id: UUID, job: UUID, stopping: Callable[[float], bool]) -> None:
    """Do a training and publish its bundle; one that has ended is left alone.

    Args:
        hub: its parts.
        merchant_id: whose.
        job: which.
        stopping: waits so many seconds; true when the worker is to stop, and leaves the training to another.
    """
    place = place_of(hub, merchant_id, job)
    row = _begin(hub, merchant_id, job)
    if row is None:
        return
    if row.attempts > hub.config.training.attempts:
        _end(hub, merchant_id, job, "failed", "training.killed: it ended with its worker again and again")
        return
    try:
        with locked(
            place.work, lambda seconds: stopping(seconds) or _is_cancelled(hub, merchant_id, job)
        ) as descriptor:
            if descriptor is None:
                went_well = None
            else:
                went_well = (place.own / TRAINED).is_file() or _train(hub, row, place, descriptor, stopping)
    except (InspectionError, Problem) as error:
        if isinstance(error, Problem) and error.status >= 500:  # noqa: PLR2004 - store or database: try again
            raise
        _end(hub, merchant_id, job, "failed", _line_of(error))
        return
    if went_well is None:
        _leave(hub, merchant_id, job)
    elif went_well:
        _publish(hub, merchant_id, row, place)


def _begin(hub: Hub, merchant_id: UUID, job: UUID) -> sa.Row[Any] | None:
    with hub.database.transaction() as connection:
        row = service.find(connection, merchant_id, job, lock=True)
        if row.state in service.ENDED:
            return None
        begun = {
            "state": "running", "attempts": jobs.c.attempts + 1, "changed": jobs.c.changed + 1,
            "started_at": sa.func.coalesce(jobs.c.started_at, sa.func.clock_timestamp()),
        }  # fmt: skip
        connection.execute(service.this(merchant_id, job).values(begun))
        return service.find(connection, merchant_id, job)


def _train(hub: Hub, row: sa.Row[Any], place: Place, descriptor: int, stopping: Callable[[float], bool]) -> bool | None:
    """Whether it went well; ``None`` when it is left to another worker, or was cancelled."""
    section = hub.config.training
    place.own.mkdir(parents=True, exist_ok=True)
    folders = _data(hub, row, place)
    _champion(hub, row, place)
    words = words_of(
        {
            "config": section.options, "data": folders, "dataset": row.dataset, "out": place.bundle,
            "work": place.work, "golden": section.golden or ROOT / "datasets" / "demo", "name": row.name,
            "version": row.version, "threads": section.threads, "refresh": row.kind == "refresh",
            "progress": place.own / "progress.jsonl",
        }
    )  # fmt: skip
    training = Training(section.python, words, place.own, descriptor, section.nice)
    told = Told(hub, row.merchant_id, row.id)
    try:
        while (code := training.over()) is None:
            if stopping(LOOK_S) or told.keep(training):
                return None
        told.keep(training)
    finally:
        training.end()
    if code == 0:
        (place.own / TRAINED).write_bytes(b"")
        return True
    last = next((line for line in reversed(training.log().splitlines()) if line.strip()), "")
    _end(hub, row.merchant_id, row.id, "failed", (last or f"the trainer ended with code {code}")[:MAX_FAILURE])
    return False


class Told:
    """What a training tells, on its way into the database."""

    def __init__(self, hub: Hub, merchant_id: UUID, job: UUID) -> None:
        self._hub, self._merchant_id, self._job = hub, merchant_id, job
        self._speed, self._log = Speed(), ""
        mine = sa.and_(points.c.merchant_id == merchant_id, points.c.job_id == job)
        with hub.database.transaction() as connection:
            self._seq = connection.execute(
                sa.select(sa.func.coalesce(sa.func.max(points.c.seq), 0)).where(mine)
            ).scalar_one()

    def keep(self, training: Training) -> bool:
        """Keep the news; whether somebody wants it to be cancelled."""
        news, text = training.news(), training.log()
        changed: dict[str, Any] = {}
        rows = []
        for line in news:
            if line.get("kind") == "stage":
                self._speed.hear(line)
                changed |= {name: line.get(name) for name in ("stage", "done", "total", "left_s")}
            elif line.get("kind") in {"loss", "metric"}:
                self._seq += 1
                rows.append(self._point(line))
        if text != self._log:
            self._log = changed["log"] = text
        if changed or rows:
            changed |= {"changed": jobs.c.changed + 1, "speed": self._speed.rates()}
        with self._hub.database.transaction() as connection:
            if rows:
                connection.execute(points.insert(), rows)
            if changed:
                connection.execute(service.this(self._merchant_id, self._job).values(changed))
            row = service.find(connection, self._merchant_id, self._job)
        return row.cancel_asked_at is not None

    def _point(self, line: dict[str, Any]) -> dict[str, Any]:
        is_loss = line["kind"] == "loss"
        return {
            "merchant_id": self._merchant_id, "job_id": self._job, "seq": self._seq, "fit": str(line["fit"])[:80],
            "kind": "loss" if is_loss else str(line["name"])[:80], "step": int(line.get("step", 0)),
            "steps": int(line.get("steps", 0)), "value": float(line["loss"] if is_loss else line["value"]),
        }  # fmt: skip


def _data(hub: Hub, row: sa.Row[Any], place: Place) -> list[Path]:
    """The folders of the data version.

    Raises:
        Problem: ``dataset.refused`` when some of its pictures were erased since.
    """
    with hub.database.transaction() as connection:
        found = datasets.find(connection, row.merchant_id, row.dataset)
    version = datasets.read(hub, row.merchant_id, found)
    with hub.database.transaction() as connection:
        gone = datasets.erased_of(connection, row.merchant_id, hashes_of(version))
    if gone:
        detail = f"{len(gone)} pictures of {version.id} were erased; train on the version that was made without them"
        raise Problem("dataset.refused", detail)
    folder = place.work / "datasets" / version.name
    forget_left_out(place.work, folder, version)

    def put(sha256: str, path: Path) -> None:
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_bytes(datasets.picture(hub, row.merchant_id, sha256)[0])
        fresh.replace(path)

    return lay_out(version, folder, put)


def forget_left_out(work: Path, folder: Path, version: Version) -> None:
    """Remove what was computed of pictures that a version does not hold any more, e.g. of somebody who was erased."""
    kept = {entry.sha256 for entry in version.entries if entry.split is Split.TRAIN}
    here = {path.name.partition(".")[0] for path in folder.rglob("*") if path.suffix in {".jpg", ".png"}}
    if here - kept:
        for name in ("features", "items", "fits"):
            shutil.rmtree(work / name, ignore_errors=True)


def _champion(hub: Hub, row: sa.Row[Any], place: Place) -> None:
    """Lay the newest published bundle of this name where the new one goes: it becomes its parent."""
    if place.bundle.is_dir():
        return
    with hub.database.transaction() as connection:
        found = [each for each in registry.list(connection, row.merchant_id, Kind.BUNDLE) if each.name == row.name]
        if not found:
            return
        there = registry.archive(hub, connection, row.merchant_id, found[0].bundle_id)
    fresh = place.own / "parent"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(there, fresh)
    fresh.replace(place.bundle)


def _publish(hub: Hub, merchant_id: UUID, row: sa.Row[Any], place: Place) -> None:
    """Enter the bundle and end the training, both or neither."""
    with hub.database.transaction() as connection:
        held = service.find(connection, merchant_id, row.id, lock=True)
        if held.state in service.ENDED:
            return
        connection.execute(
            service.this(merchant_id, row.id).values(state="publishing", left_s=None, changed=jobs.c.changed + 1)
        )
    try:
        ready = registry.prepare(hub, merchant_id, place.bundle)
        with hub.database.transaction() as connection:
            is_new = not registry.is_known(connection, merchant_id, ready.identity.bundle_id)
            published = registry.enter(connection, merchant_id, ready, f"{BY}/{row.id}")
            done = {"state": "done", "bundle_id": published.bundle_id, "ended_at": sa.func.clock_timestamp()}
            connection.execute(service.this(merchant_id, row.id).values(done | {"changed": jobs.c.changed + 1}))
            payload = {"state": "done", "bundle": published.bundle_id, "dataset": row.dataset}
            record(connection, merchant_id, EventKind.TRAINING_ENDED, str(row.id), payload)
            if is_new:
                actor = audit.Actor(merchant_id, BY, str(row.id))
                audit.note(connection, actor, audit.Act.BUNDLE_PUBLISHED, f"bundle/{published.bundle_id}")
    except InspectionError as error:
        _end(hub, merchant_id, row.id, "failed", _line_of(error))
        return
    shutil.rmtree(place.own, ignore_errors=True)
    log.info("training_done", job=str(row.id), bundle=published.bundle_id)


def _leave(hub: Hub, merchant_id: UUID, job: UUID) -> None:
    if _is_cancelled(hub, merchant_id, job):
        _end(hub, merchant_id, job, "cancelled", None)
    else:
        service.again(hub, merchant_id, job)


def _is_cancelled(hub: Hub, merchant_id: UUID, job: UUID) -> bool:
    with hub.database.transaction() as connection:
        return service.find(connection, merchant_id, job).cancel_asked_at is not None


def _end(hub: Hub, merchant_id: UUID, job: UUID, state: str, failure: str | None) -> None:
    ended = {"state": state, "failure": failure, "ended_at": sa.func.clock_timestamp(), "left_s": None}
    with hub.database.transaction() as connection:
        row = service.find(connection, merchant_id, job, lock=True)
        if row.state in service.ENDED:
            return
        connection.execute(service.this(merchant_id, job).values(ended | {"changed": jobs.c.changed + 1}))
        record(connection, merchant_id, EventKind.TRAINING_ENDED, str(job), {"state": state, "dataset": row.dataset})
    log.info("training_ended", job=str(job), state=state, at=time.time())


def _line_of(error: InspectionError | Problem) -> str:
    text = f"{error.code}: {error.detail}" if isinstance(error, Problem) else error.one_line()
    return text[:MAX_FAILURE]
