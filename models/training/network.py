"""What is fine-tuned: the backbone's last stage and the four heads; and the whole graph for export."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.backbone import FINE_CHANNELS, Trunk

MAP_CHANNELS = 64
POOL_SHARPNESS = 4.0


class Tail(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """Features of the trunk to logits of defects (N, D), conditions (N, 4) and maps (N, D, h, w), and embedding (N, E).

    A defect's logit is the log-mean-exp of its map and nothing else, so that the map explains it.
    """

    def __init__(self, network: nn.Module, defects: int, conditions: int) -> None:
        super().__init__()
        self.stage = copy.deepcopy(network.blocks[-1])
        self.expand = copy.deepcopy(network.conv_head)
        self.norm = copy.deepcopy(network.bn2)
        width: int = self.expand.out_channels
        self.coarse_map = nn.Conv2d(width, MAP_CHANNELS, 1)
        self.fine_map = nn.Conv2d(FINE_CHANNELS, MAP_CHANNELS, 1)
        self.maps = nn.Conv2d(MAP_CHANNELS, defects, 1)
        self.conditions = nn.Linear(width, conditions)
        self.dropout = nn.Dropout(0.2)
        self.to(memory_format=torch.channels_last)  # nearly twice as fast on processors
        for layer in (self.maps, self.conditions):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def train(self, mode: bool = True) -> Tail:
        """Like ``nn.Module.train``, but the batch norms keep their ImageNet statistics: our batches are too small."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def backbone_parameters(self) -> list[nn.Parameter]:
        """The pretrained part, to be moved gently."""
        return [*self.stage.parameters(), *self.expand.parameters(), *self.norm.parameters()]

    def head_parameters(self) -> list[nn.Parameter]:
        known = {id(parameter) for parameter in self.backbone_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in known]

    def forward(self, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        features = self.norm(self.expand(self.stage(coarse)))
        embedding = features.mean(dim=(2, 3))
        enlarged = functional.interpolate(self.coarse_map(features), scale_factor=2.0, mode="nearest")
        maps = self.maps(functional.relu(enlarged + self.fine_map(fine)))
        cells = maps.flatten(2)
        pooled = torch.logsumexp(cells * POOL_SHARPNESS, dim=2) / POOL_SHARPNESS
        pooled = pooled - math.log(cells.shape[2]) / POOL_SHARPNESS
        return pooled, self.conditions(self.dropout(embedding)), maps, embedding


def doubted(conditions: Tensor, defects: Tensor) -> Tensor:
    """Logits of conditions (N, 4) whose odds of "intact" fall half-way to those of "no defect is seen anywhere".

    The second opinion comes from the defects' logits (N, D), which must point at a place, and is the surer one on
    unseen days. It may only lower the odds: clear damage in a map makes a sound condition doubtful, while an empty map
    says nothing for an item whose damage has no map of its own.
    """
    own = conditions[:, 0] - torch.logsumexp(conditions[:, 1:], dim=1)
    unseen = -defects.amax(dim=1)
    lowered = torch.clamp((unseen - own) / 2, max=0.0)
    return torch.cat([conditions[:, :1] + lowered[:, None], conditions[:, 1:]], dim=1)


class Graph(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """The graph of the bundle: pictures to calibrated probabilities, maps and embedding.

    ``advice`` takes the trunk's coarse features and the logits of conditions, and gives such logits.
    """

    def __init__(
        self, trunk: Trunk, tail: Tail, defect_temperature: float, condition_temperature: float,
        advice: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.trunk = trunk
        self.tail = tail
        self.advice = advice
        self.defect_temperature = defect_temperature
        self.condition_temperature = condition_temperature

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        fine, coarse = self.trunk(pictures)
        defects, conditions, maps, embedding = self.tail(fine, coarse)
        conditions = doubted(conditions, defects)
        if self.advice is not None:
            conditions = self.advice(coarse, conditions)
        return (
            torch.sigmoid(defects / self.defect_temperature),
            torch.softmax(conditions / self.condition_temperature, dim=1),
            torch.sigmoid(maps),
            embedding,
        )
