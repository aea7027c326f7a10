"""What is attached is listed with lines that a configuration takes as they are."""

from __future__ import annotations

from pathlib import Path

import yaml

from devices.config import DevicesSection
from devices.tools.listing import Attached, cameras, serial_devices
from devices.usb import UsbIdentity
from tests.devices.test_usb import Port, plug_in_camera

NOWHERE = Path("/does/not/exist")


def pasted(attached: Attached, section: str) -> DevicesSection:
    """The configuration that comes of pasting a line and giving names."""
    line = attached.config.replace("NAME", "x").replace("VIEW", "top").replace("DRIVER", "barcode.serial")
    return DevicesSection.model_validate({section: yaml.safe_load(line)})


def test_a_known_vendor_gets_its_driver_and_its_usb_identity() -> None:
    [scanner] = serial_devices(lambda: [Port("/dev/ttyACM0", 0x0C2E, 0x0B6A, "A1")], NOWHERE)
    [device] = pasted(scanner, "devices").devices
    assert device.build()._link.settings.port == UsbIdentity(0x0C2E, 0x0B6A, "A1")  # type: ignore[attr-defined]
    assert device.driver == "barcode.serial"
    assert "Honeywell" in scanner.what
    assert scanner.remark == ""


def test_an_adapter_tells_nothing_and_the_probe_is_named() -> None:
    [adapter] = serial_devices(lambda: [Port("/dev/ttyUSB0", 0x1A86, 0x7523)], NOWHERE)
    assert "driver: DRIVER" in adapter.config
    assert "probe /dev/ttyUSB0" in adapter.remark
    assert pasted(adapter, "devices").devices


def test_a_port_of_the_board_is_named_by_its_path() -> None:
    [port] = serial_devices(lambda: [Port("/dev/ttyS0")], NOWHERE)
    assert "port: /dev/ttyS0" in port.config


def test_two_that_cannot_be_told_apart_are_named_by_their_sockets(tmp_path: Path) -> None:
    sockets = tmp_path / "by-path"
    sockets.mkdir()
    for number in (0, 1):
        (tmp_path / f"ttyUSB{number}").touch()
        (sockets / f"usb-0:{number}").symlink_to(tmp_path / f"ttyUSB{number}")
    twins = [Port(str(tmp_path / f"ttyUSB{number}"), 0x1A86, 0x7523) for number in (0, 1)]
    found = serial_devices(lambda: twins, sockets)
    assert [f"port: {sockets}/usb-0:{number}" in one.config for number, one in enumerate(found)] == [True, True]
    assert all("told apart" in one.remark for one in found)


def test_two_with_serial_numbers_are_named_by_them() -> None:
    twins = [Port(f"/dev/ttyACM{n}", 0x0C2E, 0x0B6A, f"S{n}") for n in (0, 1)]
    assert ['serial_number: "S0"' in one.config for one in serial_devices(lambda: twins, NOWHERE)] == [True, False]


def test_cameras_are_listed_without_their_metadata_nodes(tmp_path: Path) -> None:
    plug_in_camera(tmp_path, 0, "C1")
    plug_in_camera(tmp_path, 1, "C1", index=1)
    plug_in_camera(tmp_path, 2, "C2")
    found = cameras(tmp_path / "class")
    assert [camera.path for camera in found] == ["/dev/video0", "/dev/video2"]
    [config] = pasted(found[1], "cameras").cameras
    assert config.usb.identity() == UsbIdentity(0x046D, 0x0825, "C2")  # type: ignore[union-attr]


def test_two_cameras_without_serial_numbers_are_named_by_path(tmp_path: Path) -> None:
    for node in (0, 2):
        plug_in_camera(tmp_path, node, f"port-{node}")
        (tmp_path / "devices" / f"usb-port-{node}" / "serial").unlink()
    found = cameras(tmp_path / "class")
    assert [("path: /dev/video" in one.config, "told apart" in one.remark) for one in found] == [(True, True)] * 2
