"""A configuration says exactly what is meant, or is refused by the name of the key."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import yaml
from pydantic import ValidationError

from devices import config as config_module
from devices.barcode.scanner import BarcodeScanner
from devices.camera.base import Camera
from devices.camera.config import OpenCvCameraConfig
from devices.config import DevicesSection
from devices.rfid.config import RfidReaderConfig
from devices.rfid.m100 import AA_DD
from devices.rfid.m100_dialog import M100Dialog
from devices.rfid.reader import RfidReader
from devices.rfid.settings import Mode, ReaderSettings, Region
from devices.sections import UsbConfig
from devices.usb import UsbIdentity


def section(text: str) -> DevicesSection:
    return DevicesSection.model_validate(yaml.safe_load(text))


def test_the_documented_example_builds_what_it_describes() -> None:
    example = (config_module.__doc__ or "").split("Example:")[1]
    parsed = section("\n".join(line.removeprefix("    ") for line in example.splitlines()))
    scanner, reader = (device.build() for device in parsed.devices)
    cameras = [camera.build() for camera in parsed.cameras]
    assert isinstance(scanner, BarcodeScanner)
    assert isinstance(reader, RfidReader)
    assert scanner._link.settings.port == UsbIdentity(0x0C2E, 0x0B6A)
    assert reader._settings.power_dbm == 15
    assert all(isinstance(camera, Camera) for camera in cameras)
    assert [camera.view for camera in cameras] == ["top", "front"]
    assert cameras[1].settings.period_s == 0.1


def test_every_option_reaches_the_driver() -> None:
    parsed = section(
        """
        devices:
          - {id: s, driver: barcode.serial, port: /dev/x, suffix: crlf, aim: false, encoding: latin-1, max_length: 99,
             idle_gap_ms: 30, baudrate: 9600, parity: E, stopbits: 2, bytesize: 7}
          - {id: r, driver: rfid.m100, port: "socket://127.0.0.1:5000", mode: continuous, region: korea,
             rssi_gate_dbm: -60, window_ms: 900, min_reads: 3, report_ms: 111, frame: {header: 0xAA, end: 0xDD}}
        cameras:
          - {id: c, view: top, driver: opencv, path: /dev/video0, exposure: 120, auto_exposure: 1, stale_after_ms: 321}
        """
    )
    scanner, reader = (device.build() for device in parsed.devices)
    camera = parsed.cameras[0].build()
    assert isinstance(scanner, BarcodeScanner)
    assert isinstance(reader, RfidReader)
    framing, line = scanner._parser.framing, scanner._link.settings
    assert (framing.suffix.name, framing.aim, framing.encoding, framing.max_length) == ("CRLF", False, "latin-1", 99)
    assert (line.baudrate, line.parity, line.stopbits, line.bytesize) == (9600, "E", 2, 7)
    assert isinstance(reader._dialog, M100Dialog)
    assert (reader._settings.mode, reader._dialog.dialect) == (Mode.CONTINUOUS, AA_DD)
    assert reader._dialog.settings.region is Region.KOREA
    tags = reader._field
    assert (tags.gate_dbm, tags.window_ms, tags.min_reads, tags.report_ms) == (-60, 900, 3, 111)
    assert camera.settings.stale_after_ms == 321
    requested = parsed.cameras[0]
    assert isinstance(requested, OpenCvCameraConfig)
    assert requested.requested() == {"exposure": 120, "auto_exposure": 1}


GOOD: dict[str, Any] = {"id": "s", "driver": "barcode.serial", "port": "/dev/x"}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"baud": 9600}, "baud"),
        ({"suffix": "cr lf"}, "suffix"),
        ({"id": "a b"}, "id"),
        ({"driver": "barcode.usb"}, "driver"),
        ({"port": {"vendor_id": 1}}, "product_id"),
        ({"port": {"vendor_id": 0x10000, "product_id": 1}}, "vendor_id"),
        ({"parity": "even"}, "parity"),
        ({"baudrate": 0}, "baudrate"),
    ],
)
def test_a_mistake_is_refused_by_the_name_of_its_key(change: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        DevicesSection.model_validate({"devices": [{**GOOD, **change}]})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"antennas": [1]}, "antennas: this reader does not tell"),
        ({"region": "japan"}, "region japan is unknown to this reader; it knows china_800, china_900"),
        ({"region": "mars"}, "region"),
        ({"antennas": [0]}, "antennas"),
    ],
)
def test_what_an_rfid_reader_cannot_do_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        DevicesSection.model_validate({"devices": [{"id": "r", "driver": "rfid.m100", "port": "/dev/x", **change}]})


class _FourAntennas(RfidReaderConfig):
    """A reader with four antennas that tells no signal strength."""

    REGIONS = (Region.EUROPE,)
    ANTENNAS = 4
    TELLS_RSSI = False

    driver: Literal["rfid.four"]

    def dialog(self, settings: ReaderSettings) -> M100Dialog:
        return M100Dialog(settings)


def _four(**options: object) -> _FourAntennas:
    return _FourAntennas.model_validate({"id": "r", "driver": "rfid.four", "port": "/dev/x", **options})


def test_the_antennas_of_the_station_are_set_and_those_of_others_filtered() -> None:
    reader = _four(antennas=[1, 3]).build()
    assert isinstance(reader, RfidReader)
    assert reader._settings.antennas == (1, 3)
    assert reader._field.antennas == {1, 3}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"antennas": [5]}, "antennas: this reader has at most 4, not 5"),
        ({"antennas": [2, 2]}, "antennas: one is named twice"),
        ({"rssi_gate_dbm": -60}, "rssi_gate_dbm: this reader does not tell the signal strength"),
    ],
)
def test_a_filter_that_would_do_nothing_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        _four(**change)


@pytest.mark.parametrize(
    "where", [{}, {"usb": {"vendor_id": 1, "product_id": 2}, "path": "/dev/video0"}, {"path": "/a", "url": "rtsp://b"}]
)
def test_a_camera_is_named_in_exactly_one_way(where: dict[str, Any]) -> None:
    camera = {"id": "c", "view": "top", "driver": "opencv", **where}
    with pytest.raises(ValidationError, match="exactly one of usb, url and path"):
        DevicesSection.model_validate({"cameras": [camera]})


def test_usb_numbers_may_be_written_as_lsusb_prints_them() -> None:
    port = {"vendor_id": "0c2e", "product_id": "0x0b6a"}
    device = DevicesSection.model_validate({"devices": [{**GOOD, "port": port}]}).devices[0]
    assert isinstance(device.port, UsbConfig)
    assert device.port.identity() == UsbIdentity(0x0C2E, 0x0B6A)


def test_names_and_views_are_used_once() -> None:
    with pytest.raises(ValidationError, match="id used twice: s"):
        DevicesSection.model_validate({"devices": [GOOD, GOOD]})
    replay = {"driver": "replay", "path": "/p", "view": "top"}
    with pytest.raises(ValidationError, match="view used twice: top"):
        DevicesSection.model_validate({"cameras": [{**replay, "id": "a"}, {**replay, "id": "b"}]})
