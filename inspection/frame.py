"""One camera image with everything needed to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from inspection.finding import Finding

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of one camera.

    Attributes:
        pixels: uint8, shape (H, W, 3), BGR as OpenCV has it; read-only by convention.
        monotonic_ns: ``time.monotonic_ns()`` when the driver received it; comparable within one process only.
        captured_at: the same moment as timezone-aware UTC.
        sequence: counts up by one per frame of this connection, from 0; a gap is a dropped frame.
        camera_id: stable identity of the camera, never an index.
        settings_digest: first 16 hex digits of the SHA-256 of the camera's settings as read back.
        hardware: which camera this really is, e.g. ``usb:046d:0825:8A3F`` with its own serial number; empty where the
            camera does not tell.
    """

    pixels: Pixels
    monotonic_ns: int
    captured_at: datetime
    sequence: int
    camera_id: str
    settings_digest: str
    hardware: str = ""

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


class Geometry(Protocol):
    """How a corrected picture lies in the frame it was made of, and in the world."""

    def in_frame(self, finding: Finding) -> Finding:
        """A finding of the corrected picture: its box in pixels of the frame, and its size where that is known."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ViewPicture:
    """What the judge sees: the corrected pixels of one view.

    Attributes:
        view: named camera position (``top``, ``front``, …).
        pixels: uint8, shape (H, W, 3), BGR.
        calibration_id: version of the calibration applied; ``None`` when the view is not calibrated.
        calibration_problems: codes of what is wrong with the calibration, e.g. ``expired``; with any of them the view
            counts as not calibrated, though parts that are in order are applied.
        geometry: leads findings back to the frame; ``None`` when they are the frame's already.
    """

    view: str
    pixels: Pixels
    calibration_id: str | None = None
    calibration_problems: tuple[str, ...] = ()
    geometry: Geometry | None = None

    @property
    def calibrated(self) -> bool:
        """Whether a whole calibration was applied."""
        return self.calibration_id is not None and not self.calibration_problems
