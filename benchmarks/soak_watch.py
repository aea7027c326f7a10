"""What it costs to look at every picture of a camera: watchdog and stillness, beside decoding the picture.

    python -m benchmarks.soak_watch

The peer in the same run is OpenCV's decoder of the JPEG that a network camera sends, which every picture needs anyway.
Times are of the thread alone, medians over the pictures in turn.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from devices.camera.simulator import default_scene
from devices.camera.stillness import Stillness
from devices.camera.watchdog import Watchdog
from inspection.frame import Pixels

SIZES = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
NOISE = 2.0

Given = TypeVar("Given")


def main(rounds: Annotated[int, typer.Option(min=5, help="Pictures of every size.")] = 60) -> None:
    """Print milliseconds for a picture of every size."""
    cv2.setNumThreads(1)
    table = Table(title="Milliseconds for a picture")
    for column in ("size", "JPEG decoded", "watchdog", "stillness", "both / JPEG"):
        table.add_column(column, justify="right")
    for width, height in SIZES:
        sent = _sent(default_scene(width, height))
        pictures = [_decoded(data) for data in sent]
        watchdog, stillness = Watchdog(), Stillness()
        jpeg_ms = _median_ms(_decoded, sent, rounds)
        watchdog_ms = _median_ms(watchdog.examine, pictures, rounds)
        stillness_ms = _median_ms(stillness.lies_still, pictures, rounds)
        share = (watchdog_ms + stillness_ms) / jpeg_ms
        numbers = (jpeg_ms, watchdog_ms, stillness_ms)
        table.add_row(f"{width} x {height}", *(f"{number:.2f}" for number in numbers), f"{share:.2f}")
    Console().print(table)


def _sent(scene: Pixels) -> list[bytes]:
    """Four pictures of a still scene as a camera sends them; four, so that none is like one of the last two."""
    random, sent = np.random.default_rng(1), []
    for _ in range(4):
        noise = np.rint(random.normal(0, NOISE, scene.shape)).astype(np.int16)
        good, data = cv2.imencode(".jpg", cv2.add(scene, noise, dtype=cv2.CV_8U), [cv2.IMWRITE_JPEG_QUALITY, 90])
        assert good
        sent.append(data.tobytes())
    return sent


def _decoded(data: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def _median_ms(work: Callable[[Given], object], given: Sequence[Given], rounds: int) -> float:
    spent = []
    for index in range(rounds):
        began = time.thread_time()
        work(given[index % len(given)])
        spent.append((time.thread_time() - began) * 1e3)
    return statistics.median(spent)


if __name__ == "__main__":
    typer.run(main)
