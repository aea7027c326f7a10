"""Where the item lies in a view's frame, from what is known of the empty station."""

from __future__ import annotations

import cv2
import numpy as np
import structlog

from calibration.foreground import EmptyView, differing, reduced_size, resized
from devices.barcode.in_frame_place import Mask
from inspection.frame import Frame
from inspection.station.calibrations import Calibrations

log = structlog.get_logger()


class ItemPlaces:
    """Masks of the item, for views whose empty background was recorded.

    The background is one without lens distortion; codes are read in the frame as it is. What that shifts is less than
    the breadth of a code, except in the corners of wide lenses, where no item belongs.
    """

    def __init__(self, calibrations: Calibrations) -> None:
        self._calibrations = calibrations
        self._empty: dict[str, tuple[int, tuple[int, int], EmptyView]] = {}

    def __call__(self, view: str, frame: Frame) -> Mask | None:
        """uint8 (H, W) of the frame, 1 where the item is; ``None`` when the empty view is not known or all is empty."""
        usable = self._calibrations.state(view).usable
        if usable is None or usable.background is None:
            return None
        size = reduced_size(frame.width, frame.height)
        known = self._empty.get(view)
        if known is None or known[:2] != (id(usable), size):
            known = (id(usable), size, EmptyView.of(usable.background, size))
            self._empty[view] = known
        mask = differing(resized(frame.pixels, size), known[2]).mask
        if not mask.any():
            return None
        return np.asarray(cv2.resize(mask, (frame.width, frame.height), interpolation=cv2.INTER_NEAREST), np.uint8)
