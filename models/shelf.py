"""The references of a station: a folder with ``<GTIN>.ref``, and the pictures of good samples they are made of.

``<folder>/<GTIN>/`` holds the pictures (a folder a view, or all views together). Where they are newer than the bank, or
it is of another bundle, it is built anew by :meth:`Shelf.refresh`. A bank exchanged counts from the next item on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from inspection.finding import Assessment
from inspection.frame import ViewPicture
from models import reference_build
from models.reference import Bank, ReferenceRefused
from models.reference_file import ENDING, read_bank, write_bank
from models.runtime import Judge

log = structlog.get_logger()
GTIN_DIGITS = 14


@dataclass(frozen=True, slots=True)
class Beside:
    """The judge, looking at the good samples of one product, too."""

    judge: Judge
    bank: Bank

    @property
    def bundle_id(self) -> str:
        return self.judge.bundle_id

    def assess(self, pictures: Sequence[ViewPicture], goods: str | None = None) -> Assessment:
        """Judge one item; a view that differs from the samples gives a finding ``novel`` with the place."""
        return self.judge.assess_beside(pictures, self.bank, goods)[0]


class Shelf:
    """Banks by GTIN, read when they are needed and again when their files change."""

    def __init__(self, judge: Judge, folder: Path) -> None:
        self._judge, self._folder = judge, folder
        self._known: dict[str, tuple[tuple[int, int, int], Bank]] = {}

    def judge_for(self, gtin: str | None) -> Judge | Beside:
        """What judges an item of this product.

        Raises:
            ReferenceRefused: its bank is damaged or of another bundle: a check that somebody relies on cannot be made.
        """
        bank = self.bank(gtin)
        return self._judge if bank is None else Beside(self._judge, bank)

    def bank(self, gtin: str | None) -> Bank | None:
        """The bank of a product, if there is one.

        Raises:
            ReferenceRefused: it is damaged, or of another bundle.
        """
        if gtin is None or not gtin.isdigit():
            return None
        path = self._folder / f"{gtin.zfill(GTIN_DIGITS)}{ENDING}"
        try:
            found = path.stat()
        except OSError:
            return None
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        known = self._known.get(path.name)
        if known is None or known[0] != mark:
            known = mark, read_bank(path).require(self._judge.bundle_id)
            self._known[path.name] = known
        return known[1]

    def refresh(self, done: Callable[[str], None] = lambda _: None) -> dict[str, ReferenceRefused]:
        """Build what is missing, older than its pictures, or of another bundle; what was refused, by product.

        A bank that cannot be built anew stays as it is. ``done`` hears of each product that was built.
        """
        refused: dict[str, ReferenceRefused] = {}
        for samples in sorted(path for path in self._folder.glob("*") if path.is_dir() and path.name.isdigit()):
            product = samples.name.zfill(GTIN_DIGITS)
            path = self._folder / f"{product}{ENDING}"
            try:
                if self._is_stale(path, samples):
                    write_bank(path, reference_build.build(self._judge, product, samples))
                    done(product)
            except ReferenceRefused as error:
                refused[product] = error
                log.warning("reference_refused", product=product, detail=error.one_line())
        return refused

    def _is_stale(self, path: Path, samples: Path) -> bool:
        pictures = [file for files in reference_build.pictures_by_view(samples).values() for file in files]
        newest = max(place.stat().st_mtime_ns for place in [samples, *pictures])
        if not path.is_file() or path.stat().st_mtime_ns < newest:
            return True
        try:
            return read_bank(path).bundle_id != self._judge.bundle_id
        except ReferenceRefused:
            return True
