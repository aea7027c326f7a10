"""One picture of a version: the hash of its bytes, its label, what it belongs to, and where it may be used."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.finding import Condition, Defect

MAX_SIDE = 20_000
MAX_BOXES = 200
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")]
"""Names that may become names of files."""
Key = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f]*$")]


class Consent(StrEnum):
    """On what ground a picture may be learned from.

    ``not_needed``: it shows no person and nothing of one. ``terms``: the terms of returning goods allow it.
    ``given``: somebody agreed. ``unstated``: nobody said; for internal evaluation.
    """

    NOT_NEEDED = "not_needed"
    TERMS = "terms"
    GIVEN = "given"
    UNSTATED = "unstated"


class Split(StrEnum):
    """What a picture is for: to learn from, or for the exam that no training ever sees."""

    TRAIN = "train"
    EXAM = "exam"


class Part(BaseModel):
    """Base: unknown keys are refused, values do not change, nothing that is no number becomes one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Mark(Part):
    """Where a defect is: left, top, width and height in pixels of the picture."""

    defect: Defect
    x: Annotated[int, Field(ge=0, le=MAX_SIDE)]
    y: Annotated[int, Field(ge=0, le=MAX_SIDE)]
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)]


class Entry(Part):
    """One picture.

    Attributes:
        sha256: of the picture's bytes; the name under which a store has them.
        kind: file type of these bytes.
        width: pixels; height likewise.
        set: the collection it belongs to.
        goods: kind of goods.
        view: camera position, where known.
        condition: labelled condition.
        defects: labelled defects, in the order of their names; none of an intact item.
        marks: where they are, as far as somebody drew it.
        mask: hash of a mask picture (:mod:`datasets.masks`), where there is one.
        item, customer, date, station: what it shows, whose it was (never a name), when (``YYYY-MM-DD``) and where it
            was taken; empty where unknown.
        group: pictures of one group never stand in two splits; made of the keys above.
        capture: how it was taken.
        source: where it comes from.
        licence: under which it may be used.
        consent: on which ground.
        name: of the file it came as, in its collection.
        label: id of the label it carries, where a person gave it in the review queue.
        split: what it is for.
    """

    sha256: Sha256
    kind: Literal["jpg", "png"]
    width: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    height: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    set: Word
    goods: Word
    view: Key = ""
    condition: Condition
    defects: tuple[Defect, ...] = ()
    marks: Annotated[tuple[Mark, ...], Field(max_length=MAX_BOXES)] = ()
    mask: Sha256 | None = None
    item: Key = ""
    customer: Key = ""
    date: Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = ""
    station: Key = ""
    group: Key = ""
    capture: Literal["fixed", "handheld", "web"] = "fixed"
    source: Text = ""
    licence: Text = ""
    consent: Consent = Consent.UNSTATED
    name: Text = ""
    label: Key = ""
    split: Split = Split.TRAIN

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.condition is Condition.INTACT) == bool(self.defects):
            raise ValueError(f"{self.condition} with {len(self.defects)} defects contradicts itself")
        if list(self.defects) != sorted(set(self.defects)):
            raise ValueError("defects must be in the order of their names, each once")
        for mark in self.marks:
            if mark.defect not in self.defects:
                raise ValueError(f"a mark shows {mark.defect}, which the label does not name")
            if mark.x + mark.width > self.width or mark.y + mark.height > self.height:
                raise ValueError("a mark reaches beyond the picture")
        return self

    @property
    def file(self) -> str:
        """Name of the picture's file where a folder of them is laid out."""
        return f"{self.sha256}.{self.kind}"

    @property
    def said(self) -> tuple[object, ...]:
        """What the label says; two entries of one picture with different values were labelled differently."""
        marks = sorted((mark.defect, mark.x, mark.y, mark.width, mark.height) for mark in self.marks)
        return self.goods, self.condition, self.defects, tuple(marks), self.mask
