"""YOLO folders: ``data.yaml``, ``images/<split>``, ``labels/<split>``; or a folder a class (ultralytics' docs)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import yaml

from datasets.formats.draft import (
    OWN,
    Defaults,
    Draft,
    bare,
    box,
    checked_size,
    defect_of,
    filled,
    inside,
    own_fields,
    read_json,
)
from datasets.versions.entry import Split
from datasets.versions.folders import Put
from datasets.versions.making import size_of
from datasets.versions.version import Version, VersionError
from inspection.finding import Condition, Defect

FILE, OWN_FILE = "data.yaml", f"{OWN}.json"
SPLITS = {Split.TRAIN: "train", Split.EXAM: "val"}
SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MAX_LABEL_BYTES, MAX_YAML_BYTES, MAX_CLASSES = 4_000_000, 1_000_000, 10_000


def export(version: Version, out: Path, put: Put) -> Path:
    """Write a folder for detection; returns its ``data.yaml``. Masks have no place in it but for their boxes."""
    names = list(Defect)
    own = {}
    for entry in version.entries:
        part = SPLITS[entry.split]
        for folder in ("images", "labels"):
            (out / folder / part).mkdir(parents=True, exist_ok=True)
        picture = out / "images" / part / entry.file
        if not picture.is_file():
            put(entry.sha256, picture)
        lines = []
        for mark in entry.marks:
            centre = (mark.x + mark.width / 2) / entry.width, (mark.y + mark.height / 2) / entry.height
            values = *centre, mark.width / entry.width, mark.height / entry.height
            lines.append(" ".join([str(names.index(mark.defect)), *(f"{value:.9f}" for value in values)]))
        (out / "labels" / part / f"{entry.sha256}.txt").write_text("".join(f"{line}\n" for line in lines), "ascii")
        own[f"images/{part}/{entry.file}"] = own_fields(entry)
    _write_own(out, own)
    described = {"path": ".", "train": "images/train", "val": "images/val", "names": dict(enumerate(map(str, names)))}
    (out / FILE).write_text(yaml.safe_dump(described, sort_keys=False), encoding="utf-8")
    return out / FILE


def export_classes(version: Version, out: Path, put: Put) -> Path:
    """Write a folder for classification by condition, ``<split>/<condition>/<picture>``; returns it."""
    own = {}
    for entry in version.entries:
        name = f"{SPLITS[entry.split]}/{entry.condition}/{entry.file}"
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        if not (out / name).is_file():
            put(entry.sha256, out / name)
        own[name] = own_fields(entry)
    _write_own(out, own)
    return out


def drafts(folder: Path, defaults: Defaults) -> Iterator[Draft]:
    """The pictures of a folder for detection or segmentation.

    Raises:
        VersionError: it is none, or says what cannot be; names file and line.
    """
    names = _names(folder / FILE)
    own = _read_own(folder)
    for picture in _pictures(folder / "images", folder):
        name = picture.relative_to(folder).as_posix()
        draft = Draft(picture, own=bare(own.get(name)))
        _, width, height = size_of(picture.read_bytes(), name)
        size = checked_size(width, height, name)
        label = folder / "labels" / picture.relative_to(folder / "images").with_suffix(".txt")
        for place, line in enumerate(_lines(label, folder), 1):
            _add(draft, line.split(), names, defaults, size, f"{label.relative_to(folder)}:{place}")
        yield draft


def drafts_of_classes(folder: Path, defaults: Defaults) -> Iterator[Draft]:
    """The pictures of a folder for classification, whose classes are conditions or defects.

    Raises:
        VersionError: a class means neither.
    """
    own = _read_own(folder)
    for picture in _pictures(folder, folder):
        name = picture.relative_to(folder).as_posix()
        word = picture.parent.name
        draft = Draft(picture, own=bare(own.get(name)))
        if word in set(Condition):
            draft.own.setdefault("condition", word)
            if word != Condition.INTACT and not draft.own.get("defects"):
                draft.named.add(Defect.DAMAGED)
        else:
            draft.named.add(defect_of(word, defaults, name))
        yield draft


def _add(
    draft: Draft, words: list[str], names: dict[int, str], defaults: Defaults, size: tuple[int, int], where: str
) -> None:
    try:
        number, values = int(words[0]), [float(word) for word in words[1:]]
    except ValueError:
        raise VersionError(f"{where}: expected a class and numbers") from None
    if number not in names or not all(-0.01 <= value <= 1.01 for value in values):  # noqa: PLR2004 - NaN is not, either
        raise VersionError(f"{where}: no class of this number, or a place outside 0..1")
    defect = defect_of(names[number], defaults, where)
    width, height = size
    if len(values) == 4:  # noqa: PLR2004 - centre and size
        x, y, wide, high = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        draft.marks.append((defect, *box(x - wide / 2, y - high / 2, wide, high, size, where)))
    elif len(values) >= 6 and len(values) % 2 == 0:  # noqa: PLR2004 - three corners
        outline = [(x * width, y * height) for x, y in zip(values[::2], values[1::2], strict=True)]
        plane = filled(outline, size, where)
        draft.add_plane(defect, plane)
        found = cv2.boundingRect(plane.astype("uint8"))
        draft.marks.append((defect, found[0], found[1], max(1, found[2]), max(1, found[3])))
    else:
        raise VersionError(f"{where}: {len(values)} numbers are neither a box nor an outline")


def _names(file: Path) -> dict[int, str]:
    try:
        if file.stat().st_size > MAX_YAML_BYTES:
            raise VersionError(f"{file} is too large")
        described = yaml.safe_load(file.read_bytes())
    except (OSError, yaml.YAMLError, RecursionError, ValueError) as error:
        raise VersionError(f"{file} cannot be read: {type(error).__name__}") from error
    names = described.get("names") if isinstance(described, dict) else None
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or len(names) > MAX_CLASSES or not all(type(key) is int for key in names):
        raise VersionError(f"{file}: names must be a list, or numbers and names")
    return {key: str(value) for key, value in names.items()}


def _pictures(folder: Path, root: Path) -> list[Path]:
    if not folder.is_dir():
        raise VersionError(f"{folder} is not a folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return [inside(root, path.relative_to(root).as_posix(), "picture") for path in found]


def _lines(label: Path, root: Path) -> list[str]:
    if not label.exists() and not label.is_symlink():
        return []
    file = inside(root, label.relative_to(root).as_posix(), "label")
    if file.stat().st_size > MAX_LABEL_BYTES:
        raise VersionError(f"{label} is too large")
    try:
        return [line for line in file.read_text(encoding="ascii").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise VersionError(f"{label} is no text of numbers") from error


def _write_own(out: Path, own: dict[str, Any]) -> None:
    (out / OWN_FILE).write_text(json.dumps(own, ensure_ascii=False), encoding="utf-8")


def _read_own(folder: Path) -> dict[str, Any]:
    if not (folder / OWN_FILE).is_file():
        return {}
    found = read_json(folder / OWN_FILE)
    return found if isinstance(found, dict) else {}
