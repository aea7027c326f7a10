"""Where each kind of goods is decided: conformal risk control over trials, counted in groups, never over one day.

What is judged in the trials was judged by models that saw nothing of its group (cross-conformal: Vovk 2015,
arXiv 1208.0806; for risks: Angelopoulos et al. 2022, arXiv 2208.02814, section 3, and Cohen et al. 2024,
arXiv 2401.11974). Pictures of one group stand or fall together, so groups are counted: 80 pictures of one day are one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datasets.manifest import Sample
from models.contract import LEAST_BAD, NEVER, KindSpec, Lines

Floats = npt.NDArray[np.float32]
Line = tuple[float, float]
"""A line, and the rate that the trials bound the mistakes to over it."""
SELLABLE = 2
"""Conditions before this place (intact, minor) can be sold."""
LEAST, STEPS = 0.67, 660
"""The least line, so that what passes it has a most probable condition on the same side; and how many are tried."""
PARTS = 4
"""In which the groups fall to choose lines on some and look at the others."""
LEAST_SOUND = 10
"""Groups of sound items (days, where a group is a day) from which on trials say something of a kind of goods."""

CLEAR_OF_SOUND = 3.0
"""Times the odds of the worst sound one: so far above it lies the line from which on an item is called bad."""
LEAST_CALLED = 25
"""Of them that have to pass a line shared with other kinds: over it they promise a rate of 1 in 26 by themselves."""


@dataclass(frozen=True, eq=False)
class Tried:
    """N pictures of trials.

    Attributes:
        goods: (N,) kind of each.
        groups: (N,) what each was photographed together with.
        truth: (N,) labelled condition, as its place in ``Condition``.
        p: (N, 4) probabilities of the conditions, by a model that saw nothing of the group.
        part: (N,) of the groups, for choosing lines on other ones.
        rows: (N,) index of the sample.
    """

    goods: npt.NDArray[np.str_]
    groups: npt.NDArray[np.str_]
    truth: npt.NDArray[np.int64]
    p: Floats
    part: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.bool_]) -> Tried:
        """Only these rows."""
        return Tried(
            self.goods[rows], self.groups[rows], self.truth[rows], self.p[rows], self.part[rows], self.rows[rows]
        )

    @property
    def sound(self) -> int:
        """Groups with a sellable item."""
        return len(set(self.groups[self.truth < SELLABLE].tolist()))

    @property
    def bad(self) -> int:
        """Groups with one that is not."""
        return len(set(self.groups[self.truth >= SELLABLE].tolist()))

    @property
    def p_sellable(self) -> npt.NDArray[np.float64]:
        return np.asarray(self.p[:, :SELLABLE].sum(axis=1), np.float64)


def tried_of(
    samples: Sequence[Sample], truth: npt.NDArray[np.int64], judged: Sequence[tuple[Sequence[int], Floats]]
) -> Tried:
    """The trials: for each model what it judged (n indices) and its probabilities of the conditions (n, 4)."""
    rows = np.concatenate([np.asarray(indices, np.int64) for indices, _ in judged])
    return Tried(
        np.array([samples[row].goods for row in rows], np.str_),
        np.array([samples[row].group for row in rows], np.str_),
        truth[rows],
        np.concatenate([found for _, found in judged]),
        np.array([_part(samples[row].group) for row in rows], np.int64),
        rows,
    )


def _part(group: str) -> int:
    return int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % PARTS


def joined(*parts: Tried) -> Tried:
    """All of these trials."""
    columns = ("goods", "groups", "truth", "p", "part", "rows")
    return Tried(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def kinds(tried: Tried, wrong_resell: float, wrong_scrap: float) -> dict[str, KindSpec]:
    """The lines of each kind of goods in the trials.

    A kind with groups enough stands by itself. One with fewer, but at least ten, takes the line of all such kinds
    together, or a stricter one over which none of its own was wrong; the rate is then kept over the mix of goods, and
    its own groups, of which 25 have to pass it, promise what ``resell_bound`` says. One with less than ten sound
    groups, or days, has no line.
    """
    parts = {str(name): tried.take(tried.goods == name) for name in np.unique(tried.goods)}
    fit = [name for name, part in parts.items() if part.sound >= LEAST_SOUND]
    together = tried.take(np.isin(tried.goods, fit))
    rates = wrong_resell, wrong_scrap
    shared = _lines_of(together, rates, None) if fit else (None, None)
    return {
        name: _spec(part, _lines_of(part, rates, shared) if name in fit else (None, None))
        for name, part in parts.items()
    }


def untried(samples: Sequence[Sample], tried: Tried) -> dict[str, KindSpec]:
    """Kinds of goods that were trained on and are in no trial: never decided."""
    return {name: KindSpec(sound=0, bad=0) for name in sorted({s.goods for s in samples} - set(tried.goods.tolist()))}


def decided(tried: Tried, wrong_resell: float, wrong_scrap: float) -> npt.NDArray[np.int64]:
    """What would be done with each picture (N,): 1 called sellable, -1 called bad, 0 neither.

    The lines for the pictures of one part are chosen on the others, so that no picture helps to choose its own.
    """
    called = np.zeros(len(tried.truth), np.int64)
    for part in np.unique(tried.part):
        here = tried.part == part
        found = kinds(tried.take(~here), wrong_resell, wrong_scrap)
        for name in np.unique(tried.goods[here]):
            rows = np.flatnonzero(here & (tried.goods == name))
            called[rows] = calls(tried.p_sellable[rows], _lines(found.get(str(name))))
    return called


def calls(p_sellable: npt.NDArray[np.float64], lines: Lines) -> npt.NDArray[np.int64]:
    """1 called sellable, -1 called bad, 0 neither, for probabilities (N,)."""
    return np.asarray((p_sellable >= lines.resell).astype(np.int64) - (1 - p_sellable >= lines.scrap), np.int64)


def _lines(kind: KindSpec | None) -> Lines:
    if kind is None:
        return Lines(NEVER, NEVER)
    return Lines(
        NEVER if kind.resell is None else kind.resell, NEVER if kind.scrap is None else kind.scrap
    )  # fmt: skip


def _spec(part: Tried, lines: tuple[Line | None, Line | None]) -> KindSpec:
    resell, scrap = lines
    return KindSpec(
        sound=part.sound,
        bad=part.bad,
        resell=None if resell is None else resell[0],
        resell_bound=None if resell is None else resell[1],
        scrap=None if scrap is None else scrap[0],
        scrap_bound=None if scrap is None else scrap[1],
    )


def _lines_of(
    part: Tried, rates: tuple[float, float], shared: tuple[Line | None, Line | None] | None
) -> tuple[Line | None, Line | None]:
    """Line and bound for resell and for scrap; from ``shared``, those of all kinds, where its groups are too few."""
    sellable, sound = part.truth < SELLABLE, part.sound
    resell = _least(part.p_sellable, part.groups, wrong=~sellable, rate=rates[0])
    # Of all that is sound at most this share is scrapped; where the groups are too few for the stated rate, none
    # of them may be, and the bound is what so many groups can promise. Bad ones are few: what sound ones are scrapped
    # by it would be many of them, so that the line stays clear of all that are known; what lies below is held.
    scrap = _least(1 - part.p_sellable, part.groups, wrong=sellable, rate=max(rates[1], 1 / (sound + 1)), of=sound)
    scrap = None if scrap is None or part.bad < LEAST_BAD else _clear(scrap, 1 - part.p_sellable[sellable])
    if resell is None and shared is not None and shared[0] is not None:
        resell = _above(part.p_sellable, part.groups, wrong=~sellable, line=shared[0][0])
    return resell, scrap


def _clear(line: Line, sound: npt.NDArray[np.float64]) -> Line | None:
    """The line, or the one that is clear of the probabilities of being bad of the sound ones."""
    worst = min(float(sound.max(initial=0.0)), 1 - 1e-6)
    odds = CLEAR_OF_SOUND * worst / (1 - worst)
    found = max(line[0], round(odds / (1 + odds) + 5e-5, 4))
    return (found, line[1]) if found <= 1 else None


def _above(
    scores: npt.NDArray[np.float64], groups: npt.NDArray[np.str_], *, wrong: npt.NDArray[np.bool_], line: float
) -> Line | None:
    """The line, or the least one above it with no wrong one over it, and what the groups over it can promise."""
    line = max(line, round(float(scores[wrong].max(initial=0.0)) + 1e-4, 4))
    called = len(set(groups[scores >= line].tolist()))
    return (line, round(1 / (called + 1), 4)) if called >= LEAST_CALLED and line <= 1 else None


def _least(
    scores: npt.NDArray[np.float64], groups: npt.NDArray[np.str_], *, wrong: npt.NDArray[np.bool_], rate: float,
    of: int | None = None,
) -> Line | None:  # fmt: skip
    """Least line from which on ``(wrong + 1) / (called + 1)`` groups stays within ``rate``, and that bound.

    ``called`` are the groups with a score over the line, or ``of`` where the rate is one of all groups. ``None`` when
    there are too few groups for any promise.
    """
    best: dict[str, float] = {}
    worst: dict[str, float] = {}
    for score, group, bad in zip(scores.tolist(), groups.tolist(), wrong.tolist(), strict=True):
        best[group] = max(best.get(group, 0.0), score)
        if bad:
            worst[group] = max(worst.get(group, 0.0), score)
    called, missed = np.sort([*best.values()]), np.sort([*worst.values()])
    found = None
    for line in np.linspace(0.999, LEAST, STEPS):
        over = len(called) - int(np.searchsorted(called, line)) if of is None else of
        off = len(missed) - int(np.searchsorted(missed, line))
        bound = (off + 1) / (over + 1)
        if bound <= rate:
            found = round(float(line), 4), round(float(bound), 4)
        elif found is not None:
            break
    return found
