"""The table over judged photographs: how well damage is ranked, what is decided alone, and how often that is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from inspection.finding import Condition, Defect
from inspection.verdict import Disposition
from models.evaluation import figures
from models.evaluation.figures import Interval, Scored
from models.evaluation.photographs import Opinion, Result

BAD = frozenset({Condition.MAJOR, Condition.CRITICAL})
WRONG_RESELL = 0.01


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    count: int

    @property
    def value(self) -> float | None:
        return self.hits / self.count if self.count else None

    @property
    def interval(self) -> Interval | None:
        """95 %, by Wilson."""
        return figures.wilson(self.hits, self.count) if self.count else None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one set of photographs; ``None`` where labels are missing or of one kind only.

    Attributes:
        photographs: how many there are; ``unreadable`` of them could not be judged.
        alone: decided without a person: neither held nor to be confirmed.
        wrong_resell: of the resold ones, those labelled major or critical; confirmed by a person or not.
        wrong_scrap: of the scrapped ones, those labelled intact or minor.
        auroc: of the probability of any damage against the label, with its interval by bootstrap over groups.
        balanced_accuracy: of the conditions that occur.
        macro_f1: of the single defects and intact, where each damaged one is labelled with one defect of stated type.
        damaged_found: of those labelled damaged, those named other than intact; ``false_alarms`` likewise of intact.
        calibration_error: of the named condition.
        decidable: greatest share that could be decided with at most 1 % wrong resell, with its interval.
        ms: median time of one, milliseconds.
    """

    photographs: int
    unreadable: int
    alone: Share
    wrong_resell: Share
    wrong_scrap: Share
    auroc: float | None
    auroc_interval: Interval | None
    balanced_accuracy: float | None
    macro_f1: float | None
    damaged_found: Share
    false_alarms: Share
    calibration_error: float | None
    decidable: float | None
    decidable_interval: Interval | None
    ms: float


def figures_of(results: Sequence[Result]) -> Figures:
    """The figures of these results."""
    judged = [(result, result.opinion) for result in results if result.opinion is not None]
    labelled = [(r, found, truth) for r, found in judged if (truth := r.photograph.condition) is not None]
    scored = scored_of(results)
    truths = {id(r): truth for r, _, truth in labelled}
    sold = [truths[id(r)] for r, _, _ in labelled if r.decision is Disposition.RESELL]
    scrapped = [truths[id(r)] for r, _, _ in labelled if r.decision is Disposition.SCRAP]
    damaged = [found.condition for _, found, truth in labelled if truth is not Condition.INTACT]
    intact = [found.condition for _, found, truth in labelled if truth is Condition.INTACT]
    return Figures(
        photographs=len(results),
        unreadable=len(results) - len(judged),
        alone=Share(sum(result.alone for result in results), len(results)),
        wrong_resell=Share(sum(truth in BAD for truth in sold), len(sold)),
        wrong_scrap=Share(sum(truth not in BAD for truth in scrapped), len(scrapped)),
        auroc=figures.damage_auroc(scored),
        auroc_interval=figures.bootstrap(scored, figures.damage_auroc),
        balanced_accuracy=figures.balanced_accuracy(scored),
        macro_f1=_macro_f1([(found, r.photograph.defects, truth) for r, found, truth in labelled]),
        damaged_found=Share(sum(named is not Condition.INTACT for named in damaged), len(damaged)),
        false_alarms=Share(sum(named is not Condition.INTACT for named in intact), len(intact)),
        calibration_error=figures.calibration_error(scored),
        decidable=figures.share_decided(scored, WRONG_RESELL),
        decidable_interval=figures.bootstrap(scored, lambda some: figures.share_decided(some, WRONG_RESELL)),
        ms=float(np.median([result.ms for result, _ in judged])) if judged else 0.0,
    )


def scored_of(results: Sequence[Result]) -> Scored:
    """The judged and labelled ones of these, as arrays."""
    return figures.scored_of(
        [
            (r.photograph.set, r.photograph.group, truth, [r.opinion.p_condition[c] for c in Condition])
            for r in results
            if r.opinion is not None and (truth := r.photograph.condition) is not None
        ]
    )


