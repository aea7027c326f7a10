"""What each device said last: for a technician who scans a code or lays a tag down and wants to see it arrive."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from devices.tools.words import shown
from inspection.reading import BarcodeReading, Reading, TagReading, WeightReading

MAX_VALUE = 120


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest reading of a device.

    Attributes:
        kind: ``barcode``, ``tag`` or ``weight``.
        value: the code, the EPC or the weight with its unit; empty for a weight out of range.
        signal_dbm, antenna: of a tag, where its reader tells.
        stable: of a weight.
        neighbour: why a tag is another table's; empty for one of this table.
        count: readings of this device since the station started.
    """

    kind: str
    value: str
    at: datetime
    monotonic_ns: int
    signal_dbm: float | None = None
    antenna: int | None = None
    stable: bool | None = None
    neighbour: str = ""
    count: int = 1

    def as_json(self, now_ns: int | None = None) -> dict[str, Any]:
        """With the reading's age in seconds."""
        age_ns = (time.monotonic_ns() if now_ns is None else now_ns) - self.monotonic_ns
        return {
            "kind": self.kind,
            "value": self.value,
            "at": self.at.isoformat(),
            "age_s": round(max(0, age_ns) / 1e9, 1),
            "signal_dbm": self.signal_dbm,
            "antenna": self.antenna,
            "stable": self.stable,
            "neighbour": self.neighbour,
            "count": self.count,
        }


class LastHeard:
    """The newest reading of every device; told from the devices' threads, asked from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, Heard] = {}

    def hear(self, reading: Reading) -> None:
        with self._lock:
            before = self._newest.get(reading.device_id)
            self._newest[reading.device_id] = heard(reading, 1 if before is None else before.count + 1)

    def of(self, device_id: str) -> Heard | None:
        with self._lock:
            return self._newest.get(device_id)


def heard(reading: Reading, count: int = 1) -> Heard:
    """A reading as it is shown."""
    match reading:
        case TagReading():
            return Heard(
                "tag",
                reading.epc[:MAX_VALUE],
                reading.at,
                reading.monotonic_ns,
                signal_dbm=reading.rssi_dbm,
                antenna=reading.antenna,
                neighbour=reading.neighbour or "",
                count=count,
            )
        case WeightReading():
            value = "" if reading.grams is None else f"{reading.grams.normalize():f} g"
            return Heard("weight", value, reading.at, reading.monotonic_ns, stable=reading.stable, count=count)
        case BarcodeReading():
            return Heard("barcode", shown(reading.text)[:MAX_VALUE], reading.at, reading.monotonic_ns, count=count)
        case _:
            return Heard("bytes", reading.raw[:20].hex(), reading.at, reading.monotonic_ns, count=count)
