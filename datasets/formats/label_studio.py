"""Label Studio's JSON: choices, rectangles, brushes (its documentation, "JSON format of annotated tasks")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from datasets.formats.coco import planes_of
from datasets.formats.draft import (
    OWN,
    Defaults,
    Draft,
    bare,
    box,
    checked_size,
    defect_of,
    inside,
    number,
    own_fields,
    read_json,
    side,
)
from datasets.formats.rle import brush_of, plane_of_brush
from datasets.versions.entry import Entry
from datasets.versions.folders import Put
from datasets.versions.making import size_of
from datasets.versions.store import VersionStore
from datasets.versions.version import Version, VersionError
from inspection.finding import Condition, Defect

FILE, CONFIG, PICTURES = "tasks.json", "labelling.xml", "pictures"
SERVED = "/data/local-files/?d="
UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""Label Studio puts this before the name of a file that was uploaded."""


def export(version: Version, store: VersionStore, out: Path, put: Put) -> Path:
    """Write ``tasks.json``, the labelling configuration that goes with it, and ``pictures/``; returns the first."""
    (out / PICTURES).mkdir(parents=True, exist_ok=True)
    tasks = []
    for place, entry in enumerate(version.entries, 1):
        if not (out / PICTURES / entry.file).is_file():
            put(entry.sha256, out / PICTURES / entry.file)
        data = {"image": f"{SERVED}{PICTURES}/{entry.file}", OWN: own_fields(entry)}
        tasks.append({"id": place, "data": data, "annotations": [{"id": place, "result": _results(entry, store)}]})
    (out / FILE).write_text(json.dumps(tasks, ensure_ascii=False), encoding="utf-8")
    (out / CONFIG).write_text(_configuration(), encoding="utf-8")
    return out / FILE


def drafts(file: Path, pictures: Path, defaults: Defaults) -> Iterator[Draft]:
    """The annotated tasks of a file; of several annotations of one task the last that was not cancelled counts.

    Raises:
        VersionError: it is none, or says what cannot be; names the place.
    """
    tasks = read_json(file)
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise VersionError(f"{file} is no list of tasks")
    for place, task in enumerate(tasks):
        where = f"[{place}]"
        data, annotations = task.get("data"), task.get("annotations")
        if not isinstance(data, dict) or not isinstance(annotations, list):
            raise VersionError(f"{where}: a task has data and annotations", hint="export as JSON, not as JSON-MIN")
        counting = [each for each in annotations if isinstance(each, dict) and not each.get("was_cancelled")]
        if not counting:
            continue
        own = bare(data.get(OWN))
        own.pop("defects", None)  # what people chose in Label Studio counts
        draft = Draft(_picture(pictures, data.get("image"), where), own=own)
        results = counting[-1].get("result")
        if not isinstance(results, list):
            raise VersionError(f"{where}: an annotation without results")
        for each in results:
            _add(draft, each, defaults, where)
        if not (draft.named or draft.marks or draft.planes) and own.get("condition") != Condition.INTACT:
            draft.own["condition"] = Condition.INTACT
        yield draft


def _add(draft: Draft, result: object, defaults: Defaults, where: str) -> None:
    if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
        raise VersionError(f"{where}: a result has a value")
    kind, value = result.get("type"), result["value"]
    if kind == "choices":
        for word in _words(value, "choices", where):
            if word in set(Condition):
                draft.own["condition"] = word
            else:
                draft.named.add(defect_of(word, defaults, where))
    elif kind == "rectanglelabels":
        size = _size(draft, result, where)
        if number(value.get("rotation", 0), where):
            raise VersionError(f"{where}: a turned rectangle is no box", hint="draw it without rotation")
        x, y, wide, high = (number(value.get(name), where) / 100 for name in ("x", "y", "width", "height"))
        found = box(x * size[0], y * size[1], wide * size[0], high * size[1], size, where)
        draft.marks += [(defect_of(word, defaults, where), *found) for word in _words(value, kind, where)]
    elif kind == "brushlabels":
        size = _size(draft, result, where)
        if value.get("format") != "rle":
            raise VersionError(f"{where}: a brush of format {str(value.get('format'))[:40]!r}")
        plane = plane_of_brush(value.get("rle"), *size, where)
        for word in _words(value, kind, where):
            if plane.any():
                draft.add_plane(defect_of(word, defaults, where), plane)


