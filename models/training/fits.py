"""Several fits at the same time, one thread each: on few cores that is quicker than one after the other on all."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from datasets.manifest import Sample
from models.training.features import JoinedFeatures
from models.training.fit import Floats, Labels, fit_tail, predict
from models.training.network import Tail

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit to do.

    Attributes:
        train: indices to train on.
        judged: indices to predict with it.
        epochs: passes over ``train``.
        start: weights to start from, to move the heads alone.
    """

    train: tuple[int, ...]
    judged: tuple[int, ...]
    epochs: float
    start: dict[str, torch.Tensor] | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of a fit: the tail's weights, and its logits and embeddings of what it judged."""

    weights: dict[str, torch.Tensor]
    defects: Floats
    conditions: Floats
    embeddings: Floats


@dataclass(frozen=True, slots=True)
class Ground:
    """What all fits share."""

    network: nn.Module
    cache: JoinedFeatures
    samples: Sequence[Sample]
    labels: Labels
    seed: int


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
    with context.Pool(min(jobs, len(fits)), _begin, (ground, steps)) as pool:
        running = pool.map_async(_in_worker, fits, chunksize=1)
        told = 0
        while not running.ready():
            running.wait(POLL_SECONDS)
            told, before = int(steps.value), told
            advance(told - before)
        return running.get()


def _begin(ground: Ground, steps: Any) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    _shared.update(ground=ground, steps=steps)


def _in_worker(fit: Fit) -> Fitted:
    steps = _shared["steps"]

    def count(_loss: float) -> None:
        with steps.get_lock():
            steps.value += 1

    return _one(_shared["ground"], fit, count)


def _one(ground: Ground, fit: Fit, advance: Callable[[float], None]) -> Fitted:
    tail: Tail = fit_tail(
        ground.network, ground.cache, ground.samples, ground.labels, fit.train, epochs=fit.epochs, seed=ground.seed,
        advance=advance, start=fit.start,
    )  # fmt: skip
    return Fitted(tail.state_dict(), *predict(tail, ground.cache, fit.judged))
