"""Shows what devices say, as they say it: one line a reading, and how every device is doing."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from devices.base import Device, DeviceEvent
from devices.camera.base import Camera
from devices.tools.words import event_words, reading_words
from inspection.reading import Reading, TagReading, WeightReading

REFRESH_S = 0.25
AGAIN_NS = 2_000_000_000


class Notes(Protocol):
    """Takes what the monitor saw beside the raw bytes; a recording does."""

    def note(self, text: str) -> None: ...


@dataclass
class Monitor:
    """Runs devices and prints what they say until `stop`.

    Attributes:
        devices: not started; the monitor starts and stops them.
        cameras: the same; their frame rate and age are shown.
        console: where to print; on a terminal a table of all devices stays below the lines.
        notes: is told every line too.
    """

    devices: Sequence[Device]
    cameras: Sequence[Camera]
    console: Console
    notes: Notes | None = None
    counts: Counter[str] = field(default_factory=Counter)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _said: dict[tuple[str, object], int] = field(default_factory=dict)

    def run(self, seconds: float | None = None) -> None:
        """Show everything until `stop`, or for so many seconds."""
        started: list[Device] = []
        try:
            for device in [*self.devices, *self.cameras]:
                device.start(self._take)
                started.append(device)
            if self.console.is_terminal:
                self._show_live(seconds)
            else:
                self._stopping.wait(seconds)
        finally:
            for device in started:
                device.stop()

    def stop(self) -> None:
        """End `run`; from any thread or signal handler."""
        self._stopping.set()

    def table(self) -> Table:
        """How every device is doing now."""
        table = Table(box=None, padding=(0, 2), header_style="bold")
        for title in ("device", "kind", "state", "readings", "since", "detail"):
            table.add_column(title, overflow="fold")
        for device in [*self.devices, *self.cameras]:
            status = device.status
            state = Text("connected", "green") if status.connected else Text("NOT THERE", "bold red")
            readings = self._frames(device) if isinstance(device, Camera) else str(self.counts[device.device_id])
            since = status.since.astimezone().strftime("%H:%M:%S")
            table.add_row(device.device_id, status.kind, state, readings, since, Text(status.detail))
        return table

    def _show_live(self, seconds: float | None) -> None:
        with Live(self.table(), console=self.console, auto_refresh=False) as live:
            left = seconds
            while not self._stopping.wait(REFRESH_S) and (left is None or left > 0):
                left = None if left is None else left - REFRESH_S
                live.update(self.table(), refresh=True)

    def _frames(self, camera: Camera) -> str:
        try:
            frame = camera.latest()
        except Exception as error:  # noqa: BLE001  whatever is wrong with a camera is what a monitor is to show
            return f"no frame: {error}"
        return f"frame {frame.sequence}, {frame.width} x {frame.height}"

    def _take(self, message: Reading | DeviceEvent) -> None:
        self.counts[message.device_id] += isinstance(message, Reading)
        if isinstance(message, Reading) and self._said_before(message):
            return
        words = reading_words(message) if isinstance(message, Reading) else event_words(message)
        style = "" if isinstance(message, Reading) else ("green" if message.connected else "bold red")
        line = f"{_clock(message.at)}  {message.device_id:<12} {words}"
        self.console.print(Text(line, style), soft_wrap=True)
        if self.notes is not None:
            self.notes.note(f"{message.device_id}: {words}")

    def _said_before(self, reading: Reading) -> bool:
        """Whether this device said the same a moment ago; what lies on a table is said again and again."""
        match reading:
            case TagReading():
                said: object = reading.epc
            case WeightReading():
                said = (reading.grams, reading.stable)
            case _:
                return False
        before, self._said[reading.device_id, said] = self._said.get((reading.device_id, said)), reading.monotonic_ns
        self._said = {what: ns for what, ns in self._said.items() if reading.monotonic_ns - ns < AGAIN_NS}
        return before is not None and reading.monotonic_ns - before < AGAIN_NS


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03d}"
