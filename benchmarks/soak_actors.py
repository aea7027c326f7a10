"""The devices of the soak: each with its simulator, what can be shown to it, and the faults its line can have."""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from pydantic import TypeAdapter

from devices.barcode.simulator import SimulatedScanner
from devices.barcode.ssi_simulator import SimulatedSsiScanner
from devices.base import Device, DeviceStatus, Emit
from devices.camera.base import Camera
from devices.camera.rig import SetFailed, capture_set
from devices.camera.simulator import SimulatedCamera
from devices.config import CameraConfig, DeviceConfig
from devices.rfid.chafon_forms import Dialect
from devices.rfid.chafon_simulator import SimulatedChafon
from devices.rfid.llrp_simulator import SimulatedLlrp
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.mercury_simulator import SimulatedMercury
from devices.rfid.r2000_simulator import SimulatedR2000
from devices.rfid.simulator import SimulatedReader
from devices.scale.simulator import SimulatedScale
from inspection.reading import BarcodeReading, Reading, TagReading, WeightReading

_DEVICE: TypeAdapter[Any] = TypeAdapter(DeviceConfig)
_CAMERA: TypeAdapter[Any] = TypeAdapter(CameraConfig)
SLOW_S = 0.05
LOOK_S = 0.05
CAPTURE_S = 0.5

CHECKED = ("stuck", "slow", "noise", "wrong_checksum", "split", "glue", "glitch", "reset")
"""Faults that a protocol with checksums must see through."""
WHOLE_LINES = ("stuck", "slow", "noise", "split", "glue", "glitch", "reset")
"""Faults that a protocol of text lines must see through; a digit that was changed into another shows nowhere."""
CAMERA_FAULTS = ("stall", "frozen", "black", "green", "torn", "truncated", "slow", "disconnect")
UNCHECKED = ("stuck", "slow", "split", "glue")
"""Faults that a protocol without any form must see through; noise on its line is a scan."""


class Simulated(Protocol):
    """What every simulator offers."""

    def unplug(self) -> None: ...

    def replug(self) -> None: ...

    def close(self) -> None: ...


class Actor(ABC):
    """One device with its simulator.

    Attributes:
        initial: what is shown from the start; ``None`` for nothing.
    """

    initial: str | None = None

    def __init__(self, name: str, device: Device, simulated: Simulated, faults: Sequence[str], seed: int) -> None:
        self.name = name
        self.device = device
        self.faults = faults
        self.simulated = simulated
        self.random = random.Random(f"{seed}/{name}/values")  # noqa: S311

    @abstractmethod
    def next_value(self) -> str:
        """Something that was not shown before."""

    @abstractmethod
    def show(self, value: str) -> None:
        """Show it to the device, from now on."""

    @abstractmethod
    def value(self, reading: Reading) -> str | None:
        """What a reading says was shown; ``None`` for one that says nothing."""

    def switch(self, fault: str, *, on: bool) -> None:
        """Turn a fault on or off."""
        switches: Any = self.simulated.faults  # type: ignore[attr-defined]
        if fault == "slow":
            switches.slow_s = SLOW_S if on else 0.0
        else:
            setattr(switches, fault, on)

    def unplug(self) -> None:
        self.simulated.unplug()

    def replug(self) -> None:
        self.simulated.replug()

    def close(self) -> None:
        self.simulated.close()


class ScannerActor(Actor):
    """Shows bar codes."""

    def next_value(self) -> str:
        return f"RMA-{self.random.randrange(10**12):012d}"

    def show(self, value: str) -> None:
        self.simulated.scan(value)  # type: ignore[attr-defined]

    def value(self, reading: Reading) -> str | None:
        return reading.text if isinstance(reading, BarcodeReading) else None


SECOND_TAG = "3034257BF7194E4000001A85"


class ReaderActor(Actor):
    """Puts one tag on the table, or two while that is the fault."""

    _last = SECOND_TAG

    def next_value(self) -> str:
        return f"30{self.random.getrandbits(88):022X}"

    def show(self, value: str) -> None:
        assert isinstance(self.simulated, SimulatedReader)
        self._last = value
        self.simulated.place_tags([value])

    def switch(self, fault: str, *, on: bool) -> None:
        if fault != "second tag":
            super().switch(fault, on=on)
            return
        assert isinstance(self.simulated, SimulatedReader)
        self.simulated.place_tags([self._last, SECOND_TAG] if on else [self._last])

    def value(self, reading: Reading) -> str | None:
        if not isinstance(reading, TagReading) or reading.neighbour is not None or reading.epc == SECOND_TAG:
            return None
        return reading.epc


class ScaleActor(Actor):
    """Puts weights on a scale; while the load drifts, no weight is right or wrong."""

    drifting = False

    def next_value(self) -> str:
        return str(self.random.randrange(1, 6000))

    def show(self, value: str) -> None:
        assert isinstance(self.simulated, SimulatedScale)
        self.simulated.place(Decimal(value))

    def switch(self, fault: str, *, on: bool) -> None:
        if fault != "drift":
            super().switch(fault, on=on)
            return
        assert isinstance(self.simulated, SimulatedScale)
        self.drifting = on
        self.simulated.drift_g_per_s = 5.0 if on else 0.0

    def value(self, reading: Reading) -> str | None:
        if not isinstance(reading, WeightReading) or not reading.stable or reading.grams is None or self.drifting:
            return None
        return f"{reading.grams.normalize():f}"


