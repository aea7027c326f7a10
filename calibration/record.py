"""What is known about one view of one camera: lens, plane, colour, light, background, and how far to trust it.

A record is one JSON file. Each part stands by itself, so that a view can be calibrated step by step, and carries its
own provenance and residuals. Arrays are rows of numbers; pictures are PNG in base64.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Any

import cv2
import numpy as np
import numpy.typing as npt
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from inspection.evidence import canonical_json, sha256_hex
from inspection.frame import Pixels

FORMAT = 1
ID_DIGITS = 12
MAX_PICTURE = 2_000_000

Floats = npt.NDArray[np.float64]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Row3 = tuple[Finite, Finite, Finite]
Matrix3 = tuple[Row3, Row3, Row3]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Png = Annotated[str, Field(max_length=MAX_PICTURE)]


class Part(BaseModel):
    """Base of everything in a record: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Made(Part):
    """Who made a part, when, of what, and how long it may be used.

    Attributes:
        by: badge id of the person, a pseudonym.
        at: timezone-aware UTC.
        software: version that solved it.
        frames: SHA-256 of the pixels of every frame that went in.
        valid_until: after this it has expired.
    """

    by: str = Field(max_length=64)
    at: AwareDatetime
    software: str = Field(max_length=64)
    frames: tuple[Sha256, ...]
    valid_until: AwareDatetime


class Measured(Part):
    """A part of a record that was measured."""

    made: Made

    def expired(self, now: datetime) -> bool:
        """Whether it may not be used any more at ``now``, timezone-aware."""
        return now >= self.made.valid_until


class Lens(Measured):
    """Camera matrix and distortion as OpenCV's ``calibrateCamera`` has them, for the full frame, in pixels.

    Attributes:
        camera_matrix: 3x3.
        distortion: k1, k2, p1, p2, k3 and, when 8, k4, k5, k6.
        rms_px: root mean square of the reprojection error.
        coverage: share of the frame, 0..1, in which the target was seen.
    """

    camera_matrix: Matrix3
    distortion: tuple[Finite, ...] = Field(min_length=4, max_length=14)
    rms_px: Finite = Field(ge=0)
    coverage: Finite = Field(ge=0, le=1)


class Plane(Measured):
    """Where the table lies: a homography from corrected pixels to millimetres on it.

    Attributes:
        homography: 3x3, of column vectors (x, y, 1) in pixels of the corrected frame.
        rms_mm: root mean square of what is left over on the target's points.
        rotation: Rodrigues vector of the plane in the camera's frame; ``None`` when the lens is not calibrated.
        translation_mm: its origin in the camera's frame; likewise.
    """

    homography: Matrix3
    rms_mm: Finite = Field(ge=0)
    rotation: Row3 | None = None
    translation_mm: Row3 | None = None


