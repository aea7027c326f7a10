"""Where the words beside drawn findings go: near their box, inside the picture, and not on top of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inspection.report import BoxPart, FindingPart

WIDE = 0x2E80
"""From here on characters are as wide as they are high (CJK); others take about 0.7 of that."""
NARROW_EM = 0.7
ROWS_TRIED = 12


@dataclass(frozen=True, slots=True)
class Label:
    """A finding's word: left end of its baseline and height of its letters, in pixels of the picture."""

    box: BoxPart
    text: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one defect: its greatest probability, its views, and its longest finding that was measured."""

    defect: str
    probability: float
    views: tuple[str, ...]
    longest: FindingPart | None

    @property
    def at_most_mm(self) -> str:
        """How long it can be, where it is measured too coarsely to say how long it is; otherwise empty."""
        size, off = self._size
        return _plain(size[0] + off) if self.longest is not None and 2 * off > size[0] else ""

    @property
    def measured(self) -> str:
        """Length, width, what they may be off, and area; empty when not measured, or too coarsely."""
        size, off = self._size
        if self.longest is None or self.at_most_mm:
            return ""
        sides = f"{_plain(size[0])} × {_plain(size[1])}"
        area = self.longest.area_mm2
        return f"{sides}{f' ± {_plain(off)}' if off else ''} mm{'' if area is None else f', {_plain(area)} mm²'}"

    @property
    def _size(self) -> tuple[tuple[float, float], float]:
        if self.longest is None or self.longest.size_mm is None:
            return (0.0, 0.0), 0.0
        return self.longest.size_mm, self.longest.size_uncertainty_mm or 0.0


def labels(named: Sequence[tuple[FindingPart, str]], width: int, height: int, size: float) -> list[Label]:
    """One label per boxed finding, strongest first; a label that has no free place is left out, its box is still drawn.

    Args:
        named: findings of one view with their words.
        width: of the picture, pixels.
        height: of the picture, pixels.
        size: of the letters, pixels.
    """
    taken: list[tuple[float, float, float]] = []
    placed = []
    for finding, text in named:
        box = finding.box
        if box is None:
            continue
        length = size * sum(1.0 if ord(character) >= WIDE else NARROW_EM for character in text)
        x = max(0.0, min(float(box.x), width - length))
        first = box.y - 0.3 * size if box.y > 1.3 * size else box.y + 1.1 * size
        rows = (first + row * 1.25 * size for row in range(ROWS_TRIED))
        free = (y for y in rows if y < height and not _covered(taken, x, y, length, size))
        y = next(free, None)
        shown = "" if y is None else text
        if y is not None:
            taken.append((x, y, length))
        placed.append(Label(box, shown, x, y or 0.0, size))
    return placed


def _covered(taken: Sequence[tuple[float, float, float]], x: float, y: float, length: float, size: float) -> bool:
    return any(x < left + width and left < x + length and abs(y - row) < 1.2 * size for left, row, width in taken)


def groups(findings: Sequence[FindingPart]) -> list[Group]:
    """The findings by defect, strongest first."""
    by_defect: dict[str, list[FindingPart]] = {}
    for finding in sorted(findings, key=lambda finding: -finding.probability):
        by_defect.setdefault(finding.defect.value, []).append(finding)
    return [
        Group(
            defect,
            found[0].probability,
            tuple(dict.fromkeys(finding.view for finding in found)),
            max((finding for finding in found if finding.size_mm), key=_length_mm, default=None),
        )
        for defect, found in by_defect.items()
    ]


def _length_mm(finding: FindingPart) -> float:
    return finding.size_mm[0] if finding.size_mm is not None else 0.0


def _plain(millimetres: float) -> str:
    """One decimal below 10, none above: no more digits than a measurement of pictures can have."""
    return f"{millimetres:.1f}" if millimetres < 10 else f"{millimetres:.0f}"  # noqa: PLR2004
