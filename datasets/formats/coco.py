"""COCO instances: pictures, categories, boxes and segmentations in one JSON (COCO data format, object detection)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

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
    number,
    own_fields,
    read_json,
    side,
)
from datasets.formats.rle import counts_of, plane_of
from datasets.masks import mask_code
from datasets.versions.entry import Entry
from datasets.versions.folders import Put
from datasets.versions.store import VersionStore
from datasets.versions.version import Version, VersionError
from inspection.finding import Defect

FILE, PICTURES = "instances.json", "pictures"
FROM_MASK = "from_mask"
"""Attribute of an annotation that our export made of a mask: nobody drew a box."""


def export(version: Version, store: VersionStore, out: Path, put: Put) -> Path:
    """Write ``instances.json`` and ``pictures/``; returns the former."""
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    licences = sorted({entry.licence for entry in version.entries})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number_, entry in enumerate(version.entries, 1):
        if not (out / PICTURES / entry.file).is_file():
            put(entry.sha256, out / PICTURES / entry.file)
        images.append(
            {
                "id": number_, "file_name": f"{PICTURES}/{entry.file}", "width": entry.width, "height": entry.height,
                "license": licences.index(entry.licence) + 1, OWN: own_fields(entry),
            }
        )  # fmt: skip
        annotations += _annotations(entry, number_, store)
    document = {
        "info": {"description": version.id},
        "licenses": [{"id": place, "name": name, "url": ""} for place, name in enumerate(licences, 1)],
        "categories": [{"id": place, "name": str(defect)} for place, defect in enumerate(Defect, 1)],
        "images": images,
        "annotations": [{"id": place, **each} for place, each in enumerate(annotations, 1)],
    }
    path = out / FILE
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def drafts(file: Path, pictures: Path, defaults: Defaults) -> Iterator[Draft]:
    """The pictures of a COCO file; ``pictures`` is the folder its names are from.

    Raises:
        VersionError: it is none, or says what cannot be; names the place.
    """
    document = read_json(file)
    if not isinstance(document, dict):
        raise VersionError(f"{file} is no COCO file: expected an object")
    categories = {
        _id(each, f"categories[{place}]"): each.get("name")
        for place, each in enumerate(_list(document, "categories", file))
    }
    found: dict[int, Draft] = {}
    for place, image in enumerate(_list(document, "images", file)):
        where = f"images[{place}]"
        width, height = side(image.get("width"), where), side(image.get("height"), where)
        path = inside(pictures, image.get("file_name"), where)
        own = bare(image.get(OWN))
        if found.setdefault(_id(image, where), Draft(path, width, height, own=own)).path != path:
            raise VersionError(f"{where}: its id is that of another picture")
    for place, each in enumerate(_list(document, "annotations", file)):
        where = f"annotations[{place}]"
        draft = found.get(_id(each, where, "image_id"))
        category = _id(each, where, "category_id")
        if draft is None or category not in categories:
            raise VersionError(f"{where}: there is no such picture or category")
        _add(draft, each, defect_of(categories[category], defaults, where), where)
    yield from found.values()


def _add(draft: Draft, annotation: dict[str, Any], defect: Defect, where: str) -> None:
    size = checked_size(draft.width or 1, draft.height or 1, where)
    plane = _plane(annotation.get("segmentation"), size, where)
    if plane is not None and plane.any():
        draft.add_plane(defect, plane)
    attributes = annotation.get("attributes")
    if isinstance(attributes, dict) and attributes.get(FROM_MASK) is True:
        return
    given = annotation.get("bbox")
    if isinstance(given, list) and len(given) == 4:  # noqa: PLR2004 - x, y, width, height
        x, y, width, height = (number(value, where) for value in given)
        draft.marks.append((defect, *box(x, y, width, height, size, where)))
    elif plane is None or not plane.any():
        raise VersionError(f"{where}: neither a box nor a segmentation")


def _plane(given: object, size: tuple[int, int], where: str) -> Any:
    """What a segmentation says: run lengths, or outlines."""
    if isinstance(given, dict):
        if given.get("size") != [size[1], size[0]]:
            raise VersionError(f"{where}: its segmentation is of {given.get('size')}, height first, not of its picture")
        counts = given.get("counts")
        if not isinstance(counts, list | str):
            raise VersionError(f"{where}: a segmentation without run lengths")
        return plane_of(counts, *size, where)
    if not isinstance(given, list) or not given:
        return None
    whole = np.zeros((size[1], size[0]), bool)
    for outline in given:
        if not isinstance(outline, list) or len(outline) % 2:
            raise VersionError(f"{where}: an outline is a list of x, y, x, y …")
        values = [number(value, where) for value in outline]
        whole |= filled(list(zip(values[::2], values[1::2], strict=True)), size, where)
    return whole


def _annotations(entry: Entry, image: int, store: VersionStore) -> Iterator[dict[str, Any]]:
    places = {defect: place for place, defect in enumerate(Defect, 1)}
    for mark in entry.marks:
        yield {
            "image_id": image, "category_id": places[mark.defect], "iscrowd": 0, "segmentation": [],
            "bbox": [mark.x, mark.y, mark.width, mark.height], "area": mark.width * mark.height,
        }  # fmt: skip
    for defect, plane in planes_of(entry, store).items():
        x, y, width, height = cv2.boundingRect(plane.astype(np.uint8))
        yield {
            "image_id": image, "category_id": places[defect], "iscrowd": 1, "area": int(plane.sum()),
            "bbox": [x, y, width, height], "attributes": {FROM_MASK: True},
            "segmentation": {"size": list(plane.shape), "counts": counts_of(plane)},
        }  # fmt: skip


def planes_of(entry: Entry, store: VersionStore) -> dict[Defect, Any]:
    """Regions of an entry's mask, bool (height, width) by defect."""
    if entry.mask is None:
        return {}
    codes = cv2.imdecode(np.frombuffer(store.get(entry.mask), np.uint8), cv2.IMREAD_GRAYSCALE)
    if codes is None:
        raise VersionError(f"the mask of {entry.sha256} is no picture")
    return {defect: codes == mask_code(defect) for defect in entry.defects if (codes == mask_code(defect)).any()}


def _list(document: dict[str, Any], name: str, file: Path) -> list[dict[str, Any]]:
    found = document.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise VersionError(f"{file}: {name} must be a list of objects")
    return found


def _id(value: dict[str, Any], where: str, name: str = "id") -> int:
    found = value.get(name)
    if type(found) is not int:
        raise VersionError(f"{where}: {name} must be a whole number")
    return found
