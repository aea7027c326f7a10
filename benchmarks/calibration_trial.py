"""How long a person without training takes to calibrate one view at the station's page, and how often they press.

    python -m benchmarks.calibration_trial [--hand-s 3] [--shots DIR]

The real page in Chromium, the real station as a process of its own, and a simulated camera that shows what the person
does: the person reads the page and does what it says, nothing else. Each new place of a board or sheet takes ``hand_s``
seconds, reading a sentence and pressing a button one; all the rest is the station's own time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console
from rich.table import Table

from calibration.targets import Target, make_target
from inspection.frame import Pixels
from inspection.station.web.calibration_words import PLACES
from tests.calibration.scenes import Camera, look_at, photograph
from tests.station.rig import Rig
from tests.station.test_calibration_page import CHROMIUM

SIZE = (1280, 720)
CAMERA = Camera.of(1090.0, (-0.12, 0.03, 0.0005, -0.0005, 0.0), SIZE)
READ_S = 1.0
SHADE = 0.2
TILTS = [(-28, 5), (28, -5), (5, 28), (-5, -28), (22, 22), (-22, 22), (22, -22), (-22, -22), (0, 32), (32, 0)]
ACROSS, DOWN = {"left": -1, "centre": 0, "right": 1}, {"top": -1, "middle": 0, "bottom": 1}
SOLVE_MS = 60_000


class Person:
    """Does what the page says, with a stop-watch."""

    def __init__(self, rig: Rig, page: Page, hand_s: float, shots: Path | None) -> None:
        self.rig, self.page, self.hand_s, self.shots = rig, page, hand_s, shots
        self.clicks = 0
        self.poses = 0
        self._pictures = rig.folder / "shown"
        self._pictures.mkdir()
        self._rng = np.random.default_rng(5)
        grain = cv2.GaussianBlur(self._rng.normal(0, 1, (SIZE[1], SIZE[0])), (0, 0), 1.6)
        self._table = (70 * (1 + 0.1 * grain / grain.std()))[:, :, None] * [1.05, 1.0, 0.95]

    def press(self, name: str) -> None:
        """Read, find the button, press it."""
        time.sleep(READ_S)
        self.page.get_by_role("button", name=name, exact=True).click(timeout=SOLVE_MS)
        self.clicks += 1

    def lay(self, target: Target | None, shift: tuple[float, float] = (0, 0), turn: float = 0) -> None:
        """Something flat on the table, ``None``: nothing."""
        began = time.monotonic()
        if target is None:
            self._show([self._empty() for _ in range(5)])
        else:
            self._show([self._on_table(target, look_at(target, 620.0, (4, 0), turn, shift))])
        self._rest(began)

    def sheet(self) -> None:
        began = time.monotonic()
        self._show([self._lit(np.full((SIZE[1], SIZE[0], 3), 215.0)) for _ in range(3)])
        self._rest(began)

    def hold(self, target: Target, place: str) -> None:
        """The board by hand where the page wants it, each time tilted otherwise."""
        began = time.monotonic()
        down, _, across = place.partition("-")
        shift = (95.0 * ACROSS.get(across, 0), 55.0 * DOWN.get(down, 0))
        tilt, turn = TILTS[self.poses % len(TILTS)], 90.0 + 8 * (self.poses % 5 - 2)
        self.poses += 1
        self._show([photograph(CAMERA, target, look_at(target, 330.0, tilt, turn, shift), seed=self.poses)])
        self._rest(began)

    def shot(self, name: str) -> None:
        if self.shots is not None:
            self.page.screenshot(path=self.shots / f"{name}.png")

    def _rest(self, began: float) -> None:
        time.sleep(max(0.0, self.hand_s - (time.monotonic() - began)))

    def _on_table(self, target: Target, pose: tuple[np.ndarray, np.ndarray]) -> Pixels:
        dark, light = (photograph(CAMERA, target, pose, table=level, noise=0.0, jpeg=None) for level in (0, 200))
        bare = (light.astype(int) - dark).max(axis=2, keepdims=True) / 200
        seen = dark + np.clip(bare, 0, 1) * self._shaded(self._table)
        return np.clip(np.rint(seen + self._rng.normal(0, 1.0, seen.shape)), 0, 255).astype(np.uint8)

    def _empty(self) -> Pixels:
        return self._lit(self._table)

    def _lit(self, scene: np.ndarray) -> Pixels:
        seen = self._shaded(scene) + self._rng.normal(0, 1.0, scene.shape)
        return np.clip(np.rint(seen), 0, 255).astype(np.uint8)

    def _shaded(self, scene: np.ndarray) -> np.ndarray:
        u, v = np.meshgrid(np.linspace(-1, 1, SIZE[0]), np.linspace(-1, 1, SIZE[1]))
        return scene * (0.92 * (1 - SHADE * (u**2 + v**2) / 2))[..., None]

    def _show(self, pictures: list[Pixels]) -> None:
        """Let the camera see these in turn, and no longer what it saw before."""
        folder = self.rig.folder / "bench" / "cameras" / "top"
        for number, pixels in enumerate(pictures):
            path = self._pictures / f"{number}.png"
            cv2.imwrite(str(path), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            fresh = folder / f".{number}.new"
            path.replace(fresh)
            fresh.replace(folder / f"{number}.png")
        for old in folder.iterdir():
            if old.name not in {f"{number}.png" for number in range(len(pictures))}:
                old.unlink()


def lens(person: Person, board: Target) -> None:
    person.press("Start")
    answer = person.page.locator("#answer")
    words = {text: place for place, text in PLACES.items()}
    place = "middle-centre"
    while True:
        person.hold(board, place)
        said = answer.inner_text()
        if "Enough" in said:
            break
        named = next((name for text, name in words.items() if text in said), None)
        place = named or list(PLACES)[person.poses % len(PLACES)]
        if person.poses == 6:
            person.shot("lens")
        if person.poses > 60:
            raise SystemExit(f"the lens does not come to an end: {said}")
    save(person, "lens")


def plane(person: Person, board: Target) -> None:
    for shift, turn in (((0.0, 0.0), 90.0), ((60.0, 25.0), 120.0), ((-60.0, -25.0), 60.0)):
        person.lay(board, shift, turn)
        take(person)
    save(person, "plane")


def flat(person: Person, _: Target) -> None:
    for _turn in range(2):
        person.sheet()
        take(person)
    save(person, "flat")


def colour(person: Person, chart: Target) -> None:
    for shift in ((0.0, 0.0), (15.0, 10.0)):
        person.lay(chart, shift, 90.0)
        take(person)
    save(person, "colour")


def light(person: Person) -> None:
    person.lay(None)
    take(person)
    save(person, "light")


def background(person: Person) -> None:
    expect(person.page.locator("#answer")).to_contain_text("Enough", timeout=SOLVE_MS)
    save(person, "background")


def check(person: Person, card: Target) -> None:
    person.lay(card, (0.0, 0.0), 90.0)
    expect(person.page.locator("#answer")).to_have_attribute("data-reason", "passed", timeout=SOLVE_MS)
    person.press("Keep as reference")
    expect(person.page.locator("#take")).not_to_have_class("next", timeout=SOLVE_MS)
    person.shot("check")


def take(person: Person) -> None:
    """Wait until the page says so, press, wait until it is counted."""
    count = person.page.locator("#count")
    before = int(count.inner_text())
    expect(person.page.locator("#take")).to_be_enabled(timeout=SOLVE_MS)
    person.press("Take")
    expect(count).not_to_have_text(str(before), timeout=SOLVE_MS)


def save(person: Person, part: str) -> None:
    person.press("Compute and save")
    expect(person.page.locator("#toast")).to_have_text("Saved.", timeout=SOLVE_MS)
    person.shot(f"saved-{part}")


def main(
    hand_s: Annotated[float, typer.Option(min=0, help="Seconds to bring a board or sheet to another place.")] = 3.0,
    shots: Annotated[Path | None, typer.Option(help="Folder for pictures of the page.")] = None,
) -> None:
    """Print seconds and presses of every step."""
    board, chart, card = make_target("charuco"), make_target("colour"), make_target("card")
    steps = {
        "lens": lambda person: lens(person, board),
        "plane": lambda person: plane(person, board),
        "flat": lambda person: flat(person, board),
        "colour": lambda person: colour(person, chart),
        "light": light,
        "background": background,
        "check": lambda person: check(person, card),
    }
    table = Table(title=f"One view, {SIZE[0]} x {SIZE[1]}, {hand_s:g} s a move of the hand")
    for column in ("step", "seconds", "presses"):
        table.add_column(column, justify="left" if column == "step" else "right")
    with tempfile.TemporaryDirectory(prefix="trial-") as folder, Rig(Path(folder)) as rig, sync_playwright() as play:
        rig.config["calibration"] = {}
        rig.config["cameras"] = rig.config["cameras"][:1]
        rig.start()
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        person = Person(rig, page, hand_s, shots)
        person.lay(None)
        page.goto(f"{rig.url}/calibration")
        begun, pressed = time.monotonic(), 0
        total = begun
        for name, step in steps.items():
            expect(page.locator("#desk")).to_have_attribute("data-part", name, timeout=SOLVE_MS)
            step(person)
            table.add_row(name, f"{time.monotonic() - begun:.0f}", str(person.clicks - pressed))
            begun, pressed = time.monotonic(), person.clicks
        table.add_row("all", f"{time.monotonic() - total:.0f}", str(person.clicks))
        browser.close()
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
