"""Accepted labels as entries of a version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from datasets.versions.entry import Consent, Entry
from inspection.finding import Condition, Defect
from inspection.hub.review.labels import LICENCE, SET, AcceptedLabel

KINDS = {"image/jpeg": "jpg", "image/png": "png"}
MAX_KEY = 200
SOURCE = "review"


@dataclass(frozen=True, slots=True)
class Labelled:
    """What labels come to.

    Attributes:
        entries: one a picture.
        useless: pictures of which nothing can be learned; a version leaves them out.
        contradicting: how many labels say what cannot be, e.g. an intact item with a crack.
    """

    entries: tuple[Entry, ...]
    useless: frozenset[str]
    contradicting: int


def labelled(labels: Iterable[AcceptedLabel]) -> Labelled:
    """The entries of these labels."""
    entries, useless, contradicting = [], set(), 0
    for label in labels:
        if label.useless or label.condition is None:
            useless.add(label.image_sha256)
            continue
        try:
            entries.append(_entry(label))
        except ValidationError:
            contradicting += 1
    return Labelled(tuple(entries), frozenset(useless), contradicting)


def _entry(label: AcceptedLabel) -> Entry:
    damaged = label.condition is not Condition.INTACT
    marks = [
        {"defect": box.defect or Defect.DAMAGED, "x": box.x, "y": box.y, "width": box.width, "height": box.height}
        for box in label.boxes
    ]
    named = {*label.defects, *(box.defect or Defect.DAMAGED for box in label.boxes)}
    defects = sorted(named) if named or not damaged else [Defect.DAMAGED]
    return Entry.model_validate(
        {
            "sha256": label.image_sha256, "kind": KINDS.get(label.media_type, "jpg"), "width": label.width,
            "height": label.height, "set": SET, "goods": label.goods, "view": label.view,
            "condition": label.condition, "defects": defects, "marks": marks, "item": key_of(label.item_key),
            "customer": key_of(label.customer_key or ""), "date": label.captured_at.date().isoformat(),
            "station": key_of(label.station_id), "capture": "fixed", "source": SOURCE, "licence": LICENCE,
            "consent": Consent.TERMS, "label": str(label.label_id),
        }
    )  # fmt: skip


def key_of(text: str) -> str:
    """A key as it is, or its hash where it is too long or holds what a manifest cannot."""
    if len(text) <= MAX_KEY and text.isprintable():
        return text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
