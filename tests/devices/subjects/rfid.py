"""RFID readers under test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devices.rfid import m100
from devices.rfid.simulator import SimulatedReader
from inspection.reading import TagReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import Subject, build

EPC = "3074257BF7194E4000001A85"


def reader(folder: Path, dialect: m100.Dialect = m100.BB_7E, **options: object) -> Subject:
    simulator = SimulatedReader(folder / "port", dialect=dialect)
    simulator.place_tags([EPC])
    config = {"driver": "rfid.m100", "port": str(folder / "port"), "report_ms": 50, "poll_ms": 20}
    frame = {"header": dialect.header, "end": dialect.end}
    device = build(**{**config, "frame": frame, **options})

    def prove(inbox: Inbox) -> None:
        inbox.wait(TagReading, lambda reading: reading.epc == EPC, since=inbox.mark())

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "rfid.m100 polled": reader,
    "rfid.m100 continuous": lambda folder: reader(folder, mode="continuous"),
    "rfid.m100 AA..DD, power and region set": lambda folder: reader(
        folder, m100.AA_DD, power_dbm=15.5, region="europe"
    ),
}
