"""The trunk's features of every sample and of its random versions, computed once and kept on disk; resumable."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch

from datasets.manifest import Sample
from inspection.errors import ConfigError
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

BATCH = 16
RECIPE = "1"
Halves = npt.NDArray[np.float16]


class FeatureCache:
    """Features of ``1 + versions`` versions of each sample; version 0 is the picture as it is.

    Attributes:
        fine: float16 (1 + versions, N, 112, size/16, size/16), on disk.
        coarse: float16 (1 + versions, N, 192, size/32, size/32), on disk.
        masks: float32 (1 + versions, N, size/16, size/16), share of a cell that a mask marks; 0 without mask.
    """

    def __init__(self, folder: Path, samples: Sequence[Sample], size: int, versions: int, seed: int) -> None:
        if size % COARSE_STRIDE:
            raise ConfigError(f"--size {size} is not a multiple of {COARSE_STRIDE}")
        self._samples, self._size, self._versions, self._seed = samples, size, versions, seed
        key = "\n".join([RECIPE, str(size), str(versions), str(seed), *(f"{s.name} {_stamp(s.path)}" for s in samples)])
        self._folder = folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        self._folder.mkdir(parents=True, exist_ok=True)
        count, fine, coarse = len(samples), size // FINE_STRIDE, size // COARSE_STRIDE
        self.fine: Halves = self._array("fine", (1 + versions, count, FINE_CHANNELS, fine, fine), np.float16)
        self.coarse: Halves = self._array("coarse", (1 + versions, count, COARSE_CHANNELS, coarse, coarse), np.float16)
        self.masks: npt.NDArray[np.float32] = self._array("masks", (1 + versions, count, fine, fine), np.float32)

    def fill(self, trunk: Trunk, threads: int, advance: Callable[[int], None]) -> None:
        """Compute what is not there yet; ``advance`` hears of every finished batch how many samples it had."""
        marker = self._folder / "done"
        done = int(marker.read_text(encoding="ascii")) if marker.is_file() else 0
        advance(done)
        session = _session(trunk, self._folder / "trunk.onnx", self._size, threads)
        total = (1 + self._versions) * len(self._samples)
        for start in range(done, total, BATCH):
            numbers = range(start, min(start + BATCH, total))
            pictures = []
            for number in numbers:
                version, index = divmod(number, len(self._samples))
                picture, mask = self._version(index, version)
                pictures.append(picture)
                if mask is not None:
                    cells = self._size // FINE_STRIDE
                    self.masks[version, index] = cv2.resize(
                        mask / np.float32(255), (cells, cells), interpolation=cv2.INTER_AREA
                    )
            fine, coarse = session.run(None, {"pictures": np.stack(pictures)})
            for row, number in enumerate(numbers):
                self.fine[divmod(number, len(self._samples))] = fine[row]
                self.coarse[divmod(number, len(self._samples))] = coarse[row]
            marker.write_text(str(numbers[-1] + 1), encoding="ascii")
            advance(len(numbers))

    def _version(self, index: int, version: int) -> tuple[Pixels, Pixels | None]:
        sample = self._samples[index]
        pixels = cv2.imread(str(sample.path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ConfigError(f"{sample.path} is not a picture", hint="remove it from the manifest")
        picture = np.asarray(pixels, np.uint8)
        mask = None
        if sample.mask is not None:
            marks = cv2.imread(str(sample.mask), cv2.IMREAD_GRAYSCALE)
            if marks is None or marks.shape != picture.shape[:2]:
                raise ConfigError(f"{sample.mask} is not a mask of the size of {sample.path}")
            mask = np.asarray((marks > 0) * 255, np.uint8)
        if version:
            picture, mask = augment(picture, mask, random.Random(f"{self._seed}/{sample.name}/{version}"))
        fitted_mask = None
        if mask is not None:
            fitted_mask = fit(np.repeat(mask[:, :, None], 3, axis=2), self._size)[0][:, :, 0]
        return fit(picture, self._size)[0], fitted_mask

    def _array(self, name: str, shape: tuple[int, ...], dtype: type) -> np.memmap:
        path = self._folder / f"{name}.npy"
        if path.is_file():
            found = np.lib.format.open_memmap(path, mode="r+")
            if found.shape == shape:
                return found
        (self._folder / "done").unlink(missing_ok=True)
        return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def _session(trunk: Trunk, file: Path, size: int, threads: int) -> ort.InferenceSession:
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


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"