class Colour(Measured):
    """From the camera's linear RGB to linear sRGB (D65).

    Attributes:
        terms: ``linear`` (R, G, B) or ``root2`` (R, G, B, sqrt(RG), sqrt(GB), sqrt(RB); Finlayson 2015).
        matrix: 3 rows (R, G, B out) of as many numbers as there are terms.
        delta_e_before: mean CIEDE2000 over the chart's patches as the camera gave them.
        delta_e_after: the same after correction.
        delta_e_worst: largest after correction.
    """

    terms: Annotated[str, Field(pattern="^(linear|root2)$")] = "linear"
    matrix: tuple[tuple[Finite, ...], ...] = Field(min_length=3, max_length=3)
    delta_e_before: Finite = Field(ge=0)
    delta_e_after: Finite = Field(ge=0)
    delta_e_worst: Finite = Field(ge=0)

    @field_validator("matrix")
    @classmethod
    def _rows_are_alike(cls, matrix: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
        if {len(row) for row in matrix} not in ({3}, {6}):
            raise ValueError("rows of 3 (linear) or 6 (root2) numbers are needed")
        return matrix


class FlatField(Measured):
    """How much brighter each place of the frame must be made: a coarse grid of gains, 1 at the brightest place.

    Attributes:
        gains: rows of gains >= 1, from top left to bottom right, in linear light, interpolated bilinearly.
        residual: root mean square of the unevenness left over, relative, e.g. 0.01.
    """

    gains: tuple[tuple[Annotated[float, Field(ge=1, le=16)], ...], ...] = Field(min_length=2, max_length=128)
    residual: Finite = Field(ge=0)

    def grid(self) -> npt.NDArray[np.float32]:
        """The gains, float32 (rows, columns)."""
        return np.asarray(self.gains, np.float32)


class Light(Measured):
    """The light as it was when the view was calibrated; later captures are compared with it.

    Attributes:
        level: mean of B, G and R of the empty station, 0..255.
        flicker: peak to peak of the level over frames in a row, relative.
        drift: relative change of the level over the measurement.
        noise: standard deviation of one pixel over frames, in grey levels, at the empty station.
    """

    level: Row3
    flicker: Finite = Field(ge=0)
    drift: Finite
    noise: Finite = Field(ge=0)


class Background(Measured):
    """The empty station, small: what is there when no item is.

    Attributes:
        mean_png: mean picture, BGR, of the corrected frame.
        spread_png: standard deviation over frames times 16, grey, of the same size.
        sharpness: of its fine structure, see `calibration.quality`; focus is compared with it.
    """

    mean_png: Png
    spread_png: Png
    sharpness: Finite = Field(ge=0)

    def mean(self) -> Pixels:
        """uint8 (h, w, 3) BGR."""
        return decode_png(self.mean_png, cv2.IMREAD_COLOR)

    def spread(self) -> npt.NDArray[np.float32]:
        """float32 (h, w), grey levels."""
        return np.asarray(decode_png(self.spread_png, cv2.IMREAD_GRAYSCALE) / 16, np.float32)


class CardSeen(Measured):
    """The reference card as the corrected view showed it after calibration; the daily check compares with it.

    Attributes:
        light: R, G, B in linear light of each patch, by its name.
        blur_px: standard deviation of the blur of the card's edges.
    """

    light: dict[Annotated[str, Field(max_length=32)], Row3] = Field(min_length=1, max_length=400)
    blur_px: Finite = Field(ge=0)


class CalibrationRecord(Part):
    """All that is known about one view of one camera.

    Attributes:
        camera_id: identity of the camera; a record of another camera is foreign.
        view: named position.
        width: of the frames, pixels.
        height: of the frames, pixels.
        settings_digest: of the camera's settings as read back; other settings make colour and light foreign.
        hardware: which camera it really was, see `inspection.frame.Frame.hardware`; with another one in its place the
            record is foreign. Empty where the camera does not tell.
    """

    format: int = Field(FORMAT, ge=FORMAT, le=FORMAT)
    camera_id: Name
    view: Name
    width: int = Field(ge=16, le=16384)
    height: int = Field(ge=16, le=16384)
    settings_digest: str = Field("", max_length=64)
    hardware: str = Field("", max_length=160)
    lens: Lens | None = None
    plane: Plane | None = None
    colour: Colour | None = None
    flat: FlatField | None = None
    light: Light | None = None
    background: Background | None = None
    card: CardSeen | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A record of a camera that does not tell who it is has no such key, and keeps its id."""
        plain: dict[str, Any] = dump(self)
        return plain if plain.get("hardware") else {key: plain[key] for key in plain if key != "hardware"}

    @property
    def calibration_id(self) -> str:
        """``<view>+<first 12 hex of the SHA-256 of the record>``: what a verdict names."""
        return f"{self.view}+{sha256_hex(canonical_json(self.model_dump(mode='json')))[:ID_DIGITS]}"

    def parts(self) -> dict[str, Measured]:
        """The parts that are there, by name."""
        names = ("lens", "plane", "colour", "flat", "light", "background", "card")
        return {name: part for name in names if (part := getattr(self, name)) is not None}


def encode_png(picture: npt.NDArray[np.uint8]) -> str:
    """A uint8 picture as PNG in base64."""
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise ValueError(f"no picture: {picture.shape} {picture.dtype}")
    return base64.b64encode(data.tobytes()).decode("ascii")


def decode_png(text: str, mode: int) -> Pixels:
    """The picture of `encode_png`.

    Raises:
        ValueError: no PNG.
    """
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(text, validate=True), np.uint8), mode)
    if picture is None:
        raise ValueError("no picture")
    return np.asarray(picture, np.uint8)
