"""Printable targets, each described once in millimetres: what is drawn is what detection and solvers know.

The origin is the top left corner of the target, x points right, y down, z into the table. Lengths in a description are
those on a sheet printed at 100 %; ``ruler_mm`` says what the 100 mm ruler measures on the real print.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from calibration.patches import chart_colours, lab_of_srgb
from inspection.errors import CalibrationError

MAX_FILE = 1_000_000
RULER_MM = 100.0

Floats = npt.NDArray[np.float64]
Length = Annotated[float, Field(gt=0, le=5000, allow_inf_nan=False)]
Place = Annotated[float, Field(ge=0, le=5000, allow_inf_nan=False)]
Byte = Annotated[int, Field(ge=0, le=255)]
LabValue = Annotated[float, Field(ge=-200, le=200, allow_inf_nan=False)]


class Described(BaseModel):
    """Base of everything in a description: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Marker(Described):
    """A square ArUco marker; x and y are of its top left corner."""

    id: int = Field(ge=0, le=1023)
    x_mm: Place
    y_mm: Place
    size_mm: Length

    def corners(self) -> Floats:
        """float64 (4, 2), mm: top left, top right, bottom right, bottom left, as OpenCV orders them."""
        x, y, size = self.x_mm, self.y_mm, self.size_mm
        return np.array([[x, y], [x + size, y], [x + size, y + size], [x, y + size]])


class Patch(Described):
    """A field of one colour. Replace ``srgb`` and ``lab`` (D65, 2 degrees) by measured values if you have them."""

    name: str = Field(max_length=32)
    x_mm: Place
    y_mm: Place
    width_mm: Length
    height_mm: Length
    srgb: tuple[Byte, Byte, Byte]
    lab: tuple[LabValue, LabValue, LabValue]

    def corners(self) -> Floats:
        """float64 (4, 2), mm, clockwise from top left."""
        x, y, w, h = self.x_mm, self.y_mm, self.width_mm, self.height_mm
        return np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]])


class Star(Described):
    """A Siemens star for the focus: ``pairs`` black and white wedges around a centre."""

    x_mm: Place
    y_mm: Place
    radius_mm: Length
    pairs: int = Field(ge=4, le=144)


class Scale(Described):
    """A ruler along x with a tick every millimetre; y is of its base line."""

    x_mm: Place
    y_mm: Place
    length_mm: Length


class Printed(Described):
    """What all targets have in common.

    Attributes:
        dictionary: name of a predefined dictionary of OpenCV, e.g. ``DICT_5X5_100``.
        ruler_mm: what the 100 mm ruler of the sheet measures on the print; printers are off by up to 1 %.
    """

    format: Literal[1] = 1
    dictionary: Annotated[str, Field(pattern=r"^DICT_[A-Za-z0-9_]{3,24}$")] = "DICT_5X5_100"
    ruler_mm: Annotated[float, Field(ge=90, le=110)] = RULER_MM

    @property
    def print_scale(self) -> float:
        """Real length over described length."""
        return self.ruler_mm / RULER_MM

    def markers_of(self) -> cv2.aruco.Dictionary:
        """The dictionary the markers are from.

        Raises:
            CalibrationError: OpenCV has none of that name.
        """
        number = getattr(cv2.aruco, self.dictionary, None)
        if not isinstance(number, int):
            raise CalibrationError(f"{self.dictionary} is no dictionary of OpenCV", code="target")
        return cv2.aruco.getPredefinedDictionary(number)


class Charuco(Printed):
    """A chessboard with a marker in every white square (OpenCV ``CharucoBoard``, the pattern since 4.6)."""

    kind: Literal["charuco"] = "charuco"
    squares_x: int = Field(ge=3, le=40)
    squares_y: int = Field(ge=3, le=40)
    square_mm: Length
    marker_mm: Length

    @property
    def width_mm(self) -> float:
        return self.squares_x * self.square_mm

    @property
    def height_mm(self) -> float:
        return self.squares_y * self.square_mm

    @property
    def corner_count(self) -> int:
        """Inner corners of the board."""
        return (self.squares_x - 1) * (self.squares_y - 1)

    def board(self) -> cv2.aruco.CharucoBoard:
        """OpenCV's board, in millimetres of the real print."""
        if self.marker_mm >= self.square_mm:
            raise CalibrationError("the board's markers are not smaller than its squares", code="target")
        scale = self.print_scale
        size = (self.squares_x, self.squares_y)
        return cv2.aruco.CharucoBoard(size, self.square_mm * scale, self.marker_mm * scale, self.markers_of())

    def corners_mm(self) -> Floats:
        """float64 (corners, 2), by corner id, mm of the real print."""
        return np.asarray(self.board().getChessboardCorners(), np.float64)[:, :2]

    def markers(self) -> tuple[Marker, ...]:
        """The markers of the board as described (not scaled by the ruler)."""
        plain = self.model_copy(update={"ruler_mm": RULER_MM}).board()
        corners = (np.asarray(one, np.float64)[0] for one in plain.getObjPoints())
        return tuple(
            Marker(
                id=int(number), x_mm=round(float(corner[0]), 6), y_mm=round(float(corner[1]), 6), size_mm=self.marker_mm
            )
            for number, corner in zip(np.ravel(plain.getIds()), corners, strict=True)
        )


