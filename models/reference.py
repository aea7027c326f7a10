"""Compare an item with pictures of good samples of the same product, where no defect was ever seen.

The patches are the cells of the trunk's fine stage, from the same forward pass as everything else. A cell is as strange
as it is far from the nearest cell of the good samples, less how far those lie from one another there. Compare PatchCore
(Roth et al. 2022, arXiv 2106.08265): nearest neighbours in a thinned memory of patch features. What counts as strange
is learned from the good samples: each is compared with the others, and Student's t says of a new picture what share of
good ones would be less strange.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from inspection.errors import InspectionError

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
MIN_SAMPLES, MAX_SAMPLES = 4, 16
ANY_VIEW = ""
KEPT = 512
"""Patches kept of every sample: its own cells, and those of its moved versions that are least like them."""
MOST = 6144
"""Patches kept of all samples together, unless their own cells are more; bounds the time of a comparison."""
FALSE_ALARM = 0.01
"""Share of good items that the threshold lets be called anomalous, if they scatter as the samples do."""
OUTLIER = 0.001
LEAST_AGREEMENT = 0.7
"""Seen: 0.86 and more for one product from changing distances; 0.54 for one in changing poses; 0.53 for several."""
SPECIAL = 0.75
"""Only this most special quarter of a picture's cells tells products apart: a table looks like any other table."""
LEAST_SIGMA = 0.25
"""The scatter of few samples is easily underestimated: at least this share of the typical distance between samples."""


class ReferenceRefused(InspectionError):
    """A bank cannot be made, read or used; says why, and names the picture when one is to blame."""

    code = "reference.refused"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One view compared with the good samples.

    Attributes:
        strangeness: of the strangest cell, in feature distance; may be negative.
        score: share of good items that would be less strange, 0..1.
        anomalous: whether the score is beyond the bank's limit.
        cells: (h, w) heat map, probabilities of the same scale as ``score`` per cell.
        nearest: name of the good sample the strangest cell is most like.
    """

    strangeness: float
    score: float
    anomalous: bool
    cells: Floats
    nearest: str


@dataclass(frozen=True, slots=True, eq=False)
class ViewBank:
    """The good samples of one view.

    Attributes:
        names: of the S samples, as they were given.
        grids: (S, h, w, C) patches of the samples as they are.
        patches: (M, C) kept patches of the samples and their slightly moved versions.
        owner: (M,) which sample each is of.
        spread: (M,) distance of each to the nearest patch of another sample.
        left_out: (S,) strangeness of each sample to the others.
        typical: median distance of samples' cells to the nearest of other samples.
    """

    names: tuple[str, ...]
    grids: Floats
    patches: Floats
    owner: npt.NDArray[np.int16]
    spread: Floats
    left_out: Floats
    typical: float
    _search: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_search", _search(self.patches))

    @property
    def limit(self) -> float:
        """Strangeness from which a picture is anomalous."""
        low, high = float(self.left_out.min()), float(self.left_out.max()) + 1e3 * self.typical + 1.0
        for _ in range(60):  # the score grows with strangeness
            middle = (low + high) / 2
            low, high = (middle, high) if self.score(middle) < 1 - FALSE_ALARM else (low, middle)
        return high

    def score(self, strangeness: float) -> float:
        """Share of good items expected to be less strange, from the samples' own strangeness (Student's t)."""
        return float(_share_below(np.array(strangeness), self.left_out, LEAST_SIGMA * self.typical))

    def compare(self, grid: Floats) -> Comparison:
        """Compare the patches (h, w, C) of a picture.

        Raises:
            ReferenceRefused: the patches have another shape than the samples'.
        """
        if grid.shape != self.grids.shape[1:]:
            raise ReferenceRefused(f"patches of shape {self.grids.shape[1:]} expected, found {grid.shape}")
        distance, nearest = _nearest(grid.reshape(-1, grid.shape[-1]), self._search)
        strange = distance - self.spread[nearest]
        worst = int(strange.argmax())
        scores = _share_below(strange, self.left_out, LEAST_SIGMA * self.typical)
        return Comparison(
            strangeness=float(strange[worst]),
            score=float(scores[worst]),
            anomalous=bool(scores[worst] >= 1 - FALSE_ALARM),
            cells=np.asarray(scores.reshape(grid.shape[:2]), np.float32),
            nearest=self.names[self.owner[nearest[worst]]],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """The good samples of one product.

    Attributes:
        product: GTIN-14, or whatever names the product.
        bundle_id: of the bundle that made the patches; no other may use them.
        views: by name of the view; :data:`ANY_VIEW` serves those that are not named.
    """

    product: str
    bundle_id: str
    views: Mapping[str, ViewBank]

    def view(self, name: str) -> ViewBank | None:
        """The samples a view is compared with, if there are any."""
        return self.views.get(name) or self.views.get(ANY_VIEW)

    def require(self, bundle_id: str) -> Bank:
        """This bank, if it was made with that bundle.

        Raises:
            ReferenceRefused: it was made with another.
        """
        if self.bundle_id != bundle_id:
            raise ReferenceRefused(
                f"the reference of {self.product} was made with {self.bundle_id}, in use is {bundle_id}",
                hint="build it again from its pictures: python -m models reference build",
            )
        return self

    def with_view(self, name: str, view: ViewBank) -> Bank:
        """The same with another set of samples for one view."""
        return replace(self, views={**self.views, name: view})


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One picture of a good sample: its name, and the patches (V, h, w, C) of it and its V - 1 moved versions."""

    name: str
    versions: Floats


