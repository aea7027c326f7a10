"""Reads every code in a picture by a ladder of ever dearer steps that ends with the first read; see `CodeReader`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from devices.barcode.in_frame_code import FrameCode, gray_of
from devices.barcode.in_frame_ladder import (
    DENSE_PATCH,
    LADDER,
    SECOND_LOOKS,
    STRIPED_PATCH,
    WORKING_PIXELS,
    Step,
    again,
    readers,
)
from devices.barcode.in_frame_patches import goes_on, unread_patches
from devices.barcode.in_frame_place import ItemRegion, at_one_place, contains
from devices.barcode.in_frame_readers import FORMATS, Reader
from devices.barcode.in_frame_renderings import Rendering, at_most, original, upright
from devices.barcode.in_frame_tally import Tally

MOST_SECOND_LOOKS = 8
"""Places that are looked at again after one step; stripes all over a picture must not take for ever."""
_ROOM_FOR_SEVERAL = 400_000  # pixels; patches are not looked for in VGA and smaller, which seldom hold two codes
_MARGIN = 0.2  # of a code's longer side, around its cut-out; quiet zones are narrower
_ITF_MARGIN = 0.8  # a slanted line reads a part of an ITF as if it were the whole: the rest must come into sight
_PATCH_MARGIN = 0.4  # a patch is found smaller than its code


@dataclass(frozen=True, slots=True)
class FrameReading:
    """What a picture says.

    Attributes:
        codes: what was read and stands, in the order of the steps; the same text at two places is two codes.
        unconfirmed: number of places where something was read that does not stand: read once, or read differently.
        ms: time of the whole search.
        steps: names of the steps that were walked.
        complete: ``False`` when the time was up before the ladder's end and nothing was read.
    """

    codes: tuple[FrameCode, ...]
    unconfirmed: int
    ms: float
    steps: tuple[str, ...]
    complete: bool


class CodeReader:
    """Reads codes in pictures; keeps no state between pictures and may be used from several threads.

    The ladder: zxing-cpp as the picture is; sideways; with contrast made even, light on dark and in smaller copies;
    unsharp; turned by 45, 22.5 and 67.5 degrees; twice as large; against glare and noise; zbar last. It ends with the
    first step after which a code stands. Two-dimensional codes stand at once, linear codes with a check over every
    character when the picture as it is gave them; every other read has to come twice alike, and never differently from
    the other reader. Before it ends, patches that look like further codes are cut out and read. `RARE_FORMATS` are
    looked for from the second step on.

    One thread does the work. OpenCV may use more for its part: its number is the program's to set.
    """

    def __init__(self, formats: Sequence[str] = FORMATS, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._readers = readers(formats)
        self._clock = clock

    def read(
        self,
        picture: npt.NDArray[np.generic],
        *,
        item_region: ItemRegion | None = None,
        deadline_ms: float | None = None,
        thorough: bool = False,
    ) -> FrameReading:
        """Every code that is in view.

        Args:
            picture: uint8, (H, W) gray, (H, W, 3) BGR or (H, W, 4) BGRA.
            item_region: box or mask of the item; the ladder then goes on until a code on the item is read. Codes
                elsewhere are reported as well.
            deadline_ms: no step begins that would probably end later. The first step is always taken.
            thorough: walk the whole ladder, for codes that are harder to read than their neighbours.

        Raises:
            PictureError: ``picture`` is none, or has more than 64 megapixels.
        """
        search = _Search(original(gray_of(picture)), self._readers, self._clock, deadline_ms)
        for step in LADDER:
            if not step.applies(search.working.area, reduced=search.reduced):
                continue
            if not search.take(step):
                break
            search.look_again()
            if not thorough and _enough(search.tally.codes, item_region):
                search.look_at_patches()
                break
        return search.result()


def _enough(codes: Sequence[FrameCode], item_region: ItemRegion | None) -> bool:
    if item_region is None:
        return bool(codes)
    return any(contains(item_region, code.corners) for code in codes)


@dataclass(slots=True)
class _Search:
    """One picture on its way up the ladder."""

    picture: Rendering
    readers: dict[str, Reader]
    clock: Callable[[], float]
    deadline_ms: float | None
    tally: Tally = field(default_factory=Tally)
    walked: list[str] = field(default_factory=list)
    complete: bool = True
    working: Rendering = field(init=False)
    _began: float = field(init=False)
    _ms_per_pixel: dict[str, float] = field(default_factory=dict)
    _looked_again: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._began = self.clock()
        self.working = at_most(self.picture, WORKING_PIXELS)

    @property
    def reduced(self) -> bool:
        return self.working is not self.picture

    @property
    def ms(self) -> float:
        return (self.clock() - self._began) * 1000

    def take(self, step: Step) -> bool:
        """Take one step of the ladder; ``False`` when there is no time for it."""
        source = self.picture if step.whole else self.working
        if self.walked and not self._time_for(step, source.area):
            self.complete = False
            return False
        self.walked.append(step.name)
        self._look(step, source, unchanged=step is LADDER[0])
        return True

    def look_again(self) -> None:
        """Second looks at the places that are not settled, from close by, each kind once a content."""
        for code in self.tally.unsettled[:MOST_SECOND_LOOKS]:
            cut_out = upright(self.picture, code.corners, margin=_ITF_MARGIN if code.format == "ITF" else _MARGIN)
            for step in SECOND_LOOKS:
                if (step.name, code.data) in self._looked_again or not self._time_for(step, cut_out.area):
                    continue
                self._looked_again.add((step.name, code.data))
                self._look(step, cut_out, unchanged=False, around=code)
                if not any(one.data == code.data for one in self.tally.unsettled):
                    break

    def look_at_patches(self) -> None:
        """Look at what seems to be a code beside those that were read, so that a view's codes are all told."""
        if self.working.area < _ROOM_FOR_SEVERAL:
            return
        for patch in unread_patches(self.working, self.tally.codes):
            cut_out = upright(self.picture, patch.corners, margin=_PATCH_MARGIN)
            step = STRIPED_PATCH if patch.striped else DENSE_PATCH
            if self._time_for(step, cut_out.area):
                self._look(step, cut_out, unchanged=False)
        self.look_again()

    def result(self) -> FrameReading:
        codes = tuple(self.tally.codes)
        return FrameReading(codes, len(self.tally.unsettled), self.ms, tuple(self.walked), self.complete or bool(codes))

    def _look(self, step: Step, source: Rendering, *, unchanged: bool, around: FrameCode | None = None) -> None:
        began = self.ms
        key = again(around) if around is not None and step.reader == "again" else step.reader
        codes = self.readers[key](step.change(source))
        if around is not None:
            codes = [code for code in codes if at_one_place(code.corners, around.corners)]
        codes = [code for code in codes if code.format != "ITF" or not goes_on(self.picture, code)]
        took = self.ms - began
        rate = took / (source.area * max(step.factor, 1) ** 2)
        self._ms_per_pixel[step.reader] = max(rate, self._ms_per_pixel.get(step.reader, 0.0))
        reader = "zbar" if step.reader == "zbar" else "zxing"
        close = around is not None
        self.tally.add(codes, step=step.name, reader=reader, unchanged=unchanged, ms=self.ms, close=close)

    def _time_for(self, step: Step, area: int) -> bool:
        if self.deadline_ms is None:
            return True
        known = self._ms_per_pixel.values()
        rate = self._ms_per_pixel.get(step.reader, max(known, default=0.0))
        return self.ms + rate * area * max(step.factor, 1) ** 2 <= self.deadline_ms
