"""How a training tells whoever started it how far it is: JSON lines in a file, from all its processes.

``stage``: what is being done, how much of it, seconds left. ``loss``: of one fit, a mean over some steps. ``metric``:
what a fit makes of pictures that it did not learn from. The file's name comes through the environment, which the
processes of the fits inherit; without it nothing is told. With the number of a parent process the training ends with
that: a training whose worker was killed must not go on beside the next one.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.progress import Progress, TaskID

FILE, PARENT = "RETURNS_TRAINING_PROGRESS", "RETURNS_TRAINING_PARENT"
EVERY_S = 0.5
ORPHANED = 75
"""Exit code of a training whose parent is gone (``EX_TEMPFAIL`` of sysexits.h): try again."""


class ToldProgress(Progress):
    """Rich's progress, also told as ``stage`` lines."""

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """See rich; twice a second and at a stage's end, a line."""
        super().advance(task_id, advance)
        end_with_parent()
        task = self.tasks[self.task_ids.index(task_id)]
        now = time.monotonic()
        if now - task.fields.get("told_s", -math.inf) < EVERY_S and not task.finished:
            return
        task.fields["told_s"] = now
        tell("stage", stage=task.description, done=task.completed, total=task.total, left_s=task.time_remaining)


class Losses:
    """The losses of a fit, told as means."""

    def __init__(self, fit: str, steps: int, epochs: float) -> None:
        self._fit, self._steps, self._epochs = fit, steps, epochs
        self._step, self._sum, self._count, self._told_s = 0, 0.0, 0, -math.inf

    def add(self, loss: float) -> None:
        """One more step; one that was done before it was cut has no loss (NaN)."""
        self._step += 1
        if math.isnan(loss):
            return
        self._sum, self._count = self._sum + loss, self._count + 1
        now = time.monotonic()
        if now - self._told_s < EVERY_S and self._step < self._steps:
            return
        epoch = round(self._epochs * self._step / self._steps, 3)
        tell("loss", fit=self._fit, step=self._step, steps=self._steps, epoch=epoch, loss=self._sum / self._count)
        self._sum, self._count, self._told_s = 0.0, 0, now


def tell_metric(fit: str, conditions: npt.NDArray[Any], truth: npt.NDArray[Any]) -> None:
    """Balanced accuracy of the condition on what a fit did not learn from: logits (n, 4) against indices (n,)."""
    right: dict[int, list[bool]] = defaultdict(list)
    for said, wanted in zip(conditions.argmax(axis=1).tolist(), truth.tolist(), strict=True):
        right[wanted].append(said == wanted)
    if right:
        value = float(np.mean([np.mean(each) for each in right.values()]))
        tell("metric", fit=fit, name="balanced_accuracy", value=value, pictures=len(truth))


def tell(kind: str, **said: object) -> None:
    """One line, in one write, so that those of several processes do not mix."""
    file = os.environ.get(FILE)
    if not file:
        return
    clean = {key: round(value, 5) if isinstance(value, float) else value for key, value in said.items()}
    line = json.dumps({"kind": kind, "at": round(time.time(), 3), **clean}, allow_nan=False) + "\n"
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def end_with_parent() -> None:
    """End this process when the one that started it is gone; what was done is kept and goes on next time."""
    parent = os.environ.get(PARENT)
    if parent and os.getppid() != int(parent):
        os._exit(ORPHANED)
