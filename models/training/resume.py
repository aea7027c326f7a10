"""How far a fit is, on disk: weights, optimiser, schedule and both generators, so that it goes on as if never cut."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn


class Progress:
    """The state of one fit."""

    def __init__(
        self, tail: nn.Module, optimiser: torch.optim.Optimizer, schedule: Any, rng: np.random.Generator
    ) -> None:
        self._parts = {"tail": tail, "optimiser": optimiser, "schedule": schedule}
        self._rng = rng

    def save(self, file: Path, step: int) -> None:
        """Write it after ``step`` steps, whole or not at all."""
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts.items()}
        state |= {"step": step, "torch": torch.get_rng_state(), "numpy": self._rng.bit_generator.state}
        write(file, state)

    def load(self, file: Path) -> int:
        """Read it where it is there and whole; returns the steps done."""
        state = read(file)
        if state is None:
            return 0
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
        torch.set_rng_state(state["torch"])
        self._rng.bit_generator.state = state["numpy"]
        return int(state["step"])


def write(file: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` to ``file`` so that after a kill or power cut the old or the new one is there whole."""
    fresh = file.with_suffix(f".{os.getpid()}.new")
    with fresh.open("wb") as stream:
        torch.save(dict(content), stream)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)


def read(file: Path) -> dict[str, Any] | None:
    """The content of a file of :func:`write`; ``None`` when it is not there or damaged: then it is made again."""
    if not file.is_file():
        return None
    try:
        found: dict[str, Any] = torch.load(file, weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, zipfile.BadZipFile):
        return None
    return found
