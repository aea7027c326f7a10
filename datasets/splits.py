"""Splits that never part a group: what was photographed together is judged together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from datasets.manifest import Sample

FEW_DAYS, MANY_PICTURES = 10, 40
UNSEEN_DAY, UNSEEN_DAMAGE, SAME_DAY = "unseen day", "unseen damage", "same day"


def held_out(
    samples: Sequence[Sample],
    share: float,
    seed: int,
    *,
    stratum: Callable[[Sample], str] = lambda sample: f"{sample.set}/{sample.condition}",
    kept: AbstractSet[str] = frozenset(),
) -> tuple[list[int], list[int]]:
    """Indices of training and held-out samples; about ``share`` of every stratum is held out, groups whole.

    A stratum with one group only stays in training: holding it out would leave nothing to learn it from. The order of
    groups depends on ``seed`` and the groups' names alone, so that new samples do not move old ones.

    Args:
        samples: what is to be split.
        share: 0..1, share of the pictures to hold out.
        seed: chooses which.
        stratum: what is balanced; a group belongs to the stratum of its first sample.
        kept: sets of which nothing is held out.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        members[sample.group].append(index)
    strata: dict[str, list[str]] = defaultdict(list)
    for group, indices in members.items():
        if samples[indices[0]].set in kept:
            continue
        strata[stratum(samples[indices[0]])].append(group)
    chosen: set[str] = set()
    for groups in strata.values():
        wanted = share * sum(len(members[group]) for group in groups)
        taken = 0
        for group in sorted(groups, key=lambda name: _rank(name, seed))[: len(groups) - 1]:
            if taken + len(members[group]) / 2 > wanted:
                break
            chosen.add(group)
            taken += len(members[group])
    train = [index for index, sample in enumerate(samples) if sample.group not in chosen]
    test = [index for index, sample in enumerate(samples) if sample.group in chosen]
    return train, test


def folds(samples: Sequence[Sample], rows: Sequence[int], count: int, seed: int) -> list[tuple[int, ...]]:
    """The samples ``rows`` in ``count`` parts, groups whole; a group's part depends on its name and the seed alone.

    So each can be judged by a model that was trained on the other parts, and new samples move no old ones.
    """
    parts: list[list[int]] = [[] for _ in range(count)]
    for index in rows:
        parts[int(_rank(samples[index].group, seed)[-8:], 16) % count].append(index)
    return [tuple(part) for part in parts if part]


def leave_one_group_out(samples: Sequence[Sample]) -> list[tuple[str, list[int]]]:
    """Each group with the indices of its samples, in the order of names."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        members[sample.group].append(index)
    return sorted(members.items())


def few_days(samples: Sequence[Sample]) -> frozenset[str]:
    """Sets of 40 pictures and more in fewer than 10 groups: the day may tell the label, and no day can be spared."""
    pictures: dict[str, int] = defaultdict(int)
    groups: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        pictures[sample.set] += 1
        groups[sample.set].add(sample.group)
    return frozenset(
        name for name, count in pictures.items() if count >= MANY_PICTURES and len(groups[name]) < FEW_DAYS
    )


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of judging what was not trained on.

    Attributes:
        kind: ``unseen day``: a day of damaged items and one half of the sound days are judged; ``unseen damage``: of
            the sound days one half is judged, and nothing damaged of them was trained on, so that the day cannot tell;
            ``same day``: one half of the sound days is judged, the other was trained on.
        judged: indices of what is judged.
        left_out: indices of what is not trained on; all of ``judged`` and perhaps more.
    """

    kind: str
    judged: tuple[int, ...]
    left_out: tuple[int, ...]


def trials(samples: Sequence[Sample], name: str) -> list[Trial]:
    """Trials of the set ``name``, whose groups are days of which some show damaged items only.

    The halves of a day are the earlier and the later pictures of each condition, by name, so that pictures of one item
    taken one after the other stay together as far as can be told.
    """
    rows = [index for index, sample in enumerate(samples) if sample.set == name]
    sound = {samples[index].group for index in rows if not samples[index].damaged}
    halves: tuple[list[int], list[int]] = ([], [])
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index in rows:
        if samples[index].group in sound:
            kinds[samples[index].group, samples[index].condition].append(index)
    for members in kinds.values():
        ordered = sorted(members, key=lambda index: samples[index].path.name)
        halves[0].extend(ordered[: len(ordered) // 2])
        halves[1].extend(ordered[len(ordered) // 2 :])
    found = []
    for place, day in enumerate(sorted({samples[index].group for index in rows} - sound)):
        judged = (*(index for index in rows if samples[index].group == day), *halves[place % 2])
        found.append(Trial(UNSEEN_DAY, judged, judged))
    damaged = [index for half in halves for index in half if samples[index].damaged]
    for half in halves if damaged else ():
        found.append(Trial(UNSEEN_DAMAGE, tuple(half), tuple({*half, *damaged})))
        found.append(Trial(SAME_DAY, tuple(half), tuple(half)))
    return found


def groups_digest(samples: Sequence[Sample]) -> str:
    """SHA-256 of the names of the groups, to tell later whether a split is still the same."""
    return hashlib.sha256("\n".join(sorted({sample.group for sample in samples})).encode()).hexdigest()


def _rank(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()
