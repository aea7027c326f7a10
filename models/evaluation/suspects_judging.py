"""Probabilities for every labelled picture from models that never saw it, on the trainer's frozen features.

The features are those of ImageNet weights, which no label has touched. On them, a regularised logistic regression of
each kind of goods is fitted fold by fold: seconds where fine-tuning takes an hour, and nothing that could learn a wrong
label by heart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from datasets.manifest import Sample
from datasets.splits import few_days
from inspection.finding import Condition, Defect
from models.evaluation.suspects import Floats, Places
from models.training.backbone import Trunk, pretrained
from models.training.features import FeatureCache

LEAST_OF_GOODS = 60
"""Pictures from which a kind of goods gets models of its own; the rarer ones share some."""
LEAST_OF_CLASS = 4
STRENGTH = 0.02
"""Of the regression (inverse of the penalty): 600 features of a few hundred pictures."""
Features = npt.NDArray[np.float32]


def features(
    samples: Sequence[Sample], work: Path, size: int, threads: int, advance: Callable[[int], None]
) -> Features:
    """What the frozen trunk sees in each picture, (N, 608): means and spreads of its channels; kept in ``work``."""
    cache = FeatureCache(work / "features", samples, size, 0, 0)
    cache.fill(Trunk(pretrained()), threads, advance)
    found = []
    for start in range(0, len(samples), 64):
        fine = np.asarray(cache.fine[0, start : start + 64], np.float32)
        coarse = np.asarray(cache.coarse[0, start : start + 64], np.float32)
        axes = (2, 3)
        parts = [fine.mean(axes), fine.std(axes), coarse.mean(axes), coarse.max(axes)]
        found.append(np.concatenate(parts, axis=1))
    return np.concatenate(found)


def conditions(samples: Sequence[Sample], seen: Features, folds: int, seed: int) -> tuple[Floats, Places]:
    """Probabilities (N, 4) of the conditions, and the labels' places."""
    order = list(Condition)
    labels = np.array([order.index(sample.condition) for sample in samples], np.int64)
    return _out_of_fold(samples, seen, labels, len(order), np.ones(len(samples), bool), folds, seed), labels


def defect(
    samples: Sequence[Sample], seen: Features, wanted: Defect, folds: int, seed: int
) -> tuple[Floats, Places, npt.NDArray[np.bool_]]:
    """Probabilities (N, 2) that the defect is absent and present, the labels, and where a label says either."""
    present = np.array([wanted in sample.defects for sample in samples], bool)
    known = present | np.array([sample.absent(wanted) for sample in samples], bool)
    labels = present.astype(np.int64)
    found = _out_of_fold(samples, seen, labels, 2, known, folds, seed)
    return found, labels, known & np.isfinite(found).all(axis=1)


def _out_of_fold(
    samples: Sequence[Sample], seen: Features, labels: Places, classes: int, known: npt.NDArray[np.bool_], folds: int,
    seed: int,
) -> Floats:  # fmt: skip
    """(N, classes), each row of models that did not see its fold; where none could be made, the labels' own shares."""
    found = np.full((len(samples), classes), np.nan)
    for rows in _of_goods(samples):
        mine = rows[known[rows]]
        counts = np.bincount(labels[mine], minlength=classes)
        found[rows] = (counts + 0.5) / (counts + 0.5).sum()
        usable = mine[counts[labels[mine]] >= LEAST_OF_CLASS]
        if len(np.unique(labels[usable])) < 2:  # noqa: PLR2004 - one class is nothing to choose from
            continue
        for train, judged in _folds(samples, labels, usable, folds, seed):
            if len(np.unique(labels[train])) < 2:  # noqa: PLR2004
                continue
            model = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=400))
            model.fit(seen[train], labels[train])
            said = model.predict_proba(seen[judged])
            found[judged] = 0.0
            found[np.ix_(judged, model.classes_)] = said
    return found


def _of_goods(samples: Sequence[Sample]) -> list[Places]:
    """The rows of each kind of goods that has enough, and of all others together."""
    counts = Counter(sample.goods for sample in samples)
    names = np.array([sample.goods if counts[sample.goods] >= LEAST_OF_GOODS else "" for sample in samples])
    return [np.flatnonzero(names == each) for each in np.unique(names)]


def _folds(
    samples: Sequence[Sample], labels: Places, rows: Places, folds: int, seed: int
) -> list[tuple[Places, Places]]:
    """Groups stay together, so that copies of one picture do not vouch for each other's label.

    Only where a set has too few days to spare one are its pictures split by themselves: there the day tells the label.
    """
    loose = few_days(samples)
    groups = np.array([samples[row].name if samples[row].set in loose else samples[row].group for row in rows])
    count = max(2, min(folds, len(np.unique(groups)), int(np.bincount(labels[rows])[np.unique(labels[rows])].min())))
    if len(np.unique(groups)) == len(rows):
        parts = StratifiedKFold(count, shuffle=True, random_state=seed).split(rows, labels[rows])
    else:
        parts = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(rows, labels[rows], groups)
    return [(rows[train], rows[judged]) for train, judged in parts]
