"""Compare an item with pictures of good samples of the same product, where no defect was ever seen.

The patches are the cells of the trunk's fine stage, of pictures that are laid over one another (`models.placing`). A
cell is as strange as it is far from the cells around the same place of the samples most like it, beside how far the
samples are from one another there. Compare PatchCore (Roth et al. 2022, arXiv 2106.08265): nearest neighbours among
patch features; and PaDiM (Defard et al. 2020, arXiv 2011.08785): a distribution for each place. What counts as strange
is learned from the good samples: each is compared with the others alone, and Student's t says of a new picture what
share of good ones would be less strange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from inspection.errors import InspectionError
from models.agreement import agreement
from models.placing import Place
from models.students_t import share_below

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Cells = npt.NDArray[np.bool_]
MIN_SAMPLES, MAX_SAMPLES = 4, 16
ANY_VIEW = ""
REACH = 1
"""Cells around a place where the samples are searched: what alignment leaves."""
NEIGHBOURS = 3
"""Samples most like the picture, of which the mean distance counts: one of them alone may be odd there, too."""
STRANGEST = 3
"""Cells whose mean says how strange a picture is; one alone may be noise."""
LEAST_SCATTER = 0.25
"""The scatter at a place is told by few samples: at least this share of the scatter all over the picture."""
LEAST_NOISE = 0.1
"""The same for what a channel's noise is, beside the channels' mean deviation over the pictures."""
FALSE_ALARM = 0.01
"""Share of good items that the threshold lets be called anomalous, if they scatter as the samples do."""
OUTLIER = 2e-5
"""Share of good items as strange as that. Seen: 1e-4 of a good sample that was aligned badly, 5e-6 of a stained one."""
LEAST_AGREEMENT = 0.7
"""Seen: 0.86 and more for one product from changing distances; 0.54 for one in changing poses; 0.53 for several."""


class ReferenceRefused(InspectionError):
    """A bank cannot be made, read or used; says why, and names the picture when one is to blame."""

    code = "reference.refused"


class SampleRefused(ReferenceRefused):
    """One sample is not like the others.

    Attributes:
        name: of the sample.
    """

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not like the other samples",
            hint="look at it: leave it out when it is damaged or another product, or add more pictures like it",
        )
        self.name = name


@dataclass(frozen=True, slots=True)
class Comparison:
    """One view compared with the good samples.

    Attributes:
        strangeness: logarithm of 1 + how many times the usual scatter the strangest cells are off; 0 or more.
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
        grids: (S, h, w, C) patches of the samples, laid over one another.
        seen: (S, h, w) which of them show what the camera saw.
        place: how a picture is laid over them; ``None`` in a bank made of patches alone.
        left_out: (S,) strangeness of each sample to the others.
    """

    names: tuple[str, ...]
    grids: Floats
    seen: Cells
    place: Place | None
    left_out: Floats
    _weight: Floats = field(repr=False)
    _usual: Floats = field(repr=False)
    _scatter: Floats = field(repr=False)
    _ready: _Ready = field(repr=False)

    @property
    def limit(self) -> float:
        """Strangeness from which a picture is anomalous."""
        low, high = 0.0, 20.0
        for _ in range(60):  # the score grows with strangeness
            middle = (low + high) / 2
            low, high = (middle, high) if self.score(middle) < 1 - FALSE_ALARM else (low, middle)
        return high

    def score(self, strangeness: float) -> float:
        """Share of good items expected to be less strange, from the samples' own strangeness (Student's t)."""
        return float(share_below(np.array(strangeness), self.left_out))

    def compare(self, grid: Floats, seen: Cells | None = None) -> Comparison:
        """Compare the patches (h, w, C) of a picture laid over the samples; cells not ``seen`` (h, w) do not count.

        Raises:
            ReferenceRefused: the patches have another shape than the samples'.
        """
        if grid.shape != self.grids.shape[1:]:
            raise ReferenceRefused(f"patches of shape {self.grids.shape[1:]} expected, found {grid.shape}")
        apart = self._ready.distances(grid * self._weight)
        off = _off(_nearest_mean(apart), self._usual, self._scatter)
        if seen is not None:
            off = np.where(seen, off, 0.0)
        worst = np.unravel_index(int(off.argmax()), off.shape)
        strangeness = _strangeness(off)
        score = self.score(strangeness)
        return Comparison(
            strangeness=strangeness,
            score=score,
            anomalous=bool(score >= 1 - FALSE_ALARM),
            cells=np.asarray(share_below(np.log1p(off), self.left_out), np.float32),
            nearest=self.names[int(apart[:, worst[0], worst[1]].argmin())],
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
    """One picture of a good sample.

    Attributes:
        name: of the picture.
        grid: its patches (h, w, C), laid over the others.
        seen: which of them (h, w) show what the camera saw; ``None`` for all.
    """

    name: str
    grid: Floats
    seen: Cells | None = None


def learn(samples: Sequence[Sample], place: Place | None = None) -> ViewBank:
    """The bank of one view.

    Raises:
        ReferenceRefused: too few or too many samples, two of one name, or they disagree.
    """
    require_count(len(samples))
    names = tuple(sample.name for sample in samples)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReferenceRefused(f"two samples are named {', '.join(twice)}", hint="give each picture its own name")
    seen = [np.ones(sample.grid.shape[:2], bool) if sample.seen is None else sample.seen for sample in samples]
    view = calibrated(names, np.stack([sample.grid for sample in samples]), np.stack(seen), place)
    _refuse_other_products(view.grids)
    _refuse_outlier(names, view.left_out)
    return view


def require_count(samples: int) -> None:
    """Refuse too few or too many.

    Raises:
        ReferenceRefused: says how many there may be.
    """
    if not MIN_SAMPLES <= samples <= MAX_SAMPLES:
        raise ReferenceRefused(
            f"{MIN_SAMPLES} to {MAX_SAMPLES} pictures of good samples expected, found {samples}",
            hint="take more pictures of good samples" if samples < MIN_SAMPLES else "choose the most typical ones",
        )


def extended(view: ViewBank, sample: Sample) -> ViewBank:
    """The bank with one more sample, calibrated anew; the same as if it had been there from the start.

    Raises:
        ReferenceRefused: the bank is full, has a sample of that name, or the new one disagrees.
    """
    if len(view.names) >= MAX_SAMPLES:
        raise ReferenceRefused(f"the reference has {MAX_SAMPLES} samples already", hint="build it again without one")
    known = [Sample(name, grid, seen) for name, grid, seen in zip(view.names, view.grids, view.seen, strict=True)]
    return learn([*known, sample], view.place)


def calibrated(names: tuple[str, ...], grids: Floats, seen: Cells, place: Place | None) -> ViewBank:
    """A bank of samples that are known to agree; every one is judged by the others alone."""
    weight = _weight(grids)
    ready = _Ready.of(grids * weight)
    apart = np.stack([ready.distances(grid * weight) for grid in grids])
    usual, scatter = _usual(apart, seen, range(len(names)))
    left_out = []
    for sample in range(len(names)):
        others = [number for number in range(len(names)) if number != sample]
        off = _off(_nearest_mean(apart[sample, others]), *_usual(apart, seen, others))
        left_out.append(_strangeness(np.where(seen[sample], off, 0.0)))
    return ViewBank(names, grids, seen, place, np.array(left_out, np.float32), weight, usual, scatter, ready)


@dataclass(frozen=True, slots=True, eq=False)
class _Ready:
    """Samples made ready to be searched: patches with a rim of REACH (S, h + 2, w + 2, C), and their squares' sums."""

    rimmed: Floats
    squares: Floats

    @classmethod
    def of(cls, grids: Floats) -> _Ready:
        rim = ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0))
        rimmed = np.pad(grids, rim, mode="edge").astype(np.float32)
        return cls(rimmed, np.einsum("shwc,shwc->shw", rimmed, rimmed))

    def distances(self, grid: Floats) -> Floats:
        """Distance (S, h, w) of each cell of ``grid`` (h, w, C) to the nearest around its place, in each sample."""
        height, width = grid.shape[:2]
        least = np.full((len(self.rimmed), height, width), np.inf, np.float32)
        for down in range(2 * REACH + 1):
            for right in range(2 * REACH + 1):
                part = np.s_[:, down : down + height, right : right + width]
                product = np.einsum("shwc,hwc->shw", self.rimmed[part], grid)
                np.minimum(least, self.squares[part] - 2 * product, out=least)
        return np.asarray(np.sqrt(np.maximum(least + np.einsum("hwc,hwc->hw", grid, grid), 0)), np.float32)


