"""Contact sheets: many small pictures with a few words each, on one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from inspection.frame import Pixels
from models.evaluation.picture_files import PhotographRefused, read

SIDE = 220
COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture of a folder and the lines below it; ``colour`` frames it."""

    file: str
    lines: tuple[str, ...]
    colour: str = "0.6"


def thumbnail(images: Path, file: str, side: int = SIDE) -> Pixels:
    """The picture, fitted into a grey square (side, side, 3) BGR; the square alone when it cannot be read."""
    square = np.full((side, side, 3), 225, np.uint8)
    try:
        pixels = read(images, file)
    except PhotographRefused:
        return square
    scale = side / max(pixels.shape[:2])
    width, height = (max(1, round(edge * scale)) for edge in pixels.shape[1::-1])
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = small
    return square


def contact_sheet(path: Path, title: str, images: Path, tiles: Sequence[Tile]) -> Path:
    """Write the sheet as PNG or JPEG."""
    import matplotlib as mpl  # noqa: PLC0415 - comes with the training extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    columns = min(COLUMNS, max(4, len(tiles)))
    height = -(-max(1, len(tiles)) // columns)
    most = max((len(tile.lines) for tile in tiles), default=1)
    figure, axes = plt.subplots(
        height,
        columns,
        figsize=(columns * 2.1, 0.6 + height * (2.0 + 0.16 * most)),
        squeeze=False,
        layout="constrained",
    )
    figure.suptitle(title, fontsize=11)
    for place, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])
        if place >= len(tiles):
            axis.axis("off")
            continue
        tile = tiles[place]
        axis.imshow(thumbnail(images, tile.file)[:, :, ::-1])
        axis.set_xlabel("\n".join(line[-40:] for line in tile.lines), fontsize=6.5, loc="left")
        for spine in axis.spines.values():
            spine.set(color=tile.colour, linewidth=2)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
