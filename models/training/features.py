"""The trunk's features of every sample and of its random versions, computed once and kept on disk; resumable."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from torch import nn

from datasets.manifest import Sample
from datasets.masks import planes, read_codes
from inspection.errors import ConfigError
from inspection.finding import Box, Defect
from inspection.frame import Pixels
from models.pixels import fit
from models.training.augment import augment
from models.training.backbone import (
    COARSE_CHANNELS,
    COARSE_STRIDE,
    FINE_CHANNELS,
    FINE_STRIDE,
    Trunk,
)
from models.training.cracks import crack
from models.training.item_views import item_view
from models.training.items import isolation_version, item_mask, read_picture, stamp

BATCH = 16
FLUSH_EVERY = 10
Rows = npt.NDArray[np.int64]
RECIPE = "2"
CRACKS = "1"
"""Changed whenever cracks are painted otherwise."""
Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Cut:
    """How pictures are seen that are not judged whole.

    Attributes:
        boxes: what the finder cuts out of each sample.
        masks: folder of the items' masks.
        backgrounds: photographs to put items on.
        painted: whether every version is a damaged one, with damage painted on.
    """

    boxes: tuple[Box, ...]
    masks: Path
    backgrounds: tuple[Path, ...]
    painted: bool = False

    def __str__(self) -> str:
        names = hashlib.sha256("\n".join(path.name for path in self.backgrounds).encode()).hexdigest()[:16]
        places = " ".join(f"{box.x},{box.y},{box.width},{box.height}" for box in self.boxes)
        return f"cut {self.painted} {isolation_version()} {names} {places}"


@dataclass(frozen=True, slots=True)
class Glass:
    """Every version shows glass with a crack painted on; ``masks`` is the folder of the items' masks."""

    masks: Path

    def __str__(self) -> str:
        return f"glass {CRACKS} {isolation_version()}"


