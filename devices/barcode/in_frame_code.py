"""What is known of a code that was read in a picture, and what a picture must be."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import InspectionError
from inspection.frame import Pixels

Point = tuple[float, float]
Corners = tuple[Point, Point, Point, Point]
"""Top left, top right, bottom right, bottom left as the code is read; x to the right, y down, pixels of the picture."""

MAX_PICTURE_PIXELS = 64_000_000
"""Largest picture that is looked at: 64 megapixels, 64 MB in gray."""

_GRAY = 2
_CHANNELS = {1: None, 3: cv2.COLOR_BGR2GRAY, 4: cv2.COLOR_BGRA2GRAY}


class PictureError(InspectionError):
    """What should be searched for codes is no picture, or too large a one."""

    code = "picture.unusable"


@dataclass(frozen=True, slots=True)
class FrameCode:
    """One code in one picture.

    Attributes:
        text: what is printed under such a code: a GTIN in the digits of its symbol (UPC-E and EAN-8 8, UPC-A 12,
            EAN-13 13, DataBar 14), GS1 element strings with the identifiers in brackets, anything else as it is.
        data: what a scanner sends after ``aim``: UPC and EAN-13 as 13 digits, GS1 element strings with GS (0x1D) as
            FNC1. This and ``aim`` are what `devices.gs1.parse` takes.
        format: name of the symbology as zxing-cpp writes it: ``EAN-13``, ``Code 128``, ``QR Code``, …; an EAN-13 with a
            leading 0 is the very symbol of a UPC-A and is called that.
        aim: AIM identifier (ISO/IEC 15424) such as ``]C1``; ``""`` when the reader does not tell.
        corners: where it lies. A reader may give the part of a linear code it saw instead of its whole height.
        step: name of the step of the ladder that read it.
        ms: from the start of the search to the first read of it.
    """

    text: str
    data: str
    format: str
    aim: str
    corners: Corners
    step: str = ""
    ms: float = 0.0


def gray_of(picture: npt.NDArray[np.generic]) -> Pixels:
    """The picture as uint8 (H, W), contiguous.

    Args:
        picture: uint8, (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA; any strides.

    Raises:
        PictureError: another type or shape, no pixels, or more than `MAX_PICTURE_PIXELS`.
    """
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        found = getattr(picture, "dtype", type(picture).__name__)
        raise PictureError(f"expected an array of uint8, found {found}", hint="Scale the values to 0..255 first.")
    channels = picture.shape[2] if picture.ndim == _GRAY + 1 else 1
    if picture.ndim not in {_GRAY, _GRAY + 1} or channels not in _CHANNELS:
        raise PictureError(f"expected shape (H, W) or (H, W, 1, 3 or 4), found {picture.shape}")
    height, width = picture.shape[:2]
    if height * width == 0:
        raise PictureError(f"the picture has no pixels: shape {picture.shape}")
    if height * width > MAX_PICTURE_PIXELS:
        limit = MAX_PICTURE_PIXELS // 1_000_000
        raise PictureError(
            f"{width} x {height} pixels are more than {limit} megapixels", hint="Send a smaller picture."
        )
    conversion = _CHANNELS[channels]
    if conversion is None:
        return np.ascontiguousarray(picture.reshape(height, width))
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), conversion), np.uint8)