def learn(samples: Sequence[Sample]) -> ViewBank:
    """The bank of one view.

    Raises:
        ReferenceRefused: too few or too many samples, two of one name, or they disagree.
    """
    if not MIN_SAMPLES <= len(samples) <= MAX_SAMPLES:
        raise ReferenceRefused(
            f"{MIN_SAMPLES} to {MAX_SAMPLES} pictures of good samples expected, found {len(samples)}",
            hint="take more pictures of good samples" if len(samples) < MIN_SAMPLES else "choose the most typical ones",
        )
    kept = [thinned(sample.versions, KEPT) for sample in samples]
    grids = np.stack([sample.versions[0] for sample in samples])
    return _calibrated(tuple(sample.name for sample in samples), grids, kept)


def extended(view: ViewBank, sample: Sample) -> ViewBank:
    """The bank with one more sample, calibrated anew; the same as if it had been there from the start.

    Raises:
        ReferenceRefused: the bank is full, has a sample of that name, or the new one disagrees.
    """
    if len(view.names) >= MAX_SAMPLES:
        raise ReferenceRefused(f"the reference has {MAX_SAMPLES} samples already", hint="build it again without one")
    kept = [view.patches[view.owner == number] for number in range(len(view.names))]
    grids = np.concatenate([view.grids, sample.versions[:1]])
    return _calibrated((*view.names, sample.name), grids, [*kept, thinned(sample.versions, KEPT)])


def thinned(versions: Floats, count: int) -> Floats:
    """All patches (K, C) of the first of ``versions`` (V, h, w, C), and of the others those farthest from all kept.

    Up to ``count`` together, by greedy k-centre: no random number, and a smaller count keeps the first of a greater's.
    """
    own, others = (part.reshape(-1, versions.shape[-1]) for part in (versions[:1], versions[1:]))
    if not len(others) or len(own) >= count:
        return own
    squares = np.einsum("nc,nc->n", others, others)
    least, _ = _nearest(others, _search(own))
    least, chosen = np.square(least), []
    for _ in range(min(count - len(own), len(others))):
        chosen.append(int(least.argmax()))
        centre = others[chosen[-1]]
        np.minimum(least, squares + squares[chosen[-1]] - 2 * (others @ centre), out=least)
        least[chosen[-1]] = -np.inf
    return np.concatenate([own, others[chosen]])


