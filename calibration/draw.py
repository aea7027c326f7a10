"""A target as shapes on a sheet of paper, and those shapes as a picture; `calibration.pdf` writes the same shapes."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from calibration.targets import PAPERS_MM, RULER_MM, Card, Charuco, Marker, Target
from inspection.errors import CalibrationError
from inspection.frame import Pixels

SHEET_PX_PER_MM = 20.0
TOP_MM = 14.0
CUT_MM = 6.0
MAX_PIXELS = 120_000_000

Floats = npt.NDArray[np.float64]
Rgb = tuple[int, int, int]
BLACK: Rgb = (0, 0, 0)
WHITE: Rgb = (255, 255, 255)
GREY: Rgb = (150, 150, 150)
_FINE = 4
_PNG_HEAD = 33  # signature and IHDR chunk


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """A filled polygon: float64 (N, 2), mm, y down; sRGB of 8 bits."""

    points: Floats
    rgb: Rgb

    @property
    def upright(self) -> bool:
        """Whether it is a rectangle along the axes."""
        return len(self.points) == 4 and all(len(np.unique(self.points[:, axis])) == 2 for axis in (0, 1))  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text: left end of its base line in mm, height of its capitals in mm, ASCII."""

    x_mm: float
    y_mm: float
    height_mm: float
    text: str


Shape = Fill | Label


def shapes_of(target: Target) -> list[Shape]:
    """What a target is made of, in its own coordinates, in the order of painting; white is the paper."""
    if isinstance(target, Charuco):
        return [*_squares(target), *(shape for marker in target.markers() for shape in _marker(target, marker))]
    shapes: list[Shape] = [shape for marker in target.markers for shape in _marker(target, marker)]
    shapes += [Fill(patch.corners(), patch.srgb) for patch in target.patches]
    if isinstance(target, Card):
        shapes += [*_star(target), *_ticks(target.scale.x_mm, target.scale.y_mm, target.scale.length_mm)]
    return shapes


def sheet_of(target: Target, paper: str) -> tuple[float, float, list[Shape]]:
    """Width and height of the sheet in mm, and what is on it: the target, a 100 mm ruler, what to do.

    Raises:
        CalibrationError: the target is too large for the paper.
    """
    width, height = PAPERS_MM[paper]
    left, base = round((width - target.width_mm) / 2, 1), height - 24.0
    if left < 0 or TOP_MM + target.height_mm > base - 6:
        raise CalibrationError(f"a target of {target.width_mm} x {target.height_mm} mm is too large for {paper}")
    shapes = [_moved(shape, left, TOP_MM) for shape in shapes_of(target)]
    if isinstance(target, Card):
        shapes += _cut(left - CUT_MM, TOP_MM - CUT_MM, target.width_mm + 2 * CUT_MM, target.height_mm + 2 * CUT_MM)
    start = round((width - RULER_MM) / 2, 1)
    shapes += _ticks(start, base, RULER_MM)
    lines = (
        "Print at 100 % (actual size, not 'fit to page'), matt paper, glued flat on a stiff plate.",
        'This ruler is 100 mm long. If not, write what it measures as "ruler_mm" into the .json beside this sheet.',
        f"{_title(target)}, {paper}",
    )
    shapes += [Label(start - 35, base + 6 + 4.5 * row, 2.2, line) for row, line in enumerate(lines)]
    return width, height, shapes


def paint(shapes: list[Shape], width_mm: float, height_mm: float, px_per_mm: float) -> Pixels:
    """The shapes on white: uint8 (H, W, 3) BGR; the picture's top left corner (not pixel centre) is the origin."""
    size = (round(height_mm * px_per_mm), round(width_mm * px_per_mm))
    if size[0] * size[1] > MAX_PIXELS:
        raise CalibrationError(f"{size[1]} x {size[0]} pixels are too many for a sheet", hint="ask for fewer px per mm")
    picture = np.full((*size, 3), 255, np.uint8)
    for shape in shapes:
        if isinstance(shape, Label):
            _write(picture, shape, px_per_mm)
        elif shape.upright:
            (x0, y0), (x1, y1) = np.rint(np.array([shape.points.min(0), shape.points.max(0)]) * px_per_mm).astype(int)
            picture[y0:y1, x0:x1] = shape.rgb[::-1]
        else:
            _paint_polygon(picture, shape, px_per_mm)
    return picture


def draw_target(target: Target, px_per_mm: float = 10.0, margin_mm: float = 0.0) -> Pixels:
    """The target alone, as described (not scaled by its ruler), with a white margin.

    A point (x, y) mm of the target lies at ``(x + margin_mm) * px_per_mm - 0.5`` pixels, pixel centres being integers.
    """
    shapes = [_moved(shape, margin_mm, margin_mm) for shape in shapes_of(target)]
    return paint(shapes, target.width_mm + 2 * margin_mm, target.height_mm + 2 * margin_mm, px_per_mm)