def _size(draft: Draft, result: dict[str, Any], where: str) -> tuple[int, int]:
    """Width and height; those of the picture's own bytes, which those of the result must be."""
    if draft.width is None or draft.height is None:
        _, draft.width, draft.height = size_of(draft.path.read_bytes(), where)
    given = side(result.get("original_width"), where), side(result.get("original_height"), where)
    if given != (draft.width, draft.height):
        raise VersionError(
            f"{where}: drawn on {given[0]} x {given[1]} px, the picture has {draft.width} x {draft.height}"
        )
    return checked_size(*given, where)


def _words(value: dict[str, Any], name: str, where: str) -> list[str]:
    found = value.get(name)
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise VersionError(f"{where}: {name} must be a list of names")
    return found


def _picture(pictures: Path, said: object, where: str) -> Path:
    """The picture that a task means: by its path, else by its name, also under the prefix of an upload."""
    if not isinstance(said, str) or len(said) > 2000:  # noqa: PLR2004
        raise VersionError(f"{where}: a task names its picture as data.image")
    try:
        split = urlsplit(said)
        query = parse_qs(split.query)
    except ValueError:
        raise VersionError(f"{where}: {said[:100]!r} names no picture") from None
    path = query["d"][0] if "d" in query else unquote(split.path).lstrip("/")
    names = [path, path.rpartition("/")[2], UPLOADED.sub("", path.rpartition("/")[2])]
    if ".." in Path(path).parts:
        names = [path]
    for name in names[:-1]:
        if name and ".." not in Path(name).parts and not Path(name).is_absolute() and (pictures / name).is_file():
            return inside(pictures, name, where)
    return inside(pictures, names[-1], where)


def _results(entry: Entry, store: VersionStore) -> list[dict[str, Any]]:
    common = {"to_name": "image", "original_width": entry.width, "original_height": entry.height, "image_rotation": 0}
    found: list[dict[str, Any]] = [
        {"type": "choices", "from_name": "condition", "to_name": "image", "value": {"choices": [str(entry.condition)]}},
        {"type": "choices", "from_name": "defects", "to_name": "image",
         "value": {"choices": [str(defect) for defect in entry.defects]}},
    ]  # fmt: skip
    for mark in entry.marks:
        place = {
            "x": 100 * mark.x / entry.width, "y": 100 * mark.y / entry.height, "width": 100 * mark.width / entry.width,
            "height": 100 * mark.height / entry.height, "rotation": 0, "rectanglelabels": [str(mark.defect)],
        }  # fmt: skip
        found.append({**common, "type": "rectanglelabels", "from_name": "box", "value": place})
    for defect, plane in planes_of(entry, store).items():
        value = {"format": "rle", "rle": brush_of(plane), "brushlabels": [str(defect)]}
        found.append({**common, "type": "brushlabels", "from_name": "brush", "value": value})
    return [{"id": f"r{place}", **each} for place, each in enumerate(found)]


def _configuration() -> str:
    labels = "".join(f'<Label value="{defect}"/>' for defect in Defect)
    choices = "".join(f'<Choice value="{defect}"/>' for defect in Defect)
    conditions = "".join(f'<Choice value="{condition}"/>' for condition in Condition)
    return (
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="condition" toName="image" choice="single" required="true">{conditions}</Choices>'
        f'<Choices name="defects" toName="image" choice="multiple">{choices}</Choices>'
        f'<RectangleLabels name="box" toName="image">{labels}</RectangleLabels>'
        f'<BrushLabels name="brush" toName="image">{labels}</BrushLabels></View>\n'
    )
