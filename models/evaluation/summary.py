"""Figures over judged photographs: how well damage is ranked, what is decided alone, and how often that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.table import Table

from inspection.finding import Condition
from inspection.verdict import Disposition
from models.evaluation.photographs import Result

BAD = frozenset({Condition.MAJOR, Condition.CRITICAL})
RESAMPLES = 1000
BINS = 10
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one set of photographs; ``None`` where labels are missing or of one kind only.

    Attributes:
        photographs: how many there are.
        auroc: of the probability of any damage against the label; with its 95 % interval by bootstrap.
        balanced_accuracy: of the four conditions, over those that occur.
        decided: share that the policy decides without holding it.
        wrong_resell: share of the resold ones that are labelled major or critical.
        wrong_scrap: share of the scrapped ones that are labelled intact or minor.
        unreadable: files that are no pictures.
        ms: median time of one, milliseconds.
    """

    photographs: int
    auroc: float | None
    auroc_interval: tuple[float, float] | None
    balanced_accuracy: float | None
    decided: float
    wrong_resell: float | None
    wrong_scrap: float | None
    unreadable: int
    ms: float


def figures(results: Sequence[Result]) -> Figures:
    """The figures of these results."""
    judged = [result for result in results if result.assessment is not None]
    labelled = [(result, truth) for result in judged if (truth := label(result)) is not None]
    damaged = np.array([truth is not Condition.INTACT for _, truth in labelled], bool)
    scores = np.array([p_damaged(result) for result, _ in labelled], np.float64)
    ranked = auroc(damaged, scores)
    return Figures(
        photographs=len(results),
        auroc=ranked,
        auroc_interval=None if ranked is None else _interval(damaged, scores),
        balanced_accuracy=_balanced_accuracy(labelled),
        decided=_share([result.decision is not Disposition.HOLD for result in results]) or 0.0,
        wrong_resell=_share([truth in BAD for result, truth in labelled if result.decision is Disposition.RESELL]),
        wrong_scrap=_share([truth not in BAD for result, truth in labelled if result.decision is Disposition.SCRAP]),
        unreadable=len(results) - len(judged),
        ms=float(np.median([result.ms for result in judged])) if judged else 0.0,
    )


def label(result: Result) -> Condition | None:
    """The labelled condition, where the manifest has one."""
    text = result.photograph.labels.get("condition") or ""
    return Condition(text) if text in set(Condition) else None


def p_damaged(result: Result) -> float:
    """Probability that anything is wrong with the item."""
    return 1.0 - result.assessment.p_condition[Condition.INTACT] if result.assessment is not None else float("nan")


def auroc(positive: npt.NDArray[np.bool_], scores: Floats) -> float | None:
    """Area under the receiver operating characteristic; ties count half. ``None`` when one class is missing."""
    above, below = scores[positive], scores[~positive]
    if not len(above) or not len(below):
        return None
    order = np.sort(below)
    less = np.searchsorted(order, above, side="left")
    equal = np.searchsorted(order, above, side="right") - less
    return float((less + 0.5 * equal).sum() / (len(above) * len(below)))


def table(results: Sequence[Result], title: str) -> Table:
    """A row a set, and one for all."""
    sets: dict[str, list[Result]] = {}
    for result in results:
        sets.setdefault(result.photograph.labels.get("set") or result.photograph.goods or "–", []).append(result)
    made = Table(title=title)
    for column in ("set", "photographs", "AUROC", "95 %", "bal. acc.", "decided", "wrong resell", "wrong scrap", "ms"):
        made.add_column(column, justify="left" if column == "set" else "right")
    for name, some in [*sorted(sets.items()), *([("all", list(results))] if len(sets) > 1 else [])]:
        found = figures(some)
        interval = found.auroc_interval
        made.add_row(
            name,
            str(found.photographs),
            _shown(found.auroc, 3),
            "–" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}",
            _shown(found.balanced_accuracy, 3),
            f"{found.decided:.1%}",
            _percent(found.wrong_resell),
            _percent(found.wrong_scrap),
            f"{found.ms:.1f}",
        )
    return made


def plot(results: Sequence[Result], folder: Path) -> list[Path]:
    """Reliability and risk-coverage of the labelled photographs, as PNG; nothing without labels."""
    import matplotlib as mpl  # noqa: PLC0415  comes with the training extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    labelled = [(result, truth) for result in results if result.assessment and (truth := label(result)) is not None]
    if not labelled:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    confidence = np.array([result.assessment.confidence for result, _ in labelled if result.assessment])
    right = np.array([result.assessment.condition is truth for result, truth in labelled if result.assessment])
    figure, (left, right_axis) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    filled = [place for place in range(BINS) if (places == place).any()]
    left.plot([0, 1], [0, 1], color="0.7")
    left.plot(
        [confidence[places == place].mean() for place in filled],
        [right[places == place].mean() for place in filled],
        "o-",
    )
    left.set(xlabel="probability of the condition that was named", ylabel="share that is right", title="Reliability")
    order = np.argsort(-confidence)
    risk = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    right_axis.plot(np.arange(1, len(order) + 1) / len(order), risk)
    right_axis.set(xlabel="share decided, surest first", ylabel="share wrong", title="Risk and coverage")
    path = folder / "reliability.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return [path]


def _interval(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    above, below = np.flatnonzero(positive), np.flatnonzero(~positive)
    values = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([rng.choice(above, len(above)), rng.choice(below, len(below))])
        values.append(auroc(positive[chosen], scores[chosen]) or 0.0)
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def _balanced_accuracy(labelled: Sequence[tuple[Result, Condition]]) -> float | None:
    recalls = []
    for condition in Condition:
        found = [r.assessment.condition is condition for r, truth in labelled if truth is condition and r.assessment]
        if found:
            recalls.append(float(np.mean(found)))
    return float(np.mean(recalls)) if recalls else None


def _share(truths: Sequence[bool]) -> float | None:
    return sum(truths) / len(truths) if truths else None


def _shown(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
