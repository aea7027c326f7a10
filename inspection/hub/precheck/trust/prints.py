"""A picture in 256 numbers, by which pictures that may be the same are found among very many.

They are the embedding of the bundle's graph, thrown on fixed random directions, which keep distances
(Johnson-Lindenstrauss; signs suffice: Achlioptas, JCSS 2003). Another bundle gives other numbers, so each print names
the network that made it; :mod:`inspection.hub.precheck.trust.sameness` then looks at the pictures themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from inspection.frame import Pixels, ViewPicture
from inspection.hub.precheck.trust.sameness import without_borders
from inspection.hub.precheck.trust.tables import DIMENSIONS
from models.runtime import Judge

Vectors = npt.NDArray[np.float32]


def network_of(judge: Judge) -> str:
    """The name of the network whose prints can be compared with each other."""
    return f"{judge.bundle_id}/{DIMENSIONS}"


def print_of(judge: Judge, pixels: Pixels) -> Vectors:
    """The print (256,) of a picture (H, W, 3) BGR, of length 1."""
    return np.asarray(_prints(judge, [pixels])[0], np.float32)


def prints_asked(judge: Judge, pixels: Pixels) -> Vectors:
    """The prints (2 or 4, 256) to search with: as it is and mirrored, whole and without uniform borders."""
    wholes = [pixels]
    inner = without_borders(pixels)
    if inner.shape != pixels.shape:
        wholes.append(inner)
    return _prints(judge, [*wholes, *(np.ascontiguousarray(each[:, ::-1]) for each in wholes)])


def _prints(judge: Judge, pictures: Sequence[Pixels]) -> Vectors:
    shown = [ViewPicture(str(number), each) for number, each in enumerate(pictures)]
    embedding = judge.run_raw(judge.preprocess(shown, whole=True)).embedding
    thrown = embedding @ _directions(embedding.shape[1])
    return np.asarray(thrown / np.maximum(np.linalg.norm(thrown, axis=1, keepdims=True), 1e-9), np.float32)


@cache
def _directions(length: int) -> Vectors:
    """(length, 256) of 1 and -1, the same on every machine and for ever."""
    stream = hashlib.shake_256(b"returns precheck prints 1").digest(length * DIMENSIONS // 8)
    return np.unpackbits(np.frombuffer(stream, np.uint8)).reshape(length, DIMENSIONS).astype(np.float32) * 2 - 1
