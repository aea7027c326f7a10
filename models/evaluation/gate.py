"""The gate: whether a candidate may take the champion's place, by written rules, on an exam that both judged. Pure.

What is compared are pairs: the same picture judged by both. Each group of goods, station, capture and set is looked at
by itself, as the worst counts and not the mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from inspection.finding import Condition
from models.evaluation import figures, gate_statistics
from models.evaluation.gate_money import BAD
from models.evaluation.gate_pairs import Compared, Pair, Sheet
from models.evaluation.gate_rules import (
    Calibration,
    Certainty,
    Dimension,
    Enough,
    Latency,
    Measure,
    NeverResold,
    NotWorse,
    Rate,
    Rule,
    Rules,
    Unreadable,
)
from models.evaluation.gate_statistics import Interval
from models.evaluation.photographs import Result

NAMED = 50
"""Pictures that a rule names at most."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """What became of one rule.

    Attributes:
        measured: what was found, in figures; allowed: what would have passed.
        groups: those that fail it, the worst first.
        files: pictures that fail it.
    """

    rule: Rule
    passed: bool
    measured: str
    allowed: str
    groups: tuple[Compared, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gate says.

    Attributes:
        rules: every rule, in order.
        tables: every measure in every group.
        changes: pairs of which something else becomes, what costs most first.
        moves: what all changes bring together; ``moves_interval`` of it, by groups.
        errors: expected calibration error of champion and candidate.
    """

    rules: tuple[Ruled, ...]
    tables: tuple[Compared, ...]
    changes: tuple[Pair, ...]
    moves: float
    moves_interval: Interval | None
    errors: tuple[float | None, float | None]

    @property
    def passed(self) -> bool:
        """Whether every rule holds."""
        return all(ruled.passed for ruled in self.rules)


def decide(rules: Rules, pairs: Sequence[Pair], ratios: Sequence[float]) -> Outcome:
    """What the rules say of these pairs.

    Args:
        ratios: candidate's time over champion's, of single pictures judged in turns.
    """
    sheet = Sheet.of(pairs)
    tables = tuple(_tables(rules, sheet))
    changes = sorted((pair for pair in pairs if pair.changed), key=lambda pair: (pair.moves, pair.photograph.file))
    errors = (_calibration_error(pairs, "before"), _calibration_error(pairs, "after"))
    checks = _Checks(rules, sheet, pairs, ratios, errors)
    moves = np.array([pair.moves for pair in sheet.pairs], np.float64)
    interval = None
    if len(moves):
        low, high = gate_statistics.grouped_interval(moves, sheet.groups, rules.resamples, rules.confidence)
        interval = (low * len(moves), high * len(moves)) if np.isfinite((low, high)).all() else None
    return Outcome(
        tuple(checks.ruled(rule) for rule in rules.rules),
        tables,
        tuple(changes),
        float(moves.sum()),
        interval,
        errors,
    )


def _tables(rules: Rules, sheet: Sheet) -> Iterator[Compared]:
    """Each at the confidence of one; the rules that compare many ask for more."""
    for dimension in Dimension:
        for value, places in sheet.slices(dimension):
            for measure in Measure:
                yield sheet.compared(dimension, value, places, measure, rules, rules.confidence)


