"""How stack lamps are described in a configuration file, and made of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from devices.base import Device
from devices.lamp.signals import MAX_BUZZER, TIERS, Meaning, Signal
from devices.lamp.stack_lamp import StackLamp
from devices.sections import Identifier, Section


class SignalConfig(Section):
    """How one meaning is shown."""

    tier: int = Field(ge=0, le=TIERS, description="1 is the top; 0 is none.")
    colour: str = Field("", max_length=20, description="Of the tier's unit, for people; the lamp is not asked.")
    flash: bool = False
    buzzer: int = Field(default=0, ge=0, le=MAX_BUZZER, description="Pattern; 0 is silence.")

    def signal(self) -> Signal:
        return Signal(self.tier, self.flash, self.buzzer)


def _usual() -> dict[Meaning, SignalConfig]:
    return {
        Meaning.SCRAP: SignalConfig(tier=1, colour="red"),
        Meaning.REPAIR: SignalConfig(tier=2, colour="amber"),
        Meaning.RESELL: SignalConfig(tier=3, colour="green"),
        Meaning.HOLD: SignalConfig(tier=4, colour="blue"),
        Meaning.FAULT: SignalConfig(tier=1, colour="red", flash=True, buzzer=1),
    }


class ModbusLampConfig(Section):
    """A PATLITE LA6-POE or WE-LAN stack lamp, or another with the same Modbus registers."""

    id: Identifier
    driver: Literal["lamp.modbus"]
    host: str = Field(min_length=1, max_length=255)
    port: int = Field(502, ge=1, le=65535)
    unit: int = Field(1, ge=0, le=255, description="Modbus device number.")
    signals: dict[Meaning, SignalConfig] = Field(default_factory=_usual)

    def build(self) -> Device:
        """The driver, not started."""
        signals = {meaning: signal.signal() for meaning, signal in self.signals.items()}
        return StackLamp(self.id, self.host, signals, port=self.port, unit=self.unit)


LampConfig = ModbusLampConfig
"""Every driver of this kind."""
