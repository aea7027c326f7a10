"""What changed from one version to another: pictures added, removed, labelled otherwise, moved between splits."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from datasets.versions.entry import Entry
from datasets.versions.version import Version


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference of two versions.

    Attributes:
        old, new: their ids.
        added, removed: pictures that only one of them has.
        relabelled: pictures whose label says something else, before and after.
        moved: pictures that stand in another split, before and after.
        restated: pictures of which only keys, source, licence or consent are said otherwise, before and after.
    """

    old: str
    new: str
    added: tuple[Entry, ...]
    removed: tuple[Entry, ...]
    relabelled: tuple[tuple[Entry, Entry], ...]
    moved: tuple[tuple[Entry, Entry], ...]
    restated: tuple[tuple[Entry, Entry], ...]

    def plain(self) -> dict[str, JsonValue]:
        """As JSON values; pictures by hash, with what their labels say."""
        return {
            "from": self.old, "to": self.new,
            "counts": {name: len(getattr(self, name)) for name in NAMES},
            "added": [_said(entry) for entry in self.added],
            "removed": [_said(entry) for entry in self.removed],
            "relabelled": [{**_said(new), "before": _said(old)} for old, new in self.relabelled],
            "moved": [{"sha256": new.sha256, "from": old.split, "to": new.split} for old, new in self.moved],
            "restated": [{"sha256": new.sha256, "fields": list(fields_of(old, new))} for old, new in self.restated],
        }  # fmt: skip


NAMES = ("added", "removed", "relabelled", "moved", "restated")


def changes(old: Version, new: Version) -> Changes:
    """What is otherwise in ``new``, in the order of hashes."""
    before, after = old.by_hash, new.by_hash
    both = [(before[sha256], after[sha256]) for sha256 in sorted(before.keys() & after.keys())]
    relabelled = tuple((a, b) for a, b in both if a.said != b.said)
    return Changes(
        old.id, new.id,
        tuple(after[sha256] for sha256 in sorted(after.keys() - before.keys())),
        tuple(before[sha256] for sha256 in sorted(before.keys() - after.keys())),
        relabelled,
        tuple((a, b) for a, b in both if a.split != b.split),
        tuple((a, b) for a, b in both if a.said == b.said and fields_of(a, b)),
    )  # fmt: skip


def fields_of(old: Entry, new: Entry) -> tuple[str, ...]:
    """Names of the fields, but for split and group, in which two entries differ."""
    return tuple(
        name
        for name in Entry.model_fields
        if name not in {"split", "group"} and getattr(old, name) != getattr(new, name)
    )


def _said(entry: Entry) -> dict[str, JsonValue]:
    return {
        "sha256": entry.sha256, "set": entry.set, "goods": entry.goods, "condition": entry.condition,
        "defects": list(entry.defects), "marks": len(entry.marks), "split": entry.split, "source": entry.source,
    }  # fmt: skip
