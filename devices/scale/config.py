"""How scales are described in a configuration file, and made of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from devices.base import Device
from devices.scale import a_and_d, cas, mt_sics, ohaus
from devices.scale.dialog import Dialog
from devices.scale.driver import Scale, ScaleSettings, Sending
from devices.sections import SerialConfig


class ScaleConfig(SerialConfig):
    """What all scales have in common; most leave the factory with 9600 baud."""

    baudrate: int = Field(9600, ge=300, le=4_000_000)
    mode: Literal["poll", "stream"] = Field("poll", description="Whether it is asked, or sends by itself.")
    poll_ms: int = Field(100, ge=50, le=1000, description="Time between two questions.")

    def dialog(self) -> Dialog:
        """The protocol."""
        raise NotImplementedError

    def build(self) -> Device:
        """The driver, not started."""
        settings = ScaleSettings(Sending(self.mode), self.poll_ms)
        return Scale(self.id, self.port_settings(), self.dialog(), settings)


class MtSicsScaleConfig(ScaleConfig):
    """A Mettler-Toledo balance or scale, and others that speak MT-SICS."""

    driver: Literal["scale.mt_sics"]

    def dialog(self) -> Dialog:
        return mt_sics.DIALOG


class AAndDScaleConfig(ScaleConfig):
    """A balance or indicator of A&D; leaves the factory with 7 data bits and even parity."""

    driver: Literal["scale.and"]

    def dialog(self) -> Dialog:
        return a_and_d.DIALOG


class CasScaleConfig(ScaleConfig):
    """A CAS indicator with the 18- or 22-byte format."""

    driver: Literal["scale.cas"]
    device_number: int = Field(1, ge=0, le=99, description="Number set on the indicator; it obeys no other.")

    def dialog(self) -> Dialog:
        return cas.dialog(self.device_number)


class OhausScaleConfig(ScaleConfig):
    """An OHAUS Defender indicator, and balances with its print format."""

    driver: Literal["scale.ohaus"]

    def dialog(self) -> Dialog:
        return ohaus.DIALOG


ScaleKinds = Annotated[
    MtSicsScaleConfig | AAndDScaleConfig | CasScaleConfig | OhausScaleConfig, Field(discriminator="driver")
]
"""Every driver of this kind."""
