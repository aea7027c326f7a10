"""The same pictures judged by two bundles, pair by pair, and what of it is harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.policy import Policy
from inspection.verdict import Disposition, Grade
from models.evaluation import gate_statistics
from models.evaluation.gate_money import BAD, Decision, Values, brings
from models.evaluation.gate_rules import Dimension, Measure, Rules
from models.evaluation.gate_statistics import Interval
from models.evaluation.photographs import Photograph, Result

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture, judged by both.

    Attributes:
        first: what the champion's verdict does with the item; second: the candidate's.
        moves: what the change brings, minor units of money; 0 where nobody knows the true condition.
    """

    photograph: Photograph
    before: Result
    after: Result
    first: Decision
    second: Decision
    moves: float

    @property
    def changed(self) -> bool:
        """Whether something else happens to the item."""
        return self.first != self.second


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure in one group of pictures.

    Attributes:
        pictures: labelled ones; groups: of items among them.
        first: how many the champion has it in; second: the candidate.
        difference: of the shares, second minus first, as an interval.
        p: chance of so uneven a split if neither were better (McNemar).
    """

    dimension: Dimension
    value: str
    measure: Measure
    pictures: int
    groups: int
    first: int
    second: int
    difference: Interval
    p: float

    @property
    def rise(self) -> float:
        """Of the share."""
        return (self.second - self.first) / self.pictures if self.pictures else 0.0


def decision_of(result: Result, policy: Policy) -> Decision:
    """What a verdict does with the item. The grade is that of the rule that decided."""
    rule_id = result.reason.partition(":")[0]
    grade = next((rule.grade for rule in policy.rulebook.rules if rule.rule_id == rule_id), None)
    if result.decision is not Disposition.RESELL:
        return Decision(result.decision, confirm=result.confirm)
    told = grade is Grade.PARTS or (result.opinion is not None and result.opinion.condition in BAD)
    return Decision(result.decision, grade, told, result.confirm)


def pairs_of(
    before: Sequence[Result],
    after: Sequence[Result],
    policies: tuple[Policy, Policy],
    values: Callable[[Photograph], Values],
) -> list[Pair]:
    """The results of both, picture by picture, each decided by its policy.

    Raises:
        ValueError: they are not of the same pictures.
    """
    found = []
    for one, two in zip(before, after, strict=True):
        if one.photograph != two.photograph:
            raise ValueError(f"results of {one.photograph.file} and {two.photograph.file} are no pair")
        first, second = decision_of(one, policies[0]), decision_of(two, policies[1])
        truth = one.photograph.condition
        moves = 0.0
        if truth is not None and first != second:
            worth = values(one.photograph)
            moves = brings(worth, second, truth) - brings(worth, first, truth)
        found.append(Pair(one.photograph, one, two, first, second, moves))
    return found


HARM: Mapping[Measure, Callable[[Pair, Decision, Result], bool]] = {
    Measure.WRONG_RESELL: lambda pair, decision, _: decision.sold_as_sound and pair.photograph.condition in BAD,
    Measure.WRONG_SCRAP: lambda pair, decision, _: (
        decision.disposition is Disposition.SCRAP and pair.photograph.condition not in BAD
    ),
    Measure.WRONG_CONDITION: lambda pair, _, result: (
        result.opinion is None or result.opinion.condition is not pair.photograph.condition
    ),
    Measure.TO_A_PERSON: lambda _, decision, __: decision.disposition is Disposition.HOLD or decision.confirm,
}
"""Whether it happened to a labelled picture; all of them are better the fewer they are."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """The labelled pairs as arrays, one place a pair.

    Attributes:
        groups: (N,) number of the group of items each belongs to.
        first: by measure, (N,) of 0 and 1; second likewise.
    """

    pairs: tuple[Pair, ...]
    groups: npt.NDArray[np.int64]
    first: Mapping[Measure, Floats]
    second: Mapping[Measure, Floats]

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Sheet:
        labelled = tuple(pair for pair in pairs if pair.photograph.condition is not None)
        names = np.array([pair.photograph.group for pair in labelled], np.str_)
        groups = np.unique(names, return_inverse=True)[1].astype(np.int64)
        first = {m: np.array([harm(p, p.first, p.before) for p in labelled], np.float64) for m, harm in HARM.items()}
        second = {m: np.array([harm(p, p.second, p.after) for p in labelled], np.float64) for m, harm in HARM.items()}
        return cls(labelled, groups, first, second)

    def slices(self, dimension: Dimension) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """The places of each group; pictures of which nobody says it are in none."""
        values = [value_of(pair.photograph, dimension) for pair in self.pairs]
        for value in sorted({value for value in values if value}):
            yield value, np.array([place for place, each in enumerate(values) if each == value], np.int64)

    def compared(
        self,
        dimension: Dimension,
        value: str,
        places: npt.NDArray[np.int64],
        measure: Measure,
        rules: Rules,
        level: float,
    ) -> Compared:
        first, second = self.first[measure][places], self.second[measure][places]
        groups = np.unique(self.groups[places], return_inverse=True)[1].astype(np.int64)
        interval = gate_statistics.difference(first, second, groups, rules.resamples, level)
        only_first, only_second = int(((first == 1) & (second == 0)).sum()), int(((second == 1) & (first == 0)).sum())
        p = gate_statistics.mcnemar(only_first, only_second)
        count = len(set(groups.tolist()))
        return Compared(dimension, value, measure, len(places), count, int(first.sum()), int(second.sum()), interval, p)


def value_of(photograph: Photograph, dimension: Dimension) -> str:
    """What a picture is counted with; empty when nobody says."""
    match dimension:
        case Dimension.ALL:
            return str(Dimension.ALL)
        case Dimension.GOODS:
            return photograph.goods
        case Dimension.SET:
            return photograph.labels.get("set", "").strip()
        case Dimension.STATION:
            return (photograph.labels.get("station") or photograph.labels.get("station_id") or "").strip()
    return photograph.labels.get("capture", "").strip()
