"""Known examples in a bundle: where the pictures it was trained on lie, what they are called and labelled, no picture.

``examples.npz``: coordinates (N, K) float16 in the space of :mod:`models.novelty`, names, conditions and defects (N,).
Whoever has the pictures finds them by their names; the bundle gives nothing of them away but that.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inspection.errors import BundleError
from inspection.finding import Condition, Defect
from models.novelty import Reference

EXAMPLES = "examples.npz"
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Similar:
    """One known example.

    Attributes:
        name: set and file, as in the manifest it came from.
        distance: in standard deviations of the training pictures, root mean square over the dimensions.
    """

    name: str
    condition: Condition
    defects: tuple[Defect, ...]
    distance: float


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """All examples of a bundle.

    Attributes:
        coordinates: (N, K) float16.
        names: (N,); labels: (N,) conditions; defects: (N,) their types, ``;`` between them.
    """

    coordinates: npt.NDArray[np.float16]
    names: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]
    defects: npt.NDArray[np.str_]

    def nearest(self, reference: Reference, embedding: Floats, count: int = 3) -> list[Similar]:
        """The examples most like an embedding (E,), the most similar first."""
        place = coordinates_of(reference, embedding[None])[0].astype(np.float32)
        distances = np.sqrt(np.square(self.coordinates.astype(np.float32) - place).mean(axis=1))
        order = np.argsort(distances, kind="stable")[:count]
        return [
            Similar(
                str(self.names[row]),
                Condition(str(self.labels[row])),
                tuple(Defect(name) for name in str(self.defects[row]).split(";") if name),
                float(distances[row]),
            )
            for row in order.tolist()
        ]

    def to_bytes(self) -> bytes:
        """The content of ``examples.npz``."""
        file = io.BytesIO()
        np.savez_compressed(
            file, coordinates=self.coordinates, names=self.names, labels=self.labels, defects=self.defects
        )
        return file.getvalue()


def learn(
    reference: Reference,
    embeddings: Floats,
    names: Sequence[str],
    conditions: Sequence[Condition],
    defects: Sequence[Sequence[Defect] | frozenset[Defect]],
) -> Examples:
    """The examples of N embeddings (N, E) with their names and labels."""
    return Examples(
        coordinates_of(reference, embeddings),
        np.array(list(names), np.str_),
        np.array([str(condition) for condition in conditions], np.str_),
        np.array([";".join(sorted(map(str, some))) for some in defects], np.str_),
    )


def from_bytes(content: bytes) -> Examples:
    """The examples in the content of ``examples.npz``.

    Raises:
        BundleError: it does not hold what examples hold.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = Examples(*(arrays[name] for name in ("coordinates", "names", "labels", "defects")))
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(f"{EXAMPLES} does not hold examples: {error}") from error
    count = len(found.coordinates)
    texts = (found.names, found.labels, found.defects)
    if found.coordinates.ndim != 2 or any(text.shape != (count,) or text.dtype.kind != "U" for text in texts):  # noqa: PLR2004
        raise BundleError(f"{EXAMPLES} does not hold examples: its arrays do not fit together")
    if not np.isfinite(found.coordinates).all() or not set(found.labels.tolist()) <= set(map(str, Condition)):
        raise BundleError(f"{EXAMPLES} does not hold examples: a coordinate or label cannot be")
    return found


def coordinates_of(reference: Reference, embeddings: Floats) -> npt.NDArray[np.float16]:
    """(N, K) of embeddings (N, E), in standard deviations along the principal axes."""
    whitened = reference.whitened(embeddings)
    return np.asarray(np.clip(whitened, -6e4, 6e4), np.float16)