def by_set(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The results of each set, and all when there are several."""
    sets: dict[str, list[Result]] = {}
    for result in results:
        sets.setdefault(result.photograph.set, []).append(result)
    return dict(sorted(sets.items())) | ({"all": list(results)} if len(sets) > 1 else {})


COLUMNS = (
    "set",
    "photographs",
    "unreadable",
    "AUROC",
    "AUROC 95 %",
    "balanced accuracy",
    "macro-F1",
    "damaged found",
    "intact called damaged",
    "ECE",
    "decided alone",
    "decided alone 95 %",
    "wrong resell",
    "wrong resell 95 %",
    "wrong scrap",
    "decidable at 1 %",
    "decidable at 1 % 95 %",
    "ms",
)
_SHORT = {
    "photographs": "n",
    "balanced accuracy": "bal. acc.",
    "intact called damaged": "false al.",
    "AUROC 95 %": "95 %",
}
_ON_SCREEN = tuple(
    name for name in COLUMNS if name not in {"unreadable", "macro-F1", "damaged found", "decided alone 95 %",
    "wrong resell 95 %", "decidable at 1 % 95 %", "ECE"}
)  # fmt: skip


def rows(results: Sequence[Result]) -> list[dict[str, str]]:
    """A row a set, and one for all, by :data:`COLUMNS`."""
    return [_row(name, figures_of(some)) for name, some in by_set(results).items()]


def table(results: Sequence[Result], title: str) -> Table:
    """The most important columns, for a screen."""
    made = Table(title=title)
    for column in _ON_SCREEN:
        made.add_column(_SHORT.get(column, column), justify="left" if column == "set" else "right")
    for row in rows(results):
        made.add_row(*(row[column] for column in _ON_SCREEN))
    return made


def _row(name: str, found: Figures) -> dict[str, str]:
    return {
        "set": name,
        "photographs": str(found.photographs),
        "unreadable": str(found.unreadable),
        "AUROC": _number(found.auroc),
        "AUROC 95 %": _interval(found.auroc_interval, 3),
        "balanced accuracy": _number(found.balanced_accuracy),
        "macro-F1": _number(found.macro_f1),
        "damaged found": _of(found.damaged_found),
        "intact called damaged": _percent(found.false_alarms.value),
        "ECE": _number(found.calibration_error),
        "decided alone": _percent(found.alone.value),
        "decided alone 95 %": _percents(found.alone.interval),
        "wrong resell": _of(found.wrong_resell),
        "wrong resell 95 %": _percents(found.wrong_resell.interval),
        "wrong scrap": _of(found.wrong_scrap),
        "decidable at 1 %": _percent(found.decidable),
        "decidable at 1 % 95 %": _percents(found.decidable_interval),
        "ms": f"{found.ms:.1f}",
    }


def _macro_f1(labelled: Sequence[tuple[Opinion, frozenset[Defect], Condition]]) -> float | None:
    """Of intact and the defects that occur; ``None`` when a damaged one has not exactly one defect of stated type."""
    names: list[Defect | None] = []
    for _, defects, truth in labelled:
        if truth is Condition.INTACT and not defects:
            names.append(None)
        elif len(defects) == 1 and Defect.DAMAGED not in defects:
            names.append(next(iter(defects)))
        else:
            return None
    classes: list[Defect | None] = [None, *sorted({name for name in names if name is not None})]
    if len(classes) < 3 or None not in names:  # noqa: PLR2004 - one defect is told better by the AUROC
        return None
    scores = np.array(
        [
            [1 - found.p_damaged if c is None else found.p_defect.get(c, 0.0) for c in classes]
            for found, _, _ in labelled
        ]
    )
    right, said = np.array([classes.index(name) for name in names]), scores.argmax(axis=1)
    f1 = []
    for place in range(len(classes)):
        both, either = (
            int(((right == place) & (said == place)).sum()),
            int((right == place).sum() + (said == place).sum()),
        )
        f1.append(2 * both / either if either else 0.0)
    return float(np.mean(f1))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _of(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.1%} of {share.count}"


def _interval(interval: Interval | None, digits: int) -> str:
    return "–" if interval is None else f"{interval[0]:.{digits}f}–{interval[1]:.{digits}f}"


def _percents(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval[0]:.1%}–{interval[1]:.1%}"
