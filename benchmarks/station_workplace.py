"""A station with the default bundle and simulated devices, its page in Chromium, and a clock that sees what is painted.

For the benchmarks of the screen: times are those of the page (``performance.now``), to which this process's clock is
compared at the beginning and the end.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, ViewportSize

from tests.station.rig import ROOT, Rig, gs1, wait_until

DEMO = ROOT / "datasets" / "demo"
VIEWS = ("top", "front", "left", "under")
FPS = 30
PUT_S = 0.12
"""From a picture under the cameras to the scan: more than three of their frames."""
WAIT_MS = 60_000
SIZE: ViewportSize = {"width": 1280, "height": 800}
SETTLED = ("confirmed", "hold", "reported")

WATCH = """
(() => {
  const seen = [];
  const waiting = [];
  const painted = (entry) => requestAnimationFrame(() => {  // a message posted before a paint arrives after it
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      entry.at = performance.now();
      seen.push(entry);
      for (const one of [...waiting]) {
        if (one.wanted(entry)) {
          waiting.splice(waiting.indexOf(one), 1);
          one.done(entry);
        }
      }
    };
    channel.port2.postMessage(0);
  });
  let loaded = "";
  const look = (kind) => {
    const station = document.getElementById("station");
    if (!station) {
      return;
    }
    const { state, sequence, inspection, override, asking } = station.dataset;
    const entry = { kind, state, sequence: Number(sequence), inspection: inspection ?? "", override, asking };
    entry.settling = state === "idle" && Boolean(station.querySelector("[data-command=start]:disabled"));
    painted(entry);
  };
  addEventListener("DOMContentLoaded", () => {
    const panel = document.getElementById("panel");
    if (!panel) {
      return;
    }
    new MutationObserver((changes) => {
      if (changes.some((change) => change.target === panel)) {
        look("panel");
      }
    }).observe(panel, { childList: true });
    let count = 0;
    panel.addEventListener("load", (event) => {
      const { inspection, take } = document.getElementById("station").dataset;
      const now = `${inspection} ${take}`;
      count = now === loaded ? count + 1 : 1;
      loaded = now;
      if (event.target.tagName === "image" && count === panel.querySelectorAll(".shot").length) {
        look("pictures");
      }
    }, true);
    look("panel");
  });
  window.__seen = () => seen.splice(0);
  window.__until = (kind, states, after) => new Promise((done) => {
    const wanted = (entry) => entry.kind === kind && states.includes(entry.state) && entry.sequence > after;
    const already = seen.find(wanted);
    already ? done(already) : waiting.push({ wanted, done });
  });
  window.__sequence = () => Number(document.getElementById("station").dataset.sequence);
})();
"""


@dataclass(frozen=True, slots=True)
class Goods:
    """One thing to put on the table: its product and a picture for each view."""

    gtin: str
    pictures: dict[str, Path]


class Workplace(Rig):
    """The station as it is shipped, with the default bundle, 30 frames a second and as many views as wanted.

    Args:
        views: 1 to 4; the renders have two views, of which the others are copies.
    """

    program = ("station_app.py", "run", "--config")

    def __init__(self, folder: Path, *, views: int = 2, **more: Any) -> None:
        super().__init__(folder, **more)
        self.views = VIEWS[:views]
        for view in self.views:
            (folder / "bench" / "cameras" / view).mkdir(exist_ok=True)
        self.config["cameras"] = [
            {
                "id": f"camera-{view}",
                "view": view,
                "driver": "replay",
                "path": str(folder / "bench" / "cameras" / view),
                "fps": FPS,
            }
            for view in self.views
        ]
        self.config["model"] = {"bundle": str(ROOT / "models" / "bundles" / "default")}
        self.config["capture"] = {"retakes": 0}
        self._goods = goods(self.views)
        self.lay(next(self._goods))

    def lay(self, thing: Goods) -> None:
        """Put ``thing`` under the cameras."""
        for view, picture in thing.pictures.items():
            self.bench.show(view, picture)

    def next_goods(self) -> Goods:
        """The next thing lies under the cameras, and they have seen it."""
        thing = next(self._goods)
        self.lay(thing)
        time.sleep(PUT_S)
        return thing

    def scan_goods(self, thing: Goods, number: int) -> float:
        """Scan it; returns the moment by this process's clock, in milliseconds."""
        at = time.perf_counter() * 1e3
        self.scan(gs1(f"S{number:07d}", thing.gtin))
        return at


def goods(views: tuple[str, ...]) -> Iterator[Goods]:
    """The committed renders, again and again."""
    found: dict[str, Goods] = {}
    with (DEMO / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            item = found.setdefault(row["item"], Goods(row["gtin"], {}))
            item.pictures[row["view"]] = DEMO / row["file"]
    whole = [
        Goods(one.gtin, dict(zip(views, cycle(one.pictures[view] for view in ("top", "front")), strict=False)))
        for one in found.values()
    ]
    return cycle(whole)


class Watched:
    """A page of the station that remembers what was painted, and when."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.add_init_script(WATCH)
        page.goto(url)
        ask_until(page, "window.__sequence?.() > 0")
        self.offset_ms = self._offset()

    def _offset(self) -> float:
        """The page's clock less ours, by the quickest of 20 questions; known to half its time."""
        found = []
        for _ in range(20):
            before = time.perf_counter() * 1e3
            there = float(self.page.evaluate("performance.now()"))
            after = time.perf_counter() * 1e3
            found.append((after - before, there - (before + after) / 2))
        return min(found)[1]

    def drift_ms(self) -> float:
        """How far the clocks have gone apart since the page was opened."""
        return self._offset() - self.offset_ms

    def sequence(self) -> int:
        """Of the snapshot that is shown."""
        return int(self.page.evaluate("window.__sequence()"))

    def until(self, kind: str, *states: str, after: int) -> dict[str, Any]:
        """The first painted panel (or, ``pictures``: panel with all its pictures) in one of the states."""
        asked = "([kind, states, after]) => window.__until(kind, states, after)"
        entry: dict[str, Any] = self.page.evaluate(asked, [kind, list(states), after])
        return entry

    def seen(self) -> list[dict[str, Any]]:
        """What was painted since this was asked last."""
        entries: list[dict[str, Any]] = self.page.evaluate("window.__seen()")
        return entries


def ask_until(page: Page, expression: str) -> Any:
    """Ask the page until it says something true; its own policy forbids Playwright to wait inside it."""
    return wait_until(lambda: page.evaluate(expression), what=expression)


@contextmanager
def browser(playwright: Playwright, path: str | None) -> Iterator[Browser]:
    """Chromium."""
    if path is None:
        raise SystemExit("there is no Chromium; set CHROMIUM to its path")
    started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
    try:
        yield started
    finally:
        started.close()


def load_now() -> str:
    """What else the machine does: the load of the last minute."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def memory_mb(pid: int) -> float:
    """Memory of a process that is backed by no file (``RssAnon``)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024 / 1e6
