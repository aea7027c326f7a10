"""How well colour and flat field are found, and whether drift is caught, over random set-ups whose truth is known.

    python -m benchmarks.calibration_light --setups 20 [--seed 1]

Each set-up is a camera drawn at random: a 3x3 mix of channels with a wrong white balance, a tone curve up to 5 % off
sRGB, vignetting and an uneven lamp, noise, JPEG quality. The flat field is solved from five pictures of a dusty white
sheet, the colour from two of the chart. "true" columns are against the truth: the unevenness of gains times shading
over all pixels, and CIEDE2000 of 200 colours that are not on the chart. For drift, the background is learned from eight
frames of a table. Compared with it are ten captures with nothing changed (half of them with an item and its shadow; the
light flickers by 2 %) and three captures of each change, about half of them with an item.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calibration.background import solve_background
from calibration.chart import patches_of
from calibration.ciede2000 import ciede2000, lab_of_linear
from calibration.colour import ColourSolution, corrected, solve_colour
from calibration.correct import gain_map
from calibration.detect import find_target
from calibration.drift import DriftWatch
from calibration.flat import FlatSolution, solve_flat
from calibration.record import CalibrationRecord, FlatField, Made, Plane
from calibration.sample import linear_light
from calibration.targets import make_target
from tests.calibration.response import Floats, Response, encoded, lying, mat, random_response, white_sheet

SIZE = (1280, 720)
MM_PER_PX = 0.3
ROOM = 60
UNCHANGED, EACH = 10, 3
CHANGES = {"light -20 %": "exposure", "camera 3 mm": "shift", "out of focus": "focus"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
MADE = Made(by="", at=NOW, software="", frames=("0" * 64,) * 8, valid_until=NOW + timedelta(days=1))


@dataclass
class Row:
    flat: FlatSolution
    flat_true: float
    colour: ColourSolution
    unseen: Floats
    drift: Counter[str]


def main(
    setups: Annotated[int, typer.Option(min=1, help="Random set-ups.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed gives the same set-ups.")] = 1,
) -> None:
    """Print a table of colour and flat field, and one of drift."""
    rows = [one(np.random.default_rng([seed, index])) for index in track(range(setups), "set-ups", transient=True)]
    Console(width=140).print(table(rows))
    Console(width=140).print(drift_table(rows))


def one(rng: np.random.Generator) -> Row:
    response = random_response(rng, SIZE, bend=0.05)
    sheets = {f"{index}": response.picture(white_sheet(rng, SIZE, 60), rng) for index in range(5)}
    flat = solve_flat(sheets)
    part = FlatField(made=MADE, gains=tuple(map(tuple, flat.gains.tolist())), residual=flat.residual)
    even = gain_map(part, SIZE) * response.shading**response.bend  # in the light that the camera tells
    chart = make_target("colour")
    pictures = [response.picture(lying(chart, rng, SIZE), rng) for _ in range(2)]
    colour = solve_colour(patches_of([(one, find_target(one, chart)) for one in pictures], chart, part))
    colours = rng.uniform(0.02, 0.85, (200, 3))
    seen = np.clip(np.rint(encoded(np.clip(colours @ response.mix.T, 0, None) ** response.bend)), 0, 255)
    right = corrected(linear_light(seen.astype(np.uint8)), colour.terms, colour.matrix)
    off = ciede2000(lab_of_linear(right), lab_of_linear(colours))
    return Row(flat, float(even.std() / even.mean()), colour, off, drift(response, rng))


def drift(response: Response, rng: np.random.Generator) -> Counter[str]:
    """How many captures were found changed, by what was changed; ``false`` of those without."""
    wide = mat(rng, (SIZE[0] + 2 * ROOM, SIZE[1] + 2 * ROOM), contrast=float(rng.uniform(0.05, 0.15)))
    wide *= rng.uniform(0.8, 2.5)
    table = wide[ROOM:-ROOM, ROOM:-ROOM]
    homography = ((MM_PER_PX, 0.0, 0.0), (0.0, MM_PER_PX, 0.0), (0.0, 0.0, 1.0))
    background = solve_background({f"{index}": response.picture(table, rng) for index in range(8)})
    record = CalibrationRecord(
        camera_id="cam", view="top", width=SIZE[0], height=SIZE[1],
        plane=Plane(made=MADE, homography=homography, rms_mm=0.1), background=background.part(MADE),
    )  # fmt: skip
    watch = DriftWatch.of(record)
    found: Counter[str] = Counter()
    for index in range(UNCHANGED):
        scene, mask = with_item(table, rng) if index % 2 else (table, None)
        said = watch(response.level(float(rng.uniform(0.99, 1.01))).picture(scene, rng), mask)
        found["false"] += bool(said.moves)
        found.update(f"false {code}" for code in said.codes)
    for _ in range(EACH):
        angle = rng.uniform(0, 2 * np.pi)
        motion = np.eye(2, 3)
        motion[:, 2] = 3 / MM_PER_PX * np.array([np.cos(angle), np.sin(angle)]) - ROOM
        moved = cv2.warpAffine(wide, motion, SIZE, flags=cv2.INTER_CUBIC)
        captures = {
            "light -20 %": (response.level(0.8), table, 0.6),
            "camera 3 mm": (response, moved, 0.6),
            "out of focus": (response, table, float(rng.uniform(2.5, 5))),
        }
        for name, (camera, scene, blur_px) in captures.items():
            lit, mask = with_item(scene, rng) if rng.random() < 0.5 else (scene, None)
            said = watch(camera.picture(lit, rng, blur_px), mask)
            found[name] += CHANGES[name] in said.codes
            found[f"{name}, only"] += said.codes == (CHANGES[name],)
    return found


def with_item(scene: Floats, rng: np.random.Generator) -> tuple[Floats, np.ndarray]:
    """A striped box with a soft shadow, and its mask."""
    mask = np.zeros(SIZE[::-1], np.uint8)
    middle = (float(rng.uniform(350, 930)), float(rng.uniform(220, 500)))
    box = cv2.boxPoints(
        (middle, (float(rng.uniform(200, 520)), float(rng.uniform(120, 360))), float(rng.uniform(0, 90)))
    )
    cv2.fillConvexPoly(mask, np.rint(box).astype(np.int32), (255,))
    dark = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 30)
    dark = np.roll(dark, (int(rng.integers(-50, 50)), int(rng.integers(-50, 50))), axis=(0, 1))
    lit = scene * (1 - rng.uniform(0.3, 0.7) * dark)[..., None]
    stripes = 0.4 + 0.3 * np.sin(np.arange(SIZE[0]) / rng.uniform(2, 20))[None, :, None]
    return np.where(mask[..., None] > 0, stripes * rng.uniform(0.2, 1, 3), lit), mask


def table(rows: list[Row]) -> Table:
    """A row a set-up, then mean and worst."""
    result = Table(title=f"Colour (CIEDE2000) and flat field (relative RMS, %), {len(rows)} set-ups")
    columns = ("", "uneven before", "residual", "true", "largest gain", "model", "before", "after", "worst patch",
               "true mean", "true p95")  # fmt: skip
    for column in columns:
        result.add_column(column, justify="right")
    values = np.array([figures(row) for row in rows])
    for index, (row, line) in enumerate(zip(rows, values, strict=True)):
        result.add_row(str(index + 1), *cells(line, row.colour.terms))
    result.add_section()
    result.add_row("mean", *cells(values.mean(axis=0), ""))
    result.add_row("worst", *cells(values.max(axis=0), ""))
    return result


def figures(row: Row) -> list[float]:
    colour = row.colour
    return [
        100 * row.flat.unevenness, 100 * row.flat.residual, 100 * row.flat_true, float(row.flat.gains.max()),
        float(colour.before.mean()), float(colour.after.mean()), colour.worst[1],
        float(row.unseen.mean()), float(np.percentile(row.unseen, 95)),
    ]  # fmt: skip


def cells(line: Floats, model: str) -> list[str]:
    texts = [f"{value:.2f}" for value in line]
    return [*texts[:4], model, *texts[4:]]


def drift_table(rows: list[Row]) -> Table:
    total: Counter[str] = Counter()
    for row in rows:
        total += row.drift
    result = Table(title="Drift, told by one capture's background")
    for column in ("change", "captures", "caught", "and nothing else said"):
        result.add_column(column, justify="right")
    for name in CHANGES:
        result.add_row(name, str(EACH * len(rows)), str(total[name]), str(total[f"{name}, only"]))
    wrong = ", ".join(f"{name} {count}" for name, count in total.items() if name.startswith("false "))
    result.add_row("none", str(UNCHANGED * len(rows)), f"{total['false']} {wrong}", "")
    return result


if __name__ == "__main__":
    typer.run(main)
