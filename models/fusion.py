"""From what the graph says of each view to one opinion of the item.

Damage needs one view that shows it clearly; soundness needs all views that are good for anything. So:

- Views whose capture is bad say nothing, neither for nor against, unless all are bad.
- The view with the greatest expected severity decides the condition. A defect is seen when any good view sees it.
- When that view calls the item unsellable with confidence, only its own novelty counts: that another view looks odd
  takes nothing back. Otherwise the most novel view counts: whoever calls an item sound must know all that is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
SELLABLE = 2
"""Conditions before this place (intact, minor) can be sold."""


@dataclass(frozen=True, slots=True)
class Fused:
    """One opinion of several views.

    Attributes:
        views: places of the views that count, in order.
        deciding: place of the view that decided the condition.
        p_defect: (D,) greatest probability of each defect over the views that count.
        p_condition: (C,) of the deciding view.
        distance: in the reference space; see :mod:`models.novelty`.
        confident: whether it passes the line on its side.
    """

    views: tuple[int, ...]
    deciding: int
    p_defect: Floats
    p_condition: Floats
    distance: float
    confident: bool


def fused(
    defects: Floats, conditions: Floats, distances: Floats, good: Sequence[bool], lines: tuple[float, float]
) -> Fused:
    """Fuse N views.

    Args:
        defects: (N, D) probabilities.
        conditions: (N, C) probabilities, mildest first.
        distances: (N,) novelty distances.
        good: (N,) whether the capture is.
        lines: least p_sellable, and least 1 - p_sellable, that is sure.
    """
    views = tuple(place for place, fine in enumerate(good) if fine) or tuple(range(len(good)))
    severity = conditions @ np.arange(conditions.shape[1], dtype=np.float32)
    deciding = max(views, key=lambda place: float(severity[place]))
    p_sellable = float(conditions[deciding, :SELLABLE].sum())
    resell, scrap = lines
    unsellable = 1 - p_sellable >= scrap
    distance = distances[deciding] if unsellable else distances[list(views)].max()
    return Fused(
        views=views,
        deciding=deciding,
        p_defect=defects[list(views)].max(axis=0),
        p_condition=conditions[deciding],
        distance=float(distance),
        confident=p_sellable >= resell or unsellable,
    )
