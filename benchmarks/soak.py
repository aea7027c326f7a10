"""Simulated devices of every kind under random faults: what they read wrong, what they lose after recovery, memory.

    python -m benchmarks.soak --minutes 30 --plot soak.png

Every device has a hand of its own that shows it things, breaks its line in random ways, unplugs it, heals it and then
asks for the next reading. A reading is wrong when it says what was not there at its time; it is lost when it was shown
to a healed device and did not come within five seconds.
"""

from __future__ import annotations

import gc
import os
import random
import tempfile
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import cv2
import structlog
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.soak_actors import Actor, all_actors
from devices.base import DeviceEvent
from inspection.reading import Reading

PATIENCE_S = 5.0
BACK_S = 2.0
LINGER_S = 3.0
SAMPLE_S = 1.0


@dataclass
class Hand:
    """Shows things to one device, breaks and heals it, and keeps the score."""

    actor: Actor
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    gone_s: list[float] = field(default_factory=list)
    fault: str = "none"
    _shown: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=64))
    _heard: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=4096))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.actor.initial is not None:
            self._shown.append((time.monotonic(), self.actor.initial))

    def emit(self, message: Reading | DeviceEvent) -> None:
        if isinstance(message, DeviceEvent):
            self.counts["came" if message.connected else "went"] += 1
            return
        value = self.actor.value(message)
        if value is None:
            return
        now = time.monotonic()
        with self._lock:
            self.counts["readings"] += 1
            self._heard.append((now, value))
            shown = list(self._shown)
            showing = [one for at, one in shown if now - at < LINGER_S] + [one for _, one in shown[-2:]]
            if value not in showing:
                before = next((f"{now - at:.1f} s before" for at, one in reversed(shown) if one == value), "never")
                told = f"{self.actor.name}: read {value}, which was shown {before}; there is {showing[-1]}"
                self.wrong.append(f"{told}; fault: {self.fault}")

    def work(self, stopping: threading.Event) -> None:
        self._wait_connected(stopping, 20)
        while not stopping.is_set():
            self.random.choice([self._plain, self._plain, self._faulty, self._unplugged])(stopping)

    def _plain(self, stopping: threading.Event) -> None:
        """What is shown to a healthy device is read."""
        began = time.monotonic()
        value = self._show()
        while not stopping.is_set():
            with self._lock:
                if any(at >= began and heard == value for at, heard in self._heard):
                    self.counts["asked"] += 1
                    return
            if time.monotonic() - began > PATIENCE_S:
                status = self.actor.device.status
                self.lost.append(f"{self.actor.name}: {value} not read; {self.fault}; {status.detail}")
                return
            stopping.wait(0.01)

    def _faulty(self, stopping: threading.Event) -> None:
        fault = self.random.choice(self.actor.faults)
        self.counts["faults"] += 1
        self.fault = fault
        self.actor.switch(fault, on=True)
        for _ in range(self.random.randint(1, 4)):
            self._show()
            stopping.wait(self.random.uniform(0.1, 0.8))
        self.actor.switch(fault, on=False)
        self.fault = f"after {fault}"
        self._recover(stopping)

    def _unplugged(self, stopping: threading.Event) -> None:
        self.counts["unplugs"] += 1
        self.fault = "unplugged"
        began = time.monotonic()
        self.actor.unplug()
        if self._wait(stopping, lambda: not self.actor.device.status.connected, 10):
            self.gone_s.append(time.monotonic() - began)
        stopping.wait(self.random.uniform(0.0, 2.0))
        began = time.monotonic()
        self.actor.replug()
        if self._wait(stopping, lambda: self.actor.device.status.connected, 20):
            self.back_s.append(time.monotonic() - began)
        self._recover(stopping)

    def _recover(self, stopping: threading.Event) -> None:
        """Give the device the time it may take to come back; from then on nothing may be lost."""
        self._wait_connected(stopping, 20)
        stopping.wait(BACK_S)
        self._wait_connected(stopping, 20)
        self.fault = f"healed, {self.fault}"
        self._plain(stopping)

    def _show(self) -> str:
        with self._lock:
            value = self.actor.next_value()
            self._shown.append((time.monotonic(), value))
        self.actor.show(value)
        return value

    def _wait_connected(self, stopping: threading.Event, seconds: float) -> None:
        if not self._wait(stopping, lambda: self.actor.device.status.connected, seconds) and not stopping.is_set():
            self.lost.append(f"{self.actor.name}: did not come back: {self.actor.device.status}")

    def _wait(self, stopping: threading.Event, until: object, seconds: float) -> bool:
        assert callable(until)
        end = time.monotonic() + seconds
        while not until():
            if stopping.wait(0.01) or time.monotonic() > end:
                return bool(until())
        return True


