"""What one process needs to decide inspections again, and the one function that every engine calls."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import sqlalchemy as sa
from pydantic import ValidationError

from inspection.errors import InspectionError
from inspection.frame import Frame
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.images.opening import open_images
from inspection.hub.images.picture_header import NotAPicture, read_header
from inspection.hub.images.service import find
from inspection.hub.inspections.tables import inspections
from inspection.hub.problems import Problem
from inspection.hub.replay.asking import rules_of
from inspection.replaying import NotReplayable, replayed
from inspection.report import InspectionReport, PicturePart
from models.runtime import Judge

AHEAD = 4
"""Inspections whose pictures are fetched and opened while another is judged."""
MAX_PIXELS = 60_000_000
AGAIN_S = 1.0
GONE = {"image.unknown": "not_held", "image.erased": "erased"}


class StoreSilent(InspectionError):
    """No picture of a whole lot could be read: the store is away, and nothing is written down of it."""

    code = "replay.store_silent"
    retryable = True


@dataclass(frozen=True, slots=True)
class Key:
    """One inspection of a replay."""

    position: int
    inspection_id: UUID
    revision: int


@dataclass(frozen=True, slots=True)
class Done:
    """What one inspection came to: a result, or the reason why there is none."""

    position: int
    outcome: str
    reason: str | None
    result: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process is told.

    Attributes:
        dsn: of the database.
        rules: text of the policy file.
        rules_given: the question is about rules, perhaps about the model, too.
        bundle: folder of the model; ``None``: the stored assessments stand, and no picture is opened.
        threads: processor threads of the model in each process.
        nice: how far the process steps back behind others, 0..19.
    """

    config: HubConfig
    dsn: str
    merchant_id: UUID
    rules: str
    rules_given: bool
    as_of: date
    bundle: Path | None
    threads: int = 1
    nice: int = 0


class Bench:
    """One process's database connection, picture store, rules and model.

    Raises:
        BundleError, PolicyError, StoreError: one of them cannot be opened.
    """

    def __init__(self, plan: Plan) -> None:
        if plan.nice:
            os.nice(plan.nice)
        cv2.setNumThreads(1)
        self._plan = plan
        self._database = Database(plan.dsn, pool_size=AHEAD + 1, statement_timeout_s=60)
        self._images = open_images(plan.config, self._database)
        self._policy = rules_of(plan.rules)
        trusted = plan.config.bundles.trusted
        self._judge = None if plan.bundle is None else Judge.load(plan.bundle, threads=plan.threads, trusted=trusted)
        self._opening = ThreadPoolExecutor(AHEAD, "opening")

    def close(self) -> None:
        """End connections and threads."""
        self._opening.shutdown(cancel_futures=True)
        self._database.close()

    def run(self, keys: Sequence[Key]) -> list[Done]:
        """Decide these inspections again; each comes to something, or is skipped with a reason.

        Raises:
            StoreSilent: not one picture could be read.
            SQLAlchemyError: the database is away.
        """
        reports = self._reports(keys)
        done = [self._one(key, reports.get(key), frames) for key, frames in self._opened(keys, reports)]
        if done and all(each.reason == "unreadable" for each in done):
            raise StoreSilent("no picture could be read", hint="is the picture store reachable?")
        return done

    def _one(self, key: Key, report: InspectionReport | None, frames: Future[Mapping[str, Frame]] | None) -> Done:
        if report is None:
            return Done(key.position, "skipped", "no_report", None)
        try:
            found = replayed(
                report,
                self._policy,
                as_of=self._plan.as_of,
                rules_given=self._plan.rules_given,
                judge=self._judge,
                frames=None if frames is None else frames.result(),
            )
        except NotReplayable as error:
            return Done(key.position, "skipped", error.code, None)
        except InspectionError:
            return Done(key.position, "skipped", "not_judged", None)
        return Done(key.position, "changed" if found.changed else "same", None, found.as_json())

    def _reports(self, keys: Sequence[Key]) -> dict[Key, InspectionReport]:
        wanted = {(key.inspection_id, key.revision): key for key in keys}
        names = sa.tuple_(inspections.c.inspection_id, inspections.c.revision)
        query = sa.select(inspections.c.inspection_id, inspections.c.revision, inspections.c.report).where(
            inspections.c.merchant_id == self._plan.merchant_id, names.in_(list(wanted))
        )
        found = {}
        with self._database.transaction() as connection:
            for row in connection.execute(query):
                try:
                    report = InspectionReport.model_validate(row.report)
                except ValidationError:  # of software that knew more, or less
                    continue
                found[wanted[row.inspection_id, row.revision]] = report
        return found

    def _opened(
        self, keys: Sequence[Key], reports: Mapping[Key, InspectionReport]
    ) -> Iterator[tuple[Key, Future[Mapping[str, Frame]] | None]]:
        """Each inspection with its pictures on their way, a few ahead."""
        if self._judge is None:
            yield from ((key, None) for key in keys)
            return

        def begin(key: Key) -> tuple[Key, Future[Mapping[str, Frame]] | None]:
            report = reports.get(key)
            return key, None if report is None else self._opening.submit(self._frames, report)

        rest = iter(keys)
        ahead = [begin(key) for key in islice(rest, AHEAD)]
        while ahead:
            yield ahead.pop(0)
            ahead += [begin(key) for key in islice(rest, 1)]

    def _frames(self, report: InspectionReport) -> Mapping[str, Frame]:
        if len({picture.view for picture in report.pictures}) != len(report.pictures):
            raise NotReplayable("two_of_a_view")
        return {picture.view: self._frame(picture) for picture in report.pictures}

    def _frame(self, picture: PicturePart) -> Frame:
        content = self._bytes(picture.sha256)
        try:
            header = read_header(content)
        except NotAPicture:
            raise NotReplayable("unreadable") from None
        if header.width * header.height > MAX_PIXELS:
            raise NotReplayable("too_large")
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise NotReplayable("unreadable")
        shown = np.asarray(pixels, np.uint8)
        return Frame(shown, 0, picture.captured_at, picture.sequence, picture.camera_id, picture.settings_digest)

    def _bytes(self, sha256: str) -> bytes:
        merchant_id = self._plan.merchant_id
        for attempt in range(2):
            try:
                with self._database.transaction() as connection:
                    find(connection, merchant_id, sha256)
                return self._images.get(merchant_id, sha256)
            except Problem as problem:
                if problem.code in GONE:
                    raise NotReplayable(GONE[problem.code]) from None
                if attempt == 0:
                    time.sleep(AGAIN_S)
        raise NotReplayable("unreadable")
