"""Groups and splits: pictures that share an item, a customer or a day at a station are judged together or not at all.

A group keeps its name and its split from version to version, so that an exam stays the exam it was. Pictures that link
two groups join them; where these stood in different splits, all of them are learned from and leave the exam.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from datasets.versions.entry import Entry, Split
from datasets.versions.version import Splitting, VersionError

KEYS = ("item", "customer", "date", "station")


def grouped(entries: Sequence[Entry], splitting: Splitting, before: Sequence[Entry] = ()) -> list[Entry]:
    """The entries with their groups and splits, in the same order.

    Args:
        entries: of the new version.
        splitting: how.
        before: entries of the parent: their groups keep their name and their split.

    Raises:
        VersionError: a key that there is not.
    """
    names = _groups(entries, splitting.keys, before)
    known: dict[str, Split] = {}
    for entry in before:
        group = names.get(f"picture/{entry.sha256}", entry.group)
        known[group] = Split.TRAIN if Split.TRAIN in (known.get(group), entry.split) else Split.EXAM
    splits = _splits([(names[f"picture/{entry.sha256}"], entry) for entry in entries], splitting, known)
    return [
        entry.model_copy(update={"group": group, "split": splits[group]})
        for entry in entries
        for group in (names[f"picture/{entry.sha256}"],)
    ]


def _groups(entries: Iterable[Entry], keys: Sequence[str], before: Sequence[Entry]) -> dict[str, str]:
    """Name of the group of every node; nodes are pictures and the keys they share."""
    leader: dict[str, str] = {}

    def find(node: str) -> str:
        while leader.setdefault(node, node) != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for entry in (*before, *entries):
        own = find(f"picture/{entry.sha256}")
        for key in _keys_of(entry, keys):
            leader[find(key)] = own
            own = find(own)
    for entry in before:  # a group stays whole, also where what linked it was erased
        leader[find(f"group/{entry.group}")] = find(f"picture/{entry.sha256}")
    members: dict[str, list[str]] = defaultdict(list)
    for node in list(leader):
        members[find(node)].append(node)
    names = {}
    for nodes in members.values():
        old = [node.removeprefix("group/") for node in nodes if node.startswith("group/")]
        name = min(old) if old else hashlib.sha256(min(nodes).encode()).hexdigest()[:16]
        names.update(dict.fromkeys(nodes, name))
    return names


def _keys_of(entry: Entry, keys: Sequence[str]) -> list[str]:
    found = []
    for key in keys:
        parts = key.split("+")
        if not set(parts) <= set(KEYS):
            raise VersionError(f"there is no key {key!r}", hint=f"of {', '.join(KEYS)}, joined with + where both count")
        values = [str(getattr(entry, part)) for part in parts]
        if all(values):
            found.append(f"{key}/" + "/".join(values))
    return found


def _splits(rows: Sequence[tuple[str, Entry]], splitting: Splitting, known: dict[str, Split]) -> dict[str, Split]:
    """The split of every group. New ones fill the exam of their stratum up to its share, in an order by their name."""
    members: dict[str, list[Entry]] = defaultdict(list)
    for group, entry in rows:
        members[group].append(entry)
    found = {group: known[group] for group in members if group in known}
    strata: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for group, entries in members.items():
        first = min(entries, key=lambda entry: entry.sha256)
        strata[first.set, first.goods, first.condition].append(group)
    for groups in strata.values():
        wanted = splitting.exam_share * sum(len(members[group]) for group in groups)
        taken = sum(len(members[group]) for group in groups if found.get(group) is Split.EXAM)
        learned = sum(found.get(group) is Split.TRAIN for group in groups)
        fresh = sorted((group for group in groups if group not in found), key=lambda name: _rank(name, splitting.seed))
        for place, group in enumerate(fresh):
            last = not learned and place == len(fresh) - 1  # one group at least is learned from
            fits = taken + len(members[group]) / 2 <= wanted
            found[group] = Split.EXAM if fits and not last else Split.TRAIN
            if found[group] is Split.EXAM:
                taken += len(members[group])
            else:
                learned += 1
    return found


def _rank(group: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{group}".encode()).hexdigest()
