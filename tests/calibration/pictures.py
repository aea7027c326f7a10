"""Picture files as phones write them."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt


def exif_with(orientation: int) -> npt.NDArray[np.uint8]:
    """An Exif block that says which way up the picture is (Exif 2.32, table 6), as OpenCV takes it."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    return np.frombuffer(b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4), np.uint8).copy()
