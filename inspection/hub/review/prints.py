"""A picture in 256 numbers by which near-duplicates are found: the coarse part of its cosine transform.

The prints of pre-checks (:mod:`inspection.hub.precheck.trust.prints`) come from a bundle's network, and this loop makes
new bundles; these come from the pixels alone and never have to be made again. They only find candidates: whether two
pictures are one photograph is decided by :mod:`inspection.hub.precheck.trust.sameness`. (Perceptual hash: Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, 3.2.1; here without rounding to bits.)
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels

Print = npt.NDArray[np.float32]
SIDE, COARSE = 64, 17
FLAT = 1.0
"""Length below which a picture has no structure to compare."""


def print_of(pixels: Pixels) -> Print | None:
    """The print (256,) of a picture (H, W, 3) BGR, of length 1; ``None`` when it is uniform."""
    gray = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = cv2.dct(small - small.mean())[:COARSE, :COARSE]
    found = np.asarray(waves[1:, 1:], np.float32).ravel()
    length = float(np.linalg.norm(found))
    return None if length < FLAT else found / np.float32(length)
