"""Devices are found by what their descriptor says, and never guessed between two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from devices.usb import UsbIdentity, find_serial_port, find_video_device, video_hardware
from inspection.errors import DeviceError, DeviceLost


@dataclass
class Port:
    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None


SCANNER = Port("/dev/ttyACM0", 0x0C2E, 0x0B6A, "A1")
PORTS = [Port("/dev/ttyS0"), SCANNER, Port("/dev/ttyUSB0", 0x1A86, 0x7523)]


def test_a_port_is_found_by_vendor_and_product() -> None:
    assert find_serial_port(UsbIdentity(0x0C2E, 0x0B6A), lambda: PORTS) == "/dev/ttyACM0"


def test_a_port_is_found_wherever_it_was_plugged_in() -> None:
    moved = Port("/dev/ttyACM7", 0x0C2E, 0x0B6A, "A1")
    assert find_serial_port(UsbIdentity(0x0C2E, 0x0B6A, "A1"), lambda: [moved]) == "/dev/ttyACM7"


def test_a_device_that_is_not_there_is_lost() -> None:
    with pytest.raises(DeviceLost, match="1234:5678"):
        find_serial_port(UsbIdentity(0x1234, 0x5678), lambda: PORTS)


def test_two_that_fit_are_an_error_that_lists_both() -> None:
    twin = Port("/dev/ttyACM1", 0x0C2E, 0x0B6A, "B2")
    with pytest.raises(DeviceError) as caught:
        find_serial_port(UsbIdentity(0x0C2E, 0x0B6A), lambda: [*PORTS, twin])
    assert not isinstance(caught.value, DeviceLost)
    for word in ("/dev/ttyACM0", "A1", "/dev/ttyACM1", "B2"):
        assert word in str(caught.value)


def test_the_serial_number_tells_two_of_a_kind_apart() -> None:
    twin = Port("/dev/ttyACM1", 0x0C2E, 0x0B6A, "B2")
    assert find_serial_port(UsbIdentity(0x0C2E, 0x0B6A, "B2"), lambda: [*PORTS, twin]) == "/dev/ttyACM1"


def plug_in_camera(sysfs: Path, node: int, serial: str, index: int = 0, port: str = "") -> None:
    """The folders that the kernel shows for one node of a UVC camera."""
    usb = sysfs / "devices" / f"usb-{port or serial}"
    interface = usb / "1-1:1.0"
    interface.mkdir(parents=True, exist_ok=True)
    for name, text in (("idVendor", "046d"), ("idProduct", "0825"), ("serial", serial)):
        (usb / name).write_text(f"{text}\n")
    folder = sysfs / "class" / f"video{node}"
    folder.mkdir(parents=True)
    (folder / "index").write_text(f"{index}\n")
    (folder / "device").symlink_to(interface)


def test_a_camera_is_found_and_its_metadata_node_passed_over(tmp_path: Path) -> None:
    plug_in_camera(tmp_path, 2, "C1")
    plug_in_camera(tmp_path, 3, "C1", index=1)
    assert find_video_device(UsbIdentity(0x046D, 0x0825), tmp_path / "class") == "/dev/video2"


def test_two_cameras_of_a_kind_are_told_apart_by_serial_number_only(tmp_path: Path) -> None:
    plug_in_camera(tmp_path, 0, "C1")
    plug_in_camera(tmp_path, 2, "C2")
    assert find_video_device(UsbIdentity(0x046D, 0x0825, "C2"), tmp_path / "class") == "/dev/video2"
    with pytest.raises(DeviceError, match=r"/dev/video0 .*C1.*/dev/video2 .*C2"):
        find_video_device(UsbIdentity(0x046D, 0x0825), tmp_path / "class")


def test_two_cameras_with_one_serial_number_are_an_error_that_names_both(tmp_path: Path) -> None:
    """Cheap cameras all have the same one; it tells nothing apart."""
    for node, port in ((0, "1-1"), (4, "1-2")):
        plug_in_camera(tmp_path, node, "C1", port=port)
    with pytest.raises(DeviceError, match=r"/dev/video0 .*C1.*/dev/video4 .*C1"):
        find_video_device(UsbIdentity(0x046D, 0x0825, "C1"), tmp_path / "class")


def test_a_camera_that_is_no_usb_device_is_not_mistaken(tmp_path: Path) -> None:
    (tmp_path / "class" / "video0").mkdir(parents=True)
    (tmp_path / "class" / "video0" / "index").write_text("0")
    with pytest.raises(DeviceLost):
        find_video_device(UsbIdentity(0x046D, 0x0825), tmp_path / "class")


def test_a_camera_behind_a_path_is_known_by_its_serial_number(tmp_path: Path) -> None:
    plug_in_camera(tmp_path, 2, "C1")
    assert video_hardware("/dev/video2", tmp_path / "class") == "usb:046d:0825:C1"
    assert video_hardware("/dev/video3", tmp_path / "class") == ""
    plug_in_camera(tmp_path, 4, "", port="3-2")
    assert video_hardware("/dev/video4", tmp_path / "class") == ""
