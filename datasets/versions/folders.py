"""A version laid out as folders that ``python -m models train`` reads, and which models have seen which pictures."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from datasets.versions.entry import Entry, Split
from datasets.versions.version import Version

COLUMNS = (
    "file", "set", "goods", "defects", "condition", "group", "capture", "licence", "mask",
    "item", "customer", "date", "station", "view", "source", "consent",
)  # fmt: skip
Put = Callable[[str, Path], None]
"""Writes the picture of a hash to a path."""


def lay_out(version: Version, folder: Path, put: Put, split: Split | None = Split.TRAIN) -> list[Path]:
    """Write a version's pictures of one split (``None``: all) under ``folder``; returns the folders, in order.

    A folder holds one set, or one month of it, so that what a later version adds leaves the folders before it as they
    were, and features computed from them are used again. Called again after a kill it goes on.
    """
    parts: dict[str, list[Entry]] = defaultdict(list)
    for entry in version.entries:
        if split is None or entry.split is split:
            parts[f"{entry.set}-{entry.date[:7]}" if entry.date else entry.set].append(entry)
    for name, entries in parts.items():
        here = folder / name
        here.mkdir(parents=True, exist_ok=True)
        wanted = {file for entry in entries for file in _files(entry)} | {"manifest.csv"}
        for path in here.iterdir():
            if path.name not in wanted and path.is_file():
                path.unlink()
        for entry in entries:
            for file, sha256 in _files(entry).items():
                if not (here / file).is_file():
                    put(sha256, here / file)
        _write_manifest(here / "manifest.csv", entries)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in parts:
            shutil.rmtree(path)
    return [folder / name for name in sorted(parts)]


def linked(source: Path, target: Path) -> None:
    """Have ``target`` be the same file as ``source``; a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        fresh = target.with_name(f".{target.name}.new")
        shutil.copyfile(source, fresh)
        fresh.replace(target)


def set_digests(version: Version, split: Split | None = Split.TRAIN, *, as_it_came: bool = False) -> dict[str, str]:
    """What :func:`datasets.manifest.digest` says of each set as :func:`lay_out` lays it out, without any picture.

    With ``as_it_came`` what it says of the folders that the version was made of, their names and groups.
    """
    lines: dict[str, list[str]] = defaultdict(list)
    for entry in version.entries:
        if split is None or entry.split is split:
            name, group = (entry.name, entry.item) if as_it_came else (entry.file, f"{entry.set}/{entry.group}")
            fields = f"{entry.set}/{name}", ";".join(entry.defects), entry.condition, group, entry.sha256
            lines[entry.set].append("\t".join(fields))
    return {name: hashlib.sha256("\n".join(sorted(each)).encode()).hexdigest() for name, each in lines.items()}


def seen_by(
    pictures: Collection[str], versions: Iterable[Version], models: Mapping[str, Mapping[str, str]]
) -> dict[str, list[str]]:
    """Which models have learned from some of these pictures, with the versions through which, both in order.

    Args:
        pictures: hashes.
        versions: all that may have held them.
        models: the lineage's ``data`` (digest by set) of each model, by its id.
    """
    wanted = set(pictures)
    found: dict[str, list[str]] = defaultdict(list)
    for version in versions:
        hit = [entry for entry in version.entries if {entry.sha256, entry.mask} & wanted]
        if not hit:
            continue
        learned = {entry.set for entry in hit if entry.split is Split.TRAIN}
        laid_out = {name: digest for name, digest in set_digests(version).items() if name in learned}
        held = {entry.set for entry in hit}
        whole = {name: digest for name, digest in set_digests(version, None, as_it_came=True).items() if name in held}
        for model, data in models.items():
            if (laid_out.items() | whole.items()) & data.items():
                found[model].append(version.id)
    return {model: sorted(found[model]) for model in sorted(found)}


def _files(entry: Entry) -> dict[str, str]:
    """Names of an entry's files and the hashes of what they hold."""
    return {entry.file: entry.sha256} | ({} if entry.mask is None else {f"{entry.sha256}.mask.png": entry.mask})


def _write_manifest(path: Path, entries: list[Entry]) -> None:
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        masked = any(entry.mask for entry in entries)
        columns = [name for name in COLUMNS if name != "mask" or masked]
        writer.writerow(columns)
        for entry in entries:
            row = {name: str(getattr(entry, name, "")) for name in columns} | {
                "file": entry.file, "defects": ";".join(entry.defects),
                "mask": f"{entry.sha256}.mask.png" if entry.mask else "",
            }  # fmt: skip
            writer.writerow([row[name] for name in columns])
    fresh.replace(path)
