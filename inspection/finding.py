"""What the model says about an item: findings, condition, novelty, capture quality."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Defect(StrEnum):
    """Defect types (multi-label). ``DAMAGED`` is damage whose type the label does not state."""

    CRACK = "crack"
    SCRATCH = "scratch"
    DENT = "dent"
    TEAR = "tear"
    HOLE = "hole"
    STAIN = "stain"
    CRUSH = "crush"
    BREACH = "breach"
    CORROSION = "corrosion"
    MISSING_PART = "missing_part"
    WEAR = "wear"
    SMUDGE = "smudge"
    DAMAGED = "damaged"
    NOVEL = "novel"


class Condition(StrEnum):
    """Ordinal state of an item, best first."""

    INTACT = "intact"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Box:
    """Axis-aligned region in pixels of the frame: left, top, width, height; all >= 0, width and height >= 1."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Region:
    """Where a finding is, more closely than by its box.

    Attributes:
        outline: convex, (x, y) of its corners in pixels of the judged picture; 0 is the first one's left or upper edge.
        area_px: of the region itself, which need not be convex.
        cell_px: side of the smallest thing it can tell apart, e.g. of one cell of a defect map.
    """

    outline: tuple[tuple[float, float], ...]
    area_px: float
    cell_px: float = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect in one view.

    Attributes:
        defect: its type.
        probability: calibrated, 0..1.
        view: the view it was seen in.
        box: where, in pixels of that view's frame; ``None`` when the model cannot say.
        size_mm: length and width in millimetres when the view is calibrated.
        area_mm2: likewise.
        size_uncertainty_mm: how far length and width may each be off, as far as is known; likewise.
        region: where more closely, in pixels of the picture that was judged; ``None`` when the model cannot say.
    """

    defect: Defect
    probability: float
    view: str
    box: Box | None = None
    size_mm: tuple[float, float] | None = None
    area_mm2: float | None = None
    size_uncertainty_mm: float | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class CaptureQuality:
    """Whether a view's picture can carry a verdict; ``problems`` are codes such as ``too_dark``."""

    view: str
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems


class Trials(StrEnum):
    """How far the trials go that bound a model's mistakes in one kind of goods, from the least on.

    ``too_few``: they bound nothing, so nothing of the kind is called sellable surely. ``sound_only``: they bound them
    among goods of which hardly any was bad, so how damage looks to the model is not known. ``enough``: of both kinds.
    """

    TOO_FEW = "too_few"
    SOUND_ONLY = "sound_only"
    ENOUGH = "enough"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The model's opinion of one item over all its views.

    Attributes:
        bundle_id: ``name@version+<first 12 hex of the bundle hash>``.
        findings: defects above their thresholds, strongest first.
        p_defect: calibrated probability of each defect type, maximum over views.
        p_condition: probability of each condition, sums to 1.
        novelty: 0 (like the training data) .. 1 (unlike anything seen).
        novel: whether novelty exceeds the bundle's threshold.
        confident: whether the condition probability passes the bundle's conformal threshold for the kind of goods.
        capture: quality of each view, in the order of the views.
        decided_by: the view that decided the condition; empty when the model cannot say.
        trials: how far the bundle's trials of the kind of goods go.
    """

    bundle_id: str
    findings: tuple[Finding, ...]
    p_defect: Mapping[Defect, float]
    p_condition: Mapping[Condition, float]
    novelty: float
    novel: bool
    confident: bool
    capture: tuple[CaptureQuality, ...]
    decided_by: str = ""
    trials: Trials = Trials.ENOUGH

    @property
    def deciding(self) -> Finding | None:
        """The strongest finding in the view that decided the condition: the region to look at first."""
        return next((finding for finding in self.findings if finding.view == self.decided_by), None)

    @property
    def condition(self) -> Condition:
        """The most probable condition."""
        return max(self.p_condition, key=lambda condition: self.p_condition[condition])

    @property
    def confidence(self) -> float:
        """Probability of the most probable condition, 0..1."""
        return self.p_condition[self.condition]
