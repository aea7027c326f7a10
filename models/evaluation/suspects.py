"""Labels that are probably wrong: confident learning on probabilities of models that never saw the picture.

Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70, 2021:
the threshold of a class is the mean probability that pictures labelled so get for it (equation 2); a label is doubted
when another class passes its threshold, the most probable of those that do (equation 1); the order is the normalised
margin (section 3.2), here of probabilities less their thresholds, so that a class of which models are seldom sure is
not doubted as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is doubted of N labels of one kind.

    Attributes:
        score: (N,) 0..1, the higher the surer that the label is wrong; 0 where nothing is known.
        suggested: (N,) the class that speaks most against the label, or the label itself where it is the best.
        doubted: (N,) bool, whether confident learning calls the label wrong.
    """

    score: Floats
    suggested: Places
    doubted: npt.NDArray[np.bool_]


def doubts(probabilities: Floats, labels: Places, known: npt.NDArray[np.bool_] | None = None) -> Doubts:
    """The doubts of labels.

    Args:
        probabilities: (N, K), each row sums to 1, of models that never saw that row.
        labels: (N,), 0..K-1.
        known: (N,), rows of which label and probabilities mean something; by default all.

    Raises:
        ValueError: shapes that do not fit, or a label outside 0..K-1.
    """
    count, classes = probabilities.shape
    known = np.ones(count, bool) if known is None else known
    if labels.shape != (count,) or known.shape != (count,):
        raise ValueError(f"{count} rows need {count} labels, not {labels.shape} and {known.shape}")
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"labels must be 0..{classes - 1}")
    thresholds = np.array([_threshold(probabilities, labels, known, each) for each in range(classes)])
    adjusted = probabilities - thresholds
    adjusted[:, ~np.isfinite(thresholds)] = -np.inf
    rows = np.arange(count)
    own = adjusted[rows, labels]
    others = adjusted.copy()
    others[rows, labels] = -np.inf
    rival = others.argmax(axis=1) if count else np.zeros(0, np.int64)
    margin = np.where(known, own - others[rows, rival], 1.0)
    passing = np.where(adjusted >= 0, probabilities, -1.0)
    most = passing.argmax(axis=1) if count else np.zeros(0, np.int64)
    doubted = known & (passing[rows, most] >= 0) & (most != labels)
    score = np.where(known, np.clip((1 - np.nan_to_num(margin, neginf=-1, posinf=1)) / 2, 0, 1), 0.0)
    return Doubts(score, np.where(known & (margin < 0), rival, labels).astype(np.int64), doubted)


def _threshold(probabilities: Floats, labels: Places, known: npt.NDArray[np.bool_], each: int) -> float:
    """Mean probability of the class among rows labelled so; none is passed where no row is."""
    mine = known & (labels == each)
    return float(probabilities[mine, each].mean()) if mine.any() else float("inf")
