"""Solvers over several frames refuse what is no picture and what has another size, before they compute anything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from calibration.background import solve_background
from calibration.flat import solve_flat
from calibration.light import solve_light
from inspection.errors import CalibrationError
from inspection.frame import Pixels

SOLVERS: list[Callable[[list[Pixels]], object]] = [
    lambda frames: solve_flat({str(index): frame for index, frame in enumerate(frames)}),
    lambda frames: solve_background({str(index): frame for index, frame in enumerate(frames)}),
    solve_light,
]
GOOD = np.full((40, 60, 3), 150, np.uint8)


@pytest.mark.parametrize("solve", SOLVERS)
@pytest.mark.parametrize(
    ("odd", "code"),
    [
        (GOOD[:, :, 0], "picture"),
        (GOOD.astype(np.float32), "picture"),
        (GOOD[:8], "picture"),
        (GOOD[:0], "picture"),
        (GOOD[:30], "frames"),
    ],
)
def test_an_odd_frame_is_refused(solve: Callable[[list[Pixels]], object], odd: Pixels, code: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        solve([GOOD] * 8 + [odd])
    assert caught.value.code == f"calibration.{code}"
