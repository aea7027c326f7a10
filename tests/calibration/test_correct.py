"""The fast correction against a slow one in double precision, and points and boxes to and fro."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from calibration.correct import Corrector, gain_map
from calibration.record import CalibrationRecord
from inspection.errors import CalibrationError
from inspection.finding import Box
from inspection.frame import Pixels
from tests.calibration.known import SIZE, colour, flat, lens, record

Floats = npt.NDArray[np.float64]


def noise(seed: int = 1, size: tuple[int, int] = SIZE) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)


def smooth(seed: int = 1) -> Pixels:
    return np.asarray(cv2.normalize(cv2.GaussianBlur(noise(seed), (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX), np.uint8)


def slowly_coloured(pixels: Pixels, known: CalibrationRecord, gains: Floats) -> Floats:
    """Light, gain, matrix, light to code, in float64 and in the order of the physics: first the frame's shading."""
    share = pixels.astype(np.float64) / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)[:, :, ::-1] * gains[:, :, None]
    if known.colour is not None:
        r, g, b = np.moveaxis(light, 2, 0)
        terms = [r, g, b]
        if known.colour.terms == "root2":
            terms += [np.sqrt(r * g), np.sqrt(g * b), np.sqrt(r * b)]
        light = np.stack(terms, axis=2) @ np.asarray(known.colour.matrix).T
    light = np.clip(light[:, :, ::-1], 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255


def slowly_moved(pixels: Pixels, known: CalibrationRecord) -> Floats:
    """Bilinear in float64 at places that OpenCV's projection of points gives; the border repeated."""
    places = Corrector(known).to_frame(np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), 2).reshape(-1, 2))
    whole = np.floor(places).astype(int)
    across, down = (places - whole).T[:, :, None]
    xs, ys = (np.clip(np.stack([part, part + 1]), 0, side - 1) for part, side in zip(whole.T, SIZE, strict=True))
    corners = pixels.astype(np.float64)
    upper = (1 - across) * corners[ys[0], xs[0]] + across * corners[ys[0], xs[1]]
    lower = (1 - across) * corners[ys[1], xs[0]] + across * corners[ys[1], xs[1]]
    return np.asarray((1 - down) * upper + down * lower).reshape(SIZE[1], SIZE[0], 3)


@pytest.mark.parametrize("parts", [{"colour": colour()}, {"colour": colour("root2")}, {"flat": flat()}])
def test_colour_and_flat_field_are_within_one_grey_level_of_double_precision(parts: dict[str, object]) -> None:
    known = record(**parts)
    gains = np.ones(SIZE[::-1]) if known.flat is None else gain_map(known.flat, SIZE).astype(np.float64)
    off = np.abs(Corrector(known)(noise()).astype(np.float64) - slowly_coloured(noise(), known, gains))
    assert off.max() <= 1.0


@pytest.mark.parametrize("terms", ["linear", "root2"])
def test_both_together_are_too_though_the_gain_is_applied_last(terms: str) -> None:
    known = record(colour=colour(terms), flat=flat(strength=2.0))
    assert known.flat is not None
    gains = gain_map(known.flat, SIZE).astype(np.float64)
    off = np.abs(Corrector(known)(noise(2)).astype(np.float64) - slowly_coloured(noise(2), known, gains))
    assert off.max() <= 1.0


def test_the_lens_is_taken_out_within_one_grey_level_of_double_precision() -> None:
    known = record(lens=lens(k1=0.2))
    off = np.abs(Corrector(known)(smooth()).astype(np.float64) - slowly_moved(smooth(), known))
    assert off.max() <= 1.0


def test_all_parts_at_once_are_the_parts_one_after_the_other() -> None:
    """The shading is the frame's: it moves with the lens."""
    known = record(lens=lens(), colour=colour(), flat=flat())
    assert known.flat is not None
    bare = record(lens=lens())
    gains = slowly_moved(np.repeat(gain_map(known.flat, SIZE)[:, :, None], 3, axis=2), bare)[:, :, 0]
    expected = slowly_coloured(Corrector(bare)(smooth()), known, gains)
    assert np.abs(Corrector(known)(smooth()).astype(np.float64) - expected).max() <= 1.0


