"""Where in the frame a target has been seen, and where it should be shown next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

COLUMNS, ROWS = 8, 6
MIN_POINTS = 2

Floats = npt.NDArray[np.float64]

_ROW_NAMES, _COLUMN_NAMES = ("top", "middle", "bottom"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How often points fell into each cell of a coarse grid over the frame.

    Attributes:
        counts: int64 (6, 8), rows from the top.
        size: width and height of the frame.
    """

    counts: npt.NDArray[np.int64]
    size: tuple[int, int]

    @classmethod
    def empty(cls, size: tuple[int, int]) -> Coverage:
        return cls(np.zeros((ROWS, COLUMNS), np.int64), size)

    @classmethod
    def of(cls, points: Iterable[Floats], size: tuple[int, int]) -> Coverage:
        """Of several sets of points (N, 2) in pixels."""
        coverage = cls.empty(size)
        for some in points:
            coverage = coverage.with_points(some)
        return coverage

    def with_points(self, points: Floats) -> Coverage:
        """The coverage after points (N, 2) more."""
        cells = np.floor((points + 0.5) / self.size * (COLUMNS, ROWS)).astype(int)
        cells = np.clip(cells, 0, (COLUMNS - 1, ROWS - 1))
        counts = self.counts.copy()
        np.add.at(counts, (cells[:, 1], cells[:, 0]), 1)
        return Coverage(counts, self.size)

    @property
    def share(self) -> float:
        """Share of the cells, 0..1, in which points were seen."""
        return float((self.counts >= MIN_POINTS).mean())

    def next_place(self) -> str | None:
        """The ninth of the frame that is emptiest, e.g. ``top-left``; ``None`` when all of them are covered."""
        seen = self.counts >= MIN_POINTS
        shares = {
            f"{row}-{column}": float(part.mean())
            for row, band in zip(_ROW_NAMES, np.array_split(seen, 3, axis=0), strict=True)
            for column, part in zip(_COLUMN_NAMES, np.array_split(band, 3, axis=1), strict=True)
        }
        place = min(shares, key=lambda name: shares[name])
        return place if shares[place] < 0.5 else None  # noqa: PLR2004
