"""How exactly lens and table are found, over random set-ups whose truth is known.

    python -m benchmarks.calibration_geometry --setups 20 [--seed 1] [--out DIR]

Each set-up is a camera (focal length, principal point, distortion), a pose over the table, blur, noise, shading and
JPEG quality, drawn at random. The lens is solved from pictures of the board held in the hand, then the table from three
pictures of the board, and again from one picture of the reference card. Errors are against the truth, not residuals;
the scale's error is the largest over distances between nine points that span the frame.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calibration.cli.lens import lens_of
from calibration.detect import find_target, map_points
from calibration.lens import NamedSighting, solve_lens
from calibration.plane import PlaneSolution, corrected_points, solve_plane
from calibration.record import Lens, Made
from calibration.targets import Target, make_target
from inspection.errors import CalibrationError
from tests.calibration.scenes import Camera, look_at, photograph

Floats = npt.NDArray[np.float64]
Pose = tuple[Floats, Floats]
SIZE = (1280, 720)
FRAMES = 16
LIMITS = {"rms": 0.3, "focal": 0.5, "scale": 0.5}


@dataclass(frozen=True)
class Spoilt:
    """What a picture suffers."""

    blur_px: float
    noise: float
    jpeg: int
    shading: float


@dataclass(frozen=True)
class Row:
    focal_px: float
    spoilt: Spoilt
    used: int
    parameters: int
    rms_px: float
    off_px: float
    focal_off: float
    board_off: float
    card_off: float
    seconds: float

    @property
    def good(self) -> bool:
        scale_off = max(self.board_off, self.card_off)
        return self.rms_px < LIMITS["rms"] and self.focal_off < LIMITS["focal"] and scale_off < LIMITS["scale"]


def main(
    setups: Annotated[int, typer.Option(min=1, help="How many set-ups.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the random set-ups.")] = 1,
    out: Annotated[Path | None, typer.Option(help="Folder for one picture of each set-up.")] = None,
) -> None:
    """Print the table."""
    console = Console(width=140)
    steps = track(range(setups), "set-ups", console=Console(stderr=True), disable=not console.is_terminal)
    rows = [measure(np.random.default_rng([seed, n]), None if out is None else out / f"{n:02}") for n in steps]
    console.print(table(rows))
    if not all(row.good for row in rows):
        raise typer.Exit(1)


def measure(rng: np.random.Generator, out: Path | None) -> Row:
    """One set-up from camera to table."""
    camera = random_camera(rng)
    spoilt = Spoilt(rng.uniform(0.3, 1.0), rng.uniform(0.5, 4.0), int(rng.integers(75, 96)), rng.uniform(0, 0.5))
    board, card = make_target("charuco"), make_target("card")
    fill = camera.matrix[0, 0] / SIZE[1]  # distance over visible height
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
    seen = find(camera, board, held, spoilt, rng)
    start = time.perf_counter()
    solution = solve_lens(seen, SIZE)
    seconds = time.perf_counter() - start
    now = datetime.now(UTC)
    lens = lens_of(solution, Made(by="", at=now, software="", frames=(), valid_until=now + timedelta(days=1)))

    table_pose = look_at(
        board, fill * rng.uniform(270, 340), (rng.uniform(-12, 12), rng.uniform(-12, 12)), rng.uniform(-10, 10)
    )
    places = [(rng.uniform(60, 120), rng.uniform(90, 150), rng.uniform(-90, 90)) for _ in range(3)]
    on_table = find(camera, board, [lying(board, table_pose, *place) for place in places], spoilt, rng)
    cards = find(camera, card, [lying(card, table_pose, *places[0])], spoilt, rng)
    if out is not None:
        save_example(out, camera, board, held[0], card, lying(card, table_pose, *places[0]), spoilt)
    return Row(
        camera.matrix[0, 0],
        spoilt,
        sum(frame.accepted for frame in solution.frames),
        len(solution.distortion),
        solution.rms_px,
        lens_error_px(camera, lens),
        100 * float(np.abs(np.diag(solution.camera_matrix)[:2] / np.diag(camera.matrix)[:2] - 1).max()),
        scale_error(solve_plane(on_table, lens), camera, lens, table_pose),
        scale_error(solve_plane(cards, lens), camera, lens, table_pose),
        seconds,
    )


def random_camera(rng: np.random.Generator) -> Camera:
    """A machine-vision lens of 45 to 75 degrees, from pincushion to strong barrel."""
    focal = rng.uniform(0.65, 1.2) * SIZE[0]
    matrix = np.array([[focal, 0, 639.5], [0, focal * rng.uniform(0.998, 1.002), 359.5], [0, 0, 1]])
    matrix[:2, 2] += rng.uniform(-20, 20, 2)
    k1 = rng.uniform(-0.32, 0.08)
    distortion = np.array([k1, -0.35 * k1 + rng.uniform(-0.03, 0.03), *rng.uniform(-1e-3, 1e-3, 2), 0.0])
    return Camera(matrix, distortion, SIZE)


def find(
    camera: Camera, target: Target, poses: list[Pose], spoilt: Spoilt, rng: np.random.Generator
) -> list[NamedSighting]:
    """The target in a picture of each pose; pictures in which it is not found are left out, as by the command."""
    found = []
    for index, pose in enumerate(poses):
        picture = photograph(camera, target, pose, **vars(spoilt), seed=int(rng.integers(1 << 30)))
        try:
            found.append(NamedSighting(str(index), find_target(picture, target)))
        except CalibrationError:
            continue
    return found


def lying(target: Target, table_pose: Pose, x: float, y: float, turn: float) -> Pose:
    """Pose of a target whose middle lies at x, y mm of the table, turned by some degrees."""
    turned = cv2.Rodrigues(table_pose[0])[0]
    about_z = cv2.Rodrigues(np.array([0, 0, np.deg2rad(turn)]))[0]
    middle = np.array([target.width_mm / 2, target.height_mm / 2, 0])
    shift = np.array([x, y, 0]) - about_z @ middle
    return cv2.Rodrigues(turned @ about_z)[0].ravel(), table_pose[1] + turned @ shift


def grid(margin: float) -> Floats:
    """Nine points of the frame, its edges left out by a share."""
    xs, ys = (np.array([margin, 0.5, 1 - margin]) * side for side in SIZE)
    return np.array([[x, y] for x in xs for y in ys])


def lens_error_px(camera: Camera, lens: Lens) -> float:
    """Mean distance, in px, between where the true lens and the solved lens show the same directions.

    A small turn of the camera and a shift of the principal point say the same, so the best turn is taken out.
    """
    points = np.array([[x, y] for x in np.linspace(0.1, 0.9, 9) * SIZE[0] for y in np.linspace(0.1, 0.9, 7) * SIZE[1]])
    rays = cv2.undistortPoints(points.reshape(-1, 1, 2), camera.matrix, camera.distortion, criteria=(3, 60, 1e-10))
    solid = np.column_stack([rays.reshape(-1, 2), np.ones(len(points))])
    matrix, distortion = np.asarray(lens.camera_matrix), np.asarray(lens.distortion)
    turn, still = np.zeros((3, 1)), np.zeros((3, 1))
    for _ in range(5):
        shown, jacobian = cv2.projectPoints(solid, turn, still, matrix, distortion)
        off = (points - shown.reshape(-1, 2)).ravel()
        turn = turn + np.linalg.lstsq(jacobian[:, :3], off, rcond=None)[0].reshape(3, 1)
    shown = cv2.projectPoints(solid, turn, still, matrix, distortion)[0].reshape(-1, 2)
    return float(np.linalg.norm(shown - points, axis=1).mean())


def scale_error(solution: PlaneSolution, camera: Camera, lens: Lens, table_pose: Pose) -> float:
    """Largest error of a distance on the table, in percent."""
    turned = cv2.Rodrigues(table_pose[0])[0]
    truth = np.linalg.inv(camera.matrix @ np.column_stack([turned[:, 0], turned[:, 1], table_pose[1]]))
    points = grid(0.08)
    straight = cv2.undistortPoints(
        points.reshape(-1, 1, 2), camera.matrix, camera.distortion, P=camera.matrix, criteria=(3, 60, 1e-10)
    )
    ours = map_points(solution.homography, corrected_points(points, lens))
    theirs = map_points(truth, np.asarray(straight, np.float64).reshape(-1, 2))
    first, second = np.triu_indices(len(points), 1)
    found, real = (np.linalg.norm(one[first] - one[second], axis=1) for one in (ours, theirs))
    return 100 * float(np.abs(found / real - 1).max())


def save_example(
    out: Path, camera: Camera, board: Target, held: Pose, card: Target, on_table: Pose, spoilt: Spoilt
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    pictures = [photograph(camera, board, held, **vars(spoilt)), photograph(camera, card, on_table, **vars(spoilt))]
    cv2.imwrite(f"{out}.jpg", np.hstack(pictures))


def table(rows: list[Row]) -> Table:
    """Every set-up, the worst, and what is demanded."""
    result = Table(
        title=f"Lens and table over {len(rows)} random set-ups, {SIZE[0]} x {SIZE[1]}, errors against the truth"
    )
    columns = ("focal px", "blur px", "noise", "JPEG", "frames", "parameters", "rms px", "lens off px", "focal off %")
    for column in (*columns, "scale off %, board", "scale off %, card", "solve s"):
        result.add_column(column, justify="right")
    for row in rows:
        bad = row.spoilt
        result.add_row(
            *(f"{row.focal_px:.0f}", f"{bad.blur_px:.2f}", f"{bad.noise:.1f}", str(bad.jpeg), str(row.used)),
            *(str(row.parameters), f"{row.rms_px:.3f}", f"{row.off_px:.3f}", f"{row.focal_off:.3f}"),
            *(f"{row.board_off:.3f}", f"{row.card_off:.3f}", f"{row.seconds:.2f}"),
        )
    result.add_section()
    worst = [
        max(getattr(row, name) for row in rows) for name in ("rms_px", "off_px", "focal_off", "board_off", "card_off")
    ]
    result.add_row("worst", "", "", "", "", "", *(f"{value:.3f}" for value in worst), "")
    demanded = (f"< {LIMITS['rms']}", "", f"< {LIMITS['focal']}", *[f"< {LIMITS['scale']}"] * 2)
    result.add_row("demanded", "", "", "", "", "", *demanded, "")
    return result


if __name__ == "__main__":
    typer.run(main)
