"""From the scan to the tick and to the verdict on the screen, in real Chromium, beside the station's own time.

    python -m benchmarks.station_screen --items 300 --views 2 --views 4

The real station with the default bundle, simulated devices and the renders; every item is scanned and confirmed by
Enter. A time ends with the paint after the change (``requestAnimationFrame``, then a message), at 60 frames a second.
The tick is the first paint that shows that something was scanned. The pipeline's own time is the sum of the stages that
the station journals, the settle window of 150 ms among them. First paint is that of a new browser context without any
cache; beside it, in turn, that of a few words from the same server (``/healthz``), which is the browser's own share.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.station_workplace import SETTLED, SIZE, Watched, Workplace, ask_until, browser, load_now
from tests.station.test_screen import CHROMIUM

PAINTS = 15
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"


@dataclass
class Times:
    """Milliseconds, one of each per item."""

    views: int
    tick: list[float] = field(default_factory=list)
    verdict: list[float] = field(default_factory=list)
    pictures: list[float] = field(default_factory=list)
    pipeline: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    first_paint: list[float] = field(default_factory=list)
    bare_paint: list[float] = field(default_factory=list)
    drift_ms: float = 0.0


def main(
    items: Annotated[int, typer.Option(min=1, help="Items for each number of views.")] = 300,
    views: Annotated[list[int] | None, typer.Option(min=1, max=4, help="Cameras; may be given more than once.")] = None,
) -> None:
    """Print the table."""
    console = Console(width=120)
    console.print(f"load before: {load_now()}")
    with sync_playwright() as playwright, browser(playwright, CHROMIUM) as chromium:
        found = [_measure(chromium, items, count) for count in views or [2, 4]]
    console.print(_table(found, items))
    console.print(f"load after: {load_now()}; clocks apart: {max(abs(one.drift_ms) for one in found):.2f} ms")


def _measure(chromium: Browser, items: int, views: int) -> Times:
    times = Times(views)
    with tempfile.TemporaryDirectory(prefix="screen-") as folder, Workplace(Path(folder), views=views) as place:
        place.start()
        _first_paints(chromium, place.url, times)
        context = chromium.new_context(viewport=SIZE, locale="en-US")
        watched = Watched(context.new_page(), place.url)
        for number in range(items):
            _item(place, watched, number, times)
            place.hub.pictures.clear()
        times.drift_ms = watched.drift_ms()
        context.close()
    return times


def _first_paints(chromium: Browser, url: str, times: Times) -> None:
    for _ in range(PAINTS):
        times.bare_paint.append(_first_paint(chromium, f"{url}/healthz"))
        times.first_paint.append(_first_paint(chromium, url))


def _first_paint(chromium: Browser, url: str) -> float:
    context = chromium.new_context(viewport=SIZE, locale="en-US")
    page = context.new_page()
    page.goto(url)
    found = float(ask_until(page, FIRST_PAINT))
    context.close()
    return found


def _item(place: Workplace, watched: Watched, number: int, times: Times) -> None:
    thing = place.next_goods()
    watched.seen()
    before = watched.sequence()
    scanned = place.scan_goods(thing, number) + watched.offset_ms
    judged = watched.until("panel", "judged", after=before)
    pictures = watched.until("pictures", "judged", after=before)
    ticked = _tick(watched.seen(), before, judged["inspection"])
    times.tick.append(ticked["at"] - scanned)
    times.verdict.append(judged["at"] - scanned)
    times.pictures.append(pictures["at"] - scanned)
    times.pipeline.append(sum(place.state()["timings_ms"].values()))
    pressed = float(watched.page.evaluate("performance.now()"))
    watched.page.keyboard.press("Enter")
    decided = watched.until("panel", *SETTLED, after=judged["sequence"])
    times.settled.append(decided["at"] - pressed)
    place.wait_state("reported", "hold")


def _tick(seen: list[dict[str, Any]], after: int, inspection: str) -> dict[str, Any]:
    """The first paint that says "recognised", or already shows the new inspection."""
    of_it = [one for one in seen if one["sequence"] > after and (one["settling"] or one["inspection"] == inspection)]
    return min(of_it, key=lambda one: float(one["at"]))


def _table(found: list[Times], items: int) -> Table:
    table = Table(title=f"Milliseconds at the screen, {items} items each")
    for column in ("", "views", "p50", "p95", "limit"):
        table.add_column(column, justify="left" if not column else "right")
    for times in found:
        rows = {
            "scan to tick": (times.tick, "100"),
            "scan to verdict on screen": (times.verdict, "1000"),
            "scan to verdict with all pictures": (times.pictures, ""),
            "pipeline's own time": (times.pipeline, ""),
            "Enter to decision on screen": (times.settled, ""),
            f"first paint, {PAINTS} new browsers": (times.first_paint, "300"),
            "first paint of a few words": (times.bare_paint, ""),
        }
        for name, (values, limit) in rows.items():
            p50, p95 = np.percentile(values, [50, 95])
            table.add_row(name, str(times.views), f"{p50:.0f}", f"{p95:.0f}", limit)
        ratios = {
            "verdict on screen / pipeline": np.array(times.verdict) / np.array(times.pipeline),
            "first paint / of a few words": np.array(times.first_paint) / np.array(times.bare_paint),
        }
        for name, values in ratios.items():
            p50, p95 = np.percentile(values, [50, 95])
            table.add_row(name, str(times.views), f"{p50:.2f}", f"{p95:.2f}", "")
        table.add_section()
    return table


if __name__ == "__main__":
    typer.run(main)
