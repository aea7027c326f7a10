"""Milliseconds to correct a view, beside the bare ``cv2.remap`` with the same maps in the same run.

    python -m benchmarks.correction [--width 1280 --height 720] [--rounds 100]

One thread, its processor time. The cases take turns within each round, so that a busy machine slows them all and none
finds the cache as it left it; medians are quoted, of the ratios those within a round. Below the table: how far
fixed-point maps, which round to 1/32 pixel, are from float ones on noise and on sharp edges, in grey levels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from calibration.correct import Corrector
from calibration.record import CalibrationRecord

LIMITS = 2


def main(
    width: Annotated[int, typer.Option(min=64, help="Pixels.")] = 1280,
    height: Annotated[int, typer.Option(min=64, help="Pixels.")] = 720,
    rounds: Annotated[int, typer.Option(min=3, help="Of every case.")] = 100,
) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    frame = np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)
    times: dict[str, list[float]] = {}
    work = cases(frame)
    for _ in range(rounds):
        for name, run in work.items():
            start = time.thread_time()
            run()
            times.setdefault(name, []).append((time.thread_time() - start) * 1e3)
    result = Table(title=f"Correcting {width} x {height}, one thread, {rounds} rounds")
    for column in ("case", "p50 ms", "best ms", "/ remap, fixed-point", "/ remap, float"):
        result.add_column(column, justify="left" if column == "case" else "right")
    limits = [np.array(times[name]) for name in list(times)[:LIMITS]]
    for name, spent in times.items():
        ratios = (np.median(np.array(spent) / limit) for limit in limits)
        result.add_row(name, f"{np.median(spent):.2f}", f"{min(spent):.2f}", *(f"{ratio:.2f}" for ratio in ratios))
    console = Console()
    console.print(result)
    console.print(rounding(width, height))


def rounding(width: int, height: int) -> str:
    """What fixed-point maps cost in exactness."""
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    edges = (np.indices((height, width)).sum(axis=0) // 8 % 2 * 255).astype(np.uint8)
    fixed, exact = _maps(width, height)
    told = []
    for name, picture in (("noise", noise), ("edges", edges)):
        one, other = (cv2.remap(picture, *maps, cv2.INTER_LINEAR) for maps in (fixed, exact))
        off = cv2.absdiff(one, other)
        told.append(f"{name} by up to {off.max()}, over 1 in {np.mean(off > 1):.1%} of the values")
    return f"Fixed-point maps are off: {'; '.join(told)}"


def cases(frame: Any) -> dict[str, Callable[[], object]]:
    """What is timed, by name; the first `LIMITS` are the limit."""
    height, width = frame.shape[:2]
    parts = _parts(width, height)
    fixed, exact = _maps(width, height)
    fixed_out, exact_out = np.empty_like(frame), np.empty_like(frame)
    wide = cv2.cvtColor(frame, cv2.COLOR_BGR2BGRA)
    wide_out = np.empty_like(wide)
    found: dict[str, Callable[[], object]] = {
        "bare cv2.remap, fixed-point maps": lambda: cv2.remap(frame, *fixed, cv2.INTER_LINEAR, dst=fixed_out),
        "bare cv2.remap, float maps": lambda: cv2.remap(frame, *exact, cv2.INTER_LINEAR, dst=exact_out),
        "four channels, fixed-point maps": lambda: cv2.remap(wide, *fixed, cv2.INTER_LINEAR, dst=wide_out),
        "four channels, float maps": lambda: cv2.remap(wide, *exact, cv2.INTER_LINEAR, dst=wide_out),
    }
    wanted = {
        "lens": ("lens",),
        "flat field": ("flat",),
        "colour": ("colour",),
        "flat field, colour": ("flat", "colour"),
        "lens, flat field, colour": ("lens", "flat", "colour"),
    }
    for name, names in wanted.items():
        found[name] = _run(Corrector(_record(width, height, {key: parts[key] for key in names})), frame)
    roots = {**parts, "colour": {**parts["colour"], "terms": "root2", "matrix": [[1, 0, 0, 0.1, 0, 0]] * 3}}
    found["lens, flat field, colour of root2"] = _run(Corrector(_record(width, height, roots)), frame)
    return found


def _maps(width: int, height: int) -> tuple[Any, Any]:
    """Of the lens: fixed-point ones and float ones."""
    lens = _parts(width, height)["lens"]
    matrix, distortion = np.asarray(lens["camera_matrix"]), np.asarray(lens["distortion"])
    fixed, exact = (
        cv2.initUndistortRectifyMap(matrix, distortion, np.eye(3), matrix, (width, height), kind)
        for kind in (cv2.CV_16SC2, cv2.CV_32FC1)
    )
    return fixed, exact


def _run(corrector: Corrector, frame: Any) -> Callable[[], object]:
    return lambda: corrector(frame)


def _record(width: int, height: int, parts: dict[str, Any]) -> CalibrationRecord:
    known = {"camera_id": "bench", "view": "top", "width": width, "height": height, **parts}
    return CalibrationRecord.model_validate(known)


def _parts(width: int, height: int) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = {"by": "bench", "at": at, "software": "0", "frames": (), "valid_until": at + timedelta(days=1)}
    y, x = np.mgrid[-1:1:18j, -1:1:32j]
    focal = 0.8 * width
    return {
        "lens": {
            "made": made,
            "camera_matrix": ((focal, 0, width / 2), (0, focal, height / 2), (0, 0, 1)),
            "distortion": (-0.2, 0.05, 0.001, 0.001, 0),
            "rms_px": 0.1,
            "coverage": 1,
        },
        "flat": {"made": made, "gains": (1 + 0.3 * (x**2 + y**2)).tolist(), "residual": 0.01},
        "colour": {
            "made": made,
            "matrix": ((1.2, -0.15, 0.0), (-0.1, 1.2, -0.1), (0.0, -0.2, 1.3)),
            "delta_e_before": 8,
            "delta_e_after": 1,
            "delta_e_worst": 3,
        },
    }


if __name__ == "__main__":
    typer.run(main)
