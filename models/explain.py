"""Why an item was judged so: the picture and region that decided it, and the known examples most like it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inspection.finding import Assessment, Finding
from inspection.frame import ViewPicture
from models.bundle import REFERENCE, Bundle
from models.examples import EXAMPLES, Similar, from_bytes
from models.novelty import Reference
from models.runtime import Judge


@dataclass(frozen=True, slots=True)
class Explanation:
    """What stands behind an assessment.

    Attributes:
        view: the one that decided the condition.
        region: the strongest finding in it, with box and, where the view is calibrated, millimetres; ``None`` when the
            model found no defect there.
        similar: known examples most like that view, the most similar first; empty when the bundle has none.
    """

    assessment: Assessment
    view: str
    region: Finding | None
    similar: tuple[Similar, ...]


def explain(judge: Judge, bundle: Bundle, pictures: Sequence[ViewPicture], count: int = 3) -> Explanation:
    """Judge an item and say why; ``bundle`` is the judge's.

    Raises:
        PictureRefused: an array is no picture.
        ValueError: ``bundle`` is another one, or see :meth:`models.runtime.Judge.assess`.
    """
    if bundle.bundle_id != judge.bundle_id:
        raise ValueError(f"{judge.bundle_id} judges, not {bundle.bundle_id}")
    assessment = judge.assess(pictures)
    similar: list[Similar] = []
    if EXAMPLES in bundle.contents:
        deciding = next(picture for picture in pictures if picture.view == assessment.decided_by)
        embedding = judge.run_raw(judge.preprocess([deciding])).embedding[0]
        similar = from_bytes(bundle.contents[EXAMPLES]).nearest(reference_of(bundle), embedding, count)
    return Explanation(assessment, assessment.decided_by, assessment.deciding, tuple(similar))


def reference_of(bundle: Bundle) -> Reference:
    """The space in which the bundle compares embeddings."""
    with np.load(io.BytesIO(bundle.contents[REFERENCE]), allow_pickle=False) as arrays:
        return Reference(**{name: arrays[name] for name in arrays.files})
