"""Splits that never part a group: what was photographed together is judged together."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence

from datasets.manifest import Sample


def held_out(
    samples: Sequence[Sample],
    share: float,
    seed: int,
    *,
    stratum: Callable[[Sample], str] = lambda sample: f"{sample.set}/{sample.condition}",
) -> tuple[list[int], list[int]]:
    """Indices of training and held-out samples; about ``share`` of every stratum is held out, groups whole.

    A stratum with one group only stays in training: holding it out would leave nothing to learn it from. The order of
    groups depends on ``seed`` and the groups' names alone, so that new samples do not move old ones.

    Args:
        samples: what is to be split.
        share: 0..1, share of the pictures to hold out.
        seed: chooses which.
        stratum: what is balanced; a group belongs to the stratum of its first sample.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        members[sample.group].append(index)
    strata: dict[str, list[str]] = defaultdict(list)
    for group, indices in members.items():
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


def leave_one_group_out(samples: Sequence[Sample]) -> list[tuple[str, list[int]]]:
    """Each group with the indices of its samples, in the order of names."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        members[sample.group].append(index)
    return sorted(members.items())


def groups_digest(samples: Sequence[Sample]) -> str:
    """SHA-256 of the names of the groups, to tell later whether a split is still the same."""
    return hashlib.sha256("\n".join(sorted({sample.group for sample in samples})).encode()).hexdigest()


def _rank(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()
