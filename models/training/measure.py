"""Figures on held-out groups: AUROC, macro-F1, balanced accuracy, temperatures, thresholds, conformal risk control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from datasets.manifest import Sample
from datasets.splits import Trial
from inspection.finding import Condition, Defect
from models.training.fit import Floats, Labels

SELLABLE = 2
"""Conditions before this index (intact, minor) can be sold."""
DEFAULT_THRESHOLD = 0.5


def sigmoid(logits: Floats) -> Floats:
    """Probabilities of independent logits."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)


def softmax(logits: Floats) -> Floats:
    """Probabilities of rows of logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)


def per_set(
    samples: Sequence[Sample], labels: Labels, indices: Sequence[int], defects: Floats, conditions: Floats
) -> dict[str, dict[str, Any]]:
    """Figures of each set on the samples ``indices``, to which the rows of the two arrays of probabilities belong.

    ``auroc`` ranks damaged against intact by 1 - p_intact; ``macro_f1`` compares, where every label is known and
    single, the strongest defect (or intact) with the label; ``called_damaged`` is the share with p_intact < 0.5.
    """
    result: dict[str, dict[str, Any]] = {}
    rows = np.asarray(indices)
    names = np.array([samples[index].set for index in indices])
    for name in sorted(set(names)):
        here = np.flatnonzero(names == name)
        truth = labels.condition[rows[here]]
        damaged = truth > 0
        figures: dict[str, Any] = {
            "pictures": len(here),
            "groups": len({samples[int(index)].group for index in rows[here]}),
            "called_damaged": round(float((conditions[here, 0] < DEFAULT_THRESHOLD).mean()), 4),
        }
        if damaged.any() and not damaged.all():
            figures["auroc"] = round(float(roc_auc_score(damaged, 1 - conditions[here, 0])), 4)
        if len(set(truth)) > 1:
            figures["balanced_accuracy"] = round(
                float(balanced_accuracy_score(truth, conditions[here].argmax(axis=1))), 4
            )
        figures |= _macro_f1(labels, rows[here], defects[here], conditions[here])
        result[name] = figures
    return result


def temperature(logits: Floats, truth: npt.NDArray[np.int64]) -> float:
    """The temperature with the least log-loss of softmax(logits / T), 0.3..5 (Guo et al. 2017)."""

    def loss(value: float) -> float:
        return float(-np.log(softmax(logits / np.float32(value))[np.arange(len(truth)), truth] + 1e-9).mean())

    return float(minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x)


def defect_temperature(logits: Floats, present: Floats, known: Floats) -> float:
    """The temperature with the least log-loss of sigmoid(logits / T) over the known labels, 0.3..5."""

    def loss(value: float) -> float:
        p = np.clip(sigmoid(logits / np.float32(value)), 1e-6, 1 - 1e-6)
        return float(-((present * np.log(p) + (1 - present) * np.log(1 - p)) * known).sum() / known.sum())

    return float(minimize_scalar(loss, bounds=(0.3, 5.0), method="bounded").x)


def defect_thresholds(probabilities: Floats, labels: Labels, indices: Sequence[int]) -> dict[Defect, float]:
    """For each defect the threshold with the best F1 over its known labels, never under 0.35; 0.5 without positives."""
    rows = np.asarray(indices)
    chosen: dict[Defect, float] = {}
    for column, defect in enumerate(labels.defects):
        known = labels.known[rows, column] > 0
        truth = labels.present[rows, column][known] > 0
        if truth.sum() < 3:  # noqa: PLR2004 - too few to choose by
            chosen[defect] = DEFAULT_THRESHOLD
            continue
        candidates = np.linspace(0.35, 0.9, 56)
        scores = [f1_score(truth, probabilities[known, column] >= threshold) for threshold in candidates]
        best = np.flatnonzero(np.isclose(scores, max(scores)))
        chosen[defect] = round(float(candidates[best[len(best) // 2]]), 3)  # the middle of the plateau
    return chosen


def conformal_threshold(
    conditions: Floats, truth: npt.NDArray[np.int64], wrong_resell: float, wrong_scrap: float
) -> float:
    """Least threshold on max(p_sellable, 1 - p_sellable) that keeps both risks, by conformal risk control.

    The risks are, among the pictures called sellable over the threshold, the share that is not, and the reverse among
    those called bad; (wrong + 1) / (called + 1) must not exceed the stated rate at any higher threshold either (for
    bad ones, of which there are few, no wrong one at all will do)
    (after Angelopoulos et al. 2022, arXiv 2208.02814, section 3). 1.0 when no threshold does.
    """
    p_sellable = conditions[:, :SELLABLE].sum(axis=1)
    sellable = truth < SELLABLE
    least = 1.0
    for threshold in np.linspace(0.999, 0.5, 500):
        resold, scrapped = p_sellable >= threshold, 1 - p_sellable >= threshold
        wrong_resold, wrong_scrapped = int((resold & ~sellable).sum()), int((scrapped & sellable).sum())
        kept = (wrong_resold + 1) / (resold.sum() + 1) <= wrong_resell
        if not kept or (wrong_scrapped and (wrong_scrapped + 1) / (scrapped.sum() + 1) > wrong_scrap):
            if resold.sum() >= 1 / wrong_resell:  # with fewer no rate can be promised yet
                break
            continue
        least = round(float(threshold), 4)
    return least


def calibration_error(conditions: Floats, truth: npt.NDArray[np.int64], bins: int = 10) -> float:
    """Expected calibration error of the most probable condition, equal-width bins."""
    confidence, right = conditions.max(axis=1), conditions.argmax(axis=1) == truth
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        (places == place).mean() * abs(confidence[places == place].mean() - right[places == place].mean())
        for place in range(bins)
        if (places == place).any()
    ]
    return round(float(np.sum(gaps)), 4)


def _macro_f1(labels: Labels, rows: npt.NDArray[np.int64], defects: Floats, conditions: Floats) -> dict[str, float]:
    known, present = labels.known[rows], labels.present[rows]
    columns = np.flatnonzero(present.any(axis=0) & (known.mean(axis=0) == 1))
    if len(columns) < 2 or (present[:, columns].sum(axis=1) > 1).any():  # noqa: PLR2004
        return {}
    truth = np.where(present[:, columns].any(axis=1), present[:, columns].argmax(axis=1) + 1, 0)
    scores = np.concatenate([conditions[:, :1], defects[:, columns]], axis=1)
    return {"macro_f1": round(float(f1_score(truth, scores.argmax(axis=1), average="macro")), 4)}


def unseen_days(tried: Sequence[Trial], predictions: Sequence[Floats], labels: Labels) -> dict[str, dict[str, Any]]:
    """Figures of each kind of trial: mean AUROC of damaged against intact, of the grades over all trials together.

    Args:
        tried: the trials.
        predictions: probabilities of the conditions of what each judged, (n, 4).
        labels: of all samples.
    """
    figures: dict[str, dict[str, Any]] = {}
    critical = list(Condition).index(Condition.CRITICAL)
    for kind in dict.fromkeys(trial.kind for trial in tried):
        pairs = [
            (labels.condition[list(trial.judged)], found)
            for trial, found in zip(tried, predictions, strict=True)
            if trial.kind == kind
        ]
        truth, found = (np.concatenate(column) for column in zip(*pairs, strict=True))
        ranked = [float(roc_auc_score(y > 0, 1 - p[:, 0])) for y, p in pairs if 0 < (y > 0).mean() < 1]
        p_sellable = found[:, :SELLABLE].sum(axis=1)
        figures[kind] = {
            "trials": len(pairs),
            "pictures": len(truth),
            "auroc": round(float(np.mean(ranked)), 4) if ranked else None,
            "balanced_accuracy": round(float(balanced_accuracy_score(truth, found.argmax(axis=1))), 4),
            "damaged": int((truth > 0).sum()),
            "damaged_found": int(((truth > 0) & (found[:, 0] < DEFAULT_THRESHOLD)).sum()),
            "false_alarms": int(((truth == 0) & (found[:, 0] < DEFAULT_THRESHOLD)).sum()),
            "critical": int((truth == critical).sum()),
            "critical_called_sellable": int(((truth == critical) & (p_sellable > DEFAULT_THRESHOLD)).sum()),
        }
    return figures
