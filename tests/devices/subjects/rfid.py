"""RFID readers under test; each protocol adds an entry for every mode it has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from devices.rfid import m100
from devices.rfid.chafon_forms import Dialect
from devices.rfid.chafon_simulator import SimulatedChafon
from devices.rfid.llrp_simulator import SimulatedLlrp
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.mercury_simulator import SimulatedMercury
from devices.rfid.r2000_simulator import SimulatedR2000
from devices.rfid.reader import RfidReader
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
        inbox.wait(TagReading, lambda read: read.epc == EPC and read.neighbour is None, since=inbox.mark())

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def kill(reader: RfidReader) -> None:
    """End a driver as `kill -9` ends its program: the port is closed without a word."""
    reader.takes_leave = lambda monotonic_ns: False  # type: ignore[method-assign]  # noqa: ARG005
    reader.stop()


def m100_reader(folder: Path, dialect: m100.Dialect = m100.BB_7E, **options: object) -> Subject:
    frame = {"header": dialect.header, "end": dialect.end}
    return reader(SimulatedM100(folder / "port", dialect=dialect), "rfid.m100", frame=frame, **options)


def mercury_reader(folder: Path, **options: object) -> Subject:
    return reader(SimulatedMercury(folder / "port"), "rfid.mercury", **options)


def llrp_reader(_: Path, **options: object) -> Subject:
    return reader(SimulatedLlrp(), "rfid.llrp", **options)


def r2000_reader(folder: Path, **options: object) -> Subject:
    return reader(SimulatedR2000(folder / "port"), "rfid.r2000", **options)


def chafon_reader(folder: Path, dialect: Dialect, **options: object) -> Subject:
    return reader(SimulatedChafon(folder / "port", dialect=dialect), f"rfid.{dialect.value}", **options)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "rfid.m100 polled": m100_reader,
    "rfid.m100 continuous": lambda folder: m100_reader(folder, mode="continuous"),
    "rfid.m100 AA..DD, power and region set": lambda folder: m100_reader(
        folder, m100.AA_DD, power_dbm=15.5, region="europe"
    ),
    "rfid.r2000": r2000_reader,
    "rfid.r2000 two antennas, power and region set": lambda folder: r2000_reader(
        folder, antennas=(1, 2), power_dbm=20, region="europe", address=1
    ),
    "rfid.uhf18": lambda folder: chafon_reader(folder, Dialect.UHF18),
    "rfid.uhf288 two antennas, power and region set": lambda folder: chafon_reader(
        folder, Dialect.UHF288, antennas=(1, 2), power_dbm=20, region="europe", address=0
    ),
    "rfid.mercury polled": mercury_reader,
    "rfid.mercury continuous, power, region and antennas set": lambda folder: mercury_reader(
        folder, mode="continuous", power_dbm=20.0, region="us", antennas=[1, 2]
    ),
    "rfid.llrp polled": lambda folder: llrp_reader(folder, mode="poll"),
    "rfid.llrp continuous, power and antennas set": lambda folder: llrp_reader(folder, power_dbm=20.0, antennas=[1, 2]),
}
