"""Agreement of two people beyond chance.

Cohen's kappa: (p_o - p_e) / (1 - p_e), with p_o the share of agreement and p_e what the two people's own frequencies
give by chance (Cohen, "A Coefficient of Agreement for Nominal Scales", 1960); with a weight for every kind of
disagreement (Cohen, "Weighted Kappa", Psychological Bulletin 70, 1968): 1 - sum(w * observed) / sum(w * expected).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def kappa(pairs: Sequence[tuple[T, T]], weight: Callable[[T, T], float] | None = None) -> float | None:
    """Kappa of what two people said of the same things; at most 1, 0 as by chance.

    Args:
        pairs: what the first and the second said of each.
        weight: how bad it is to say the one for the other, 0 for the same; by default every difference is as bad.

    Returns:
        ``None`` where it is not defined: without pairs, or when both always said the same one thing.
    """
    if not pairs:
        return None
    apart = weight or (lambda one, other: float(one != other))
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    observed = sum(apart(one, other) for one, other in pairs) / len(pairs)
    expected = sum(
        apart(one, other) * n * m / len(pairs) ** 2 for one, n in first.items() for other, m in second.items()
    )
    return None if expected == 0 else 1 - observed / expected


def squared(one: int, other: int) -> float:
    """The weight of ordinal grades by their places: quadratic."""
    return float((one - other) ** 2)
