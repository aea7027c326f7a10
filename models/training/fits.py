"""Several fits at the same time, one thread each: on few cores that is quicker than one after the other on all."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from datasets.manifest import Sample
from models.training.features import JoinedFeatures
from models.training.fit import Floats, Labels, fit_tail, predict, step_count
from models.training.network import Tail
from models.training.resume import read, write
from models.training.telling import Losses, tell_metric

POLL_SECONDS = 0.5
RECIPE = "1"
"""Changed whenever the same fit would come to something else: losses, rates, network."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit to do.

    Attributes:
        name: what it is for.
        train: indices to train on.
        judged: indices to predict with it.
        epochs: passes over ``train``.
        start: weights to start from, to move the heads alone.
    """

    name: str
    train: tuple[int, ...]
    judged: tuple[int, ...]
    epochs: float
    start: dict[str, torch.Tensor] | None = None

    @property
    def steps(self) -> int:
        return step_count(len(self.train), self.epochs)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a fit: the tail's weights, and its logits and embeddings of what it judged."""

    weights: dict[str, torch.Tensor]
    defects: Floats
    conditions: Floats
    embeddings: Floats


ARRAYS = ("defects", "conditions", "embeddings")


@dataclass(frozen=True, slots=True)
class Ground:
    """What all fits share."""

    network: nn.Module
    cache: JoinedFeatures
    samples: Sequence[Sample]
    labels: Labels
    seed: int
    folder: Path

    def key(self, fit: Fit) -> str:
        """Of all that decides what comes of a fit."""
        rows = np.asarray(fit.train)
        found = hashlib.sha256(f"{RECIPE} {self.seed} {fit.epochs} {self.cache.key} {self.labels.defects}".encode())
        for part in (self.labels.present, self.labels.known, self.labels.condition, self.labels.graded):
            found.update(np.ascontiguousarray(part[rows]).tobytes())
        for part in (rows, np.asarray(fit.judged)):
            found.update(part.astype(np.int64).tobytes() + b";")
        for name, value in sorted((fit.start or {}).items()):
            found.update(name.encode() + value.numpy().tobytes())
        return found.hexdigest()[:24]


_shared: dict[str, Any] = {}
"""What a worker process works on; see :func:`_begin`."""


def fit_all(ground: Ground, fits: Sequence[Fit], jobs: int, advance: Callable[[int], None]) -> list[Fitted]:
    """Do the fits, ``jobs`` at a time; ``advance`` hears of steps done.

    The processes are started afresh: a fork of a process in which torch has used threads may wait for ever.
    """
    if jobs == 1 or len(fits) == 1:
        return [_one(ground, fit, lambda _loss: advance(1)) for fit in fits]
    context = multiprocessing.get_context("spawn")
    steps = context.Value("q", 0)
    with context.Pool(min(jobs, len(fits)), _begin, (ground, steps, os.getpid())) as pool:
        running = pool.map_async(_in_worker, fits, chunksize=1)
        told = 0
        while not running.ready():
            running.wait(POLL_SECONDS)
            told, before = int(steps.value), told
            advance(told - before)
        return running.get()


def _begin(ground: Ground, steps: Any, parent: int) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    _shared.update(ground=ground, steps=steps, parent=parent)


def _in_worker(fit: Fit) -> Fitted:
    steps = _shared["steps"]

    def count(_loss: float) -> None:
        if os.getppid() != _shared["parent"]:
            os._exit(1)  # the training was killed; its next run goes on from what is kept
        with steps.get_lock():
            steps.value += 1

    return _one(_shared["ground"], fit, count)


def _one(ground: Ground, fit: Fit, advance: Callable[[float], None]) -> Fitted:
    """What came of a fit; read where it was done before, and gone on with where it was cut."""
    file = ground.folder / f"{ground.key(fit)}.pt"
    known = read(file)
    if known is not None:
        for _ in range(fit.steps):
            advance(0.0)
        return Fitted(known["weights"], *(known[name].numpy() for name in ARRAYS))
    ground.folder.mkdir(parents=True, exist_ok=True)
    kept = file.with_suffix(".part")
    losses = Losses(fit.name, fit.steps, fit.epochs)

    def heard(loss: float) -> None:
        losses.add(loss)
        advance(loss)

    tail: Tail = fit_tail(
        ground.network, ground.cache, ground.samples, ground.labels, fit.train, epochs=fit.epochs, seed=ground.seed,
        advance=heard, start=fit.start, kept=kept,
    )  # fmt: skip
    found = Fitted(tail.state_dict(), *predict(tail, ground.cache, fit.judged))
    learned = set(fit.train)
    unseen = [place for place, row in enumerate(fit.judged) if row not in learned]
    tell_metric(fit.name, found.conditions[unseen], ground.labels.condition[np.asarray(fit.judged)[unseen]])
    arrays = {name: torch.from_numpy(getattr(found, name)) for name in ARRAYS}
    write(file, {"name": fit.name, "weights": found.weights, **arrays})
    kept.unlink(missing_ok=True)
    return found


def forget_others(ground: Ground, fits: Sequence[Fit]) -> None:
    """Remove what is kept of fits of earlier trainings."""
    names = {f"{ground.key(fit)}.pt" for fit in fits}
    for file in ground.folder.glob("*"):
        if file.name not in names:
            file.unlink(missing_ok=True)
