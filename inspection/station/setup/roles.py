"""Which drivers there are for which role, and how a choice on the page becomes an entry of the configuration."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from devices.base import Device
from devices.config import DeviceConfig
from devices.rfid.config import RfidReaderConfig
from devices.sections import SerialConfig
from inspection.station.setup.config_file import Refused

ROLES = ("barcode", "rfid", "scale", "lamp", "printer")
"""What a device can be; a driver's name begins with its role."""
_USB = re.compile(r"usb:([0-9a-f]{4}):([0-9a-f]{4})(?::(.+))?")
_ADAPTER: TypeAdapter[Any] = TypeAdapter(DeviceConfig)


def _classes(described: Any) -> list[type[BaseModel]]:
    if get_origin(described) is Annotated:
        return _classes(get_args(described)[0])
    if isinstance(described, type) and issubclass(described, BaseModel):
        return [described]
    return [found for part in get_args(described) for found in _classes(part)]


def _driver(described: type[BaseModel]) -> tuple[str, ...]:
    names: tuple[str, ...] = get_args(described.model_fields["driver"].annotation)
    return names


DRIVERS: Mapping[str, type[BaseModel]] = {
    name: described for described in _classes(DeviceConfig) for name in _driver(described)
}
"""Every driver with what its entry may hold."""


def drivers_of(role: str) -> list[str]:
    """The drivers of a role, as the configuration names them."""
    return [name for name in DRIVERS if name.partition(".")[0] == role]


def place_field(driver: str) -> Literal["port", "host", ""]:
    """Which key says where such a device is; empty for one that types into the page."""
    fields = DRIVERS[driver].model_fields
    return "host" if "host" in fields else "port" if "port" in fields else ""


def usual_baudrate(driver: str) -> int | None:
    """The speed at which such devices leave their factory; ``None`` for those without a serial line."""
    described = DRIVERS.get(driver)
    if described is None or not issubclass(described, SerialConfig):
        return None
    default = described.model_fields["baudrate"].default
    return default if isinstance(default, int) else None


def place_of(text: str) -> Any:
    """What the page calls a place as the configuration names it: ``usb:0c2e:0b6a:19`` is a USB identity."""
    usb = _USB.fullmatch(text)
    if usb is None:
        return text
    identity: dict[str, Any] = {"vendor_id": int(usb[1], 16), "product_id": int(usb[2], 16)}
    return identity | ({"serial_number": usb[3]} if usb[3] else {})


def place_text(place: Any) -> str:
    """The reverse."""
    if isinstance(place, Mapping):
        ids = f"usb:{_number(place.get('vendor_id')):04x}:{_number(place.get('product_id')):04x}"
        return f"{ids}:{place['serial_number']}" if place.get("serial_number") else ids
    return str(place or "")


def _number(value: object) -> int:
    """As `devices.sections` reads it: quoted is hexadecimal."""
    try:
        return int(value, 16) if isinstance(value, str) else int(value)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return 0


class Wanted(BaseModel):
    """A device as the technician wants it.

    Attributes:
        device_id: its name at the station.
        place: port, URL, address, or ``usb:vendor:product[:serial number]``.
        baudrate: ``None`` leaves it as it is or usual.
    """

    device_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    driver: Annotated[str, Field(max_length=40)]
    place: Annotated[str, Field(max_length=255)] = ""
    baudrate: Annotated[int, Field(ge=300, le=4_000_000)] | None = None

    def entry(self, before: Mapping[str, Any] | None) -> dict[str, Any]:
        """The entry under ``devices``; of the one ``before`` everything is kept that the driver knows.

        Raises:
            Refused: there is no such driver.
        """
        described = DRIVERS.get(self.driver)
        if described is None:
            raise Refused(f"there is no driver {self.driver}", hint="choose one of the list")
        known = dict(before or {})
        if known.get("driver") != self.driver:
            known = {key: value for key, value in known.items() if key in described.model_fields and key != "baudrate"}
        entry = {"id": self.device_id, "driver": self.driver}
        field = place_field(self.driver)
        if field:
            entry[field] = place_of(self.place)
        entry |= {key: value for key, value in known.items() if key not in entry}
        if self.baudrate is not None and usual_baudrate(self.driver) is not None:
            entry["baudrate"] = self.baudrate  # type: ignore[assignment]
        return entry


def build(entry: Mapping[str, Any]) -> Device:
    """The driver of an entry, not started.

    Raises:
        Refused: it is no entry that the station could use.
    """
    try:
        device: Device = _ADAPTER.validate_python(dict(entry)).build()
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(key) for key in problem["loc"] if key != entry.get("driver"))
        raise Refused(f"{where}: {problem['msg']}", hint="correct it, then try again") from error
    return device


def tells_signal(driver: str) -> bool:
    """Whether readings of such a device come with a signal strength."""
    described = DRIVERS.get(driver)
    return described is not None and issubclass(described, RfidReaderConfig) and described.TELLS_RSSI
