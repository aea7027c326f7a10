"""The label as a picture, made of the same layout that is printed.

Chinese, bars and the place of everything are dot for dot what comes out. The printer draws Latin letters in its own
font, and the DataMatrix with its own encoder, so these may differ in shape, not in place, height or meaning.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from devices.printer import matrix
from devices.printer.font import Dots
from devices.printer.label import Bar, Element, Layout, Matrix, Text
from inspection.errors import DeviceError


def draw(layout: Layout) -> NDArray[np.uint8]:
    """The label, uint8 (height, width), black 0 on white 255."""
    picture = np.full((layout.height, layout.width), 255, np.uint8)
    for element in layout.elements:
        dots = _dots(element, layout)
        room = picture[element.top : element.top + dots.shape[0], element.left : element.left + dots.shape[1]]
        room[dots[: room.shape[0], : room.shape[1]]] = 0
    return picture


def save(layout: Layout, path: Path) -> None:
    """Write the preview as PNG.

    Raises:
        DeviceError: when the file cannot be written.
    """
    done, png = cv2.imencode(".png", draw(layout))
    if not done:
        raise DeviceError("the preview could not be encoded")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png.tobytes())
    except OSError as error:
        raise DeviceError(f"{path} cannot be written: {error.strerror}", hint="Name another file.") from error


def _dots(element: Element, layout: Layout) -> Dots:
    match element:
        case Text():
            return layout.font.dots(element.text, element.height, bold=element.bold)
        case Matrix():
            return matrix.dots(element.text, element.module)
        case Bar():
            return np.ones((element.height, element.width), np.bool_)
