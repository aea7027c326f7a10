"""The steps that a picture goes through until its codes are read, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from devices.barcode.in_frame_code import FrameCode
from devices.barcode.in_frame_readers import MATRIX_FORMATS, RARE_FORMATS, Reader, zbar, zxing
from devices.barcode.in_frame_renderings import (
    Rendering,
    at_most,
    darker,
    even,
    levelled,
    scaled,
    soft,
    turned,
    unsharp,
)

WORKING_PIXELS = 2_100_000
"""What the steps look at: full HD. A larger picture is made smaller first, and seen whole once."""
WHOLE_PIXELS = 12_600_000
"""The most that is ever given to a reader."""
ENLARGED_PIXELS = 2_600_000
"""No enlarged picture is larger than this; the step is left out."""

Change = Callable[[Rendering], Rendering]


@dataclass(frozen=True, slots=True)
class Step:
    """One look at a picture.

    Attributes:
        name: what a code's ``step`` says.
        change: what is done to the picture before.
        reader: key into the readers of the ladder: ``common`` (no rare formats), ``quick``, ``both ways`` (sideways,
            too), ``full`` (light on dark and in smaller copies, too), ``linear`` (linear codes only), ``again`` (the
            format that was read there before) or ``zbar``.
        factor: how many times longer the changed picture's sides are, for the limits.
        whole: given the picture in its full size instead of the working size; left out where that is the same.
    """

    name: str
    change: Change
    reader: str = "quick"
    factor: float = 1.0
    whole: bool = False

    def applies(self, pixels: int, *, reduced: bool) -> bool:
        """Whether a picture of so many pixels is worth this step."""
        if self.whole:
            return reduced
        return self.factor <= 1 or pixels * self.factor**2 <= ENLARGED_PIXELS


def _same(rendering: Rendering) -> Rendering:
    return rendering


LADDER: tuple[Step, ...] = (
    Step("plain", _same, "common"),
    Step("sideways", lambda r: turned(r, 90)),
    Step("even", even, "full"),
    Step("whole", lambda r: at_most(r, WHOLE_PIXELS), whole=True),
    Step("unsharp", lambda r: unsharp(r, 3, 3)),
    Step("turned 45", lambda r: turned(r, 45), "both ways"),
    Step("turned 22.5", lambda r: turned(r, 22.5), "both ways"),
    Step("turned 67.5", lambda r: turned(r, 67.5), "both ways"),
    Step("2x", lambda r: scaled(r, 2), "full", 2),
    Step("2x unsharp", lambda r: unsharp(scaled(r, 2), 3, 4), factor=2),
    Step("2x levelled", lambda r: levelled(scaled(r, 2), 12), factor=2),
    Step("2x unsharp wide", lambda r: unsharp(scaled(r, 2), 5, 6), factor=2),
    Step("darker", darker),
    Step("soft", lambda r: soft(r, 1)),
    Step("3x unsharp", lambda r: unsharp(scaled(r, 3), 5, 5), factor=3),
    Step("zbar even", even, "zbar"),
    Step("zbar plain", _same, "zbar"),
    Step("zbar 2x", lambda r: scaled(r, 2), "zbar", 2),
    Step("zbar darker", darker, "zbar"),
    Step("zbar unsharp", lambda r: unsharp(r, 5, 4), "zbar"),
    Step("zbar soft", lambda r: soft(r, 1), "zbar"),
    Step("zbar levelled", lambda r: levelled(r, 16), "zbar"),
)
"""Measured on photographs, see ``benchmarks/README.md``. Turned before enlarged: what lies askew is common and cheap to
turn, what is tiny is rare and dear to enlarge. zbar last: it reads what is weakly printed, and misreads the most."""

SECOND_LOOKS: tuple[Step, ...] = (
    Step("soft cut-out", lambda r: soft(r, 0.8), "again"),
    Step("even cut-out", even, "again"),
    Step("sharp cut-out", lambda r: unsharp(r, 4, 2), "again"),
    Step("zbar cut-out", _same, "zbar"),
)
"""How a place is looked at again when one read is not enough: on an upright cut-out around it."""


STRIPED_PATCH = Step("patch", _same, "linear")
DENSE_PATCH = Step("patch", _same, "both ways")
"""How a patch is looked at that was not read while something else was; on an upright cut-out."""


def readers(formats: Sequence[str]) -> dict[str, Reader]:
    """The readers that steps name; ``again EAN`` and so on for each family of linear formats."""
    linear = [name for name in formats if name not in MATRIX_FORMATS]
    families = {family: [name for name in linear if name.startswith(begin)] for family, begin in _FAMILIES.items()}
    return {
        "common": zxing([name for name in formats if name not in RARE_FORMATS] or formats, rotate=False),
        "quick": zxing(formats, rotate=False),
        "both ways": zxing(formats),
        "full": zxing(formats, invert=True, downscale=True),
        "linear": zxing(linear, rotate=False),
        "zbar": zbar(formats),
    } | {f"again {family}": zxing(names, rotate=False) for family, names in families.items()}


def again(code: FrameCode) -> str:
    """Key of the reader that looks for ``code`` once more."""
    return next((f"again {family}" for family in _FAMILIES if code.format.startswith(family)), "linear")


_FAMILIES: dict[str, str | tuple[str, ...]] = {
    "EAN": ("EAN", "UPC"),
    "UPC": ("EAN", "UPC"),
    "ITF": "ITF",
    "Code 39": "Code39",
    "Code 128": "Code128",
    "Codabar": "Codabar",
    "DataBar": "DataBar",
}
"""How the names of formats that were read begin, and those of the formats to look for."""