@dataclass(frozen=True, eq=False)
class _Checks:
    rules: Rules
    sheet: Sheet
    pairs: Sequence[Pair]
    ratios: Sequence[float]
    errors: tuple[float | None, float | None]

    def ruled(self, rule: Rule) -> Ruled:  # noqa: PLR0911 - one a kind of rule
        match rule:
            case Enough():
                return self._enough(rule)
            case NeverResold():
                return self._never_resold(rule)
            case Rate():
                return self._rate(rule)
            case NotWorse():
                return self._not_worse(rule)
            case Latency():
                return self._latency(rule)
            case Calibration():
                return self._calibration(rule)
        return self._unreadable(rule)

    def _unreadable(self, rule: Unreadable) -> Ruled:
        files = [p.photograph.file for p in self.pairs if p.after.opinion is None and p.before.opinion]
        passed = len(files) <= rule.allowed
        return Ruled(rule, passed, str(len(files)), f"≤ {rule.allowed}", files=tuple(files[:NAMED]))

    def _enough(self, rule: Enough) -> Ruled:
        pairs = self.sheet.pairs
        bad = sum(pair.photograph.condition in BAD for pair in pairs)
        found = (len(pairs), len(set(self.sheet.groups.tolist())), bad)
        wanted = (rule.pictures, rule.groups, rule.bad)
        passed = all(have >= least for have, least in zip(found, wanted, strict=True))
        return Ruled(rule, passed, " / ".join(map(str, found)), "≥ " + " / ".join(map(str, wanted)))

    def _never_resold(self, rule: NeverResold) -> Ruled:
        sold = [
            pair.photograph.file
            for pair in self.sheet.pairs
            if pair.photograph.condition in rule.conditions
            and pair.second.sold_as_sound
            and not (rule.only_new and pair.first.sold_as_sound)
        ]
        of = sum(pair.photograph.condition in rule.conditions for pair in self.sheet.pairs)
        passed = len(sold) <= rule.allowed
        return Ruled(rule, passed, f"{len(sold)} / {of}", f"≤ {rule.allowed}", files=tuple(sold[:NAMED]))

    def _rate(self, rule: Rate) -> Ruled:
        happened = self.sheet.second[rule.measure]
        count, hits = len(happened), int(happened.sum())
        low, high = gate_statistics.exact_interval(hits, count, self.rules.confidence) if count else (0.0, 1.0)
        share = hits / count if count else 0.0
        files = [pair.photograph.file for pair, each in zip(self.sheet.pairs, happened, strict=True) if each]
        passed = count > 0 and share <= rule.limit and high <= rule.upper
        measured = f"{hits} / {count} = {share:.2%} ({low:.2%} – {high:.2%})"
        allowed = f"≤ {rule.limit:.2%} (≤ {rule.upper:.2%})"
        return Ruled(rule, passed, measured, allowed, files=() if passed else tuple(files[:NAMED]))

    def _not_worse(self, rule: NotWorse) -> Ruled:
        parts = [
            (dimension, value, places)
            for dimension in rule.by
            for value, places in self.sheet.slices(dimension)
            if len(set(self.sheet.groups[places].tolist())) >= rule.least_groups
        ]
        level = 1 - (1 - self.rules.confidence) / max(1, len(parts))
        found = [self.sheet.compared(*part, rule.measure, self.rules, level) for part in parts]
        end = 0 if rule.certainty is Certainty.PROVEN else 1
        worse = [each for each in found if each.difference[end] > rule.margin]
        worse.sort(key=lambda each: -each.difference[end])
        worst = max(found, key=lambda each: (each.difference[end], each.rise), default=None)
        # nothing to compare proves no harm, and excludes none
        passed = not worse and (worst is not None or rule.certainty is Certainty.PROVEN)
        return Ruled(rule, passed, _told(worst), f"≤ {rule.margin:+.1%}", tuple(worse))

    def _latency(self, rule: Latency) -> Ruled:
        if not len(self.ratios):
            return Ruled(rule, False, "–", f"≤ {rule.limit:g}")
        ratios = np.log(np.array(self.ratios, np.float64))
        rng = np.random.default_rng(0)
        medians = np.median(rng.choice(ratios, (self.rules.resamples, len(ratios))), axis=1)
        tail = (1 - self.rules.confidence) / 2
        low, high = (float(np.exp(each)) for each in np.quantile(medians, (tail, 1 - tail)))
        middle = float(np.exp(np.median(ratios)))
        return Ruled(rule, low <= rule.limit, f"{middle:.2f} ({low:.2f} – {high:.2f})", f"≤ {rule.limit:g}")

    def _calibration(self, rule: Calibration) -> Ruled:
        before, after = self.errors
        allowed = max(rule.limit, (before or 0.0) + rule.margin)
        passed = after is not None and after <= allowed
        said = ["–" if each is None else f"{each:.3f}" for each in (before, after)]
        return Ruled(rule, passed, " → ".join(said), f"≤ {allowed:.3f}")


def _told(worst: Compared | None) -> str:
    if worst is None:
        return "–"
    low, high = worst.difference
    named = "" if worst.dimension is Dimension.ALL else f"{worst.value}: "
    return f"{named}{worst.first} → {worst.second} / {worst.pictures} ({low:+.1%} – {high:+.1%})"


def _calibration_error(pairs: Sequence[Pair], side: str) -> float | None:
    rows = []
    for pair in pairs:
        result: Result = getattr(pair, side)
        truth = pair.photograph.condition
        if truth is not None and result.opinion is not None:
            probabilities = [result.opinion.p_condition[each] for each in Condition]
            rows.append((pair.photograph.set, pair.photograph.group, truth, probabilities))
    return figures.calibration_error(figures.scored_of(rows)) if rows else None