class Marked(Printed):
    """A target that is found by the markers around it."""

    width_mm: Length
    height_mm: Length
    markers: tuple[Marker, ...] = Field(min_length=3, max_length=64)
    patches: tuple[Patch, ...] = Field(max_length=400)

    @model_validator(mode="after")
    def _everything_is_on_it(self) -> Marked:
        parts: list[Marker | Patch] = [*self.markers, *self.patches]
        for part in parts:
            right, low = part.corners().max(axis=0)
            if right > self.width_mm + 1e-6 or low > self.height_mm + 1e-6:
                raise ValueError(f"{part!r} is not on the target of {self.width_mm} x {self.height_mm} mm")
        if len({marker.id for marker in self.markers}) < len(self.markers):
            raise ValueError("two markers have the same id")
        return self


class ColourChart(Marked):
    """Patches of known colour between four markers."""

    kind: Literal["colour"] = "colour"


class Card(Marked):
    """The reference card of the daily check: markers, focus star, a few colours, a scale."""

    kind: Literal["card"] = "card"
    star: Star
    scale: Scale


Target = Charuco | ColourChart | Card
KINDS = ("charuco", "colour", "card")
PAPERS_MM = {"A4": (210.0, 297.0), "A3": (297.0, 420.0), "letter": (215.9, 279.4)}

_TARGET: TypeAdapter[Target] = TypeAdapter(Annotated[Target, Field(discriminator="kind")])
_CHART_IDS = (80, 81, 82, 83)
_CARD_IDS = (90, 91, 92, 93)
_CARD_COLOURS = {
    "white": (243, 243, 243),
    "grey": (119, 119, 119),
    "black": (40, 40, 40),
    "red": (176, 58, 60),
    "green": (72, 148, 78),
    "blue": (52, 68, 150),
}


def make_target(kind: str, paper: str = "A4") -> Target:
    """The target of a kind that fits on a paper (``A4``, ``A3``, ``letter``).

    Raises:
        CalibrationError: no such kind or paper.
    """
    if paper not in PAPERS_MM:
        raise CalibrationError(f"no paper {paper!r}; there are {', '.join(PAPERS_MM)}", code="target")
    match kind:
        case "charuco":
            return _charuco(paper)
        case "colour":
            return _chart(1.5 if paper == "A3" else 1.0)
        case "card":
            return _card()
        case _:
            raise CalibrationError(f"no target {kind!r}; there are {', '.join(KINDS)}", code="target")


def load_target(path: Path) -> Target:
    """Read the description that lies beside the printed sheet; named by the sheet's PDF or PNG, it is found too.

    Raises:
        CalibrationError: no such file, no JSON, or no target.
    """
    hint = "name the .json that `python -m calibration target` wrote beside the sheet"
    if path.suffix.lower() in {".pdf", ".png"} and path.with_suffix(".json").is_file():
        path = path.with_suffix(".json")
    try:
        if path.stat().st_size > MAX_FILE:
            raise CalibrationError(f"{path} is too large for a target", code="target", hint=hint)
        target = _TARGET.validate_json(path.read_bytes())
        target.markers_of()
    except OSError as error:
        raise CalibrationError(f"cannot read {path}: {error.strerror or error}", code="target", hint=hint) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(key) for key in first["loc"]) or "the whole file"
        raise CalibrationError(
            f"{path} describes no target: {where}: {first['msg']}", code="target", hint=hint
        ) from error
    return target


def target_json(target: Target) -> str:
    """The description as `load_target` reads it, for people to look at too."""
    return json.dumps(target.model_dump(mode="json"), indent=1) + "\n"


def _charuco(paper: str) -> Charuco:
    square, marker = (30.0, 21.0) if paper == "A3" else (20.0, 14.0)
    rows = 11 if paper == "letter" else 12
    return Charuco(squares_x=9, squares_y=rows, square_mm=square, marker_mm=marker)


def _patch(name: str, box: tuple[float, float, float, float], srgb: tuple[int, int, int]) -> Patch:
    x, y, width, height = box
    return Patch(name=name, x_mm=x, y_mm=y, width_mm=width, height_mm=height, srgb=srgb, lab=lab_of_srgb(srgb))


def _at_corners(ids: tuple[int, ...], width: float, height: float, size: float) -> tuple[Marker, ...]:
    places = ((0.0, 0.0), (width - size, 0.0), (width - size, height - size), (0.0, height - size))
    return tuple(Marker(id=n, x_mm=x, y_mm=y, size_mm=size) for n, (x, y) in zip(ids, places, strict=True))


def _chart(scale: float) -> ColourChart:
    columns, pitch, side, marker, gap = 5, 25.0 * scale, 22.0 * scale, 20.0 * scale, 6.0 * scale
    colours = chart_colours()
    rows = len(colours) // columns
    left = marker + gap
    width = 2 * left + (columns - 1) * pitch + side
    height = (rows - 1) * pitch + side
    patches = tuple(
        _patch(name, (left + index % columns * pitch, index // columns * pitch, side, side), srgb)
        for index, (name, srgb) in enumerate(colours.items())
    )
    markers = _at_corners(_CHART_IDS, width, height, marker)
    return ColourChart(width_mm=width, height_mm=height, markers=markers, patches=patches)


def _card() -> Card:
    width, height, marker, side = 150.0, 100.0, 18.0, 16.0
    places = [(x, y) for x in (1.0, width - side - 1) for y in (23.0, 42.0, 61.0)]
    patches = tuple(
        _patch(name, (x, y, side, side), srgb)
        for (name, srgb), (x, y) in zip(_CARD_COLOURS.items(), places, strict=True)
    )
    return Card(
        width_mm=width,
        height_mm=height,
        markers=_at_corners(_CARD_IDS, width, height, marker),
        patches=patches,
        star=Star(x_mm=75.0, y_mm=38.0, radius_mm=30.0, pairs=36),
        scale=Scale(x_mm=25.0, y_mm=92.0, length_mm=100.0),
    )
