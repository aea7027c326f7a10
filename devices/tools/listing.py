"""What is attached to this machine, each with the lines that a configuration needs to name it for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from devices.usb import VIDEO_CLASS, PortInfo, VideoNode, video_nodes

BY_PATH = Path("/dev/serial/by-path")

# Vendors whose devices can only be one thing; an adapter chip tells nothing about what hangs on it.
_VENDORS = {
    0x05E0: ("Zebra", "barcode.serial"),
    0x05F9: ("Datalogic", "barcode.serial"),
    0x0C2E: ("Honeywell", "barcode.serial"),
    0x1EAB: ("Newland", "barcode.serial"),
    0x0EB8: ("Mettler-Toledo", "scale.mt_sics"),
}
_ADAPTERS = {
    0x0403: "FTDI adapter",
    0x067B: "Prolific adapter",
    0x10C4: "Silicon Labs adapter",
    0x1A86: "WCH adapter",
}


@dataclass(frozen=True, slots=True)
class Attached:
    """One thing that was found.

    Attributes:
        path: where it is now, such as ``/dev/ttyUSB0``; may change when it is plugged in again.
        what: one line for a person.
        config: lines of YAML to paste under ``devices`` or ``cameras``.
        remark: what to know before pasting; empty when there is nothing.
    """

    path: str
    what: str
    config: str
    remark: str = ""


def serial_devices(
    list_all: Callable[[], Iterable[PortInfo]] = list_ports.comports, by_path: Path = BY_PATH
) -> list[Attached]:
    """Every serial port, those of USB named by vendor, product and serial number."""
    ports = sorted(list_all(), key=lambda port: port.device)
    same = Counter((port.vid, port.pid, port.serial_number) for port in ports)
    return [_serial_device(port, same[port.vid, port.pid, port.serial_number], by_path) for port in ports]


def cameras(video_class: Path = VIDEO_CLASS) -> list[Attached]:
    """Every camera that shows as a video device."""
    nodes = video_nodes(video_class)
    same = Counter((node.vendor_id, node.product_id, node.serial_number) for node in nodes)
    return [_camera(node, same[node.vendor_id, node.product_id, node.serial_number]) for node in nodes]


def _serial_device(port: PortInfo, alike: int, by_path: Path) -> Attached:
    vendor, driver = _VENDORS.get(port.vid or 0, ("", ""))
    name = vendor or _ADAPTERS.get(port.vid or 0, "")
    remark = "" if driver else f"which device it is: python station_app.py devices probe {port.device}"
    if port.vid is None or port.pid is None:
        where, identity = port.device, "no USB device"
    else:
        where, identity = _usb(port.vid, port.pid, port.serial_number), f"USB {port.vid:04x}:{port.pid:04x}"
        if alike > 1:
            where = _path_of_socket(port.device, by_path)
            remark = "two of these cannot be told apart; this names the USB socket: label it, and keep the device there"
    if not driver:
        driver = "DRIVER"
    what = " ".join(part for part in (name, identity, _serial_number(port.serial_number)) if part)
    return Attached(port.device, what, f"- {{id: NAME, driver: {driver}, port: {where}}}", remark)


def _camera(node: VideoNode, alike: int) -> Attached:
    if node.vendor_id is None or node.product_id is None:
        where, identity = f"path: {node.path}", "no USB device"
    else:
        where = f"usb: {_usb(node.vendor_id, node.product_id, node.serial_number)}"
        identity = f"USB {node.vendor_id:04x}:{node.product_id:04x}"
    remark = ""
    if alike > 1 and node.vendor_id is not None:
        where = f"path: {node.path}"
        remark = "two of these cannot be told apart; name paths under /dev/v4l/by-path, keep the sockets"
    what = " ".join(part for part in (node.name, identity, _serial_number(node.serial_number)) if part)
    return Attached(node.path, what, f"- {{id: NAME, view: VIEW, driver: opencv, {where}}}", remark)


def _usb(vendor_id: int, product_id: int, serial_number: str | None) -> str:
    ids = f"vendor_id: 0x{vendor_id:04x}, product_id: 0x{product_id:04x}"
    return f'{{{ids}, serial_number: "{serial_number}"}}' if serial_number else f"{{{ids}}}"


def _serial_number(serial_number: str | None) -> str:
    return f"serial number {serial_number}" if serial_number else ""


def _path_of_socket(device: str, by_path: Path) -> str:
    """The name of the USB socket that ``device`` is in, or ``device`` where the system keeps none."""
    if by_path.is_dir():
        for link in sorted(by_path.iterdir()):
            if link.resolve() == Path(device).resolve():
                return str(link)
    return device
