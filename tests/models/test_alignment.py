"""A picture is laid over another where that is a small, clear move, and left alone where it is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inspection.finding import Box
from inspection.frame import Pixels
from models.alignment import Template, laid_back, laid_over, small
from models.placing import place_of

SIDE = 192
WHOLE = (0.0, 0.0, 1.0, 1.0)


def thing() -> Pixels:
    drawn = np.full((SIDE, SIDE, 3), 90, np.uint8)
    cv2.rectangle(drawn, (50, 40), (140, 150), (60, 160, 210), -1)
    cv2.rectangle(drawn, (50, 40), (140, 62), (40, 60, 160), -1)
    cv2.circle(drawn, (115, 125), 14, (230, 230, 240), -1)
    cv2.putText(drawn, "OAT", (58, 100), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (20, 30, 40), 2, cv2.LINE_AA)
    return drawn


def moved(pixels: Pixels, right: float, down: float, degrees: float = 0.0, size: float = 1.0) -> Pixels:
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), degrees, size)
    turn[:, 2] += (right, down)
    return np.asarray(cv2.warpAffine(pixels, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8)


@pytest.mark.parametrize("move", [(20, -12, 0, 1), (3, 4, 8, 1), (-6, 5, -5, 1.08), (0, 0, 0, 0.93)])
def test_what_was_moved_a_little_is_moved_back(move: tuple[float, float, float, float]) -> None:
    template = Template(small(thing()), WHOLE)
    other = moved(thing(), *move)
    back = laid_over(other, template.align(other)).astype(float)
    inner = np.s_[40:150, 45:145]
    before, after = (np.abs(one.astype(float) - thing())[inner].mean() for one in (other, back))
    assert after < before / 4


def test_what_has_nothing_in_common_is_left_where_it_is() -> None:
    template = Template(small(thing()), WHOLE)
    for strange in (np.zeros((SIDE, SIDE, 3), np.uint8), moved(thing(), 0, 0, 90)):
        matrix = template.align(strange)
        assert np.isfinite(matrix).all()
        assert abs(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))) < 20
    np.testing.assert_array_equal(template.align(np.zeros((SIDE, SIDE, 3), np.uint8)), np.eye(2, 3))


def test_a_map_is_laid_back_to_where_the_picture_shows_it() -> None:
    template = Template(small(thing()), WHOLE)
    other = moved(thing(), 30, 20)
    cells = np.zeros((12, 12), np.float32)
    cells[5, 5] = 1.0  # 88, 88 of the template
    back = laid_back(cells, template.align(other), SIDE)
    row, column = np.unravel_index(int(back.argmax()), back.shape)
    assert (row, column) in {(6, 7), (7, 7)}


def test_an_item_at_one_place_is_cut_out_there_and_one_that_moves_about_where_it_is_found() -> None:
    pictures = [thing()] * 4
    at_one_place = place_of(
        pictures, [Box(48, 38, 94, 114), Box(50, 40, 92, 112), Box(48, 38, 94, 114), Box(49, 39, 92, 112)], 96
    )
    assert at_one_place.cut is not None
    assert not at_one_place.cut.follows
    assert at_one_place.cut.box(thing(), Box(0, 0, 20, 20)).x == round(at_one_place.cut.left * SIDE)
    about = place_of(pictures, [Box(0, 0, 60, 60), Box(100, 0, 60, 60), Box(0, 100, 60, 60), Box(100, 100, 60, 60)], 96)
    assert about.cut is not None
    assert about.cut.box(thing(), Box(7, 8, 20, 20)) == Box(7, 8, 20, 20)
    unsure = place_of(pictures, [Box(0, 0, 60, 60), None, Box(0, 100, 60, 60), Box(100, 100, 60, 60)], 96)
    assert unsure.cut is None
