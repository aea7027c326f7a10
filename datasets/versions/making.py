"""Making versions: of labelled folders, of a parent with more labels, of a parent without some pictures."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import ValidationError

from datasets.manifest import Sample, read_manifest
from datasets.versions.entry import Consent, Entry
from datasets.versions.grouping import grouped
from datasets.versions.store import MAX_PICTURE_BYTES, VersionStore
from datasets.versions.version import Splitting, Version, VersionError, version_of

SIGNATURES = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}
MAX_PIXELS = 120_000_000


@dataclass(frozen=True, slots=True)
class Origin:
    """What is said of a whole folder where its own columns do not say it."""

    source: str = ""
    licence: str = ""
    consent: Consent = Consent.UNSTATED


def from_folders(store: VersionStore, folders: Sequence[Path], origin: Origin) -> list[Entry]:
    """Put the pictures of folders with a ``manifest.csv`` into the store; the entries without groups.

    Columns ``item, customer, date, station, view, source, consent`` are taken where a manifest has them. Otherwise its
    ``group`` is the item.

    Raises:
        ConfigError, VersionError: a picture or a label cannot be used, or one picture has two labels.
    """
    entries: dict[str, Entry] = {}
    for folder in folders:
        more = _columns(folder)
        for sample in read_manifest(folder):
            entry = _entry(store, sample, more.get(sample.path, {}), folder, origin)
            known = entries.setdefault(entry.sha256, entry)
            if known.said != entry.said:
                raise VersionError(
                    f"{sample.path}: the same picture is in {known.source} with another label",
                    hint="leave one of them out: nobody can learn both",
                )
    return list(entries.values())


def make(
    name: str, entries: Iterable[Entry], *, splitting: Splitting | None = None, parent: Version | None = None,
    reason: str = "made", note: str = "", without: Collection[str] = (),
) -> Version:  # fmt: skip
    """A version of the parent's entries with these over them, and without the pictures of the hashes ``without``.

    Groups and splits of the parent stay. The same call makes the same version.

    Raises:
        VersionError: nothing is left.
    """
    before = [] if parent is None else list(parent.entries)
    merged = {entry.sha256: entry for entry in before} | {entry.sha256: entry for entry in entries}
    kept = [entry for sha256, entry in merged.items() if sha256 not in without]
    if not kept:
        raise VersionError(f"{name}: no picture is left")
    how = splitting or (parent.splitting if parent is not None else Splitting())
    return version_of(
        name, grouped(kept, how, before), parent=None if parent is None else parent.id, reason=reason, note=note,
        splitting=how,
    )  # fmt: skip


def digest_of(content: bytes) -> str:
    """SHA-256, lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def size_of(content: bytes, where: str) -> tuple[str, int, int]:
    """Kind (``jpg`` or ``png``), width and height of a picture.

    Raises:
        VersionError: it is none that can be decoded, or too large.
    """
    if len(content) > MAX_PICTURE_BYTES:
        raise VersionError(f"{where}: {len(content)} bytes are too many for a picture")
    kind = next((kind for kind, begin in SIGNATURES.items() if content.startswith(begin)), None)
    if kind is None:
        raise VersionError(f"{where} is neither JPEG nor PNG")
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None or picture.shape[0] * picture.shape[1] > MAX_PIXELS:
        raise VersionError(f"{where} cannot be decoded as a picture")
    return kind, picture.shape[1], picture.shape[0]


def _columns(folder: Path) -> dict[Path, dict[str, str]]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        return {folder / row["file"]: row for row in csv.DictReader(stream)}


def _entry(store: VersionStore, sample: Sample, row: dict[str, str], folder: Path, origin: Origin) -> Entry:
    content = sample.path.read_bytes()
    kind, width, height = size_of(content, str(sample.path))
    given = {key: row[key] for key in ("item", "customer", "date", "station", "view") if row.get(key)}
    if not given.keys() & {"item", "customer", "date", "station"}:
        given["item"] = sample.group
    try:
        return Entry.model_validate(
            {
                "sha256": store.put(content), "kind": kind, "width": width, "height": height, "set": sample.set,
                "goods": sample.goods, "condition": sample.condition, "defects": sorted(sample.defects),
                "mask": None if sample.mask is None else store.put(sample.mask.read_bytes()),
                "capture": sample.capture, "licence": sample.licence or origin.licence,
                "source": row.get("source") or origin.source or folder.name,
                "consent": row.get("consent") or origin.consent,
                "name": sample.name.removeprefix(f"{sample.set}/"), **given,
            }
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise VersionError(f"{sample.path}: {where}: {first['msg']}") from error
