"""Thirty items by keyboard alone, with a stop-watch: seconds for each, and how many of them the station takes.

    python -m benchmarks.station_keyboard --items 30 [--shots DIR]

The real station with the default bundle and the guide's questions, the page in Chromium, a scanner that types, and a
scripted worker who knows the screen: a second to look at a verdict or question, 0.4 s for each further key. Every third
item is decided otherwise with a reason, every fifth decision is taken back and made again, phones bring questions. The
station's own seconds are those in which the worker can only wait; what a person's hands do with the goods is not in it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.station_workplace import SETTLED, SIZE, Watched, Workplace, browser, load_now
from tests.station.rig import ROOT, gs1, wait_until
from tests.station.test_screen import CHROMIUM

LOOK_S, KEY_S = 1.0, 0.4
BURST = """(text) => {
  for (const key of [...text, "Enter"]) {
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  }
}"""
"""What a scanner types, in one go: a busy machine would stretch keys that come one by one."""
OTHERWISE, TAKEN_BACK = 3, 5


@dataclass
class Worker:
    """Works by keys, and keeps the times.

    Attributes:
        kinds: what was done with each item: plain, questions, override, undo.
        total_s, waited_s: of each item, from its scan to its decision.
        keys: pressed for each item, the scan not counted.
    """

    watched: Watched
    shots: Path | None = None
    kinds: list[str] = field(default_factory=list)
    total_s: list[float] = field(default_factory=list)
    waited_s: list[float] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    _spent_s: float = 0.0
    _pressed: int = 0

    @property
    def page(self) -> Page:
        return self.watched.page

    def work(self, number: int, gtin: str) -> None:
        """One item, from its scan to its decision."""
        began, self._spent_s, self._pressed = time.monotonic(), 0.0, 0
        before, done = self.watched.sequence(), []
        self.page.evaluate(BURST, gs1(f"K{number:05d}", gtin))
        self.watched.until("panel", "judged", after=before)
        if self._answer():
            done.append("questions")
        if number % OTHERWISE == 0:
            self._otherwise()
            done.append("override")
        else:
            self._decide("Enter")
        if number % TAKEN_BACK == 0:
            self._decide("u", "judged")
            self._answer()
            self._decide("Enter")
            done.append("undo")
        total = time.monotonic() - began
        self.kinds.append(" + ".join(done) or "plain")
        self.total_s.append(total)
        self.waited_s.append(total - self._spent_s)
        self.keys.append(self._pressed)
        self._shoot(f"{number:02d}-{'-'.join(done) or 'plain'}")

    def _answer(self) -> bool:
        """Whatever is asked, the first answer is true."""
        asked = 0
        self._spend(LOOK_S)
        while self._shows("asking"):
            sequence = self.watched.sequence()
            self._press("1")
            self.watched.until("panel", "judged", after=sequence)
            time.sleep(0.45)  # the page takes no second digit at once, and nobody reads so fast
            self._spent_s += 0.45
            asked += 1
        return asked > 0

    def _otherwise(self) -> None:
        """Another disposition than the one that is shown, and the first reason."""
        verdict = self.page.locator("#verdict").get_attribute("data-disposition")
        sequence = self.watched.sequence()
        self._press("2" if verdict != "repair" else "1")
        self.watched.until("panel", "judged", after=sequence)
        self._spend(KEY_S)
        self._decide("7")

    def _decide(self, key: str, *states: str) -> None:
        sequence = self.watched.sequence()
        self._press(key)
        self.watched.until("panel", *(states or SETTLED), after=sequence)

    def _press(self, key: str) -> None:
        self._spend(KEY_S)
        self._pressed += 1
        self.page.keyboard.press(key)

    def _spend(self, seconds: float) -> None:
        time.sleep(seconds)
        self._spent_s += seconds

    def _shows(self, name: str) -> bool:
        return bool(self.page.evaluate(f"document.getElementById('station').dataset.{name} ?? ''"))

    def _shoot(self, name: str) -> None:
        if self.shots is not None:
            self.page.screenshot(path=self.shots / f"{name}.png")


def main(
    items: Annotated[int, typer.Option(min=1, help="Items.")] = 30,
    shots: Annotated[Path | None, typer.Option(help="Folder for a picture of the screen after each item.")] = None,
) -> None:
    """Print the table."""
    console = Console(width=120)
    console.print(f"load before: {load_now()}")
    with (
        sync_playwright() as playwright,
        browser(playwright, CHROMIUM) as chromium,
        tempfile.TemporaryDirectory(prefix="keyboard-") as folder,
        Workplace(Path(folder)) as place,
    ):
        place.config["devices"].append({"id": "keyboard", "driver": "barcode.keyboard"})
        place.config["guide"] = str(ROOT / "configs" / "guide.yaml")
        place.config["session"] = {"undo_ms": 1500}
        place.start()
        context = chromium.new_context(viewport=SIZE, locale="en-US")
        worker = Worker(Watched(context.new_page(), place.url), shots)
        began = time.monotonic()
        for number in range(1, items + 1):
            worker.work(number, place.next_goods().gtin)
        whole_s = time.monotonic() - began
        wait_until(lambda: place.state()["queue"]["waiting"] == 0, what="the last report")
        reported = len(place.hub.reports)
        context.close()
    console.print(_table(worker))
    console.print(f"{items} items in {whole_s:.0f} s: {3600 * items / whole_s:.0f} an hour; {reported} reports arrived")
    console.print(f"load after: {load_now()}")


def _table(worker: Worker) -> Table:
    table = Table(title="Seconds for an item by keyboard alone, medians")
    for column in ("", "items", "seconds", "worst", "of them waiting", "keys"):
        table.add_column(column, justify="left" if not column else "right")
    for kind, count in (*Counter(worker.kinds).most_common(), ("all", len(worker.kinds))):
        mine = [place for place, one in enumerate(worker.kinds) if kind in (one, "all")]
        totals, waits, keys = ([of[place] for place in mine] for of in (worker.total_s, worker.waited_s, worker.keys))
        numbers = (statistics.median(totals), max(totals), statistics.median(waits))
        table.add_row(kind, str(count), *(f"{each:.2f}" for each in numbers), f"{statistics.median(keys):.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
