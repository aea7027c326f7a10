"""Second opinions: for each kind of goods a logistic regression on the features of the frozen network, blended in.

Fine-tuning on all goods forgets some of what ImageNet's features say of one kind; a linear head on them, strongly
regularised, remembers. A gate that knows kinds of goods by the same features says whose opinion counts, so that the
graph still asks for pictures alone. They speak of "intact" only: a defect is what its map shows. How much an opinion
counts is chosen on parts of the training groups that neither the expert nor the network has seen, and is at most one
half.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from datasets.manifest import Sample
from models.training.features import JoinedFeatures, Rows
from models.training.fit import Floats, Labels

STRENGTH = 0.01
"""C of the logistic regressions on standardised features: inner cross-validation is flat from 0.003 to 0.03."""
ITERATIONS = 200
LEAST_GROUPS = 20
"""Groups with and without, from which on there is an expert."""
SHARES = (0.0, 0.25, 0.5)
LEAST_GAIN = 0.002
"""Of the mean log-loss, for a larger share to be taken."""
BETWEEN = 0.5
"""Share of the covariance of a gate's features that is taken as equal in all directions."""
CHUNK = 64


class FrozenHead(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """The network's last stage with its ImageNet weights: coarse features (N, 192, h, w) to pooled ones (N, 1280)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.stage = copy.deepcopy(network.blocks[-1])
        self.expand = copy.deepcopy(network.conv_head)
        self.norm = copy.deepcopy(network.bn2)

    def forward(self, coarse: Tensor) -> Tensor:
        return self.norm(self.expand(self.stage(coarse))).mean(dim=(2, 3))


class Experts(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """Who is asked (the gate), what each says (log-odds of "intact"), and how much it counts.

    Attributes:
        gate: features (N, E) to logits of the kinds (N, K).
        opinion: features to log-odds by kind (N, K).
        share: (K,), 0 to one half; 0 where there is no expert.
    """

    share: Tensor

    def __init__(self, kinds: int, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, kinds)
        self.opinion = nn.Linear(width, kinds)
        self.register_buffer("share", torch.zeros(kinds))

    def forward(self, features: Tensor, conditions: Tensor) -> Tensor:
        """Logits of conditions (N, 4) with the experts' opinions on features (N, E) in them."""
        weight = torch.softmax(self.gate(features), dim=1) * self.share
        own = conditions[:, :1] - torch.logsumexp(conditions[:, 1:], dim=1, keepdim=True)
        moved = (weight * (self.opinion(features) - own)).sum(dim=1, keepdim=True)
        return torch.cat([conditions[:, :1] + moved, conditions[:, 1:]], dim=1)


@dataclass(frozen=True, eq=False)
class Said:
    """Linear opinions on features: weights (E,) and bias by kind, and the kinds that the gate knows."""

    kinds: tuple[str, ...]
    gate: tuple[Floats, Floats]
    opinions: dict[str, tuple[Floats, float]]


def pooled(network: nn.Module, cache: JoinedFeatures, advance: Callable[[int], None] = lambda _count: None) -> Floats:
    """Features (V, N, E) of the frozen head of every version of every sample; kept beside the trunk's."""
    head = FrozenHead(network).eval()

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def compute(coarse: npt.NDArray[np.float16]) -> Floats:
        parts = []
        for start in range(0, len(coarse), CHUNK):
            part = torch.from_numpy(coarse[start : start + CHUNK].astype(np.float32))
            parts.append(head(part.contiguous(memory_format=torch.channels_last)).numpy())
            advance(len(part))
        return np.concatenate(parts)

    return cache.pooled(compute)


def learn(
    features: Floats, versions: Rows, samples: Sequence[Sample], labels: Labels, train: Sequence[int],
    without: AbstractSet[str] = frozenset(),
) -> Said:  # fmt: skip
    """What experts learn from the samples ``train``: features (V, N, E), of each sample ``versions`` (N,) of the V.

    The gate learns all kinds of goods; ``without`` are those that get no expert.
    """
    rows = np.asarray(train)
    goods = np.array([samples[index].goods for index in train])
    groups = np.array([samples[index].group for index in train])
    names = tuple(np.unique(goods).tolist())
    sound = labels.condition[rows] == 0
    opinions: dict[str, tuple[Floats, float]] = {}
    for name in (name for name in names if name not in without):
        here = goods == name
        fewest = min(len(set(groups[here & sound])), len(set(groups[here & ~sound])))
        if fewest >= LEAST_GROUPS:
            opinions[name] = _logistic(*_versions(features, versions, rows[here], sound[here]))
    return Said(names, _gate(features[0, rows], goods, names), opinions)


def opinion(said: Said, goods: str, features: Floats) -> Floats:
    """Log-odds (n,) of features (n, E) by the expert for a kind of goods."""
    weights, bias = said.opinions[goods]
    return np.asarray(features @ weights + bias, np.float32)


@dataclass(frozen=True, eq=False)
class Weighed:
    """How surely the experts speak, and how much they count: by kind a factor and a share."""

    scale: dict[str, float]
    share: dict[str, float]


@dataclass(frozen=True, eq=False)
class Part:
    """What the networks and experts of one part say of its samples, neither having seen their groups.

    Attributes:
        rows: of the samples.
        said: by experts that saw nothing of them.
        odds: (n,), the network's own log-odds of "intact".
    """

    rows: Rows
    said: Said
    odds: Floats


def own_odds(conditions: Floats) -> Floats:
    """Log-odds (N,) of "intact" of logits of conditions (N, 4)."""
    return np.asarray(conditions[:, 0] - np.logaddexp.reduce(conditions[:, 1:], axis=1), np.float32)


def weigh(parts: Sequence[Part], features: Floats, samples: Sequence[Sample], labels: Labels) -> Weighed:
    """Scales and shares with the least log-loss on all parts together; features (N, E) as the pictures are."""
    scale: dict[str, float] = {}
    share: dict[str, float] = {}
    for name in sorted(set.intersection(*(set(part.said.opinions) for part in parts)) if parts else ()):
        here = [np.array([samples[row].goods == name for row in part.rows], np.bool_) for part in parts]
        pairs = list(zip(parts, here, strict=True))
        theirs = np.concatenate([opinion(part.said, name, features[part.rows[own]]) for part, own in pairs])
        before = np.concatenate([part.odds[own] for part, own in pairs])
        sound = np.concatenate([labels.condition[part.rows[own]] == 0 for part, own in pairs])
        if sound.all() or not sound.any():
            continue
        scale[name] = _scale(theirs, sound)
        mixed = {part: (1 - part) * before + part * np.float32(scale[name]) * theirs for part in SHARES}
        losses = {part: _best_loss(np.asarray(logits, np.float32), sound) for part, logits in mixed.items()}
        least = min(losses.values())
        share[name] = min(part for part, loss in losses.items() if loss <= least + LEAST_GAIN)
    return Weighed(scale, share)


def experts_of(said: Said, weighed: Weighed) -> Experts:
    """The module that gives these opinions."""
    weights, bias = said.gate
    experts = Experts(len(said.kinds), weights.shape[1])
    with torch.no_grad():
        experts.gate.weight.copy_(torch.from_numpy(weights))
        experts.gate.bias.copy_(torch.from_numpy(bias))
        experts.opinion.weight.zero_()
        experts.opinion.bias.zero_()
        for name in weighed.share.keys() & said.opinions.keys():
            kind, (vector, constant), factor = said.kinds.index(name), said.opinions[name], weighed.scale[name]
            experts.opinion.weight[kind] = torch.from_numpy(vector * np.float32(factor))
            experts.opinion.bias[kind] = constant * factor
            experts.share[kind] = weighed.share[name]
    experts.eval()
    return experts


@torch.no_grad()  # type: ignore[untyped-decorator]
def advised(experts: Experts, features: Floats, conditions: Floats) -> Floats:
    """Logits of conditions (n, 4) with the opinions on features (n, E) in them."""
    parts = (torch.from_numpy(np.asarray(part, np.float32)) for part in (features, conditions))
    found: Floats = experts(*parts).numpy()
    return found


def _versions(
    features: Floats, versions: Rows, rows: Rows, truth: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Features of all versions of the rows, and the truth of each."""
    some = [rows[versions[rows] > version] for version in range(len(features))]
    x = np.concatenate([features[version, part] for version, part in enumerate(some)])
    y = np.concatenate([truth[versions[rows] > version] for version in range(len(features))])
    return np.asarray(x, np.float32), y


def _logistic(x: Floats, y: npt.NDArray[np.bool_]) -> tuple[Floats, float]:
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # near enough: the shares are chosen on what it is
        model.fit((x - mean) / spread, y)
    weights = np.asarray(model.coef_[0] / spread, np.float32)
    return weights, float(model.intercept_[0] - weights @ mean)


def _gate(x: Floats, goods: npt.NDArray[np.str_], names: Sequence[str]) -> tuple[Floats, Floats]:
    """Linear discriminant with a shrunk common covariance: weights (K, E) and bias (K,) of the kinds' logits."""
    x = np.asarray(x, np.float64)
    means = np.stack([x[goods == name].mean(axis=0) for name in names])
    within = x - means[np.searchsorted(np.array(names), goods)]
    covariance = within.T @ within / len(x)
    even = np.trace(covariance) / len(covariance)
    shrunk = (1 - BETWEEN) * covariance + BETWEEN * even * np.eye(len(covariance))
    weights = np.linalg.solve(shrunk, means.T).T
    bias = -0.5 * np.einsum("ke,ke->k", weights, means)
    return np.asarray(weights, np.float32), np.asarray(bias, np.float32)


def _loss(logits: Floats, truth: npt.NDArray[np.bool_]) -> float:
    """Mean of the log-losses of both sides."""
    signed = np.where(truth, -logits, logits).astype(np.float64)
    each = np.logaddexp(0, signed)
    return float((each[truth].mean() + each[~truth].mean()) / 2)


def _scale(logits: Floats, truth: npt.NDArray[np.bool_]) -> float:
    """The factor with the least log-loss, 0.1..5."""
    found = minimize_scalar(
        lambda factor: _loss(logits * np.float32(factor), truth), bounds=(0.1, 5.0), method="bounded"
    )
    return round(float(found.x), 4)


def _best_loss(logits: Floats, truth: npt.NDArray[np.bool_]) -> float:
    """The log-loss at the best temperature."""
    return _loss(logits * np.float32(_scale(logits, truth)), truth)
