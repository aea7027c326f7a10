"""RFID readers under test; each protocol adds an entry for every mode it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devices.rfid import m100
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.simulator import SimulatedReader
from inspection.reading import TagReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import Subject, build

EPC = "3074257BF7194E4000001A85"


def reader(simulator: SimulatedReader, driver: str, **options: object) -> Subject:
    """The driver at work with a simulator that has one tag before it."""
    simulator.place_tags([EPC])
    config = {"driver": driver, "port": simulator.address, "report_ms": 50, "poll_ms": 20}
    device = build(**{**config, **options})

    def prove(inbox: Inbox) -> None:
        inbox.wait(TagReading, lambda reading: reading.epc == EPC, since=inbox.mark())

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def m100_reader(folder: Path, dialect: m100.Dialect = m100.BB_7E, **options: object) -> Subject:
    frame = {"header": dialect.header, "end": dialect.end}
    return reader(SimulatedM100(folder / "port", dialect=dialect), "rfid.m100", frame=frame, **options)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "rfid.m100 polled": m100_reader,
    "rfid.m100 continuous": lambda folder: m100_reader(folder, mode="continuous"),
    "rfid.m100 AA..DD, power and region set": lambda folder: m100_reader(
        folder, m100.AA_DD, power_dbm=15.5, region="europe"
    ),
}
