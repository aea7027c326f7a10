"""What somebody says a picture shows: a condition and its defects with boxes, or that it is of no use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Row

from inspection.finding import Condition, Defect
from inspection.hub.problems import Problem
from inspection.hub.review.reasons import FALSE
from inspection.report import AssessmentPart, BoxPart, InspectionReport
from inspection.verdict import Disposition

MAX_BOXES = 50
PROBABLE = 0.3
"""Probability from which the model's defects are shown to who labels."""
AS_DECIDED = {
    ("resell", "as_new"): Condition.INTACT,
    ("resell", "open_box"): Condition.MINOR,
    ("resell", "parts"): Condition.MAJOR,
    ("repair", None): Condition.MAJOR,
    ("scrap", None): Condition.CRITICAL,
}
"""Condition that a worker's decision comes to; what it leaves open is left to who confirms."""


@dataclass(frozen=True, slots=True)
class LabelBox:
    """Where a defect is, in pixels of the stored picture; ``None``: damage whose type is not said."""

    x: int
    y: int
    width: int
    height: int
    defect: Defect | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON values."""
        named = None if self.defect is None else str(self.defect)
        return {"x": self.x, "y": self.y, "width": self.width, "height": self.height, "defect": named}


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one picture shows.

    Attributes:
        condition: of what is to be seen; ``None`` exactly when the picture is of no use.
        defects: all that are to be seen, in the order of :class:`Defect`.
        boxes: where.
        useless: nothing can be said: too dark, blurred, the wrong thing.
    """

    condition: Condition | None
    defects: tuple[Defect, ...] = ()
    boxes: tuple[LabelBox, ...] = ()
    useless: bool = False

    def same_as(self, other: Opinion) -> bool:
        """Whether two people said the same; boxes are never the same to the pixel."""
        return (self.condition, self.defects, self.useless) == (other.condition, other.defects, other.useless)


def opinion(
    condition: Condition | None,
    defects: Sequence[Defect],
    boxes: Sequence[LabelBox],
    useless: bool,
    size: tuple[int, int],
) -> Opinion:
    """What was said, when it makes sense for a picture of ``size`` (width, height).

    Defects of boxes are defects. An intact item has none, and one that is not intact has some: a training that reads
    the labels refuses anything else.

    Raises:
        Problem: ``request.invalid``, naming what contradicts what.
    """
    if useless:
        if condition is not None or defects or boxes:
            raise _contradiction("/useless", "of a picture that is of no use nothing else is said")
        return Opinion(None, useless=True)
    if condition is None:
        raise _contradiction("/condition", "needed unless the picture is of no use")
    if len(boxes) > MAX_BOXES:
        raise _contradiction("/boxes", f"at most {MAX_BOXES}")
    for place, box in enumerate(boxes):
        if box.x + box.width > size[0] or box.y + box.height > size[1]:
            raise _contradiction(f"/boxes/{place}", f"not within the picture of {size[0]}x{size[1]} pixels")
    named = {*defects, *(box.defect for box in boxes if box.defect is not None)}
    if any(box.defect is None for box in boxes) and not named:
        named.add(Defect.DAMAGED)
    if (condition is Condition.INTACT) == bool(named):
        raise _contradiction("/defects", "intact has no defects; every other condition has at least one")
    return Opinion(condition, in_order(named), tuple(boxes))


def in_order(defects: set[Defect] | frozenset[Defect]) -> tuple[Defect, ...]:
    """Defects in the order of :class:`Defect`."""
    return tuple(each for each in Defect if each in defects)


def stored(row: Row[Any]) -> Opinion:
    """The opinion in the columns ``condition, defects, boxes, useless``."""
    condition = None if row.condition is None else Condition(row.condition)
    return Opinion(condition, tuple(map(Defect, row.defects)), boxes_of(row.boxes), row.useless)


def columns(said: Opinion) -> dict[str, Any]:
    """The columns of an opinion."""
    return {
        "condition": None if said.condition is None else str(said.condition),
        "defects": list(map(str, said.defects)),
        "boxes": [box.plain() for box in said.boxes],
        "useless": said.useless,
    }


def boxes_of(plain: Sequence[Mapping[str, Any]]) -> tuple[LabelBox, ...]:
    """Boxes from JSON values."""
    return tuple(
        LabelBox(each["x"], each["y"], each["width"], each["height"], each["defect"] and Defect(each["defect"]))
        for each in plain
    )


def of_model(said: AssessmentPart, view: str, size: tuple[int, int]) -> dict[str, Any]:
    """What the model said of one view: its findings there, and the condition it gave the whole item."""
    found = [each for each in said.findings if each.view == view and each.probability >= PROBABLE]
    condition = max(said.p_condition, key=lambda each: said.p_condition[each]) if said.p_condition else None
    boxes = [_within(each.box, size, each.defect) for each in found if each.box is not None]
    return {
        "condition": None if condition is None else str(condition),
        "defects": list(map(str, in_order({each.defect for each in found}))),
        "boxes": [box.plain() for box in boxes if box is not None],
        "probability": None if condition is None else said.p_condition[condition],
        "bundle": said.bundle_id,
    }


def of_override(report: InspectionReport, view: str, size: tuple[int, int]) -> dict[str, Any] | None:
    """What the worker said who overrode the model, as a proposal; ``None`` when nobody did.

    A hold says nothing about the item, and a defect without a type is ``damaged``.
    """
    person = report.person
    if person is None or not person.overrides:
        return None
    grade = person.grade if person.disposition is Disposition.RESELL else None
    condition = AS_DECIDED.get((str(person.disposition), grade and str(grade)))
    marks = [mark for mark in person.marks if mark.view == view]
    boxes = [box for mark in marks if (box := _within(mark.box, size, mark.defect)) is not None]
    if person.reason_code == FALSE and person.disposition is Disposition.RESELL and not person.marks:
        condition = Condition.INTACT  # stations give whatever is sold against the model the same grade
    defects = {box.defect or Defect.DAMAGED for box in boxes}
    if boxes and condition is Condition.INTACT:
        condition = None
    if not boxes and condition not in (None, Condition.INTACT):
        defects = _seen_by_model(report, view) or {Defect.DAMAGED}
    return {
        "condition": None if condition is None else str(condition),
        "defects": list(map(str, in_order(defects))),
        "boxes": [box.plain() for box in boxes],
        "reason": person.reason_code,
    }


def _seen_by_model(report: InspectionReport, view: str) -> set[Defect]:
    said = report.assessment
    return set() if said is None else {each.defect for each in said.findings if each.view == view}


def _within(box: BoxPart, size: tuple[int, int], defect: Defect | None) -> LabelBox | None:
    """The part of a box that lies in the picture; nothing when it is beside it."""
    width, height = min(box.width, size[0] - box.x), min(box.height, size[1] - box.y)
    return LabelBox(box.x, box.y, width, height, defect) if width > 0 and height > 0 else None


def _contradiction(pointer: str, message: str) -> Problem:
    return Problem("request.invalid", "see errors", errors=[{"pointer": pointer, "message": message}])
