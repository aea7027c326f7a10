"""A version: a name, its parent and its pictures. Its id is the hash of all that, so that it can never change."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from datasets.versions.entry import Entry, Key, Part, Text, Word
from inspection.errors import InspectionError
from inspection.evidence import canonical_json

MAX_MANIFEST_BYTES = 400_000_000
MAX_ENTRIES = 500_000
ID_HEX = 12
VersionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}@[0-9a-f]{12}$")]
DEFAULT_KEYS = ("item", "customer", "station+date")


class VersionError(InspectionError):
    """A version cannot be read, was changed, or cannot be made of this; says what is wrong and where."""

    code = "dataset.refused"


class Splitting(Part):
    """How groups were made and spread.

    Attributes:
        keys: pictures that share one of these belong to one group; ``station+date`` is both at once.
        exam_share: wanted share of the exam in every kind of goods and condition, 0..0.9.
        seed: chooses which groups.
    """

    keys: tuple[Key, ...] = DEFAULT_KEYS
    exam_share: Annotated[float, Field(ge=0, le=0.9)] = 0.15
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class Version(Part):
    """The whole of a manifest.

    Attributes:
        format: of the manifest.
        name: of the data set.
        parent: id of the version it was made from.
        reason: why it was made.
        note: in words; never about a person.
        splitting: how groups were made and spread.
        entries: by hash, each picture once.
    """

    format: Literal[1] = 1
    name: Word
    parent: VersionId | None = None
    reason: Literal["made", "labels", "erasure", "import"] = "made"
    note: Text = ""
    splitting: Splitting = Splitting()
    entries: Annotated[tuple[Entry, ...], Field(max_length=MAX_ENTRIES)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        hashes = [entry.sha256 for entry in self.entries]
        if hashes != sorted(set(hashes)):
            raise ValueError("entries must be in the order of their hashes, each once")
        splits: dict[str, str] = {}
        for entry in self.entries:
            if entry.group and splits.setdefault(entry.group, entry.split) != entry.split:
                raise ValueError(f"group {entry.group} stands in two splits")
        return self

    @cached_property
    def manifest(self) -> bytes:
        """Canonical JSON (RFC 8785) of all of it."""
        return canonical_json(self.model_dump(mode="json"))

    @cached_property
    def sha256(self) -> str:
        """Hash of the manifest."""
        return hashlib.sha256(self.manifest).hexdigest()

    @property
    def id(self) -> str:
        """``<name>@<first 12 hex digits of the hash>``."""
        return f"{self.name}@{self.sha256[:ID_HEX]}"

    @cached_property
    def by_hash(self) -> dict[str, Entry]:
        """The entries by the hash of their picture."""
        return {entry.sha256: entry for entry in self.entries}

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """How many pictures of each set, kind of goods, condition, defect, split, licence, consent and source."""
        fields = ("set", "goods", "condition", "split", "licence", "consent", "source")
        found = {name: Counter(str(getattr(entry, name)) for entry in self.entries) for name in fields}
        found["defect"] = Counter(str(defect) for entry in self.entries for defect in entry.defects)
        return {name: dict(sorted(counts.items())) for name, counts in found.items()}


def read_version(text: bytes, expected: str | None = None) -> Version:
    """The version that a manifest says.

    Args:
        text: the manifest.
        expected: the id it must have.

    Raises:
        VersionError: it is too large, no manifest, not canonical, or of another id.
    """
    if len(text) > MAX_MANIFEST_BYTES:
        raise VersionError(f"a manifest of {len(text)} bytes is too large")
    try:
        version = Version.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "(whole)"
        raise VersionError(f"{expected or 'manifest'}: {where}: {first['msg']}") from error
    if version.manifest != text:
        raise VersionError(f"{expected or 'manifest'}: the bytes are not canonical, so its id would not be their hash")
    if expected is not None and version.id != expected:
        raise VersionError(f"{expected}: the manifest is that of {version.id}", hint="it was changed; fetch it again")
    return version


def version_of(
    name: str, entries: list[Entry], *, parent: str | None = None, reason: str = "made", note: str = "",
    splitting: Splitting | None = None,
) -> Version:  # fmt: skip
    """A version of these entries, put in order.

    Raises:
        VersionError: a name that is none, a picture twice, or a group in two splits.
    """
    ordered = sorted(entries, key=lambda entry: entry.sha256)
    content = {
        "name": name, "parent": parent, "reason": reason, "note": note, "splitting": splitting or Splitting(),
        "entries": ordered,
    }  # fmt: skip
    try:
        return Version.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise VersionError(f"{name}: {where + ': ' if where else ''}{first['msg']}") from error


def plain(version: Version) -> dict[str, object]:
    """What a person wants to know of a version, as JSON values."""
    return {
        "id": version.id, "parent": version.parent, "reason": version.reason, "note": version.note,
        "sha256": version.sha256, "pictures": len(version.entries),
        "groups": len({entry.group for entry in version.entries}),
        "splitting": json.loads(version.splitting.model_dump_json()), "counts": version.counts,
    }  # fmt: skip
