"""What judging a picture costs beside the bare graph and beside ultralytics, and whether memory stays flat.

    python -m benchmarks.judge [--bundle DIR] [--int8 DIR] [--calls 2000]

In turns: the graph alone on ONNX Runtime with the same threads, ours on the same input, ours end to end from a 1280x960
picture to an assessment, and ultralytics' ``predict`` of YOLO11n-cls and YOLO26n-cls (random weights: time does not
depend on them) end to end from the same picture at the same input size. Then the first call after loading, the same
pictures one by one and together, and memory: ``--calls 100000`` is the run that it is claimed for.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime as ort
import typer
from rich.console import Console
from rich.table import Table

from inspection.frame import ViewPicture
from models.bundle import GRAPH
from models.contract import OUTPUTS
from models.runtime import Judge

ROOT = Path(__file__).resolve().parents[1]
PAGE = os.sysconf("SC_PAGE_SIZE")
WIDTH, HEIGHT = 1280, 960


def main(
    bundle: Annotated[Path, typer.Option()] = ROOT / "models/bundles/default",
    int8: Annotated[Path | None, typer.Option(help="Its int8 variant (python -m models quantize).")] = None,
    rounds: Annotated[int, typer.Option(min=5, help="Turns.")] = 60,
    calls: Annotated[int, typer.Option(min=100, help="Calls over which memory is watched.")] = 2000,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    peer: Annotated[bool, typer.Option(help="Also ultralytics.")] = True,
) -> None:
    """Print the table."""
    judge = Judge.load(bundle, threads=threads)
    rng = np.random.default_rng(0)
    picture = ViewPicture("top", rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    first = timed(lambda: judge.assess([picture]))
    batch = judge.preprocess([picture])
    bare = bare_session(bundle, threads)
    ways: dict[str, Callable[[], Any]] = {
        "graph alone, ONNX Runtime": lambda: bare.run(list(OUTPUTS), {"pictures": batch}),
        "ours on the same input": lambda: judge.run_raw(batch),
        "ours, picture to assessment": lambda: judge.assess([picture]),
    }
    if int8 is not None:
        rounded = Judge.load(int8, threads=threads)
        ways["int8 on the same input"] = lambda: rounded.run_raw(batch)
        ways["int8, picture to assessment"] = lambda: rounded.assess([picture])
    if peer:
        ways |= ultralytics_ways(picture.pixels, judge.spec.input.size, threads)
    times = in_turns(ways, rounds)
    table = Table(title=f"{judge.bundle_id}, {WIDTH}x{HEIGHT}, {threads} threads, {rounds} turns")
    for column in ("", "median ms", "best ms", "to the graph alone", "to ours end to end"):
        table.add_column(column, justify="right" if column else "left")
    alone, ours = times["graph alone, ONNX Runtime"], times["ours, picture to assessment"]
    for name, some in times.items():
        table.add_row(name, f"{statistics.median(some):.1f}", f"{min(some):.1f}", ratio(some, alone), ratio(some, ours))
    Console(width=120).print(table)
    typer.echo(f"first call after loading: {first:.1f} ms")
    typer.echo(f"one by one and together differ by at most {batch_difference(judge):.2e}")
    memory(judge, picture, calls)


def bare_session(bundle: Path, threads: int) -> ort.InferenceSession:
    """The same file with the same threads."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(bundle / GRAPH), options, providers=["CPUExecutionProvider"])


def ultralytics_ways(pixels: np.ndarray, size: int, threads: int) -> dict[str, Callable[[], Any]]:
    """``predict`` of its two small classifiers."""
    os.environ["YOLO_OFFLINE"] = "true"
    import torch  # noqa: PLC0415
    from ultralytics import YOLO  # noqa: PLC0415
    from ultralytics.utils import SETTINGS  # noqa: PLC0415

    SETTINGS.update({"sync": False})
    torch.set_num_threads(threads)
    ways: dict[str, Callable[[], Any]] = {}
    for name in ("yolo11n-cls", "yolo26n-cls"):
        model = YOLO(f"{name}.yaml", task="classify", verbose=False)

        def predict(model: Any = model) -> Any:
            return model.predict(pixels, imgsz=size, device="cpu", verbose=False)

        ways[f"ultralytics predict, {name}"] = predict
    torch.set_num_threads(threads)
    return ways


def in_turns(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each, one after the other in every round, after three rounds to warm up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 3):
        for name, way in ways.items():
            spent = timed(way)
            if turn >= 3:
                times[name].append(spent)
    return times


def timed(way: Callable[[], Any]) -> float:
    start = time.perf_counter()
    way()
    return (time.perf_counter() - start) * 1e3


def ratio(some: list[float], other: list[float]) -> str:
    """Median of the ratios of the same turns."""
    return f"{statistics.median(a / b for a, b in zip(some, other, strict=True)):.2f}"


def batch_difference(judge: Judge) -> float:
    """Greatest difference of any output between eight pictures one by one and together."""
    rng = np.random.default_rng(1)
    side = judge.spec.input.size
    batch = rng.integers(0, 256, (8, side, side, 3)).astype(np.uint8)
    together = judge.run_raw(batch)
    alone = [judge.run_raw(one[None]) for one in batch]
    return max(
        float(np.abs(np.concatenate([getattr(raw, name) for raw in alone]) - getattr(together, name)).max())
        for name in OUTPUTS
    )


def memory(judge: Judge, picture: ViewPicture, calls: int) -> None:
    """Resident megabytes after a tenth of the calls, and after each further tenth."""
    table = Table(title=f"Memory over {calls} assessments")
    table.add_column("calls", justify="right")
    table.add_column("resident MB", justify="right")
    step = calls // 10
    for tenth in range(1, 11):
        for _ in range(step):
            judge.assess([picture])
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE / 1e6
        table.add_row(str(tenth * step), f"{resident:.1f}")
    Console(width=60).print(table)


if __name__ == "__main__":
    typer.run(main)
