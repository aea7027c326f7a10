"""Train the finder of the item: frozen features of a small picture, a light head, and a target of 1 where the item is.

What it learns from are clear masks (:mod:`.items`), as they are and put on other backgrounds. Pictures without a clear
item teach it to find nothing; they are then judged whole.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.manifest import Sample
from inspection.frame import Pixels
from models.pixels import fit
from models.training.features import trunk_session
from models.training.item_views import background, put_on, relight
from models.training.items import isolation_version, item_mask, read_picture, stamp

SIZE, STRIDE = 192, 8
FINE_BLOCKS, COARSE_BLOCKS = 3, 5
FINE_CHANNELS, COARSE_CHANNELS, WIDTH = 40, 112, 32
PER_SET = 100
PASTED = 2
LEAST_PICTURES = 20
RECIPE = "1"
STEPS, BATCH, RATE = 400, 32, 3e-3
Floats = npt.NDArray[np.float32]


class FinderTrunk(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """The frozen part: uint8 (N, S, S, 3) BGR to features (N, 40, S/8, S/8) and (N, 112, S/16, S/16)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.stem, self.norm = network.conv_stem, network.bn1
        self.blocks = nn.ModuleList(network.blocks[:COARSE_BLOCKS])

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = (pictures.to(torch.float32).flip(3).permute(0, 3, 1, 2) - 127.0) / 128.0
        features = self.norm(self.stem(features))
        fine = features
        for place, block in enumerate(self.blocks):
            features = block(features)
            if place < FINE_BLOCKS:
                fine = features
        return fine, features


