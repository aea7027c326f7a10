"""A labelled picture as another program says it, and how it becomes an entry: nothing it says is believed unchecked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from datasets.masks import STEP, mask_code
from datasets.versions.entry import MAX_BOXES, MAX_SIDE, Consent, Entry, Mark
from datasets.versions.making import MAX_PIXELS, size_of
from datasets.versions.store import MAX_PICTURE_BYTES, VersionStore
from datasets.versions.version import VersionError
from inspection.finding import Condition, Defect

Plane = npt.NDArray[np.bool_]
MAX_JSON_BYTES = 400_000_000
MAX_PICTURES = 500_000
SLACK_PX = 1.0
"""Other programs round; a box that leaves its picture by more than this is refused."""
OWN = "returns_inspection"
"""Under this key our own exports carry what the format has no word for."""
OWN_FIELDS = (
    "set", "goods", "view", "condition", "defects", "item", "customer", "date", "station", "capture", "source",
    "licence", "consent", "name", "label",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Defaults:
    """What is said of pictures where the format does not say it.

    Attributes:
        condition: of an item with a defect; without it such a picture is refused, for it would be a guess.
        names: other programs' names of defects, by the name in their file.
    """

    set: str
    goods: str = ""
    condition: Condition | None = None
    source: str = ""
    licence: str = ""
    consent: Consent = Consent.UNSTATED
    names: Mapping[str, Defect] = field(default_factory=dict)


@dataclass(slots=True)
class Draft:
    """One picture on its way in.

    Attributes:
        path: its file, inside the folder that was given.
        width, height: as the format says; checked against the bytes; ``None`` where it does not say.
        marks: defects and where, as whole pixels.
        planes: bool (height, width) by defect.
        own: what one of our exports said of it.
    """

    path: Path
    width: int | None = None
    height: int | None = None
    marks: list[tuple[Defect, int, int, int, int]] = field(default_factory=list)
    planes: dict[Defect, Plane] = field(default_factory=dict)
    named: set[Defect] = field(default_factory=set)
    own: dict[str, Any] = field(default_factory=dict)

    def add_plane(self, defect: Defect, plane: Plane) -> None:
        """Add a region to what is known of a defect."""
        known = self.planes.get(defect)
        self.planes[defect] = plane if known is None else known | plane


def read_json(path: Path) -> Any:
    """The value of a JSON file.

    Raises:
        VersionError: too large, no JSON, NaN or infinity, a key twice, or nested too deep.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise VersionError(f"{path} is larger than {MAX_JSON_BYTES} bytes")
        return json.loads(path.read_bytes(), object_pairs_hook=_unique, parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise VersionError(f"{path} cannot be read: {type(error).__name__}: {str(error)[:200]}") from error


def inside(folder: Path, name: object, where: str) -> Path:
    """The file ``name`` in ``folder``.

    Raises:
        VersionError: it is no relative path, leaves the folder, also over a link, or is not there.
    """
    if not isinstance(name, str) or not name or len(name) > 1000 or "\0" in name or "\\" in name:  # noqa: PLR2004
        raise VersionError(f"{where}: {str(name)[:100]!r} names no file")
    path = Path(name)
    if path.is_absolute() or ".." in path.parts or re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", name):
        raise VersionError(f"{where}: {name[:200]!r} is no path inside the folder", hint="give relative paths")
    try:
        found = (folder / path).resolve()
        whole = found.is_relative_to(folder.resolve()) and found.is_file()
    except (OSError, ValueError, RuntimeError):
        whole = False
    if not whole:
        raise VersionError(f"{where}: {name[:200]!r} is not in {folder}")
    return folder / path


def number(value: object, where: str) -> float:
    """A finite number.

    Raises:
        VersionError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:  # noqa: PLR2004
        raise VersionError(f"{where}: {str(value)[:60]!r} is no number that can be meant")
    return float(value)


def side(value: object, where: str) -> int:
    """Width or height of a picture.

    Raises:
        VersionError: it is none.
    """
    found = number(value, where)
    if found != int(found) or not 1 <= found <= MAX_SIDE:
        raise VersionError(f"{where}: {found} is no side of a picture")
    return int(found)


def box(
    x: float, y: float, width: float, height: float, size: tuple[int, int], where: str
) -> tuple[int, int, int, int]:
    """A box in whole pixels that holds the given one; ``size`` is (width, height) of the picture.

    Raises:
        VersionError: it is empty, or leaves the picture by more than a pixel.
    """
    right, bottom = x + width, y + height
    ends = x, y, right, bottom
    if not all(map(math.isfinite, ends)) or width <= 0 or height <= 0:
        raise VersionError(f"{where}: an empty box")
    if min(x, y) < -SLACK_PX or right > size[0] + SLACK_PX or bottom > size[1] + SLACK_PX:
        raise VersionError(f"{where}: a box leaves its picture of {size[0]} x {size[1]} px")
    left, top = max(0, math.floor(x + 1e-3)), max(0, math.floor(y + 1e-3))
    left, top = min(left, size[0] - 1), min(top, size[1] - 1)
    wide = max(1, min(size[0], math.ceil(right - 1e-3)) - left)
    high = max(1, min(size[1], math.ceil(bottom - 1e-3)) - top)
    return left, top, wide, high


def filled(outline: list[tuple[float, float]], size: tuple[int, int], where: str) -> Plane:
    """The pixels inside an outline, bool (height, width).

    Raises:
        VersionError: fewer than three corners, or one far outside.
    """
    if len(outline) < 3 or len(outline) > 100_000:  # noqa: PLR2004
        raise VersionError(f"{where}: an outline of {len(outline)} corners")
    for x, y in outline:
        if not (-SLACK_PX <= x <= size[0] + SLACK_PX and -SLACK_PX <= y <= size[1] + SLACK_PX):
            raise VersionError(f"{where}: an outline leaves its picture of {size[0]} x {size[1]} px")
    plane = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(plane, [np.round(np.array(outline) - 0.5).astype(np.int32)], 1)
    return plane.astype(bool)


def defect_of(name: object, defaults: Defaults, where: str) -> Defect:
    """The defect that another program's name means.

    Raises:
        VersionError: nobody said what it means.
    """
    if isinstance(name, str):
        if name in defaults.names:
            return defaults.names[name]
        word = re.sub(r"[\s-]+", "_", name.strip().lower())
        if word in set(Defect):
            return Defect(word)
    raise VersionError(
        f"{where}: {str(name)[:80]!r} is no defect of ours",
        hint="say which with --name-of theirs=ours, e.g. rust=corrosion",
    )


def entries_of(store: VersionStore, drafts: Iterable[Draft], defaults: Defaults) -> list[Entry]:
    """Put the pictures into the store; the entries without groups.

    Raises:
        VersionError: a picture that is none or of another size, a label that cannot be meant, a picture twice.
    """
    found: dict[str, Entry] = {}
    for count, draft in enumerate(drafts):
        if count >= MAX_PICTURES:
            raise VersionError(f"more than {MAX_PICTURES} pictures")
        entry = _entry(store, draft, defaults)
        if found.setdefault(entry.sha256, entry).said != entry.said:
            raise VersionError(f"{draft.path}: the same picture came before with another label")
    if not found:
        raise VersionError("there is no picture in it")
    return list(found.values())


def own_fields(entry: Entry) -> dict[str, Any]:
    """What a format has no word for."""
    said = entry.model_dump(mode="json", include=set(OWN_FIELDS))
    return {name: said[name] for name in OWN_FIELDS}


def bare(value: object) -> dict[str, Any]:
    """What one of our exports carried, or nothing."""
    return {str(key): value[key] for key in OWN_FIELDS if key in value} if isinstance(value, dict) else {}


def _entry(store: VersionStore, draft: Draft, defaults: Defaults) -> Entry:
    if draft.path.stat().st_size > MAX_PICTURE_BYTES:
        raise VersionError(f"{draft.path} is too large for a picture")
    content = draft.path.read_bytes()
    kind, width, height = size_of(content, str(draft.path))
    if (draft.width or width, draft.height or height) != (width, height):
        raise VersionError(f"{draft.path} is {width} x {height} px, its label is of {draft.width} x {draft.height}")
    defects = sorted({mark[0] for mark in draft.marks} | set(draft.planes) | draft.named)
    marks = sorted(set(draft.marks))
    if len(marks) > MAX_BOXES:
        raise VersionError(f"{draft.path}: {len(marks)} boxes; at most {MAX_BOXES}")
    damaged = draft.own.get("condition") or defaults.condition
    said = {
        "set": defaults.set, "goods": defaults.goods, "source": defaults.source, "licence": defaults.licence,
        "consent": defaults.consent, "item": f"{defaults.set}/{draft.path.stem}", "capture": "fixed",
        "name": draft.path.name, **draft.own,
    }  # fmt: skip
    stated = sorted({*defects, *_stated(draft)})
    if stated and (damaged is None or damaged == Condition.INTACT):
        raise VersionError(
            f"{draft.path}: it has {', '.join(stated)}, and nothing says how bad that is", hint="give --condition"
        )
    said |= {"defects": stated, "condition": damaged if stated else Condition.INTACT}
    places = [Mark(defect=each[0], x=each[1], y=each[2], width=each[3], height=each[4]) for each in marks]
    try:
        return Entry.model_validate(
            {
                "sha256": store.put(content), "kind": kind, "width": width, "height": height, "marks": places,
                "mask": _mask(store, draft.planes, stated, (width, height)), **said,
            }
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        raise VersionError(f"{draft.path}: {where}: {first['msg']}") from error


def _stated(draft: Draft) -> set[Defect]:
    """Defects that our own export names though nothing is drawn."""
    given = draft.own.get("defects")
    words = given if isinstance(given, list) else []
    return {Defect(name) for name in words if isinstance(name, str) and name in set(Defect)}


def _mask(
    store: VersionStore, planes: Mapping[Defect, Plane], defects: list[Defect], size: tuple[int, int]
) -> str | None:
    """Hash of a mask picture; none unless it shows every defect of the label, for a mask is taken to be exhaustive."""
    if not planes or set(planes) != set(defects):
        return None
    codes = np.zeros((size[1], size[0]), np.uint8)
    for defect in sorted(planes, key=lambda each: -int(planes[each].sum())):  # the small ones above the large
        codes[planes[defect]] = mask_code(defect)
    if {STEP * (list(Defect).index(defect) + 1) for defect in defects} != set(np.unique(codes).tolist()) - {0}:
        return None
    return store.put(cv2.imencode(".png", codes, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes())


def checked_size(width: int, height: int, where: str) -> tuple[int, int]:
    """(width, height), small enough to be held as a plane.

    Raises:
        VersionError: too many pixels.
    """
    if width * height > MAX_PIXELS:
        raise VersionError(f"{where}: {width} x {height} px are too many")
    return width, height


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice in one object")
    return found


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
