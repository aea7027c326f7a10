"""Where the item lies in a picture, so that it is judged and not the table: a small graph of the bundle.

It fails safe: where it sees nothing clear, or two things, the whole picture is judged.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from inspection.finding import Box
from inspection.frame import Pixels
from models.contract import FinderSpec
from models.pixels import Letterbox, fit

Floats = npt.NDArray[np.float32]
FINDER = "finder.onnx"
"""Name of the graph in a bundle."""
LENIENT = {"certain": 0.7, "inside": 0.6, "most": 1.0}
SECOND_SHARE = 0.5
"""Of the largest region's area; with a second one as large as that it is not clear which is the item."""


class Finder:
    """The bundle's finder: input ``pictures`` uint8 (N, S, S, 3) BGR, output ``item`` (N, h, w) 0..1."""

    def __init__(self, session: ort.InferenceSession, spec: FinderSpec) -> None:
        self._session, self._spec = session, spec

    def lenient(self) -> Finder:
        """The same, believing more, and cutting out what nearly fills the picture: for where a wrong cut does no harm.

        What is compared with good samples that were cut out in the same way is strange when the cut is.
        """
        return Finder(self._session, self._spec.model_copy(update=LENIENT))

    def crops(self, pictures: Sequence[Pixels]) -> list[Box | None]:
        """What to cut out of each picture (uint8 (H, W, 3) BGR); ``None`` where the whole is to be judged.

        Raises:
            PictureRefused: one is no picture.
        """
        fitted = [fit(pixels, self._spec.size) for pixels in pictures]
        maps: Floats = self._session.run(["item"], {"pictures": np.stack([pixels for pixels, _ in fitted])})[0]
        return [crop_of(cells, box, self._spec) for cells, (_, box) in zip(maps, fitted, strict=True)]


def crop_of(cells: Floats, letterbox: Letterbox, spec: FinderSpec) -> Box | None:
    """The square around the item that a map (h, w) shows, inside the picture; ``None`` when it shows no one clearly."""
    if not np.isfinite(cells).all():
        return None
    enlarged = cv2.resize(cells, (spec.size, spec.size), interpolation=cv2.INTER_LINEAR)
    if float(np.abs(2 * enlarged - 1).mean()) < spec.certain:
        return None
    count, names, stats, _ = cv2.connectedComponentsWithStats((enlarged >= spec.probability).astype(np.uint8))
    if count < 2:  # noqa: PLR2004 - the first is the background
        return None
    places = sorted(range(1, count), key=lambda place: -int(stats[place, cv2.CC_STAT_AREA]))
    areas = [int(stats[place, cv2.CC_STAT_AREA]) for place in places]
    if areas[0] < spec.least * spec.size**2 or (len(areas) > 1 and areas[1] > SECOND_SHARE * areas[0]):
        return None
    if float(enlarged[names == places[0]].mean()) < spec.inside:
        return None
    x, y, width, height = (float(value) for value in stats[places[0], :4])
    middle_x = (x + width / 2 - letterbox.left) / letterbox.scale
    middle_y = (y + height / 2 - letterbox.top) / letterbox.scale
    return square(middle_x, middle_y, max(width, height) / letterbox.scale, letterbox.inside[2:], spec)


def square(x: float, y: float, extent: float, picture: tuple[int, int], spec: FinderSpec) -> Box | None:
    """The square around an item with its middle at (x, y) and its longer side ``extent``, kept inside the picture.

    Args:
        x: of the middle, pixels.
        y: of the middle, pixels.
        extent: pixels.
        picture: width and height of the picture.
        spec: margin and limit.
    """
    side = round(extent * (1 + 2 * spec.margin))
    if side < 1 or side >= spec.most * max(picture):
        return None
    sides = [min(side, limit) for limit in picture]
    left, top = (
        min(max(0, round(place - length / 2)), limit - length)
        for place, length, limit in zip((x, y), sides, picture, strict=True)
    )
    return Box(left, top, sides[0], sides[1])
