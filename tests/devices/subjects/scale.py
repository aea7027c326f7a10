"""Scales under test."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path

from devices.scale.simulator import SimulatedScale
from inspection.reading import WeightReading
from tests.devices.conftest import Inbox
from tests.devices.subjects.subject import Subject, build


def scale(folder: Path, driver: str, voice: str, **options: object) -> Subject:
    simulator = SimulatedScale(folder / "port", voice, streams=options.get("mode") == "stream")
    simulator.settle_s = 0.05
    device = build(driver=driver, port=str(folder / "port"), **{"poll_ms": 50, **options})

    def prove(inbox: Inbox) -> None:
        since = inbox.mark()
        grams = Decimal(200 + since % 1000)
        simulator.place(grams)
        inbox.wait(WeightReading, lambda reading: reading.stable and reading.grams == grams, since=since)

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {
    "scale.mt_sics": partial(scale, driver="scale.mt_sics", voice="mt_sics"),
    "scale.and": partial(scale, driver="scale.and", voice="and"),
    "scale.cas": partial(scale, driver="scale.cas", voice="cas"),
    "scale.cas 18 bytes, streaming": partial(scale, driver="scale.cas", voice="cas 18", mode="stream"),
    "scale.ohaus streaming": partial(scale, driver="scale.ohaus", voice="ohaus", mode="stream"),
}
