"""Milliseconds that a calibrated view costs on its way to the judge, beside a bare ``cv2.remap`` in the same run.

    python -m benchmarks.view_cost [--rounds 60]

The station's own path (`Calibrations.correct` and `.examine`) on a frame of 1280 x 720 with an item on a mat: lens,
flat field and colour corrected, capture quality, drift by the background. One thread; cases take turns.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from calibration.background import solve_background
from calibration.correct import Corrector
from calibration.store import CalibrationStore
from inspection.frame import Frame, Pixels
from inspection.station.calibrations import Calibrations
from tests.calibration import known
from tests.calibration.records import NOW, made
from tests.calibration.response import Response, mat

SIZE = (1280, 720)
ITEM = ((420, 180), (860, 520))


def main(rounds: Annotated[int, typer.Option(min=3, help="Of every case.")] = 60) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    camera = Response(np.eye(3) * 2, np.ones(SIZE[::-1]), noise=0.005)
    table = mat(np.random.default_rng(1), SIZE)
    empty = [camera.picture(table, np.random.default_rng(seed)) for seed in range(5)]
    with tempfile.TemporaryDirectory(prefix="view-cost-") as folder:
        calibrations = _calibrated(Path(folder), empty)
        frame = Frame(_with_item(empty[0]), time.monotonic_ns(), datetime.now(UTC), 0, "cam", "")
        x, y = (plane.astype(np.float32) for plane in np.meshgrid(np.arange(SIZE[0]) + 0.3, np.arange(SIZE[1]) + 0.4))
        spent: dict[str, list[float]] = {}
        for _ in range(rounds):
            start = time.perf_counter()
            cv2.remap(frame.pixels, x, y, cv2.INTER_LINEAR)
            remapped = time.perf_counter()
            picture = calibrations.correct("top", frame)
            corrected = time.perf_counter()
            seen = calibrations.examine(picture)
            examined = time.perf_counter()
            drift_ms = seen.timings_ms["drift"]
            rows = {
                "cv2.remap, float maps": (remapped - start) * 1e3,
                "correct": (corrected - remapped) * 1e3,
                "quality": (examined - corrected) * 1e3 - drift_ms,
                "drift": drift_ms,
                "all": (examined - remapped) * 1e3,
            }
            for name, ms in rows.items():
                spent.setdefault(name, []).append(ms)
    result = Table(title=f"One calibrated view, {SIZE[0]} x {SIZE[1]}, one thread, {rounds} rounds: {seen.problems}")
    for column in ("stage", "p50 ms", "best ms", "/ remap"):
        result.add_column(column, justify="left" if column == "stage" else "right")
    remap = np.array(spent["cv2.remap, float maps"])
    for name, times in spent.items():
        ratio = float(np.median(np.array(times) / remap))
        result.add_row(name, f"{np.median(times):.2f}", f"{min(times):.2f}", f"{ratio:.2f}")
    Console(width=100).print(result)


def _calibrated(folder: Path, empty: list[Pixels]) -> Calibrations:
    parts = {"lens": known.lens(SIZE, k1=-0.05), "colour": known.colour(), "flat": known.flat(0.2)}
    bare = known.record(SIZE, plane=known.plane(SIZE, 0.3), **parts)
    correct = Corrector(bare)
    corrected = {str(number): correct(pixels) for number, pixels in enumerate(empty)}
    background = solve_background(corrected, belongs=True).part(made())
    store = CalibrationStore(folder)
    store.save(bare.model_copy(update={"background": background}), by="tech-1", at=NOW, software="0.1.0")
    return Calibrations(store, {"top": "cam"}, clock=lambda: NOW)


def _with_item(empty: Pixels) -> Pixels:
    seen = empty.copy()
    cv2.rectangle(seen, *ITEM, (70, 120, 190), -1)
    stripes = (40 * np.sin(np.arange(SIZE[0]) / 5)).astype(np.int16)[None, :, None]
    (left, top), (right, bottom) = ITEM
    part = seen[top:bottom, left:right].astype(np.int16) + stripes[:, left:right]
    seen[top:bottom, left:right] = np.clip(part, 0, 255).astype(np.uint8)
    return seen


if __name__ == "__main__":
    typer.run(main)
