"""What a training will take, before it is asked for: counts of work over the speed that was measured last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from datasets.versions.entry import Split
from datasets.versions.version import Version
from inspection.hub.training.tables import jobs
from models.training.config import TrainOptions, read_options

BATCH = 32
"""Pictures of one step of a fit, as in :mod:`models.training.fit`."""
ROUGH: Mapping[str, float] = {"features": 30.0, "fine-tuning": 2.5}
"""Versions of pictures and steps a second on two cores; until a training here has measured its own."""
AROUND_S = 60
"""Reading, finding items, calibrating, exporting, publishing."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a training will take.

    Attributes:
        pictures: that are learned from.
        features: versions of pictures whose features are computed.
        steps: of all fits.
        seconds: in all.
        measured: whether the speed was measured by a training here.
    """

    pictures: int
    features: int
    steps: int
    seconds: int
    measured: bool


def options_of(file: Path | None) -> TrainOptions:
    """The options that trainings of this hub have."""
    nowhere = Path()
    return read_options(file, {}, {"data": [], "golden": nowhere, "out": nowhere, "work": nowhere})


def estimate(
    options: TrainOptions, version: Version, known: frozenset[str], speed: Mapping[str, float], *, refresh: bool
) -> Estimate:
    """What a training on ``version`` will take.

    Args:
        options: of the training.
        version: what it learns from.
        known: pictures whose features are there from an earlier training.
        speed: measured, by stage, a second.
        refresh: whether only heads are moved.
    """
    learned = [entry for entry in version.entries if entry.split is Split.TRAIN]
    folders: dict[str, list[str]] = {}
    for entry in learned:
        folders.setdefault(f"{entry.set}-{entry.date[:7]}", []).append(entry.sha256)
    fresh = sum(len(each) for each in folders.values() if not set(each) <= known)  # a folder's features are one piece
    features = fresh * (1 + options.versions)
    train = len(learned) * (1 - options.held_out_share)
    if refresh:
        passes = options.refresh_epochs * (train + len(learned) * (options.folds - 1) / 2)
    else:
        passes = options.epochs * (train + len(learned) * (options.folds - 1) * options.trial_share)
    steps = max(10 * options.folds, round(passes / BATCH))
    rates = {**ROUGH, **{stage: rate for stage, rate in speed.items() if rate > 0}}
    seconds = AROUND_S + features / rates["features"] + steps / rates["fine-tuning"]
    return Estimate(len(learned), features, steps, round(seconds), set(ROUGH) <= set(speed))


def measured(connection: Connection, merchant_id: UUID) -> dict[str, float]:
    """The speed of each stage as the newest trainings that had the stage to do measured it."""
    mine = sa.and_(jobs.c.merchant_id == merchant_id, jobs.c.state == "done")
    found: dict[str, float] = {}
    newest = sa.select(jobs.c.speed).where(mine).order_by(jobs.c.ended_at.desc()).limit(50)
    for speed in reversed(connection.execute(newest).scalars().all()):
        found |= {str(stage): float(rate) for stage, rate in speed.items()}
    return found


class Speed:
    """Measures stages from what a training tells; what was there before it began does not count."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[float, float]]] = {}

    def hear(self, line: Mapping[str, Any]) -> None:
        """One ``stage`` line."""
        self._seen.setdefault(str(line["stage"]), []).append((float(line["at"]), float(line["done"])))

    def rates(self) -> dict[str, float]:
        """Work a second, of the stages that lasted long enough to say."""
        found = {}
        for stage, seen in self._seen.items():
            seconds, work = seen[-1][0] - seen[0][0], seen[-1][1] - seen[0][1]
            if seconds > 1 and work > 0:
                found[stage] = round(work / seconds, 4)
        return found