class FinderHead(nn.Module):  # type: ignore[misc]
    """Features to logits (N, S/8, S/8) of being a part of the item."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Conv2d(FINE_CHANNELS, WIDTH, 1)
        self.coarse = nn.Conv2d(COARSE_CHANNELS, WIDTH, 1)
        self.around = nn.Conv2d(WIDTH, WIDTH, 5, padding=2)
        self.item = nn.Conv2d(WIDTH, 1, 3, padding=1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        enlarged = functional.interpolate(self.coarse(coarse), scale_factor=2.0, mode="nearest")
        features = functional.relu(enlarged + self.fine(fine))
        return self.item(functional.relu(self.around(features)) + features)[:, 0]


class FinderGraph(nn.Module):  # type: ignore[misc]
    """The graph of the bundle: pictures to probabilities (N, S/8, S/8)."""

    def __init__(self, trunk: FinderTrunk, head: FinderHead) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.sigmoid(self.head(*self.trunk(pictures)))


def train_finder(
    network: nn.Module,
    samples: Sequence[Sample],
    folder: Path,
    seed: int,
    threads: int,
    advance: Callable[[int], None] = lambda _count: None,
) -> FinderGraph | None:
    """A finder learned from at most 100 pictures of each set; ``None`` where there are too few clear items.

    Args:
        network: the pretrained network.
        samples: to train on.
        folder: where masks are kept.
        seed: the same gives the same finder.
        threads: of ONNX Runtime.
        advance: hears of every picture done.
    """
    chosen = chosen_samples(samples, seed)
    trunk = FinderTrunk(network).eval()
    kept = folder / f"finder-{_key(chosen, seed)}.pt"
    if kept.is_file():
        advance(len(chosen))
        head = FinderHead()
        head.load_state_dict(torch.load(kept, weights_only=True))
        return FinderGraph(trunk, head.eval())
    pictures, targets = [], []
    backgrounds = [
        np.asarray(cv2.resize(read_picture(sample.path), (256, 256)), np.uint8)
        for sample in chosen[:: max(1, len(chosen) // 48)]
    ]
    clear = 0
    for sample in chosen:
        pixels, mask = read_picture(sample.path), item_mask(sample, folder)
        fitted = fit(pixels, SIZE)[0]
        pictures.append(fitted)
        targets.append(_cells(_fitted_mask(pixels if mask is None else mask, mask is not None)))
        if mask is not None:
            clear += 1
            rng = np.random.default_rng(random.Random(f"finder/{seed}/{sample.name}").getrandbits(64))
            for _ in range(PASTED):
                shown, where = pasted(pixels, mask, rng, backgrounds)
                pictures.append(shown)
                targets.append(_cells(where))
        advance(1)
    if clear < LEAST_PICTURES:
        return None
    session = trunk_session(trunk, folder / "finder.onnx", SIZE, threads)
    parts = [
        session.run(None, {"pictures": np.stack(pictures[start : start + 16])}) for start in range(0, len(pictures), 16)
    ]
    fine, coarse = (np.concatenate(column).astype(np.float16) for column in zip(*parts, strict=True))
    head = _fit_head(fine, coarse, np.stack(targets), seed)
    fresh = kept.with_suffix(".new")
    torch.save(head.state_dict(), fresh)
    fresh.replace(kept)
    return FinderGraph(trunk, head)


def _key(chosen: Sequence[Sample], seed: int) -> str:
    names = "\n".join(f"{sample.name} {stamp(sample.path)}" for sample in chosen)
    return hashlib.sha256(f"{RECIPE} {seed} {isolation_version()} {names}".encode()).hexdigest()[:16]


def chosen_samples(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """At most 100 of each set, by a hash of their names."""
    ranked = sorted(samples, key=lambda sample: hashlib.sha256(f"{seed}/{sample.name}".encode()).hexdigest())
    taken: dict[str, int] = {}
    chosen = []
    for sample in ranked:
        taken[sample.set] = taken.get(sample.set, 0) + 1
        if taken[sample.set] <= PER_SET:
            chosen.append(sample)
    return chosen


def pasted(
    pixels: Pixels, mask: Pixels, rng: np.random.Generator, backgrounds: Sequence[Pixels]
) -> tuple[Pixels, Pixels]:
    """The item somewhere on another background, uint8 (192, 192, 3), and its mask there, uint8 (192, 192)."""
    x, y, width, height = cv2.boundingRect(mask)
    scale = SIZE * rng.uniform(0.15, 0.75) / max(width, height)
    angle = np.deg2rad(rng.uniform(-25, 25) if rng.random() < 0.7 else rng.uniform(-180, 180))  # noqa: PLR2004
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    reach = scale * max(width, height) / 2
    to = rng.uniform(min(reach, SIZE / 2), max(SIZE - reach, SIZE / 2), 2)
    matrix = np.c_[turn, to - turn @ np.array([x + width / 2, y + height / 2])]
    source = pixels if scale > 0.7 else cv2.GaussianBlur(pixels, (0, 0), 0.35 / scale)  # noqa: PLR2004 - no aliasing
    shown = np.asarray(cv2.warpAffine(source, matrix, (SIZE, SIZE)), np.uint8)
    where = np.asarray(cv2.warpAffine(mask, matrix, (SIZE, SIZE)), np.uint8)
    return relight(put_on(shown, where, background(rng, SIZE, backgrounds)), rng), where


def _fitted_mask(mask: Pixels, known: bool) -> Pixels:
    if not known:
        return np.zeros((SIZE, SIZE), np.uint8)
    return np.asarray(fit(np.repeat(mask[..., None], 3, axis=2), SIZE)[0][..., 0], np.uint8)


def _cells(mask: Pixels) -> Floats:
    cells = SIZE // STRIDE
    return np.asarray(cv2.resize(mask / np.float32(255), (cells, cells), interpolation=cv2.INTER_AREA), np.float32)


def _fit_head(fine: npt.NDArray[np.float16], coarse: npt.NDArray[np.float16], targets: Floats, seed: int) -> FinderHead:
    torch.manual_seed(seed)
    head = FinderHead()
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    rng = np.random.default_rng(seed)
    for _ in range(STEPS):
        rows = rng.integers(0, len(targets), BATCH)
        logits = head(*(torch.from_numpy(part[rows].astype(np.float32)) for part in (fine, coarse)))
        loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(targets[rows]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    head.eval()
    return head