@pytest.mark.parametrize("k1", [-0.3, 0.3])
def test_nothing_of_the_frame_before_is_left(k1: float) -> None:
    known = record(lens=lens(k1=k1))
    used = Corrector(known)
    used(noise(1))
    assert np.array_equal(used(noise(2)), Corrector(known)(noise(2)))


def test_an_even_shade_of_grey_comes_out_even() -> None:
    known = record(flat=flat(strength=1.0))
    assert known.flat is not None
    light = 0.5 / gain_map(known.flat, SIZE).astype(np.float64)
    code = np.rint((1.055 * light ** (1 / 2.4) - 0.055) * 255).astype(np.uint8)
    corrected = Corrector(known)(np.repeat(code[:, :, None], 3, axis=2))
    assert np.ptp(corrected) <= 2


def test_a_straight_line_seen_through_the_lens_is_straight_again() -> None:
    corrector = Corrector(record(lens=lens(k1=-0.3)))
    line = np.column_stack([np.linspace(20, 300, 60), np.full(60, 30.0)])
    bent = corrector.to_frame(line)
    assert np.ptp(bent[:, 1]) > 3
    picture = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    cv2.polylines(picture, [np.rint(bent * 16).astype(np.int32)], False, (0, 0, 0), 1, cv2.LINE_AA, 4)
    dark = 255.0 - Corrector(record(lens=lens(k1=-0.3)))(picture)[15:45, 40:280, 0]
    middle = (dark * np.arange(15, 45)[:, None]).sum(axis=0) / dark.sum(axis=0)
    assert np.abs(middle - 30).max() < 0.3


def test_points_go_to_the_frame_and_come_back() -> None:
    corrector = Corrector(record(lens=lens()))
    points = np.random.default_rng(3).uniform((5, 5), (315, 235), (200, 2))
    assert np.abs(corrector.to_corrected(corrector.to_frame(points)) - points).max() < 1e-3
    assert corrector.to_frame(np.empty((0, 2))).shape == corrector.to_corrected(np.empty((0, 2))).shape == (0, 2)


def test_a_box_holds_in_the_frame_what_it_held_in_the_corrected_picture() -> None:
    corrector = Corrector(record(lens=lens()))
    box = corrector.box_in_frame(Box(20, 30, 60, 40))
    inside = np.random.default_rng(4).uniform((20, 30), (79, 69), (300, 2))
    moved = corrector.to_frame(inside)
    assert (moved >= (box.x - 0.5, box.y - 0.5)).all()
    assert (moved <= (box.x + box.width, box.y + box.height)).all()
    assert abs(box.width - 60) < 20
    assert abs(box.height - 40) < 20
    assert Corrector(record()).box_in_frame(Box(1, 2, 3, 4)) == Box(1, 2, 3, 4)


def test_a_box_at_the_edge_stays_within_the_frame() -> None:
    box = Corrector(record(lens=lens(k1=0.3))).box_in_frame(Box(0, 0, SIZE[0], SIZE[1]))
    assert box == Box(0, 0, *SIZE)


def test_a_record_without_parts_gives_the_frame_itself() -> None:
    frame = noise()
    assert Corrector(record())(frame) is frame


@pytest.mark.parametrize("shape", [(240, 321, 3), (239, 320, 3), (240, 320), (240, 320, 4)])
def test_a_frame_of_another_size_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(CalibrationError) as caught:
        Corrector(record(lens=lens()))(np.zeros(shape, np.uint8))
    assert caught.value.code == "calibration.other_resolution"


@pytest.mark.parametrize(
    "broken", [{"camera_matrix": ((0, 0, 0), (0, 0, 0), (0, 0, 0))}, {"distortion": (1e300, -1e300, 0, 0)}]
)
def test_a_lens_that_is_none_is_refused_at_once(broken: dict[str, object]) -> None:
    with pytest.raises(CalibrationError) as caught:
        Corrector(record(lens={**lens(), **broken}))
    assert caught.value.code == "calibration.corrupted"