class FeatureCache:
    """Features of ``1 + versions`` versions of each sample; version 0 is the picture as it is.

    Attributes:
        fine: float16 (1 + versions, N, 112, size/16, size/16), on disk.
        coarse: float16 (1 + versions, N, 192, size/32, size/32), on disk.
        masks: float16 (1 + versions, N, 14, size/16, size/16), share of a cell that shows each defect of ``Defect``; 0
            without mask.
    """

    def __init__(
        self, folder: Path, samples: Sequence[Sample], size: int, versions: int, seed: int, cut: Cut | None = None,
        glass: Glass | None = None,
    ) -> None:  # fmt: skip
        if size % COARSE_STRIDE:
            raise ConfigError(f"--size {size} is not a multiple of {COARSE_STRIDE}")
        self._samples, self._size, self._versions, self._seed = samples, size, versions, seed
        self._cut, self._glass = cut, glass
        self._backgrounds: list[Pixels] | None = None
        key = "\n".join(
            [
                RECIPE,
                str(size),
                str(versions),
                str(seed),
                *([] if cut is None else [str(cut)]),
                *([] if glass is None else [str(glass)]),
                *(f"{s.name} {stamp(s.path)} {s.mask and stamp(s.mask)}" for s in samples),
            ]
        )
        self._folder = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        count, fine, coarse = len(samples), size // FINE_STRIDE, size // COARSE_STRIDE
        self.fine: Halves = self._array("fine", (1 + versions, count, FINE_CHANNELS, fine, fine), np.float16)
        self.coarse: Halves = self._array("coarse", (1 + versions, count, COARSE_CHANNELS, coarse, coarse), np.float16)
        self.masks: Halves = self._array("masks", (1 + versions, count, len(Defect), fine, fine), np.float16)

    def __getstate__(self) -> dict[str, Any]:
        """Without the arrays: another process opens the files again."""
        dropped = ("fine", "coarse", "masks")
        return {key: value for key, value in self.__dict__.items() if key not in dropped} | {"_backgrounds": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in ("fine", "coarse", "masks"):
            setattr(self, name, np.load(self._folder / f"{name}.npy", mmap_mode="r"))

    def fill(self, trunk: Trunk, threads: int, advance: Callable[[int], None]) -> None:
        """Compute what is not there yet; ``advance`` hears of every finished batch how many samples it had."""
        marker = self._folder / "done"
        done = int(marker.read_text(encoding="ascii")) if marker.is_file() else 0
        advance(done)
        if done >= self.total:
            return
        session = trunk_session(trunk, self._folder / "trunk.onnx", self._size, threads)
        for start in range(done, self.total, BATCH):
            numbers = range(start, min(start + BATCH, self.total))
            pictures = []
            for number in numbers:
                version, index = divmod(number, len(self._samples))
                picture, mask = self._version(index, version)
                pictures.append(picture)
                if mask is not None:
                    self.masks[version, index] = self._cells(mask)
            fine, coarse = session.run(None, {"pictures": np.stack(pictures)})
            for row, number in enumerate(numbers):
                self.fine[divmod(number, len(self._samples))] = fine[row]
                self.coarse[divmod(number, len(self._samples))] = coarse[row]
            if start // BATCH % FLUSH_EVERY == 0 or numbers[-1] + 1 == self.total:
                self._mark(marker, numbers[-1] + 1)
            advance(len(numbers))

    @property
    def key(self) -> str:
        """Of all that decides the features."""
        return self._folder.name

    @property
    def versions(self) -> int:
        """How many versions a sample has, the picture as it is included."""
        return 1 + self._versions

    @property
    def total(self) -> int:
        """How many versions of samples there are in all."""
        return self.versions * len(self._samples)

    def versions_of(self, rows: Rows) -> Rows:
        """How many versions each of the given samples has, (n,)."""
        return np.full(len(rows), self.versions)

    def gather(self, versions: Rows, rows: Rows) -> tuple[Halves, Halves, Halves]:
        """Fine and coarse features and masks of the given versions (n,) of the given samples (n,)."""
        return self.fine[versions, rows], self.coarse[versions, rows], self.masks[versions, rows]

    def pooled(self, compute: Callable[[Halves], Floats]) -> Halves:
        """What ``compute`` makes of the coarse features (n, 192, h, w), (1 + versions, N, E) float16; made once."""
        file = self._folder / "pooled.npy"
        if not file.is_file():
            found = np.stack([compute(self.coarse[version]) for version in range(self.versions)])
            fresh = file.with_suffix(".new")
            with fresh.open("wb") as stream:
                np.save(stream, found.astype(np.float16))
            fresh.replace(file)
        kept: Halves = np.load(file)
        return kept

    def _version(self, index: int, version: int) -> tuple[Pixels, Pixels | None]:
        sample = self._samples[index]
        picture = read_picture(sample.path)
        mask = None if sample.mask is None else read_codes(sample.mask)
        if mask is not None and mask.shape != picture.shape[:2]:
            raise ConfigError(f"{sample.mask} is not of the size of {sample.path}")
        if self._cut is not None:
            return self._cut_version(self._cut, index, version, picture, mask)
        if self._glass is not None:
            picture = _cracked(sample, picture, self._glass, f"{self._seed}/{sample.name}/{version}/crack")
        if version:
            picture, mask = augment(picture, mask, random.Random(f"{self._seed}/{sample.name}/{version}"))
        return fit(picture, self._size)[0], mask

    def _cut_version(
        self, cut: Cut, index: int, version: int, picture: Pixels, mask: Pixels | None
    ) -> tuple[Pixels, Pixels | None]:
        sample, box = self._samples[index], cut.boxes[index]
        if not version and not cut.painted:
            part = None if mask is None else mask[box.y : box.y + box.height, box.x : box.x + box.width]
            return fit(picture, self._size, box)[0], part
        if self._backgrounds is None:
            self._backgrounds = [
                np.asarray(cv2.resize(read_picture(path), (256, 256)), np.uint8) for path in cut.backgrounds
            ]
        seed = random.Random(f"{self._seed}/{sample.name}/{version}/{cut.painted}").getrandbits(64)
        return item_view(
            picture, mask, np.random.default_rng(seed), self._size, box,
            item=item_mask(sample, cut.masks), backgrounds=self._backgrounds, painted=cut.painted,
        )  # fmt: skip

    def _cells(self, mask: Pixels) -> Floats:
        """Share of every cell that shows each defect, (14, h, w)."""
        cells = self._size // FINE_STRIDE
        fitted = [
            fit(np.repeat((plane * 255).astype(np.uint8)[..., None], 3, axis=2), self._size)[0]
            for plane in planes(mask)
        ]
        return np.stack(
            [
                cv2.resize(plane[..., 0] / np.float32(255), (cells, cells), interpolation=cv2.INTER_AREA)
                for plane in fitted
            ]
        )

    def _mark(self, marker: Path, done: int) -> None:
        """Say on disk how far the features are, after they are there."""
        for array in (self.fine, self.coarse, self.masks):
            array.flush()  # type: ignore[attr-defined]  # all are memory maps
        fresh = marker.with_suffix(".new")
        fresh.write_text(str(done), encoding="ascii")
        fresh.replace(marker)

    def _array(self, name: str, shape: tuple[int, ...], dtype: type) -> np.memmap:
        path = self._folder / f"{name}.npy"
        if path.is_file():
            found = np.lib.format.open_memmap(path, mode="r+")
            if found.shape == shape:
                return found
        (self._folder / "done").unlink(missing_ok=True)
        return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


class JoinedFeatures:
    """The caches of several folders as one, their samples one after the other: a new folder computes only its own."""

    def __init__(self, caches: Sequence[FeatureCache]) -> None:
        self._caches = caches
        self._ends = np.cumsum([cache.total // cache.versions for cache in caches])

    def versions_of(self, rows: Rows) -> Rows:
        """Like :meth:`FeatureCache.versions_of`, rows counted over all caches."""
        owners = np.searchsorted(self._ends, rows, side="right")
        return np.array([cache.versions for cache in self._caches])[owners]

    @property
    def key(self) -> str:
        """Of all that decides the features."""
        return " ".join(cache.key for cache in self._caches)

    @property
    def total(self) -> int:
        return sum(cache.total for cache in self._caches)

    def fill(self, trunk: Trunk, threads: int, advance: Callable[[int], None]) -> None:
        """Compute what is not there yet; see :meth:`FeatureCache.fill`."""
        for cache in self._caches:
            cache.fill(trunk, threads, advance)

    def pooled(self, compute: Callable[[Halves], Floats]) -> Floats:
        """Like :meth:`FeatureCache.pooled`, float32 (V, N, E) with V of the most versions; 0 where there are fewer."""
        parts = [cache.pooled(compute) for cache in self._caches]
        most, width = max(len(part) for part in parts), parts[0].shape[-1]
        found = np.zeros((most, int(self._ends[-1]), width), np.float32)
        for end, part in zip(self._ends, parts, strict=True):
            found[: len(part), end - part.shape[1] : end] = part
        return found

    def gather(self, versions: Rows, rows: Rows) -> tuple[Halves, Halves, Halves]:
        """Like :meth:`FeatureCache.gather`, rows counted over all caches."""
        owners = np.searchsorted(self._ends, rows, side="right")
        parts: list[tuple[Halves, Halves, Halves] | None] = [None] * len(rows)
        for owner, cache in enumerate(self._caches):
            places = np.flatnonzero(owners == owner)
            start = int(self._ends[owner - 1]) if owner else 0
            found = cache.gather(versions[places], rows[places] - start)
            for number, place in enumerate(places):
                parts[place] = found[0][number], found[1][number], found[2][number]
        fine, coarse, masks = (np.stack(column) for column in zip(*(part for part in parts if part), strict=True))
        return fine, coarse, masks


def trunk_session(trunk: nn.Module, file: Path, size: int, threads: int) -> ort.InferenceSession:
    """The trunk on ONNX Runtime: several times faster than torch on a processor, and the same numbers to 1e-4."""
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    axes = {"pictures": {0: "n"}, "fine": {0: "n"}, "coarse": {0: "n"}}
    torch.onnx.export(
        trunk.eval(), (example,), str(file), input_names=["pictures"], output_names=["fine", "coarse"],
        dynamic_axes=axes, dynamo=False,
    )  # fmt: skip
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _cracked(sample: Sample, picture: Pixels, glass: Glass, seed: str) -> Pixels:
    rng = np.random.default_rng(random.Random(seed).getrandbits(64))
    return crack(picture, item_mask(sample, glass.masks), rng)