def png_bytes(picture: Pixels, px_per_mm: float) -> bytes:
    """A PNG file that says how large it is (chunk pHYs, ISO/IEC 15948 11.3.5.3)."""
    _, data = cv2.imencode(".png", picture)
    per_metre = round(px_per_mm * 1000)
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    plain = data.tobytes()
    return plain[:_PNG_HEAD] + chunk + plain[_PNG_HEAD:]


def _title(target: Target) -> str:
    match target.kind:
        case "charuco":
            return (
                f"ChArUco {target.squares_x} x {target.squares_y}, squares {target.square_mm:g} mm, {target.dictionary}"
            )
        case "colour":
            return f"Colour target, {len(target.patches)} patches: measure the print, or say how it was printed"
        case "card":
            return f"Reference card {target.width_mm:g} x {target.height_mm:g} mm, for the daily check"


def _box(x: float, y: float, width: float, height: float, rgb: Rgb = BLACK) -> Fill:
    return Fill(np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]]), rgb)


def _squares(target: Charuco) -> list[Shape]:
    side = target.square_mm
    dark = [(x, y) for y in range(target.squares_y) for x in range(target.squares_x) if (x + y) % 2 == 0]
    return [_box(x * side, y * side, side, side) for x, y in dark]


def _marker(target: Target, marker: Marker) -> list[Shape]:
    """A black square, then its white cells."""
    dictionary = target.markers_of()
    if marker.id >= len(dictionary.bytesList):
        raise CalibrationError(f"{target.dictionary} has no marker {marker.id}", code="target")
    modules = dictionary.markerSize + 2
    cells = cv2.aruco.generateImageMarker(dictionary, marker.id, modules, borderBits=1)
    side = marker.size_mm / modules
    shapes: list[Shape] = [_box(marker.x_mm, marker.y_mm, marker.size_mm, marker.size_mm)]
    for row, column in np.argwhere(cells > 0):
        shapes.append(_box(marker.x_mm + column * side, marker.y_mm + row * side, side, side, WHITE))
    return shapes


def _cut(x: float, y: float, width: float, height: float) -> list[Shape]:
    """A thin line to cut along; the white inside it keeps the markers readable on a dark table."""
    lines = ((x, y, width, 0.1), (x, y + height, width, 0.1), (x, y, 0.1, height), (x + width, y, 0.1, height))
    return [_box(*line, GREY) for line in lines]


def _star(target: Card) -> list[Shape]:
    star = target.star
    centre = np.array([star.x_mm, star.y_mm])
    shapes: list[Shape] = []
    for wedge in range(star.pairs):
        turn = (wedge + np.linspace(0, 0.5, 4)) * 2 * np.pi / star.pairs
        rim = centre + star.radius_mm * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        shapes.append(Fill(np.vstack([centre, rim]), BLACK))
    return shapes


def _ticks(x: float, y: float, length: float) -> list[Shape]:
    """A ruler of rectangles: outer edges of the first and the last tick are ``length`` apart."""
    shapes: list[Shape] = [_box(x, y, length, 0.3)]
    for mm in range(int(length) + 1):
        height = 5.0 if mm % 10 == 0 else 3.5 if mm % 5 == 0 else 2.0
        shapes.append(_box(min(max(x, x + mm - 0.1), x + length - 0.2), y - height, 0.2, height))
    return shapes


def _moved(shape: Shape, right: float, down: float) -> Shape:
    if isinstance(shape, Label):
        return Label(shape.x_mm + right, shape.y_mm + down, shape.height_mm, shape.text)
    return Fill(shape.points + np.array([right, down]), shape.rgb)


def _write(picture: Pixels, label: Label, px_per_mm: float) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = label.height_mm * px_per_mm / 21  # capitals of this font are 21 px high at scale 1
    place = (round(label.x_mm * px_per_mm), round(label.y_mm * px_per_mm))
    cv2.putText(picture, label.text, place, font, scale, BLACK, max(1, round(scale * 2)), cv2.LINE_AA)


def _paint_polygon(picture: Pixels, shape: Fill, px_per_mm: float) -> None:
    """Blend a polygon in by its share of each pixel."""
    points = shape.points * px_per_mm
    x0, y0 = np.maximum(np.floor(points.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(points.max(0)).astype(int), (picture.shape[1], picture.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    fine = np.zeros(((y1 - y0) * _FINE, (x1 - x0) * _FINE), np.uint8)
    inside = np.rint(((points - (x0, y0)) * _FINE - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(fine, [inside], (255,), cv2.LINE_8, 4)
    share = cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)[:, :, None] / 255.0
    part = picture[y0:y1, x0:x1]
    part[:] = np.rint(part * (1 - share) + np.array(shape.rgb[::-1]) * share)
