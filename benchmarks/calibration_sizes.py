"""How exactly scratches and dents are measured, over random set-ups whose truth is known.

    python -m benchmarks.calibration_sizes --setups 20 [--seed 1] [--marks 20]

Each set-up is a random camera over a table, its lens and table solved from spoilt pictures as in
`benchmarks.calibration_geometry`. Then scratches (straight, 2 to 60 mm long) and dents (ellipses of 3 to 30 mm) lie on
the table; their masks are drawn exactly in the camera's frame, corrected as frames are, and measured. What a model adds
by not finding the exact mask is not in these figures; what its coarse map means is told by `size_uncertainty_mm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.calibration_geometry import FRAMES, SIZE, Pose, Spoilt, find, lying, random_camera
from calibration.cli.lens import lens_of
from calibration.cli.plane import plane_of
from calibration.correct import Corrector
from calibration.lens import solve_lens
from calibration.plane import solve_plane
from calibration.record import CalibrationRecord, Made
from calibration.sizes import Ruler, region_of_mask
from calibration.targets import make_target
from tests.calibration.scenes import Camera, look_at

Floats = npt.NDArray[np.float64]
FINE = 4
ALLOWED_SHARE, ALLOWED_MM = 0.03, 0.3


@dataclass(frozen=True)
class Mark:
    """Length and width in mm, its outline (N, 2) in mm on the table."""

    kind: str
    length_mm: float
    width_mm: float
    outline: Floats


@dataclass(frozen=True)
class Measured:
    kind: str
    length_mm: float
    off_mm: float
    area_off: float
    told_mm: float

    @property
    def good(self) -> bool:
        return abs(self.off_mm) <= max(ALLOWED_SHARE * self.length_mm, ALLOWED_MM)


def main(
    setups: Annotated[int, typer.Option(min=1, help="How many set-ups.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the random set-ups.")] = 1,
    marks: Annotated[int, typer.Option(min=2, help="Scratches and dents a set-up.")] = 20,
) -> None:
    """Print the table."""
    console = Console(width=120)
    steps = track(range(setups), "set-ups", console=Console(stderr=True), disable=not console.is_terminal)
    rows = [measured(np.random.default_rng([seed, n]), marks) for n in steps]
    console.print(table(rows))
    if not all(one.good for row in rows for one in row[1]):
        raise typer.Exit(1)


def measured(rng: np.random.Generator, marks: int) -> tuple[float, list[Measured]]:
    """One set-up: mm per pixel in the middle, and what was measured."""
    camera = random_camera(rng)
    spoilt = Spoilt(rng.uniform(0.3, 1.0), rng.uniform(0.5, 4.0), int(rng.integers(75, 96)), rng.uniform(0, 0.5))
    board, fill = make_target("charuco"), camera.matrix[0, 0] / SIZE[1]
    held = [
        look_at(
            board,
            fill * rng.uniform(230, 330),
            (rng.uniform(-35, 35), rng.uniform(-35, 35)),
            rng.uniform(-180, 180),
            (rng.uniform(-0.6, 0.6) * 250, rng.uniform(-0.5, 0.5) * 150),
        )
        for _ in range(FRAMES)
    ]
    tilt, turn = (rng.uniform(-12, 12), rng.uniform(-12, 12)), rng.uniform(-10, 10)
    table_pose = look_at(board, fill * rng.uniform(270, 340), tilt, turn)
    places = [(rng.uniform(60, 120), rng.uniform(90, 150), rng.uniform(-90, 90)) for _ in range(3)]
    now = datetime.now(UTC)
    made = Made(by="", at=now, software="", frames=(), valid_until=now + timedelta(days=1))
    lens = lens_of(solve_lens(find(camera, board, held, spoilt, rng), SIZE), made)
    on_table = find(camera, board, [lying(board, table_pose, *place) for place in places], spoilt, rng)
    plane = plane_of(solve_plane(on_table, lens), made)
    record = CalibrationRecord(camera_id="bench", view="top", width=SIZE[0], height=SIZE[1], lens=lens)
    corrector, ruler = Corrector(record), Ruler(plane, lens)
    found = [_measure(_mark(rng, index), camera, table_pose, corrector, ruler) for index in range(marks)]
    return float(ruler.mm_per_px(np.array([[SIZE[0] / 2, SIZE[1] / 2]]))[0]), found


def _mark(rng: np.random.Generator, index: int) -> Mark:
    """A scratch or a dent somewhere on the table, turned by any angle."""
    turn, at = rng.uniform(0, np.pi), np.array([rng.uniform(10, 170), rng.uniform(60, 180)])
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    if index % 2:
        length, width = rng.uniform(2, 60), rng.uniform(0.8, 1.6)
        along = np.linspace(-0.5, 0.5, 40)
        outline = np.concatenate(
            [np.column_stack([along, np.full(40, -0.5)]), np.column_stack([along[::-1], np.full(40, 0.5)])]
        )
        return Mark("scratch", length, width, outline * (length, width) @ turned + at)
    length = rng.uniform(3, 30)
    width = length * rng.uniform(0.5, 0.95)
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    outline = np.column_stack([np.cos(angle), np.sin(angle)]) * (length / 2, width / 2)
    return Mark("dent", length, width, outline @ turned + at)


def _measure(mark: Mark, camera: Camera, table_pose: Pose, corrector: Corrector, ruler: Ruler) -> Measured:
    corners = camera.project(mark.outline, *table_pose)
    low = np.floor(corners.min(axis=0)).astype(int) - 2
    size = np.ceil(corners.max(axis=0)).astype(int) + 3 - low
    # Fine enough that the rim which fillPoly adds to a polygon is a sixteenth of a pixel.
    fine = np.zeros((size[1] * FINE * 4, size[0] * FINE * 4), np.uint8)
    places = np.rint(((corners - low + 0.5) * FINE * 4 - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(fine, [places], (255,), cv2.LINE_8, 4)
    share = cv2.resize(fine, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
    frame = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    x0, y0 = np.maximum(low, 0)
    x1, y1 = np.minimum(low + size, SIZE)
    frame[y0:y1, x0:x1] = share[y0 - low[1] : y1 - low[1], x0 - low[0] : x1 - low[0]]
    corrected = corrector(np.repeat(frame[:, :, None], 3, axis=2))[:, :, 0]
    found = ruler.measure(region_of_mask(corrected >= 128))
    area = cv2.contourArea(mark.outline.astype(np.float32))
    return Measured(
        mark.kind,
        mark.length_mm,
        found.length_mm - mark.length_mm,
        found.area_mm2 / area - 1,
        found.uncertainty_mm,
    )


def table(rows: list[tuple[float, list[Measured]]]) -> Table:
    """Every set-up, and all together by kind."""
    result = Table(title=f"Scratches and dents of known size over {len(rows)} random set-ups, {SIZE[0]} x {SIZE[1]}")
    for column in ("mm/px", "marks", "length off mm: mean", "worst", "worst of 3 % or 0.3 mm", "told ± mm", "area off"):
        result.add_column(column, justify="right")
    for scale, found in rows:
        result.add_row(f"{scale:.3f}", *_figures(found))
    result.add_section()
    everything = [one for _, found in rows for one in found]
    for kind in ("scratch", "dent"):
        result.add_row(kind, *_figures([one for one in everything if one.kind == kind]))
    return result


def _figures(found: list[Measured]) -> list[str]:
    off = np.array([abs(one.off_mm) for one in found])
    share = [abs(one.off_mm) / max(ALLOWED_SHARE * one.length_mm, ALLOWED_MM) for one in found]
    area = np.array([abs(one.area_off) for one in found])
    told = float(np.mean([one.told_mm for one in found]))
    good = sum(one.good for one in found)
    return [
        f"{good} of {len(found)}",
        *(f"{off.mean():.3f}", f"{off.max():.3f}", f"{max(share):.0%}", f"{told:.2f}", f"{np.median(area):.1%}"),
    ]


if __name__ == "__main__":
    typer.run(main)
