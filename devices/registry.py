"""Makes the device or camera that a configuration describes; a new driver is one more line in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devices.barcode.framing import Framing, Suffix
from devices.barcode.scanner import BarcodeScanner
from devices.base import Device
from devices.camera.base import Camera, CameraSettings
from devices.camera.opencv import OpenCvSettings, opencv_camera
from devices.camera.replay import replay_camera
from devices.config import (
    BarcodeScannerConfig,
    CameraBase,
    CameraConfig,
    DeviceConfig,
    M100ReaderConfig,
    OpenCvCameraConfig,
    ReplayCameraConfig,
    SerialConfig,
    UsbConfig,
)
from devices.rfid import m100
from devices.rfid.field import TagField
from devices.rfid.reader import Mode, ReaderSettings, RfidReader
from devices.serial_link import PortSettings


def build_device(config: DeviceConfig) -> Device:
    """The device, not started."""
    device: Device = DRIVERS[type(config)](config)
    return device


def build_camera(config: CameraConfig) -> Camera:
    """The camera, not started."""
    camera: Camera = CAMERAS[type(config)](config)
    return camera


def _port(config: SerialConfig) -> PortSettings:
    return PortSettings(
        port=config.port.identity() if isinstance(config.port, UsbConfig) else config.port,
        baudrate=config.baudrate,
        bytesize=config.bytesize,
        parity=config.parity,
        stopbits=config.stopbits,
    )


def _barcode_scanner(config: BarcodeScannerConfig) -> Device:
    framing = Framing(Suffix[config.suffix.upper()], config.aim, config.encoding, config.max_length)
    return BarcodeScanner(config.id, _port(config), framing, idle_gap_ms=config.idle_gap_ms)


def _m100_reader(config: M100ReaderConfig) -> Device:
    settings = ReaderSettings(
        dialect=m100.Dialect(config.frame.header, config.frame.end),
        mode=Mode(config.mode),
        poll_ms=config.poll_ms,
        power_dbm=config.power_dbm,
        region=m100.Region[config.region.upper()] if config.region else None,
        report_ms=config.report_ms,
    )
    field = TagField(gate_dbm=config.rssi_gate_dbm, window_ms=config.window_ms, min_reads=config.min_reads)
    return RfidReader(config.id, _port(config), settings, field)


def _camera_settings(config: CameraBase, period_s: float | None = None) -> CameraSettings:
    return CameraSettings(config.id, config.view, stale_after_ms=config.stale_after_ms, period_s=period_s)


def _opencv_camera(config: OpenCvCameraConfig) -> Camera:
    device = config.usb.identity() if config.usb else config.url or str(config.path)
    return opencv_camera(_camera_settings(config), OpenCvSettings(device, config.requested(), config.fourcc))


def _replay_camera(config: ReplayCameraConfig) -> Camera:
    return replay_camera(_camera_settings(config, 1 / config.fps), config.path)


DRIVERS: dict[type[SerialConfig], Callable[[Any], Device]] = {
    BarcodeScannerConfig: _barcode_scanner,
    M100ReaderConfig: _m100_reader,
}
CAMERAS: dict[type[CameraBase], Callable[[Any], Camera]] = {
    OpenCvCameraConfig: _opencv_camera,
    ReplayCameraConfig: _replay_camera,
}
