"""How large an item lies there, beside what the product catalogue says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class SizeSeen(StrEnum):
    """What an item's outline says of its product.

    ``folded``: one side as listed, the other shorter: folded, crushed, or partly missing. ``empty``: nothing lies
    there.
    """

    AS_LISTED = "as_listed"
    LARGER = "larger"
    SMALLER = "smaller"
    FOLDED = "folded"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class ItemSize:
    """What one view says.

    Attributes:
        seen: how it compares with the product.
        length_mm: longer side of the smallest rectangle around the item's outline on the table.
        width_mm: shorter side; likewise.
        off: by how much the outline differs from the nearest of those that the product can have, relative, 0 or more.
        slant: sine of the angle between the view's line of sight and the table's normal, 0 from straight above.
    """

    seen: SizeSeen
    length_mm: float
    width_mm: float
    off: float
    slant: float


def steepest(sizes: Iterable[ItemSize | None]) -> ItemSize | None:
    """What the view says that looks down most steeply: it confuses height and width least."""
    return min((size for size in sizes if size is not None), key=lambda size: size.slant, default=None)
