"""One look at a corrected picture before it is judged: is it good, has the view moved, has the item its size?"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import structlog

from calibration.quality import Reference, Report, examine
from calibration.record import CalibrationRecord
from inspection.errors import InspectionError
from inspection.frame import ViewPicture
from inspection.item_size import ItemSize
from inspection.pipeline import Seen
from inspection.products import Product
from inspection.station.calibration_drift import Drifts, problems_of
from inspection.station.calibration_size import Sizes

log = structlog.get_logger()
HIDES = frozenset({"hand_in_view", "overexposed"})
"""With these the table is not seen as it is, so nothing is said about drift."""


@dataclass(slots=True)
class Looks:
    """Looks at pictures, with what was prepared of each view's record; safe to use from several threads."""

    drifts: Drifts = field(default_factory=Drifts)
    sizes: Sizes = field(default_factory=Sizes)
    _references: dict[str, tuple[CalibrationRecord | None, tuple[int, int], Reference]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def look(
        self,
        picture: ViewPicture,
        usable: CalibrationRecord | None,
        *,
        check: str,
        product: Product | None = None,
    ) -> Seen:
        """Look at a picture; raises nothing that a picture or a record can cause.

        Args:
            picture: corrected.
            usable: record of the view without the parts that must not be used.
            check: whose pictures may be refused: ``always``, ``calibrated`` (with a known background) or ``never``.
                Drift and size are looked at wherever there is a background.
            product: whose size is looked for in this view; ``None`` where it is not.
        """
        known = usable is not None and usable.background is not None
        if not known and check != "always":
            return Seen()
        report = self._report(picture, usable)
        if report is None:
            return Seen()
        problems = report.problems if check != "never" else ()
        if usable is None or not known:
            return Seen(problems)
        begun = time.perf_counter()
        moved = self._drift(picture, usable, report)
        drifted = time.perf_counter()
        timings_ms = {"drift": (drifted - begun) * 1e3}
        if product is None or product.size_mm is None:
            return Seen(problems, moved, timings_ms=timings_ms)
        size = self._size(picture, product, usable, report)
        return Seen(problems, moved, size, {**timings_ms, "size": (time.perf_counter() - drifted) * 1e3})

    def _size(
        self, picture: ViewPicture, product: Product, usable: CalibrationRecord, report: Report
    ) -> ItemSize | None:
        try:
            return self.sizes.look(picture.pixels, product, usable, report)
        except Exception as error:
            log.exception("size_failed", view=picture.view, error=str(error))
            return None

    def _report(self, picture: ViewPicture, usable: CalibrationRecord | None) -> Report | None:
        height, width = picture.pixels.shape[:2]
        with self._lock:
            known = self._references.get(picture.view)
            if known is None or known[0] is not usable or known[1] != (width, height):
                known = (usable, (width, height), Reference.of(usable, width, height))
                self._references[picture.view] = known
        try:
            return examine(picture.pixels, known[2])
        except InspectionError as error:
            log.error("examination_failed", view=picture.view, error=error.one_line())
            return None

    def _drift(self, picture: ViewPicture, usable: CalibrationRecord, report: Report) -> tuple[str, ...]:
        if HIDES.intersection(report.problems):
            return tuple(problems_of(self.drifts.moves(picture.view, usable)))
        item = report.region.item if report.region is not None else None
        try:
            return tuple(problems_of(self.drifts.look(picture.view, usable, picture.pixels, item)))
        except Exception as error:  # whatever a strange record does to the arithmetic, the item is still there
            log.exception("drift_failed", view=picture.view, error=str(error))
            return ()
