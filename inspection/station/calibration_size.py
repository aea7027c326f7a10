"""The item's size beside its product's: first by the rough outline that the look at the picture found anyway."""

from __future__ import annotations

import threading

import cv2
import numpy as np

from calibration.catalogue_size import TableView, compare_outline, compare_size
from calibration.isolate import isolate
from calibration.quality import Report
from calibration.record import CalibrationRecord
from inspection.frame import Pixels
from inspection.item_size import ItemSize, SizeSeen
from inspection.products import Product


class Sizes:
    """Compares items with their products, with what was prepared of each view's record; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, tuple[CalibrationRecord, TableView | None]] = {}

    def table(self, record: CalibrationRecord) -> TableView | None:
        """The view's camera above its table; ``None`` when lens, plane or empty station are not known."""
        with self._lock:
            known = self._tables.get(record.view)
            if known is None or known[0] is not record:
                known = (record, TableView.of(record) if record.background is not None else None)
                self._tables[record.view] = known
            return known[1]

    def slant(self, record: CalibrationRecord | None) -> float | None:
        """Sine of the angle at which the view looks at the middle of what it shows, 0 from above; ``None`` likewise."""
        table = self.table(record) if record is not None else None
        return table.slant(table.middle_mm) if table is not None else None

    def look(
        self, picture: Pixels, product: Product | None, record: CalibrationRecord, report: Report
    ) -> ItemSize | None:
        """The item's size; ``None`` when the product has none, the picture is bad, or it cannot tell.

        Args:
            picture: uint8 (H, W, 3) BGR, the corrected frame.
            product: what is to lie there.
            record: of the view, without its parts that must not be used.
            report: what is wrong with the picture, and where the item was found, roughly.
        """
        if product is None or product.size_mm is None or report.problems or report.region is None:
            return None
        table = self.table(record)
        if table is None:
            return None
        first, second, third = product.size_mm
        listed, tolerance = (first, second, third), product.size_tolerance
        region = report.region
        if region.item.any() and not region.touches:
            soft = cv2.resize(region.item.astype(np.float32), table.size, interpolation=cv2.INTER_LINEAR)
            rough = compare_outline((soft >= 0.5).astype(np.uint8), table, listed, tolerance, 0.0)  # noqa: PLR2004
            if rough is not None and rough.seen is SizeSeen.AS_LISTED:
                return rough
        return compare_size(isolate(picture, record.background), table, listed, tolerance)