def _weight(grids: Floats) -> Floats:
    """Weight (C,) of each channel: less where samples differ at the same place, which says nothing of damage."""
    count = len(grids)
    noise = np.sqrt(grids.var(axis=0).mean(axis=(0, 1)) * count / (count - 1))
    deviation = float(np.sqrt(grids.var(axis=(0, 1, 2))).mean())
    return np.asarray(1 / (noise + LEAST_NOISE * deviation + 1e-9), np.float32)


def _nearest_mean(apart: Floats) -> Floats:
    """Mean distance (h, w) to the most similar of the samples ``apart`` (S, h, w)."""
    count = min(NEIGHBOURS, len(apart))
    return np.asarray(np.partition(apart, count - 1, axis=0)[:count].mean(axis=0), np.float32)


def _usual(apart: Floats, seen: Cells, samples: Sequence[int]) -> tuple[Floats, Floats]:
    """Mean and scatter (h, w) of how far each of ``samples`` is from the rest of them, where it is ``seen``.

    ``apart`` is (S, S, h, w), of each sample to each.
    """
    far = np.stack([_nearest_mean(apart[one, [other for other in samples if other != one]]) for one in samples])
    counts = seen[list(samples)]
    total = np.maximum(counts.sum(axis=0), 1)
    mean = np.where(counts.any(axis=0), (far * counts).sum(axis=0) / total, far.mean(axis=0))
    variance = (np.square(far - mean) * counts).sum(axis=0) / total
    scatter = np.sqrt(_around(variance)) + LEAST_SCATTER * float(far[counts].std()) + 1e-6
    return np.asarray(mean, np.float32), np.asarray(scatter, np.float32)


