"""The plain end of an item is found by its sides and the edge across; a table's own edge is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from calibration.ends import lengthened
from calibration.foreground import Mask
from inspection.frame import Pixels

SIZE = (240, 320)


def can(foot: int, *, edge_of_table: bool = False, turned: float = 0) -> tuple[Pixels, Mask, Mask]:
    """A ribbed body on a dark table, its mask, and that of the whole with a foot of the table's own grey."""
    picture = np.full((*SIZE, 3), 60, np.float32)
    if edge_of_table:
        picture[160 + foot :] = 110
    picture[40:160, 120:200] = 90 + 60 * np.sin(np.arange(120) / 2)[:, None, None]
    picture[160 : 160 + foot, 120:200] = 60
    if foot and not edge_of_table:
        picture[160 : 160 + foot, 120:122] = picture[160 : 160 + foot, 198:200] = 130
        picture[158 + foot : 160 + foot, 120:200] = 200
    noise = np.random.default_rng(1).normal(0, 1.5, picture.shape)
    body, whole = np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.uint8)
    body[40:160, 120:200] = 1
    whole[40 : 160 + foot, 120:200] = 1
    turn = cv2.getRotationMatrix2D((160, 120), turned, 1)
    shown, body, whole = (cv2.warpAffine(one, turn, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
                          for one in (picture, body, whole))  # fmt: skip
    return np.clip(shown + noise, 0, 255).astype(np.uint8), np.asarray(body, np.uint8), np.asarray(whole, np.uint8)


@pytest.mark.parametrize("turned", [0, 20, 90, 180])
def test_a_foot_that_mirrors_the_table_is_added(turned: float) -> None:
    picture, body, whole = can(40, turned=turned)
    found = lengthened(picture, body)
    assert (found & whole).sum() / (found | whole).sum() > 0.95


def test_an_item_that_ends_where_it_was_found_stays() -> None:
    picture, body, _ = can(0)
    assert (lengthened(picture, body) == body).all()


def test_the_edge_of_the_table_is_no_end() -> None:
    picture, body, _ = can(40, edge_of_table=True)
    assert (lengthened(picture, body) == body).all()


@pytest.mark.parametrize("seed", range(6))
def test_any_blob_in_any_noise_only_grows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(16, 200, 2))
    blob = np.zeros((height, width), np.uint8)
    x, y, w, h = (int(part * side) for part, side in zip(rng.uniform(0.1, 0.5, 4), (width, height) * 2, strict=True))
    blob[y : y + h + 1, x : x + w + 1] = 1
    found = lengthened(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), blob)
    assert (found >= blob).all()
