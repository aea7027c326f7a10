"""Where the model looked: its defect maps over the very pixels it was given, made when somebody asks to see them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from inspection.errors import InspectionError
from inspection.frame import Frame, Pixels, ViewPicture
from inspection.report import PicturePart
from inspection.station.capture import Bench
from inspection.station.pictures import PictureStore, decode

SIDE = 768
QUALITY = 88
REMEMBERED = 16
COLD = 0.15
"""Probability below which nothing is coloured."""


class NoHeat(InspectionError):
    """There is no model that could tell."""

    code = "heat.none"


@runtime_checkable
class ShowsMaps(Protocol):
    """A judge that shows its maps; see :class:`models.runtime.Judge`."""

    def preprocess(self, pictures: Sequence[ViewPicture]) -> Pixels: ...

    def run_raw(self, batch: Pixels) -> Any: ...


class HeatMaps:
    """Draws them from stored pictures; remembers the last few."""

    def __init__(self, bench: Bench, pictures: PictureStore) -> None:
        self._bench, self._pictures = bench, pictures
        self._lock = threading.Lock()
        self._drawn: OrderedDict[str, bytes] = OrderedDict()

    @property
    def bench(self) -> Bench:
        """Whose maps they are."""
        return self._bench

    def jpeg(self, picture: PicturePart) -> bytes:
        """The picture as the judge was given it, coloured where it saw damage of any type.

        Raises:
            NoHeat: without a model, or with one that keeps its maps to itself.
            StoreError: when the picture is gone.
        """
        judge: object = self._bench.judge
        if not isinstance(judge, ShowsMaps):
            raise NoHeat("there is no model whose maps could be shown")
        with self._lock:  # one at a time: the item on the table has the processor first
            known = self._drawn.get(picture.sha256)
            if known is None:
                known = self._drawn[picture.sha256] = self._draw(judge, picture)
                while len(self._drawn) > REMEMBERED:
                    self._drawn.popitem(last=False)
        return known

    def _draw(self, judge: ShowsMaps, picture: PicturePart) -> bytes:
        frame = Frame(
            pixels=decode(self._pictures.read(picture.sha256)),
            monotonic_ns=0,
            captured_at=picture.captured_at,
            sequence=picture.sequence,
            camera_id=picture.camera_id,
            settings_digest=picture.settings_digest,
        )
        batch = judge.preprocess((self._bench.correct(picture.view, frame),))
        heat = np.asarray(judge.run_raw(batch).maps[0], np.float32).max(axis=0)
        return coloured(batch[0], heat)


def coloured(pixels: Pixels, heat: Any) -> bytes:
    """JPEG of ``pixels`` (uint8, (S, S, 3) BGR) with ``heat`` (float32, (h, w), 0..1) over it, from cold to hot."""
    shown = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    smooth = np.clip(cv2.resize(heat, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), 0, 1)
    colours = cv2.applyColorMap((smooth * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = (np.clip((smooth - COLD) / (1 - COLD), 0, 1) ** 0.5 * 0.75)[..., None]
    mixed = (shown * (1 - weight) + colours * weight).astype(np.uint8)
    _, data = cv2.imencode(".jpg", mixed, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