def _around(values: Floats) -> Floats:
    """Mean of each cell and its eight neighbours."""
    height, width = values.shape
    rimmed = np.pad(values, 1, mode="edge")
    parts = [rimmed[down : down + height, right : right + width] for down in range(3) for right in range(3)]
    return np.asarray(np.mean(parts, axis=0), np.float32)


def _off(far: Floats, usual: Floats, scatter: Floats) -> Floats:
    return np.asarray(np.maximum((far - usual) / scatter, 0), np.float32)


def _strangeness(off: Floats) -> float:
    count = min(STRANGEST, off.size)
    return float(np.log1p(np.partition(off.ravel(), -count)[-count:].mean()))


def _refuse_other_products(grids: Floats) -> None:
    found = agreement(grids)
    if found < LEAST_AGREEMENT:
        raise ReferenceRefused(
            f"the samples do not look like one product: {found:.0%} of what is special in a "
            f"picture is found again in another, at least {LEAST_AGREEMENT:.0%} expected",
            hint="put in pictures of one product only, taken from the same place in the same light",
        )


def _refuse_outlier(names: Sequence[str], left_out: Floats) -> None:
    worst = int(np.argmax(left_out))
    less = float(share_below(np.array(left_out[worst]), np.delete(left_out, worst)))
    if 1 - less < OUTLIER:
        raise SampleRefused(names[worst])
