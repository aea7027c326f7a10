"""Finds a device by what its USB descriptor says, because ``/dev/ttyUSB0`` is whoever came first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from serial.tools import list_ports

from inspection.errors import DeviceError, DeviceLost

VIDEO_CLASS = Path("/sys/class/video4linux")


@dataclass(frozen=True, slots=True)
class UsbIdentity:
    """Vendor and product id (16 bit each) and, where two of a kind are in use, the serial number."""

    vendor_id: int
    product_id: int
    serial_number: str | None = None

    def __str__(self) -> str:
        text = f"USB {self.vendor_id:04x}:{self.product_id:04x}"
        return f"{text} serial number {self.serial_number}" if self.serial_number else text

    def fits(self, vendor_id: int | None, product_id: int | None, serial_number: str | None) -> bool:
        """Whether a found device is the described one."""
        if (vendor_id, product_id) != (self.vendor_id, self.product_id):
            return False
        return self.serial_number is None or serial_number == self.serial_number


class PortInfo(Protocol):
    """The part of pyserial's ``ListPortInfo`` that is used here."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None


def find_serial_port(identity: UsbIdentity, list_all: Callable[[], Iterable[PortInfo]] = list_ports.comports) -> str:
    """Path of the serial port of the described device.

    Raises:
        DeviceLost: no such device is plugged in.
        DeviceError: two or more fit; all are listed.
    """
    found = [
        (port.device, port.serial_number)
        for port in list_all()
        if identity.fits(port.vid, port.pid, port.serial_number)
    ]
    return _the_only_one(identity, found)


@dataclass(frozen=True, slots=True)
class VideoNode:
    """A camera's picture stream: its path, its name, and its USB identity where it has one."""

    path: str
    name: str
    vendor_id: int | None
    product_id: int | None
    serial_number: str | None


def video_nodes(video_class: Path = VIDEO_CLASS) -> list[VideoNode]:
    """Every picture stream that the system shows.

    A UVC camera shows a second node for metadata; its ``index`` in sysfs is not 0 and it is passed over.
    """
    return [
        VideoNode(f"/dev/{node.name}", _text(node / "name"), *_usb_descriptor(node / "device"))
        for node in sorted(video_class.glob("video*"))
        if _text(node / "index") in {"0", ""}
    ]


def find_video_device(identity: UsbIdentity, video_class: Path = VIDEO_CLASS) -> str:
    """Path such as ``/dev/video2`` of the described camera's picture stream.

    Raises:
        DeviceLost: no such camera is plugged in.
        DeviceError: two or more fit; all are listed.
    """
    found = [
        (node.path, node.serial_number)
        for node in video_nodes(video_class)
        if identity.fits(node.vendor_id, node.product_id, node.serial_number)
    ]
    return _the_only_one(identity, found)


def video_hardware(path: str, video_class: Path = VIDEO_CLASS) -> str:
    """Which camera is behind a ``/dev/videoN`` path or a link to one: ``usb:046d:0825:8A3F``.

    Empty where it is no USB camera, or one without serial number: two of its kind cannot be told apart.
    """
    real = str(Path(path).resolve())
    for node in video_nodes(video_class):
        if node.path in {path, real} and node.vendor_id is not None and node.product_id is not None:
            return f"usb:{node.vendor_id:04x}:{node.product_id:04x}:{node.serial_number}" if node.serial_number else ""
    return ""


def _the_only_one(identity: UsbIdentity, found: list[tuple[str, str | None]]) -> str:
    if not found:
        raise DeviceLost(f"no device {identity} is plugged in", hint="Check the cable and the configured USB identity.")
    if len(found) > 1:
        listed = ", ".join(f"{path} (serial number {serial_number or 'none'})" for path, serial_number in sorted(found))
        raise DeviceError(
            f"{len(found)} devices fit {identity}: {listed}",
            hint="Name the serial number in the configuration, or unplug the others.",
        )
    return found[0][0]


def _usb_descriptor(device: Path) -> tuple[int | None, int | None, str | None]:
    """Vendor, product and serial number from the first folder upwards in sysfs that has an ``idVendor``."""
    try:
        folder = device.resolve(strict=True)
    except OSError:
        return None, None, None
    for candidate in (folder, *folder.parents):
        if (candidate / "idVendor").is_file():
            vendor, product = _text(candidate / "idVendor"), _text(candidate / "idProduct")
            try:
                return int(vendor, 16), int(product, 16), _text(candidate / "serial") or None
            except ValueError:
                return None, None, None
    return None, None, None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
