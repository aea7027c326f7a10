"""How unlike the training pictures an embedding is: distance within their subspace and distance from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
LEAST_VARIANCE, NO_LENGTH = 1e-4, 1e-5
"""Beside the greatest."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The training embeddings in short.

    Attributes:
        mean: (E,).
        axes: (E, K) orthonormal axes, along which kinds differ and items of a kind scatter most.
        scale: (K,) standard deviation along each; within a kind of goods, where ``unit`` is there.
        residual: (1,) root mean square distance of the training embeddings from the subspace.
        centres: (C, K) mean of each kind of goods, in standard deviations, in the order of their names.
        unit: (1,) there when embeddings are first divided by their length; not in older bundles.
    """

    mean: Floats
    axes: Floats
    scale: Floats
    residual: Floats
    centres: Floats
    unit: Floats | None = None

    def whitened(self, embedding: Floats) -> Floats:
        """Embeddings (N, E) in the subspace, (N, K), in standard deviations."""
        return np.asarray((self._centred(embedding) @ self.axes) / self.scale, np.float32)

    def distances(self, embedding: Floats) -> Floats:
        """Distance (N,) of embeddings (N, E): to the nearest goods and off the subspace, each about 1 in training."""
        centred = self._centred(embedding)
        coordinates = centred @ self.axes
        off = np.linalg.norm(centred - coordinates @ self.axes.T, axis=1) / self.residual
        nearest = self.to_centres(embedding).min(axis=1)
        return np.asarray(np.sqrt(nearest**2 / len(self.scale) + off**2), np.float32)

    def to_centres(self, embedding: Floats) -> Floats:
        """Distances (N, C) of embeddings (N, E) to the kinds of goods within the subspace, in standard deviations."""
        apart = self.whitened(embedding)[:, None, :] - self.centres[None]
        return np.asarray(np.linalg.norm(apart, axis=2), np.float32)

    def _centred(self, embedding: Floats) -> Floats:
        if self.unit is not None:
            embedding = _of_length_one(embedding)
        return np.asarray(embedding - self.mean, np.float32)

    def nearer_to_others(self, embedding: Floats, kind: int) -> Floats:
        """By how much (N,) another kind's centre is nearer to embeddings (N, E) than that of ``kind``; at least 0."""
        to_centres = self.to_centres(embedding)
        return np.asarray(to_centres[:, kind] - to_centres.min(axis=1), np.float32)


def learn(embeddings: Floats, goods: npt.NDArray[np.str_], dimensions: int = 64) -> Reference:
    """The reference of training embeddings (N, E) with their kinds of goods (N,).

    The scatter is that within the kinds, pooled (Lee et al. 2018, arXiv 1807.03888): what tells kinds apart does not
    make room for what is of no kind.
    """
    embeddings = _of_length_one(embeddings)
    mean = embeddings.mean(axis=0)
    names = np.unique(goods)
    means = np.stack([embeddings[goods == kind].mean(axis=0) for kind in names])
    within = embeddings - means[np.searchsorted(names, goods)]
    _, singular, rows = np.linalg.svd(within, full_matrices=False)
    kept = min(dimensions, max(1, len(singular) - 1))
    axes = _axes(np.concatenate([rows[:kept], means - means.mean(axis=0)]))
    scatter = within @ axes
    variance, turned = np.linalg.eigh(scatter.T @ scatter / len(within))
    axes = axes @ turned
    scale = np.sqrt(np.maximum(variance, LEAST_VARIANCE * variance.max())) + 1e-6
    residual = np.sqrt(np.mean(np.sum((within - within @ axes @ axes.T) ** 2, axis=1))) + 1e-6
    centres = ((means - mean) @ axes) / scale
    arrays = (np.asarray(array, np.float32) for array in (mean, axes, scale, [residual], centres, [1]))
    return Reference(*arrays)


def _axes(directions: Floats) -> Floats:
    """Orthonormal axes (E, K) of the space of ``directions`` (M, E)."""
    axes, lengths, _ = np.linalg.svd(directions.T, full_matrices=False)
    return np.asarray(axes[:, : max(1, int((lengths > NO_LENGTH * lengths[0]).sum()))], np.float32)


def _of_length_one(embeddings: Floats) -> Floats:
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / np.maximum(lengths, 1e-9), np.float32)
