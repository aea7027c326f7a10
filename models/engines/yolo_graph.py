"""ultralytics' classifier: trained by its own trainer, and made a graph of the bundle's contract.

The head averages over places before it weighs channels; weighing first gives a map of each class from the same pass
(class activation mapping, Zhou et al. 2016, arXiv 1512.04150).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from inspection.errors import ConfigError
from inspection.frame import Pixels

BATCH = 16
Floats = npt.NDArray[np.float32]


def fit_classifier(
    folder: Path, work: Path, model: str, *, size: int, epochs: int, minutes: float, seed: int, threads: int
) -> nn.Module:
    """Train ``model`` on the pictures of ``folder`` (``train/<class>/``, ``val/<class>/``); float32, ready to judge.

    Nothing is fetched, drawn or sent. ``minutes`` are of processor time, so that a busy machine trains as much as an
    idle one; 0 for no limit.

    Raises:
        ConfigError: ultralytics does not know the model.
    """
    os.environ["YOLO_OFFLINE"] = "true"
    from ultralytics import YOLO  # noqa: PLC0415 - reads the environment when it is imported
    from ultralytics.utils import SETTINGS  # noqa: PLC0415

    if SETTINGS.get("sync"):
        SETTINGS.update({"sync": False})
    try:
        network = YOLO(model, task="classify", verbose=False)
    except (FileNotFoundError, ConnectionError, OSError) as error:
        raise ConfigError(
            f"ultralytics knows no model {model}",
            hint="a yaml as yolo11n-cls.yaml, or a file of weights on this machine",
        ) from error
    began = time.process_time()

    def stop_in_time(trainer: Any) -> None:
        """ultralytics' own limit is of the clock on the wall."""
        if minutes and time.process_time() - began > minutes * 60:
            trainer.stop = True

    network.add_callback("on_train_start", lambda _trainer: torch.set_num_threads(threads))
    network.add_callback("on_train_batch_end", stop_in_time)
    network.train(
        data=str(folder), epochs=epochs, imgsz=size, batch=BATCH, device="cpu", workers=0,
        seed=seed, deterministic=True, plots=False, val=False, amp=False, verbose=False, project=str(work), name="run",
        exist_ok=True, pretrained=model.endswith(".pt"),
    )  # fmt: skip
    torch.set_num_threads(threads)
    trained: nn.Module = YOLO(str(network.trainer.last), task="classify", verbose=False).model
    return trained.float().eval()


class ClassGraph(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """The bundle's graph around a classifier of ultralytics.

    Args:
        network: its ``ClassificationModel`` for K classes.
        has_defect: (K, D), 1 where a class has the defect.
        has_condition: (K, 4) likewise.
    """

    def __init__(self, network: Any, has_defect: Floats, has_condition: Floats) -> None:
        super().__init__()
        layers = list(network.model)
        if any(layer.f != -1 for layer in layers):
            raise ConfigError("a classifier whose layers follow one another is expected")
        self.body = nn.Sequential(*layers[:-1])
        self.expand = layers[-1].conv
        self.linear = layers[-1].linear
        self.temperature = 1.0
        self.register_buffer("has_defect", torch.from_numpy(has_defect))
        self.register_buffer("has_condition", torch.from_numpy(has_condition))
        self.eval()

    def features(self, pictures: Tensor) -> Tensor:
        """uint8 (N, S, S, 3) BGR to features (N, 1280, S/32, S/32)."""
        scaled = pictures.to(torch.float32).flip(3).permute(0, 3, 1, 2) / 255.0
        found: Tensor = self.expand(self.body(scaled))
        return found

    def logits(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Of the classes (N, K), and the embedding (N, 1280)."""
        embedding = self.features(pictures).mean(dim=(2, 3))
        return self.linear(embedding), embedding

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features = self.features(pictures)
        embedding = features.mean(dim=(2, 3))
        classes = torch.softmax(self.linear(embedding) / self.temperature, dim=1)
        cells = functional.conv2d(features, self.linear.weight[:, :, None, None], self.linear.bias)
        cells = torch.softmax(cells / self.temperature, dim=1)
        maps = functional.conv2d(cells, self.has_defect.t()[:, :, None, None])
        return classes @ self.has_defect, classes @ self.has_condition, maps, embedding


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not read by mypy here
def predict(graph: ClassGraph, pictures: Iterable[Pixels]) -> tuple[Floats, Floats]:
    """Logits of the classes (N, K) and embeddings (N, E) of pictures (S, S, 3)."""
    parts = [graph.logits(torch.from_numpy(np.stack(some))) for some in _some(pictures)]
    logits, embeddings = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return logits, embeddings


def _some(pictures: Iterable[Pixels]) -> Iterator[list[Pixels]]:
    batch: list[Pixels] = []
    for pixels in pictures:
        batch.append(pixels)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
