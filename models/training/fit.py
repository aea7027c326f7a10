"""Fine-tune the tail on cached features: balanced draws, missing labels masked, an ordinal loss for condition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.manifest import Sample
from inspection.finding import Condition, Defect
from models.training.features import FeatureCache, JoinedFeatures
from models.training.network import Tail, doubted
from models.training.resume import Progress

BATCH = 32
BACKBONE_RATE, HEAD_RATE, DECAY = 5e-4, 2e-3, 1e-2
SAVE_EVERY = 50
"""Steps between two writings of how far a fit is."""
AS_IT_IS = 0.3
"""Share of draws that take the picture as it is."""
SMOOTHING = 0.02
PAINTED = "painted"
"""Name of the set of sound items with damage painted on: how bad it is nobody said."""
CONDITION_WEIGHT, ORDINAL_WEIGHT, MAP_WEIGHT = 0.7, 0.5, 0.5
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labels:
    """What the labels say, as arrays.

    Attributes:
        defects: the columns.
        present: float32 (N, D), 1 where the label states the defect.
        known: float32 (N, D), 1 where the label says present or absent; the rest does not enter the loss.
        condition: int64 (N,), index into ``Condition``.
        graded: bool (N,), whether the grade is known; where not, all that is known is that the item is not intact.
    """

    defects: tuple[Defect, ...]
    present: Floats
    known: Floats
    condition: npt.NDArray[np.int64]
    graded: npt.NDArray[np.bool_]


def labels_of(samples: Sequence[Sample]) -> Labels:
    """Labels of the samples; the columns are the defects that occur, in the order of ``Defect``."""
    defects = tuple(defect for defect in Defect if any(defect in sample.defects for sample in samples))
    present = np.array([[defect in sample.defects for defect in defects] for sample in samples], np.float32)
    absent = np.array([[sample.absent(defect) for defect in defects] for sample in samples], np.float32)
    order = list(Condition)
    condition = np.array([order.index(sample.condition) for sample in samples])
    graded = np.array([sample.set != PAINTED for sample in samples])
    return Labels(defects, present, np.maximum(present, absent), condition, graded)


def fit_tail(
    network: nn.Module,
    cache: FeatureCache | JoinedFeatures,
    samples: Sequence[Sample],
    labels: Labels,
    train: Sequence[int],
    *,
    epochs: float,
    seed: int,
    advance: Callable[[float], None] = lambda _loss: None,
    start: Mapping[str, Tensor] | None = None,
    kept: Path | None = None,
) -> Tail:
    """Fine-tune a tail on the samples with the indices ``train``; the same seed gives the same tail.

    A draw takes each (set, condition) with a weight of one over the root of its size, and a random version of the
    picture. ``advance`` hears of every step's loss. From the weights ``start`` only the heads are moved. How far it is
    lies in the file ``kept``: killed at any moment and called again, it goes on from there to the same tail.
    """
    torch.manual_seed(seed)
    tail = Tail(network, len(labels.defects), len(Condition))
    if start is not None:
        tail.load_state_dict(start)
        for parameter in tail.backbone_parameters():
            parameter.requires_grad_(requires_grad=False)
    tail.train()
    indices = np.asarray(train)
    kinds = [(samples[index].set, samples[index].condition) for index in train]
    sizes = Counter(kinds)
    weights = np.array([sizes[kind] ** -0.5 for kind in kinds])
    weights /= weights.sum()
    steps = step_count(len(train), epochs)
    groups = [
        {"params": tail.backbone_parameters(), "lr": BACKBONE_RATE},
        {"params": tail.head_parameters(), "lr": HEAD_RATE},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [BACKBONE_RATE, HEAD_RATE], total_steps=steps, pct_start=0.15
    )
    columns = [list(Defect).index(defect) for defect in labels.defects]
    masked = np.array([sample.mask is not None for sample in samples])
    rng = np.random.default_rng(seed)
    state = Progress(tail, optimiser, schedule, rng)
    done = 0 if kept is None else state.load(kept)
    for _ in range(done):
        advance(math.nan)
    for step in range(done, steps):
        rows = rng.choice(indices, BATCH, p=weights)
        versions = np.where(
            rng.random(BATCH) < AS_IT_IS, 0, (rng.random(BATCH) * cache.versions_of(rows)).astype(np.int64)
        )
        fine, coarse, masks = cache.gather(versions, rows)
        outputs = tail(_tensor(fine), _tensor(coarse))
        loss = _loss(
            outputs,
            labels,
            rows,
            torch.from_numpy(np.asarray(masks[:, columns], np.float32)),
            torch.from_numpy(masked[rows]),
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if kept is not None and (step + 1) % SAVE_EVERY == 0:
            state.save(kept, step + 1)
        advance(float(loss.detach()))
    tail.eval()
    return tail


def step_count(samples: int, epochs: float) -> int:
    """How many steps ``epochs`` over ``samples`` take."""
    return max(10, round(epochs * samples / BATCH))


@torch.no_grad()  # type: ignore[untyped-decorator]  # torch is not read by mypy here
def predict(tail: Tail, cache: FeatureCache | JoinedFeatures, indices: Sequence[int]) -> tuple[Floats, Floats, Floats]:
    """Logits of defects (n, D) and of conditions after :func:`doubted` (n, 4), embeddings (n, E), as they are."""
    parts = []
    for start in range(0, len(indices), BATCH):
        rows = np.asarray(indices[start : start + BATCH])
        fine, coarse, _ = cache.gather(np.zeros_like(rows), rows)
        defects, conditions, _, embedding = tail(_tensor(fine), _tensor(coarse))
        parts.append((defects.numpy(), doubted(conditions, defects).numpy(), embedding.numpy()))
    defects, conditions, embeddings = (np.concatenate(column) for column in zip(*parts, strict=True))
    return defects, conditions, embeddings


def _loss(
    outputs: tuple[Tensor, Tensor, Tensor, Tensor],
    labels: Labels,
    rows: npt.NDArray[np.int64],
    masks: Tensor,
    masked: Tensor,
) -> Tensor:
    defects, conditions, maps, _ = outputs
    present, known = torch.from_numpy(labels.present[rows]), torch.from_numpy(labels.known[rows])
    target = present * (1 - 2 * SMOOTHING) + SMOOTHING
    each = functional.binary_cross_entropy_with_logits(defects, target, reduction="none")
    loss = (each * known).sum() / known.sum().clamp(min=1)
    loss = loss + condition_loss(
        conditions, torch.from_numpy(labels.condition[rows]), torch.from_numpy(labels.graded[rows])
    )
    if bool(masked.any()):
        cells = masks[masked]
        exact = functional.binary_cross_entropy_with_logits(maps[masked], cells, reduction="none")
        weight = 1 + 9 * cells
        loss = loss + MAP_WEIGHT * (exact * weight).sum() / weight.sum()
    return loss


def condition_loss(conditions: Tensor, truth: Tensor, graded: Tensor) -> Tensor:
    """Cross-entropy and squared earth mover's distance of known grades; elsewhere only that it is not intact."""
    each = functional.cross_entropy(conditions, truth, label_smoothing=SMOOTHING, reduction="none")
    probabilities = torch.softmax(conditions, dim=1)
    cumulative = probabilities.cumsum(dim=1)[:, :-1]
    reached = (truth[:, None] <= torch.arange(cumulative.shape[1])[None]).to(torch.float32)
    distance = ((cumulative - reached) ** 2).sum(dim=1)
    not_intact = -torch.log1p(-probabilities[:, 0] * (1 - SMOOTHING))
    known = CONDITION_WEIGHT * each + ORDINAL_WEIGHT * distance
    return torch.where(graded, known, CONDITION_WEIGHT * not_intact).mean()


def _tensor(values: npt.NDArray[np.float16] | Floats) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).contiguous(memory_format=torch.channels_last)
