"""Milliseconds per stage over a demo run, beside the bare ONNX Runtime on the same batches in the same run.

    python -m benchmarks.stages --items 200 [--images DIR]

The demo runs as it is (real hub, real station process, simulated devices); the stages are those the station journals.
Then the pictures the station stored go through the bare session, as the same batches, three times; medians are quoted.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from inspection.frame import ViewPicture
from models.runtime import Judge

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("identify", "capture", "store", "correct", "quality", "drift", "size", "judge", "decide", "journal")
REPEATS = 3


def main(
    items: Annotated[int, typer.Option(min=1, help="Items to inspect.")] = 200,
    images: Annotated[Path | None, typer.Option(help="Folder of pictures instead of the default ones.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the bare session; the station's default is 2.")] = 2,
) -> None:
    """Print the table of stages."""
    with tempfile.TemporaryDirectory(prefix="stages-") as folder:
        data = Path(folder)
        command = [sys.executable, "station_app.py", "demo", "--items", str(items), "--headless"]
        command += ["--data", str(data / "demo"), "--json", str(data / "items.json")]
        command += ["--port", "0", "--hub-port", "0"]
        if images is not None:
            command += ["--images", str(images)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        inspections = json.loads((data / "items.json").read_text(encoding="utf-8"))
        bare = bare_session_ms(inspections, data / "demo" / "station" / "pictures", threads)
    Console().print(table(inspections, bare))


def bare_session_ms(inspections: list[dict[str, Any]], pictures: Path, threads: int) -> list[float]:
    """Median time of the bare ONNX session for each inspection's batch."""
    judge = Judge.load(ROOT / "models" / "bundles" / "default", threads=threads)
    times: list[float] = []
    for inspection in inspections:
        views = []
        for picture in inspection["pictures"]:
            (file,) = pictures.rglob(f"{picture['sha256']}*")
            pixels = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
            if pixels is None:
                raise SystemExit(f"cannot decode {file}")
            views.append(ViewPicture(picture["view"], np.asarray(pixels, np.uint8)))
        batch = judge.preprocess(views)
        runs = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            judge.run_raw(batch)
            runs.append((time.perf_counter() - start) * 1000)
        times.append(statistics.median(runs))
    return times


def table(inspections: list[dict[str, Any]], bare: list[float]) -> Table:
    """p50 and p95 of every stage, and the judge's ratio to the bare session."""
    result = Table(title=f"Milliseconds per stage, {len(inspections)} items")
    for column in ("stage", "p50", "p95"):
        result.add_column(column, justify="left" if column == "stage" else "right")
    for stage in STAGES:
        values = [inspection["timings_ms"][stage] for inspection in inspections if stage in inspection["timings_ms"]]
        if values:
            result.add_row(stage, f"{np.percentile(values, 50):.2f}", f"{np.percentile(values, 95):.2f}")
    result.add_row("bare ONNX session", f"{np.percentile(bare, 50):.2f}", f"{np.percentile(bare, 95):.2f}")
    judged = [inspection["timings_ms"].get("judge", float("nan")) for inspection in inspections]
    ratios = [ours / theirs for ours, theirs in zip(judged, bare, strict=True)]
    result.add_row("judge / bare session", f"{np.percentile(ratios, 50):.2f}", f"{np.percentile(ratios, 95):.2f}")
    return result


if __name__ == "__main__":
    typer.run(main)