def _calibrated(names: tuple[str, ...], grids: Floats, kept: Sequence[Floats]) -> ViewBank:
    """Let every sample be judged by the others, and refuse samples that disagree.

    ``kept`` are the patches of each sample, the most needed first.
    """
    most = max(grids.shape[1] * grids.shape[2], MOST // len(names))  # never less than the picture itself
    kept = [some[:most] for some in kept]
    patches = np.concatenate(kept)
    owner = np.repeat(np.arange(len(kept), dtype=np.int16), [len(some) for some in kept])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReferenceRefused(f"two samples are named {', '.join(twice)}", hint="give each picture its own name")
    searches = [_search(patches[owner == sample]) for sample in range(len(names))]
    between = np.stack([_nearest(patches, search)[0] for search in searches], axis=1)
    between[np.arange(len(patches)), owner] = np.inf
    left_out, typical = [], []
    for sample, grid in enumerate(grids):
        others = owner != sample
        spread = np.delete(between[others], sample, axis=1).min(axis=1)
        query = grid.reshape(-1, grid.shape[-1])
        distance, nearest = _nearest(query, _search(patches[others]))
        left_out.append(float((distance - spread[nearest]).max()))
        typical.append(float(np.median(distance)))
    _refuse_other_products(grids)
    _refuse_outlier(names, left_out, float(np.median(typical)))
    return ViewBank(
        names, grids, patches, owner, between.min(axis=1), np.array(left_out, np.float32), float(np.median(typical))
    )


def _refuse_other_products(grids: Floats) -> None:
    """Of one product, what is special in one picture is more like its place in another than like any other place."""
    searches = [_search(grid.reshape(-1, grid.shape[-1])) for grid in grids]
    agreement = []
    for sample, grid in enumerate(grids):
        elsewhere = _elsewhere(grid)
        special = elsewhere >= np.quantile(elsewhere, SPECIAL)
        cells = grid.reshape(-1, grid.shape[-1])[special]
        others = [search for number, search in enumerate(searches) if number != sample]
        found = [float((_nearest(cells, other)[0] < elsewhere[special]).mean()) for other in others]
        agreement.append(float(np.median(found)))
    if float(np.median(agreement)) < LEAST_AGREEMENT:
        raise ReferenceRefused(
            f"the samples do not look like one product: {float(np.median(agreement)):.0%} of what is special in a "
            f"picture is found again in another, at least {LEAST_AGREEMENT:.0%} expected",
            hint="put in pictures of one product only, taken from the same place in the same light",
        )


def _refuse_outlier(names: Sequence[str], left_out: Sequence[float], typical: float) -> None:
    worst = int(np.argmax(left_out))
    rest = np.delete(np.array(left_out, np.float32), worst)
    if 1 - float(_share_below(np.array(left_out[worst]), rest, LEAST_SIGMA * typical)) < OUTLIER:
        raise ReferenceRefused(
            f"{names[worst]} is not like the other samples",
            hint="look at it: leave it out when it is damaged or another product, or add more pictures like it",
        )


def _search(patches: Floats) -> Floats:
    """Patches (M, C) made ready to be searched: (C + 1, M), whose product with (q, 1) is |q - p|² - |q|²."""
    return np.concatenate([-2 * patches.T, np.einsum("mc,mc->m", patches, patches)[None]]).astype(np.float32)


def _nearest(query: Floats, search: Floats) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Distance (Q,) of each of ``query`` (Q, C) to the nearest patch of a search, and which it is."""
    squares = np.concatenate([query, np.ones((len(query), 1), np.float32)], axis=1) @ search
    nearest = squares.argmin(axis=1)
    least = squares[np.arange(len(query)), nearest] + np.einsum("qc,qc->q", query, query)
    return np.sqrt(np.maximum(least, 0)), nearest


def _elsewhere(grid: Floats, apart: int = 3) -> Floats:
    """Distance (h * w,) of each cell of ``grid`` (h, w, C) to the most similar one at least ``apart`` cells away."""
    height, width, channels = grid.shape
    cells = grid.reshape(-1, channels)
    norms = np.einsum("qc,qc->q", cells, cells)
    squares = norms[:, None] + norms - 2 * (cells @ cells.T)
    rows, columns = np.divmod(np.arange(height * width), width)
    near = np.maximum(abs(rows[:, None] - rows), abs(columns[:, None] - columns)) < apart
    return np.asarray(np.sqrt(np.maximum(np.where(near, np.inf, squares).min(axis=1), 0)), np.float32)


def _share_below(values: npt.NDArray[np.floating], samples: npt.ArrayLike, least_sigma: float) -> Doubles:
    """Chance that one more value of the same normal distribution as ``samples`` is below each of ``values``.

    The prediction interval of Student's t: t = (x - mean) / (s * sqrt(1 + 1/n)) with n - 1 degrees of freedom.
    """
    known = np.asarray(samples, np.float64)
    count = len(known)
    sigma = max(float(known.std(ddof=1)), least_sigma, 1e-9)
    return _t_below((values.astype(np.float64) - known.mean()) / (sigma * math.sqrt(1 + 1 / count)), count - 1)


def _t_below(t: Doubles, degrees: int) -> Doubles:
    """Distribution function of Student's t for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = np.arctan2(t, math.sqrt(degrees))
    cosine, sine = np.cos(angle), np.sin(angle)
    odd = degrees % 2 == 1
    term = cosine if odd else np.ones_like(cosine)
    total = term
    for step in range(3 if odd else 2, degrees - 1, 2):
        term = term * cosine * cosine * (step - 1) / step
        total = total + term
    inside = sine * total
    if odd:
        inside = 2 / math.pi * (angle + (inside if degrees > 1 else 0.0))
    return np.asarray(0.5 + inside / 2, np.float64)
