"""The questions of `benchmarks.calibration_geometry` and `calibration_light`, asked of path-traced pictures.

    python -m benchmarks.calibration_rendered --setups 20 [--spp 4] [--out DIR]

Mitsuba renders printed targets under a lamp through a pinhole of its own. The camera's distortion, vignetting, mix of
colours, blur, noise and JPEG are laid over that; all of them are drawn at random. The lens is solved from pictures of
the board held in the hand, table and scale from the board and from the reference card, the flat field from white
sheets, the colours from the chart. All errors are against the truth: the unevenness that is left of the light without
noise, and CIEDE2000 of a second chart of 30 random colours, corrected as frames are.

Each set-up is printed when it is done, a minute or so each. With --out, what is done is kept in DIR/results.jsonl, and
the same command goes on from there. Needs the training extra.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import cv2
import mitsuba as mi
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

if mi.variant() is None:
    mi.set_variant("scalar_rgb")

from benchmarks.calibration_geometry import LIMITS, SIZE, lens_error_px, lying, random_camera, scale_error
from benchmarks.calibration_traced import Lamp, Light, Pose, Sensor, Sheet, brightest, developed, random_lamp, traced
from calibration.chart import patches_of
from calibration.ciede2000 import ciede2000, lab_of_linear
from calibration.cli.colour import colour_of
from calibration.cli.flat import flat_of
from calibration.cli.lens import lens_of
from calibration.colour import solve_colour
from calibration.correct import Corrector, gain_map
from calibration.detect import find_target, homography_of, map_points
from calibration.draw import draw_target
from calibration.flat import solve_flat
from calibration.lens import NamedSighting, solve_lens
from calibration.plane import solve_plane
from calibration.record import CalibrationRecord, Lens, Made
from calibration.sample import linear_light
from calibration.targets import ColourChart, Target, make_target
from inspection.errors import CalibrationError
from inspection.frame import Pixels
from tests.calibration.response import Response, random_response
from tests.calibration.scenes import Camera, look_at

HELD, SHEETS = 9, 3
MARGIN_MM, PX_PER_MM = 12.0, 10.0
WHITE_MM, WHITE = 1200.0, 0.8
ALLOWED = {"delta_e": 2.0, "uneven": 1.0}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MADE = Made(by="", at=NOW, software="", frames=("0" * 64,), valid_until=NOW + timedelta(days=1))


@dataclass(frozen=True)
class Row:
    """A set-up: what the commands would say of it, and what is true. Unevenness and lengths in percent."""

    focal_px: float
    frames: int
    rms_px: float
    off_px: float
    focal_off: float
    board_off: float
    card_off: float
    uneven_before: float
    uneven_told: float
    uneven: float
    delta_e_before: float
    delta_e_told: float
    delta_e: float

    @property
    def good(self) -> bool:
        lengths = max(self.board_off, self.card_off) < LIMITS["scale"] and self.focal_off < LIMITS["focal"]
        return (
            lengths
            and self.rms_px < LIMITS["rms"]
            and self.delta_e < ALLOWED["delta_e"]
            and self.uneven < ALLOWED["uneven"]
        )


@dataclass(frozen=True)
class Setup:
    """A camera over a table, and how its pictures are made."""

    camera: Camera
    lamp: Lamp
    sensor: Sensor
    table: Pose
    spp: int
    response: Response

    def light(self, sheet: Sheet, pose: Pose, rng: np.random.Generator) -> Light:
        """Linear light behind the lens."""
        return traced(self.camera, sheet, pose, self.lamp, self.spp, int(rng.integers(1 << 30)))

    def seen(self, light: Light, exposure: float) -> Light:
        """What the sensor makes of light: vignetting, mix of colours, exposure."""
        return np.asarray((light * self.response.shading[..., None]) @ self.response.mix.T * exposure, np.float32)

    def picture(self, target: Target, pose: Pose, rng: np.random.Generator) -> Pixels:
        """A well exposed picture of a target."""
        light = self.seen(self.light(printed(target), pose, rng), 1.0)
        return developed(light * (0.8 / brightest(light)), self.sensor, rng)


def main(
    setups: Annotated[int, typer.Option(min=1, help="How many set-ups.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the random set-ups.")] = 1,
    spp: Annotated[int, typer.Option(min=1, help="Samples a pixel.")] = 4,
    out: Annotated[Path | None, typer.Option(help="Folder for the pictures and results.")] = None,
) -> None:
    """Print a line a set-up, then the table."""
    console = Console(width=150)
    kept = None if out is None else out / "results.jsonl"
    done = {} if kept is None else kept_rows(kept, seed, spp)
    for index in range(setups):
        if index not in done:
            done[index] = measure(np.random.default_rng([seed, index]), spp, None if out is None else out / f"{index}")
            if kept is not None:
                with kept.open("a") as file:
                    line = {"seed": seed, "spp": spp, "index": index} | asdict(done[index])
                    file.write(json.dumps(line) + "\n")
        console.print(f"{index + 1} of {setups}: " + ", ".join(f"{k} {v:.3g}" for k, v in asdict(done[index]).items()))
    rows = [done[index] for index in range(setups)]
    console.print(table_of(rows))
    if not all(row.good for row in rows):
        raise typer.Exit(1)


def kept_rows(file: Path, seed: int, spp: int) -> dict[int, Row]:
    """What an earlier run of the same command has done; a line that was cut short is done again."""
    file.parent.mkdir(parents=True, exist_ok=True)
    found = {}
    for text in file.read_text().splitlines() if file.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if (line.pop("seed"), line.pop("spp")) == (seed, spp):
            index = line.pop("index")
            found[index] = Row(**line)
    return found


def measure(rng: np.random.Generator, spp: int, out: Path | None) -> Row:
    """One set-up, from lens to colours."""
    camera, board = random_camera(rng), make_target("charuco")
    fill = camera.matrix[0, 0] / SIZE[1]
    distance = float(fill * 300)
    setup = Setup(
        camera,
        random_lamp(rng, distance),
        Sensor(float(rng.uniform(0.3, 0.8)), float(rng.uniform(0.5, 3)), int(rng.integers(80, 96))),
        look_at(board, distance, (rng.uniform(-12, 12), rng.uniform(-12, 12)), rng.uniform(-10, 10)),
        spp,
        random_response(rng, SIZE),
    )
    pictures: dict[str, Pixels] = {}
    geometry = lens_and_table(setup, fill, pictures, rng)
    light = flat_and_colour(setup, pictures, rng)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, picture in pictures.items():
            cv2.imwrite(str(out / f"{name}.jpg"), picture)
    return Row(float(camera.matrix[0, 0]), *geometry, *light)


def lens_and_table(
    setup: Setup, fill: float, pictures: dict[str, Pixels], rng: np.random.Generator
) -> tuple[int, float, float, float, float, float]:
    """Frames used, residual, and errors of lens, focal length, and scale by board and card."""
    board, card, camera = make_target("charuco"), make_target("card"), setup.camera
    held = [
        look_at(
            board,
            fill * rng.uniform(240, 320),
            (rng.uniform(-35, 35), rng.uniform(-35, 35)),
            rng.uniform(-180, 180),
            (rng.uniform(-130, 130), rng.uniform(-60, 60)),
        )
        for _ in range(HELD)
    ]
    near = replace(setup, lamp=replace(setup.lamp, place_mm=(*setup.lamp.place_mm[:2], -0.5 * setup.lamp.middle_mm[2])))
    pictures |= {f"held{index}": near.picture(board, pose, rng) for index, pose in enumerate(held)}
    for one in (board, card):
        pictures[one.kind] = setup.picture(one, lying(one, setup.table, 90, 120, 20), rng)
    seen = {name: sighted(name, picture, card if name == "card" else board) for name, picture in pictures.items()}
    solution = solve_lens([one for name, one in seen.items() if one and name.startswith("held")], SIZE)
    lens = lens_of(solution, MADE)
    focal_off = 100 * float(np.abs(np.diag(solution.camera_matrix)[:2] / np.diag(camera.matrix)[:2] - 1).max())
    scales = [scale_off(setup, lens, seen[kind]) for kind in ("charuco", "card")]
    accepted = sum(frame.accepted for frame in solution.frames)
    return accepted, solution.rms_px, lens_error_px(camera, lens), focal_off, scales[0], scales[1]


def sighted(name: str, picture: Pixels, target: Target) -> NamedSighting | None:
    """Where the target is; what cannot be used is told, as by the command."""
    try:
        return NamedSighting(name, find_target(picture, target))
    except CalibrationError as error:
        Console(stderr=True).print(f"{name}: {error}")
        return None


def scale_off(setup: Setup, lens: Lens, seen: NamedSighting | None) -> float:
    """Largest error of a length on the table, in percent; infinite when the target was not found."""
    return float("inf") if seen is None else scale_error(solve_plane([seen], lens), setup.camera, lens, setup.table)


def flat_and_colour(
    setup: Setup, pictures: dict[str, Pixels], rng: np.random.Generator
) -> tuple[float, float, float, float, float, float]:
    """Unevenness before, as told and as it is; CIEDE2000 before, as told and of colours that were never shown."""
    white = Sheet(np.full((64, 64, 3), round(255 * WHITE), np.uint8), WHITE_MM, WHITE_MM, WHITE_MM / 2)
    field = setup.seen(setup.light(white, setup.table, rng), 1.0)
    exposure = 0.6 / brightest(field)
    sheets = {f"white{index}": developed(field * exposure, setup.sensor, rng) for index in range(SHEETS)}
    flat = solve_flat(sheets)
    part = flat_of(flat, MADE)
    without_noise = cv2.GaussianBlur(field.mean(axis=2), (0, 0), 8)
    even = without_noise * gain_map(part, SIZE)

    chart = make_target("colour")
    assert isinstance(chart, ColourChart)
    pose = lying(chart, setup.table, 90, 120, float(rng.uniform(-8, 8)))
    light = setup.seen(setup.light(printed(chart), pose, rng), 1.0)
    exposure = 0.75 / brightest(light)
    shown = developed(light * exposure, setup.sensor, rng)
    sighting = find_target(shown, chart)
    colour = solve_colour(patches_of([(shown, sighting)], chart, part))

    colours = rng.integers(25, 240, (len(chart.patches), 3))
    patches = tuple(
        patch.model_copy(update={"srgb": tuple(int(value) for value in rgb)})
        for patch, rgb in zip(chart.patches, colours, strict=True)
    )
    other = chart.model_copy(update={"patches": patches})
    unseen = developed(setup.seen(setup.light(printed(other), pose, rng), exposure), setup.sensor, rng)
    pictures |= sheets | {"colour": shown, "unseen": unseen}
    record = CalibrationRecord(
        camera_id="cam", view="top", width=SIZE[0], height=SIZE[1], flat=part, colour=colour_of(colour, MADE)
    )
    off = [
        ciede2000(
            lab_of_linear(inner_light(picture, other, homography_of(sighting))),
            lab_of_linear(linear_light(colours.astype(np.float64))),
        )
        for picture in (unseen, Corrector(record)(unseen))
    ]
    return (
        100 * flat.unevenness,
        100 * flat.residual,
        100 * float(even.std() / even.mean()),
        float(off[0].mean()),
        float(colour.after.mean()),
        float(off[1].mean()),
    )


def inner_light(picture: Pixels, chart: ColourChart, homography: np.ndarray) -> np.ndarray:
    """Mean linear R, G, B, float64 (N, 3), of the middle third of each patch."""
    found = []
    for patch in chart.patches:
        corners = patch.corners()
        middle = corners.mean(axis=0)
        quad = map_points(homography, middle + (corners - middle) / 3)
        mask = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.rint(quad).astype(np.int32), (1,))
        found.append(linear_light(picture[mask > 0])[:, ::-1].mean(axis=0))
    return np.stack(found)


def printed(target: Target) -> Sheet:
    """The target on its paper."""
    width, height = target.width_mm + 2 * MARGIN_MM, target.height_mm + 2 * MARGIN_MM
    return Sheet(draw_target(target, PX_PER_MM, MARGIN_MM), width, height, MARGIN_MM)


def table_of(rows: list[Row]) -> Table:
    """Every set-up, mean, worst, and what is demanded."""
    result = Table(title=f"Rendered pictures, {SIZE[0]} x {SIZE[1]}, {len(rows)} random set-ups, against the truth")
    titles = (
        "focal px", "frames", "rms px", "lens off px", "focal off %", "scale off %, board", "scale off %, card",
        "uneven %, before", "told", "true", "ΔE00 before", "told", "unseen colours",
    )  # fmt: skip
    result.add_column("")
    for title in titles:
        result.add_column(title, justify="right")
    values = np.array([list(asdict(row).values()) for row in rows])
    for index, line in enumerate(values):
        result.add_row(str(index + 1), *texts(line))
    result.add_section()
    result.add_row("mean", *texts(values.mean(axis=0)))
    result.add_row("worst", *texts(values.max(axis=0)))
    limits = {"rms_px": LIMITS["rms"], "focal_off": LIMITS["focal"], "board_off": LIMITS["scale"],
              "card_off": LIMITS["scale"], **ALLOWED}  # fmt: skip
    demanded = [f"< {limits[one.name]:g}" if one.name in limits else "" for one in fields(Row)]
    result.add_row("demanded", *demanded)
    return result


def texts(line: np.ndarray) -> list[str]:
    return [
        f"{line[0]:.0f}",
        f"{line[1]:.0f}",
        *(f"{value:.3f}" for value in line[2:7]),
        *(f"{v:.2f}" for v in line[7:]),
    ]


if __name__ == "__main__":
    typer.run(main)
