"""Whether pictures show one product: what is special in one is found again at its place in another."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
SPECIAL = 0.75
"""Only this most special quarter of a picture's cells tells products apart: a table looks like any other table."""


def agreement(grids: Floats) -> float:
    """Share of what is special in a picture that is more like something in another than like another place of its own.

    The median over the pictures; ``grids`` are their patches (S, h, w, C).
    """
    searches = [_search(grid.reshape(-1, grid.shape[-1])) for grid in grids]
    shares = []
    for sample, grid in enumerate(grids):
        elsewhere = _elsewhere(grid)
        special = elsewhere >= np.quantile(elsewhere, SPECIAL)
        cells = grid.reshape(-1, grid.shape[-1])[special]
        others = [search for number, search in enumerate(searches) if number != sample]
        found = [float((_nearest(cells, other)[0] < elsewhere[special]).mean()) for other in others]
        shares.append(float(np.median(found)))
    return float(np.median(shares))


def _search(patches: Floats) -> Floats:
    """Patches (M, C) made ready to be searched: (C + 1, M), whose product with (q, 1) is |q - p|² - |q|²."""
    return np.concatenate([-2 * patches.T, np.einsum("mc,mc->m", patches, patches)[None]]).astype(np.float32)


def _nearest(query: Floats, search: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Distance (Q,) of each of ``query`` (Q, C) to the nearest patch of a search, and which it is."""
    squares = np.concatenate([query, np.ones((len(query), 1), np.float32)], axis=1) @ search
    nearest = squares.argmin(axis=1)
    least = squares[np.arange(len(query)), nearest] + np.einsum("qc,qc->q", query, query)
    return np.sqrt(np.maximum(least, 0)), nearest


def _elsewhere(grid: Floats, apart: int = 3) -> Floats:
    """Distance (h * w,) of each cell of ``grid`` (h, w, C) to the most similar one at least ``apart`` cells away."""
    height, width, channels = grid.shape
    cells = grid.reshape(-1, channels)
    norms = np.einsum("qc,qc->q", cells, cells)
    squares = norms[:, None] + norms - 2 * (cells @ cells.T)
    rows, columns = np.divmod(np.arange(height * width), width)
    near = np.maximum(abs(rows[:, None] - rows), abs(columns[:, None] - columns)) < apart
    return np.asarray(np.sqrt(np.maximum(np.where(near, np.inf, squares).min(axis=1), 0)), np.float32)
