"""A device under test with the hands that plug it, and how it is made of its configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from devices.base import Device
from devices.config import DeviceConfig
from tests.devices.conftest import Inbox

_DEVICE: TypeAdapter[Any] = TypeAdapter(DeviceConfig)


@dataclass
class Subject:
    """A device under test and the hands that plug it.

    Attributes:
        device: the driver, not started.
        unplug: takes the device away.
        replug: gives it back.
        prove: makes the device say something and waits until it arrived.
        close: ends the simulated world.
    """

    device: Device
    unplug: Callable[[], None]
    replug: Callable[[], None]
    prove: Callable[[Inbox], None]
    close: Callable[[], None]


def build(**config: object) -> Device:
    """The driver that the configuration of a device called ``dut`` describes."""
    device: Device = _DEVICE.validate_python({"id": "dut", **config}).build()
    return device
