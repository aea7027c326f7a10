"""Stack lamps under test."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from devices.lamp.signals import Meaning
from devices.lamp.simulator import SimulatedLamp
from devices.lamp.stack_lamp import StackLamp
from tests.devices.conftest import PATIENCE_S, Inbox
from tests.devices.subjects.subject import Subject, build


def lamp(folder: Path) -> Subject:
    simulator = SimulatedLamp()
    host, port = simulator.port.address
    device = build(driver="lamp.modbus", host=host, port=port)
    assert isinstance(device, StackLamp)

    def prove(_: Inbox) -> None:
        for meaning, states in ((Meaning.SCRAP, (1, 0, 0, 0, 0, 0)), (Meaning.RESELL, (0, 0, 1, 0, 0, 0))):
            device.show(meaning)
            shows(simulator, states)

    return Subject(device, simulator.unplug, simulator.replug, prove, simulator.close)


def shows(simulator: SimulatedLamp, states: tuple[int, ...], timeout_s: float = PATIENCE_S) -> None:
    """Wait until the lamp shows this."""
    until = time.monotonic() + timeout_s
    while simulator.shown != states:
        assert time.monotonic() < until, f"the lamp shows {simulator}"
        time.sleep(0.005)


SUBJECTS: dict[str, Callable[[Path], Subject]] = {"lamp.modbus": lamp}