@dataclass
class Samples:
    """Memory, descriptors and threads of this process over the run."""

    at_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)

    def take(self, began: float) -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        self.at_s.append(time.monotonic() - began)
        self.rss_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        self.descriptors.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208
        self.threads.append(threading.active_count())


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long to go on.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Of faults and values.")] = 0,
    only: Annotated[list[str] | None, typer.Option(help="Only this device; may be given more than once.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of memory and descriptors over time.")] = None,
) -> None:
    """Run the soak and print its table; exit code 1 when a reading was wrong or lost."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # lost cameras are meant here
    console = Console(width=120)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        actors = all_actors(Path(folder), seed, only)
        hands = [Hand(actor, random.Random(f"{seed}/{actor.name}")) for actor in actors]  # noqa: S311
        samples = _run(hands, minutes * 60, console)
        for hand in hands:
            hand.actor.close()
    _print(hands, samples, console)
    if plot is not None:
        _plot(samples, hands, plot)
    if any(hand.wrong or hand.lost for hand in hands):
        raise typer.Exit(1)


def _run(hands: list[Hand], seconds: float, console: Console) -> Samples:
    stopping, samples, began = threading.Event(), Samples(), time.monotonic()
    for hand in hands:
        hand.actor.device.start(hand.emit)
    threads = [threading.Thread(target=hand.work, args=(stopping,), name=hand.actor.name) for hand in hands]
    for thread in threads:
        thread.start()
    try:
        while (now := time.monotonic() - began) < seconds:
            samples.take(began)
            if len(samples.at_s) % 30 == 0:
                readings = sum(hand.counts["readings"] for hand in hands)
                wrong, lost = (sum(len(getattr(hand, name)) for hand in hands) for name in ("wrong", "lost"))
                console.print(
                    f"{now:6.0f} of {seconds:.0f} s: {readings} readings, {wrong} wrong, {lost} lost; "
                    f"{samples.rss_mb[-1]:.0f} MB, {samples.descriptors[-1]} descriptors"
                )
            time.sleep(SAMPLE_S)
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)
        for hand in hands:
            hand.actor.device.stop()
        gc.collect()
        samples.take(began)
    return samples


def _print(hands: list[Hand], samples: Samples, console: Console) -> None:
    table = Table(title="Soak")
    columns = ("device", "readings", "asked", "faults", "unplugs", "wrong", "lost", "gone s max", "back s max")
    for column in columns:
        table.add_column(column, justify="left" if column == "device" else "right")
    for hand in hands:
        counts = hand.counts
        numbers = [
            counts["readings"],
            counts["asked"],
            counts["faults"],
            counts["unplugs"],
            len(hand.wrong),
            len(hand.lost),
        ]
        worst = [f"{max(times, default=0):.2f}" for times in (hand.gone_s, hand.back_s)]
        table.add_row(hand.actor.name, *map(str, numbers), *worst)
    console.print(table)
    quarter = max(1, len(samples.at_s) // 4)
    for name in ("rss_mb", "descriptors", "threads"):
        values = getattr(samples, name)[:-1] or getattr(samples, name)
        second, last = values[quarter : 2 * quarter] or values, values[-quarter:]
        console.print(f"{name}: mean of the second quarter {_mean(second):.1f}, of the last {_mean(last):.1f}")
    for hand in hands:
        for line in [*hand.wrong[:5], *hand.lost[:5]]:
            console.print(line, markup=False)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _plot(samples: Samples, hands: list[Hand], path: Path) -> None:
    import matplotlib as mpl  # noqa: PLC0415  comes with the training extra

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(3, 1, sharex=True, figsize=(9, 6), layout="constrained")
    minutes = [at / 60 for at in samples.at_s]
    for axis, name, title in zip(
        axes, ("rss_mb", "descriptors", "threads"), ("memory, MB", "descriptors", "threads"), strict=True
    ):
        axis.plot(minutes, getattr(samples, name), linewidth=0.8)
        axis.set_ylabel(title)
        axis.set_ylim(bottom=0)
        axis.grid(visible=True, alpha=0.3)
    axes[-1].set_xlabel("minutes")
    readings = sum(hand.counts["readings"] for hand in hands)
    faults = sum(hand.counts["faults"] + hand.counts["unplugs"] for hand in hands)
    wrong, lost = sum(len(hand.wrong) for hand in hands), sum(len(hand.lost) for hand in hands)
    figure.suptitle(f"{len(hands)} simulated devices, {faults} faults: {readings} readings, {wrong} wrong, {lost} lost")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    typer.run(main)
