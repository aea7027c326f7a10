"""A long shift in one tab: memory of the page, of its process and of the station, item after item.

    python -m benchmarks.station_memory --items 2000 --plot memory.png

The real station with the default bundle, simulated devices and the renders. Every item is scanned, looked at and
confirmed by keys; now and then the worker enlarges a picture, asks for the heat map, takes new pictures, or decides
otherwise. Garbage is collected before each sample (``HeapProfiler.collectGarbage``); samples are taken with the same
state on the screen. What grows is told by the straight line through the second half. Ctrl-C ends it early.

A tab that DevTools watch keeps the bodies of what it has fetched, and a note of each request, for them. So a second
Chromium, which nobody watches, shows the same station all the time, and the memory of its tab is that of a workplace.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.station_workplace import SETTLED, SIZE, Watched, Workplace, ask_until, browser, load_now, memory_mb
from tests.station.test_screen import CHROMIUM

EVERY = 20
LOOK, RETAKE, OVERRIDE = 5, 11, 17
"""Every how many items the worker does so."""
SERIES = {
    "heap_mb": "page's heap, MB",
    "nodes": "DOM nodes",
    "listeners": "event listeners",
    "tab_mb": "watched tab's process, MB",
    "free_tab_mb": "unwatched tab's process, MB",
    "station_mb": "station, MB",
    "threads": "station's threads",
    "descriptors": "station's descriptors",
}


@dataclass
class Samples:
    """What was measured after ``at`` items."""

    at: list[int] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SERIES})

    def add(self, at: int, **values: float) -> None:
        self.at.append(at)
        for name, value in values.items():
            self.values[name].append(value)

    def per_1000(self, name: str) -> float:
        """Growth in 1000 items, by least squares over the second half."""
        half = len(self.at) // 2
        return float(np.polyfit(self.at[half:], self.values[name][half:], 1)[0] * 1000)


def main(
    items: Annotated[int, typer.Option(min=4 * EVERY, help="Items in the one tab.")] = 2000,
    plot: Annotated[Path | None, typer.Option(help="Picture of everything over the items.")] = None,
) -> None:
    """Print the table."""
    console, samples = Console(width=120), Samples()
    console.print(f"load before: {load_now()}")
    with suppress(KeyboardInterrupt), sync_playwright() as playwright, browser(playwright, CHROMIUM) as chromium:
        _work(chromium, items, samples, console)
    console.print(_table(samples))
    console.print(f"load after: {load_now()}")
    if plot is not None:
        _plot(samples, plot)


def _work(chromium: Browser, items: int, samples: Samples, console: Console) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="memory-", ignore_cleanup_errors=True) as folder,
        Workplace(Path(folder)) as place,
        ExitStack() as stack,
    ):
        place.start()
        context = chromium.new_context(viewport=SIZE, locale="en-US")
        page = context.new_page()
        session = context.new_cdp_session(page)
        session.send("Performance.enable")
        watched = Watched(page, place.url)
        unwatched = stack.enter_context(_unwatched(place.url, Path(folder) / "profile"))
        for number in range(1, items + 1):
            _item(place, watched, number)
            if number % EVERY == 0:
                _sample(chromium, session, place, samples, number, unwatched)
            if number % (5 * EVERY) == 0:
                place.hub.pictures.clear()
                place.hub.requests.clear()
                last = ", ".join(f"{title} {samples.values[name][-1]:.0f}" for name, title in SERIES.items())
                console.print(f"{number} of {items}: {last}", highlight=False)
        context.close()


def _item(place: Workplace, watched: Watched, number: int) -> None:
    thing = place.next_goods()
    before = watched.sequence()
    place.scan_goods(thing, number)
    judged = watched.until("pictures", "judged", after=before)
    page = watched.page
    if number % LOOK == 0:
        _look(page)
    if number % RETAKE == 0:
        page.keyboard.press("r")
        judged = watched.until("pictures", "judged", after=judged["sequence"])
    if number % OVERRIDE == 0:
        said = page.evaluate("document.getElementById('verdict').dataset.disposition")
        page.keyboard.press("1" if said == "repair" else "2")
        page.locator(".reasons").wait_for()  # a handle of the element would keep its panel alive
        page.keyboard.press("7")
    else:
        page.keyboard.press("Enter")
    watched.until("panel", *SETTLED, after=judged["sequence"])
    place.wait_state("reported", "hold")
    watched.seen()


def _look(page: Page) -> None:
    page.keyboard.press("z")
    page.keyboard.press("h")
    ask_until(page, "[...document.querySelectorAll('.heat')].every((one) => one.complete)")
    page.keyboard.press("h")
    page.keyboard.press("Escape")


@contextmanager
def _unwatched(url: str, profile: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Chromium of its own that shows the station."""
    command = [str(CHROMIUM), "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run"]
    command += [f"--user-data-dir={profile}", "--window-size=1280,800", url]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            process.terminate()


def _tab_of(process: subprocess.Popen[bytes]) -> float:
    """Memory of the largest renderer below ``process``."""
    parents: dict[int, int] = {}
    renderers = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if b"--type=renderer" in (entry / "cmdline").read_bytes():
                renderers.append(int(entry.name))

    def is_below(pid: int) -> bool:
        while pid in parents and pid != process.pid:
            pid = parents[pid]
        return pid == process.pid

    return max((memory_mb(pid) for pid in renderers if is_below(pid)), default=0.0)


def _sample(
    chromium: Browser,
    session: CDPSession,
    place: Workplace,
    samples: Samples,
    number: int,
    unwatched: subprocess.Popen[bytes],
) -> None:
    session.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    processes = chromium.new_browser_cdp_session()
    tabs = [
        one["id"] for one in processes.send("SystemInfo.getProcessInfo")["processInfo"] if one["type"] == "renderer"
    ]
    processes.detach()
    samples.add(
        number,
        heap_mb=told["JSHeapUsedSize"] / 1e6,
        nodes=told["Nodes"],
        listeners=told["JSEventListeners"],
        tab_mb=max(memory_mb(pid) for pid in tabs),
        free_tab_mb=_tab_of(unwatched),
        station_mb=memory_mb(place.pid),
        threads=len(list(Path(f"/proc/{place.pid}/task").iterdir())),
        descriptors=len(list(Path(f"/proc/{place.pid}/fd").iterdir())),
    )


def _table(samples: Samples) -> Table:
    table = Table(title=f"Memory over {samples.at[-1]} items in one tab")
    for column in ("", f"after {samples.at[0]}", "middle", "end", "most", "growth per 1000"):
        table.add_column(column, justify="left" if not column else "right")
    for name, title in SERIES.items():
        values = samples.values[name]
        numbers = [values[0], values[len(values) // 2], values[-1], max(values)]
        table.add_row(title, *(f"{value:.1f}" for value in numbers), f"{samples.per_1000(name):+.2f}")
    return table


def _plot(samples: Samples, path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  comes with the training extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(len(SERIES), 1, sharex=True, figsize=(9, 11), layout="constrained")
    for axis, (name, title) in zip(axes, SERIES.items(), strict=True):
        axis.plot(samples.at, samples.values[name], linewidth=0.9)
        axis.set_ylabel(title, fontsize=8)
        axis.set_ylim(bottom=0)
        axis.grid(visible=True, alpha=0.3)
    axes[-1].set_xlabel("items")
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    typer.run(main)
