"""Make the reference of a product from pictures of good samples: read, lay over one another, let the graph see them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import structlog

from inspection.frame import Pixels
from models.placing import Place
from models.reference import (
    ANY_VIEW,
    Bank,
    ReferenceRefused,
    Sample,
    SampleRefused,
    ViewBank,
    extended,
    learn,
    require_count,
)
from models.runtime import Judge

ENDINGS = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
MAX_FILE_BYTES = 50_000_000
ONE_OF = 8
log = structlog.get_logger()


def build(
    judge: Judge, product: str, folder: Path, done: Callable[[int, int], None] = lambda _done, _of: None,
    *, leave_out: bool = False,
) -> Bank:  # fmt: skip
    """The bank of ``product`` from the pictures in ``folder``; each folder in it is a view of that name.

    Pictures that lie in ``folder`` itself serve every view that has no folder of its own.

    Args:
        judge: makes the patches.
        product: its name.
        folder: of the pictures.
        done: hears how many of how many pictures were seen.
        leave_out: whether one of eight samples that is not like the others is left out and told of in the log, not
            refused: for trials, where nobody is there to look at it.

    Raises:
        ReferenceRefused: no such folder, not a picture, too few of them, or they disagree.
    """
    views = pictures_by_view(folder)
    total, seen = sum(map(len, views.values())), 0
    banks = {}
    for view, files in views.items():
        where = folder / view if view else folder
        try:
            require_count(len(files))
            pictures = {file.name: read_picture(file) for file in files}
            place = judge.place_of(list(pictures.values()))
            samples = []
            for name, pixels in pictures.items():
                samples.append(sample(judge, place, name, pixels))
                seen += 1
                done(seen, total)
            banks[view] = _most_of(samples, place, where) if leave_out else learn(samples, place)
        except ReferenceRefused as error:
            raise ReferenceRefused(f"{where}: {error}", hint=error.hint) from error
    return Bank(product, judge.bundle_id, banks)


def _most_of(samples: Sequence[Sample], place: Place, where: Path) -> ViewBank:
    """The bank of these samples but for one of eight."""
    left = list(samples)
    while True:
        try:
            return learn(left, place)
        except SampleRefused as error:
            if (len(samples) - len(left) + 1) * ONE_OF > len(samples):
                raise
            log.warning("reference_sample_left_out", folder=where.name, sample=error.name)
            left = [sample for sample in left if sample.name != error.name]


def add(judge: Judge, bank: Bank, view: str, name: str, pixels: Pixels) -> Bank:
    """The bank with one more picture of a good sample.

    Raises:
        ReferenceRefused: another bundle made the bank, it does not have this view, or the picture disagrees.
    """
    bank.require(judge.bundle_id)
    known = bank.views.get(view)
    if known is None:
        views = ", ".join(name or "(every view)" for name in bank.views)
        raise ReferenceRefused(f"the reference has no view {view!r}; it has {views}", hint="name one with --view")
    if known.place is None:
        raise ReferenceRefused("the reference has no pictures to lay another over", hint="build it again")
    return bank.with_view(view, extended(known, sample(judge, known.place, name, pixels)))


def sample(judge: Judge, place: Place, name: str, pixels: Pixels) -> Sample:
    """The patches of a picture of a good sample, laid over the others."""
    laid = judge.laid([pixels], [place])[0]
    grid = judge.patches(laid.fitted[None])[0]
    return Sample(name, grid, laid.seen(grid.shape[0]))


def pictures_by_view(folder: Path) -> dict[str, list[Path]]:
    """The pictures of a folder in order of their names, by view.

    Raises:
        ReferenceRefused: no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise ReferenceRefused(f"{folder} is not a folder", hint="name a folder of pictures of good samples")
    places = {ANY_VIEW: folder, **{path.name: path for path in sorted(folder.iterdir()) if path.is_dir()}}
    found = {view: sorted(p for p in place.iterdir() if p.suffix.lower() in ENDINGS) for view, place in places.items()}
    if not any(found.values()):
        raise ReferenceRefused(f"{folder} has no pictures", hint=f"endings looked for: {' '.join(sorted(ENDINGS))}")
    return {view: files for view, files in found.items() if files}


def read_picture(file: Path) -> Pixels:
    """The picture in a file, as OpenCV has it.

    Raises:
        ReferenceRefused: it cannot be read or is no picture.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ReferenceRefused(f"{file} has more than {MAX_FILE_BYTES} bytes")
        data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise ReferenceRefused(f"{file}: {error.strerror}") from error
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ReferenceRefused(f"{file} is no picture", hint="remove it from the samples")
    return np.asarray(pixels, np.uint8)
