"""What a training leaves for the next, so that only heads have to move: weights of its fits, finder, backgrounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from inspection.errors import ConfigError
from inspection.finding import Defect
from models.training.config import TrainOptions
from models.training.finder import FinderGraph, FinderHead, FinderTrunk
from models.training.resume import read, write

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Last:
    """The last training of a bundle's name.

    Attributes:
        defects: its columns.
        weights: of each of its fits, by name.
        finder: weights of the finder's head; ``None`` when it had none.
        backgrounds: photographs that items were put on.
    """

    defects: tuple[Defect, ...]
    weights: Mapping[str, Weights]
    finder: Weights | None
    backgrounds: tuple[Path, ...]

    def finder_graph(self, network: nn.Module) -> FinderGraph | None:
        """Its finder."""
        if self.finder is None:
            return None
        head = FinderHead()
        head.load_state_dict(self.finder)
        return FinderGraph(FinderTrunk(network).eval(), head.eval())


def keep(
    options: TrainOptions, defects: tuple[Defect, ...], weights: Mapping[str, Weights], finder: FinderGraph | None,
    backgrounds: tuple[Path, ...],
) -> None:  # fmt: skip
    """Leave it in the work folder."""
    write(
        _file(options),
        {
            "defects": [str(defect) for defect in defects],
            "weights": dict(weights),
            "finder": None if finder is None else finder.head.state_dict(),
            "backgrounds": [str(path) for path in backgrounds],
        },
    )


def last(options: TrainOptions) -> Last:
    """What the last training left.

    Raises:
        ConfigError: there was none.
    """
    found: dict[str, Any] | None = read(_file(options))
    if found is None:
        raise ConfigError(f"{_file(options)} is not there: nothing to refresh", hint="train once without --refresh")
    return Last(
        tuple(Defect(name) for name in found["defects"]),
        found["weights"],
        found["finder"],
        tuple(path for path in map(Path, found["backgrounds"]) if path.is_file()),
    )


def _file(options: TrainOptions) -> Path:
    return options.work / f"last-{options.name}.pt"