@dataclass(frozen=True, slots=True)
class Seen(Reading):
    """What a frame that was captured of a camera shows."""

    number: str


class WatchedCamera:
    """A camera of which set after set is captured, as for a verdict, so that it has readings as the others have."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def device_id(self) -> str:
        return self._camera.device_id

    @property
    def status(self) -> DeviceStatus:
        return self._camera.status

    def start(self, emit: Emit) -> None:
        self._camera.start(emit)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, args=(emit, self._stopping), name="look", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._camera.stop()

    def _look(self, emit: Emit, stopping: threading.Event) -> None:
        while not stopping.wait(LOOK_S):
            try:
                taken = capture_set([self._camera], time.monotonic_ns(), CAPTURE_S)
            except SetFailed:
                continue
            (frame,) = taken.frames.values()
            emit(Seen(self.device_id, b"", datetime.now(UTC), time.monotonic_ns(), _number(frame.pixels)))


BITS, CELL = 6, 40
_GRAIN = cv2.GaussianBlur(np.random.default_rng(1).normal(0, 60, (120, BITS * CELL)), (0, 0), 1.5)


def _scene(number: int) -> np.ndarray:
    """A picture of stripes that say ``number``, with the grain that every surface has."""
    scene = np.full((120, BITS * CELL, 3), 60.0)
    for bit in range(BITS):
        if number >> bit & 1:
            scene[:, bit * CELL : (bit + 1) * CELL] = 180
    return np.clip(scene + _GRAIN[..., None], 0, 255).astype(np.uint8)


def _number(pixels: np.ndarray) -> str:
    middles = [pixels[:, bit * CELL + 10 : bit * CELL + 30].mean(axis=(1, 2)) for bit in range(BITS)]
    whole = all(float(rows.max() - rows.min()) < CELL for rows in middles)
    return str(sum((float(rows.mean()) > 120) << bit for bit, rows in enumerate(middles))) if whole else "torn"


class CameraActor(Actor):
    """Shows pictures of numbers to a network camera."""

    initial = "0"
    _before = 0

    def next_value(self) -> str:
        self._before = (self._before + self.random.randrange(1, 2**BITS)) % 2**BITS
        return str(self._before)

    def show(self, value: str) -> None:
        assert isinstance(self.simulated, SimulatedCamera)
        self.simulated.show(_scene(int(value)))

    def value(self, reading: Reading) -> str | None:
        return reading.number if isinstance(reading, Seen) else None


def all_actors(folder: Path, seed: int, only: Sequence[str] | None = None) -> list[Actor]:
    """One actor of every kind and protocol, or those named; ports are made in ``folder``."""

    def device(driver: str, name: str, **options: object) -> Device:
        made: Device = _DEVICE.validate_python(
            {"id": name, "driver": driver, "port": str(folder / name), **options}
        ).build()
        return made

    def reader(name: str, simulated: SimulatedReader, **options: object) -> Actor:
        made = device(f"rfid.{name}", name, **{"port": simulated.address, "report_ms": 100, **options})
        simulated.place_tags([SECOND_TAG])
        return ReaderActor(name, made, simulated, (*CHECKED, "second tag"), seed)

    def scanner() -> Actor:
        simulated = SimulatedScanner(folder / "scanner")
        return ScannerActor("scanner", device("barcode.serial", "scanner"), simulated, UNCHECKED, seed)

    def ssi() -> Actor:
        return ScannerActor("ssi", device("barcode.ssi", "ssi"), SimulatedSsiScanner(folder / "ssi"), CHECKED, seed)

    def scale() -> Actor:
        simulated = SimulatedScale(folder / "scale", "mt_sics")
        return ScaleActor("scale", device("scale.mt_sics", "scale"), simulated, (*WHOLE_LINES, "drift"), seed)

    def camera() -> Actor:
        simulated = SimulatedCamera(_scene(0), fps=15, seed=seed)
        config = {"id": "camera", "view": "top", "driver": "opencv", "url": simulated.url}
        watched = WatchedCamera(_CAMERA.validate_python(config).build())
        return CameraActor("camera", watched, simulated, CAMERA_FAULTS, seed)

    make: dict[str, Callable[[], Actor]] = {
        "scanner": scanner,
        "ssi": ssi,
        "m100": lambda: reader("m100", SimulatedM100(folder / "m100")),
        "mercury": lambda: reader("mercury", SimulatedMercury(folder / "mercury"), mode="continuous"),
        "r2000": lambda: reader("r2000", SimulatedR2000(folder / "r2000")),
        "uhf288": lambda: reader("uhf288", SimulatedChafon(folder / "uhf288", dialect=Dialect.UHF288)),
        "llrp": lambda: reader("llrp", SimulatedLlrp()),
        "scale": scale,
        "camera": camera,
    }
    return [build() for name, build in make.items() if only is None or name in only]
