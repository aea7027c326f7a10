"""How unlike the training pictures an embedding is: distance within their subspace and distance from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reference:
    """The training embeddings in short.

    Attributes:
        mean: (E,).
        axes: (E, K) orthonormal principal axes.
        scale: (K,) standard deviation along each.
        residual: (1,) root mean square distance of the training embeddings from the subspace.
        centres: (C, K) mean of each kind of goods, in standard deviations.
    """

    mean: Floats
    axes: Floats
    scale: Floats
    residual: Floats
    centres: Floats

    def distances(self, embedding: Floats) -> Floats:
        """Distance (N,) of embeddings (N, E): to the nearest goods and off the subspace, each about 1 in training."""
        centred = embedding - self.mean
        coordinates = centred @ self.axes
        off = np.linalg.norm(centred - coordinates @ self.axes.T, axis=1) / self.residual
        whitened = coordinates / self.scale
        to_centres = np.linalg.norm(whitened[:, None, :] - self.centres[None], axis=2).min(axis=1)
        return np.asarray(np.sqrt(to_centres**2 / len(self.scale) + off**2), np.float32)


def learn(embeddings: Floats, goods: npt.NDArray[np.str_], dimensions: int = 64) -> Reference:
    """The reference of training embeddings (N, E) with their kinds of goods (N,)."""
    mean = embeddings.mean(axis=0)
    centred = embeddings - mean
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    kept = min(dimensions, max(1, len(singular) - 1))
    axes = rows[:kept].T
    scale = singular[:kept] / np.sqrt(max(1, len(embeddings) - 1)) + 1e-6
    coordinates = centred @ axes
    residual = np.sqrt(np.mean(np.sum((centred - coordinates @ axes.T) ** 2, axis=1))) + 1e-6
    whitened = coordinates / scale
    centres = np.stack([whitened[goods == kind].mean(axis=0) for kind in np.unique(goods)])
    arrays = (np.asarray(array, np.float32) for array in (mean, axes, scale, [residual], centres))
    return Reference(*arrays)
