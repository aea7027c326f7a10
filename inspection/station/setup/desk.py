"""Where a technician sets the station up: everything that the set-up page shows and orders, for any program."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import cv2
import structlog

from devices.camera.config import OpenCvCameraConfig
from devices.printer.label import Label
from devices.serial_device import SerialDevice
from inspection.errors import ConfigError, InspectionError
from inspection.station.config import StationConfig
from inspection.station.outputs import LabelPrinter
from inspection.station.ports import StationCamera
from inspection.station.setup import roles
from inspection.station.setup.access import Access
from inspection.station.setup.config_file import ConfigFile, Refused
from inspection.station.setup.found import FoundThing, found_things, is_at
from inspection.station.setup.hub_check import Finding, check_hub
from inspection.station.setup.roles import Wanted
from inspection.station.setup.support import make_bundle
from inspection.station.setup.trials import Trials
from inspection.station.setup.yaml_edit import Append, Change, Drop, Put
from inspection.station.station import Station
from inspection.verdict import Disposition
from inspection.yaml_source import read_yaml

log = structlog.get_logger()
USUAL_VIEWS = ("top", "front", "back", "left", "right", "underside")
LABEL_S = 15.0
LOOK_S = 4.0
FOUND_S = 2.0
_CAMERA_PLACES = ("usb", "url", "path", "cti", "serial_number", "login_file", "login_env")


class NoFile(InspectionError):
    """This station was started without a configuration file that could be changed."""

    code = "setup.no_file"


class NoPrinter(InspectionError):
    """There is no label printer."""

    code = "setup.no_printer"


class NotPrinted(InspectionError):
    """The test label has not come out."""

    code = "setup.not_printed"
    retryable = True


class SetupDesk:
    """Calls may come from any thread.

    Args:
        running: the configuration that the station works with now.
        file: where it was read from; ``None`` shows and tries, and changes nothing.
        restart: makes the station start again, soon.
        recordings: folder of recordings for support.
    """

    def __init__(
        self,
        station: Station,
        running: StationConfig,
        file: ConfigFile | None,
        access: Access,
        restart: Callable[[], None],
        recordings: Path,
    ) -> None:
        self.station, self.running, self.access = station, running, access
        self._file, self._restart = file, restart
        self._started_with = "" if file is None else file.digest
        self._entries = _entries(file, running)
        self._found: tuple[float, list[FoundThing]] = (float("-inf"), [])
        self._looking = threading.Lock()
        self.trials = Trials(station.resting, self._holder, recordings)

    def close(self) -> None:
        """End a trial that goes on."""
        self.trials.close()

    # What is shown --------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Everything the page shows, as plain JSON."""
        devices, cameras, problem = self._now()
        return {
            "station_id": self.running.station_id,
            "devices": [self._device(entry) for entry in devices],
            "cameras": [self._camera(entry) for entry in cameras],
            "found": [thing.as_json() for thing in self._found_things(devices, cameras)],
            "views": list(dict.fromkeys([*(str(camera.get("view")) for camera in cameras), *USUAL_VIEWS])),
            "trial": self.trials.now.as_json(),
            "prints": self._printer() is not None,
            "calibrates": self.station.parts.desk is not None,
            "file": {
                "name": "" if self._file is None else self._file.path.name,
                "digest": "" if self._file is None else self._file.digest,
                "changed": self._file is not None and self._file.digest != self._started_with,
                "can_undo": self._file is not None and self._file.can_undo,
                "problem": problem,
            },
            "access": {"guarded": self.access.guarded, "pin": self.access.pin.is_set},
        }

    def checks(self) -> list[Finding]:
        """The way to the hub, step by step; takes some seconds when something is wrong."""
        return check_hub(self.running.hub, self.station.parts.journal.outbox_counts())

    def look(self, place: str) -> bytes:
        """One picture, as JPEG, of a camera that was found and that no view has.

        Raises:
            DeviceError: it gives none.
            Refused: there is no such camera, or the station uses it.
        """
        devices, cameras, _ = self._now()
        thing = next((each for each in self._found_things(devices, cameras) if each.place == place), None)
        if thing is None or thing.kind != "camera" or thing.used_by:
            raise Refused("no such camera that is free", hint="look at what is found")
        where = roles.place_of(place)
        key = "usb" if isinstance(where, dict) else "path"
        described = OpenCvCameraConfig.model_validate({"id": "look", "view": "look", "driver": "opencv", key: where})
        with self._looking:
            camera = described.build()
            camera.start(lambda _message: None)
            try:
                frame = camera.frame_after(time.monotonic_ns(), LOOK_S)
            finally:
                camera.stop()
        _, data = cv2.imencode(".jpg", frame.pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])
        return data.tobytes()

    def support(self) -> bytes:
        """The support bundle, a zip file.

        Raises:
            NoFile
        """
        return make_bundle(self._own_file().path, self.running.data, self.station.parts.board.latest)

    # What is ordered ------------------------------------------------------------------------------------------------

    def assign(self, wanted: Wanted, *, seen: str | None = None) -> None:
        """Write a device into the configuration: a new one, or another port or driver for one there is.

        Raises:
            Refused, ChangedElsewhere, ConfigError, NoFile
        """

        def make(data: dict[str, Any]) -> Sequence[Change]:
            entries = data.get("devices") or []
            index = _index(entries, wanted.device_id)
            if index is None:
                return [Append(("devices",), wanted.entry(None))]
            before, after = entries[index], wanted.entry(entries[index])
            if before.get("driver") != after["driver"]:
                return [Put(("devices", index), after)]
            return [
                Put(("devices", index, key), value) for key, value in after.items() if before.get(key, ...) != value
            ]

        self._change(make, seen)

    def assign_view(self, camera: str, view: str, *, seen: str | None = None) -> None:
        """Let a camera fill a view. Cameras keep their names and places: two that are configured change their views.
        One that was only found gets a name of its own and takes the place of the one that had the view.

        Args:
            camera: id of a configured camera, or the place of one that was found.

        Raises:
            Refused, ChangedElsewhere, ConfigError, NoFile
        """

        def make(data: dict[str, Any]) -> Sequence[Change]:
            cameras = data.get("cameras") or []
            having = next((n for n, entry in enumerate(cameras) if entry.get("view") == view), None)
            index = _index(cameras, camera)
            if index is None:
                return [_new_camera(cameras, having, camera, view)]
            if having == index:
                return []
            swapped = [] if having is None else [Put(("cameras", having, "view"), cameras[index]["view"])]
            return [Put(("cameras", index, "view"), view), *swapped]

        known = {thing.place for thing in self._found_things(*self._now()[:2]) if thing.kind == "camera"}
        configured = {str(entry.get("id")) for entry in self._now()[1]}
        if camera not in known | configured:
            raise Refused(f"there is no camera {camera}", hint="look at what is found")
        self._change(make, seen)

    def remove(self, name: str, *, seen: str | None = None) -> None:
        """Take a device or camera out of the configuration.

        Raises:
            Refused: also for the last camera.
        """

        def make(data: dict[str, Any]) -> Sequence[Change]:
            for section in ("devices", "cameras"):
                index = _index(data.get(section) or [], name)
                if index is not None:
                    return [Drop((section, index))]
            raise Refused(f"there is no device {name}", hint="look again")

        self._change(make, seen)

    def undo(self) -> None:
        """The configuration as it was before the last change."""
        self._own_file().undo()
        log.info("setup_undone")

    def restart(self) -> None:
        """Start the station again with the configuration as it is on disk.

        Raises:
            NoFile
            ConfigError: it could not start with it.
        """
        self._own_file().load()
        log.info("setup_restart")
        self._restart()

    def test(self, wanted: Wanted) -> None:
        """Try a device as it would be configured; see `Trials`."""
        before = next((entry for entry in self._now()[0] if entry.get("id") == wanted.device_id), None)
        self.trials.test(wanted.entry(before))

    def record(self, device_id: str) -> None:
        """Keep what a device says, for support."""
        for device in self.station.devices:
            if isinstance(device, SerialDevice) and device.device_id == device_id:
                self.trials.record(device)
                return
        raise Refused(f"{device_id} has no serial line", hint="choose another device")

    def print_label(self) -> None:
        """Print a label that says it is a test, and wait for it.

        Raises:
            NoPrinter, NotPrinted
        """
        printer = self._printer()
        if printer is None:
            raise NoPrinter("no label printer is configured", hint="add one above")
        now = datetime.now(UTC).astimezone()
        label = Label(Disposition.HOLD, f"TEST {now:%H:%M:%S}", now.date(), place="TEST")
        wanted = threading.Event()
        wanted.set()
        printed = printer.print_label(label, begin=wanted.is_set)
        try:
            printed.result(LABEL_S)
        except FutureTimeout:
            wanted.clear()  # should the printer come back later, nobody waits for a test label any more
            printed.cancel()
            raise NotPrinted("the printer does not print", hint="look at labels, ribbon, lid and cable") from None
        except InspectionError as error:
            raise NotPrinted(str(error), hint=error.hint) from error

    # Below ----------------------------------------------------------------------------------------------------------

    def _own_file(self) -> ConfigFile:
        if self._file is None:
            raise NoFile("this station has no configuration file", hint="start it with --config")
        return self._file

    def _change(self, make: Callable[[dict[str, Any]], Sequence[Change]], seen: str | None) -> None:
        self._own_file().change(make, seen=seen)
        log.info("setup_changed")

    def _now(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
        """Devices and cameras as the file has them now; as they run where the file cannot be used, and why."""
        if self._file is None or self._file.digest == self._started_with:
            return (*self._entries, "")
        try:
            self._file.load()
            return (*_entries(self._file, self.running), "")
        except ConfigError as error:
            return (*self._entries, str(error))

    def _device(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        name, driver = str(entry["id"]), str(entry["driver"])
        running = next((device for device in self.station.devices if device.status.device_id == name), None)
        waits = running is None or entry not in self._entries[0]
        heard = self.station.heard.of(name)
        return {
            "id": name,
            "role": driver.partition(".")[0],
            "driver": driver,
            "place": roles.place_text(entry.get("port") or entry.get("host")),
            "baudrate": entry.get("baudrate"),
            "connected": running is not None and running.status.connected,
            "detail": "" if running is None else running.status.detail,
            "waits": waits,
            "tells_signal": roles.tells_signal(driver),
            "records": isinstance(running, SerialDevice),
            "heard": None if heard is None else heard.as_json(),
        }

    def _camera(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        name = str(entry["id"])
        running = next((camera for camera in self.station.parts.cameras if camera.camera_id == name), None)
        view = "" if running is None else running.view
        return {
            "id": name,
            "view": str(entry.get("view")),
            "driver": str(entry.get("driver")),
            "place": _without_login(
                roles.place_text(next((entry[key] for key in _CAMERA_PLACES if entry.get(key)), ""))
            ),
            "live": view,
            "connected": running is not None and running.status.connected,
            "detail": "" if running is None else running.status.detail,
            "waits": running is None or entry not in self._entries[1],
            **_frame_of(running),
            "calibration": self._calibration(view),
        }

    def _calibration(self, view: str) -> list[str]:
        """What is wrong with a view's calibration, by code; empty when nothing is or the station has none."""
        desk = self.station.parts.desk
        return [] if desk is None or view not in desk.views else list(desk.status(view)["problems"])

    def _found_things(
        self, devices: Sequence[Mapping[str, Any]], cameras: Sequence[Mapping[str, Any]]
    ) -> list[FoundThing]:
        at, found = self._found
        if time.monotonic() - at > FOUND_S or not found:
            found = found_things(devices, cameras)
            self._found = (time.monotonic(), found)
        return found

    def _holder(self, place: Any) -> str:
        """The running device that has a place."""
        named = roles.place_text(place)
        return next((str(entry["id"]) for entry in self._entries[0] if is_at(entry, named, named)), "")

    def _printer(self) -> LabelPrinter | None:
        return next((device for device in self.station.devices if isinstance(device, LabelPrinter)), None)


def _entries(file: ConfigFile | None, running: StationConfig) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Devices and cameras as written in the file; without one, as they run."""
    if file is None:
        devices = [device.model_dump(mode="json", exclude_unset=True) for device in running.devices]
        return devices, [camera.model_dump(mode="json", exclude_unset=True) for camera in running.cameras]
    data = read_yaml(file.path, ConfigError).data
    return list(data.get("devices") or []), list(data.get("cameras") or [])


def _index(entries: Sequence[Mapping[str, Any]], name: str) -> int | None:
    return next((n for n, entry in enumerate(entries) if entry.get("id") == name), None)


def _new_camera(cameras: Sequence[Mapping[str, Any]], having: int | None, place: str, view: str) -> Change:
    taken = {entry.get("id") for entry in cameras}
    names = (f"camera-{view}" if n == 1 else f"camera-{view}-{n}" for n in range(1, len(taken) + 2))
    where = roles.place_of(place)
    entry: dict[str, Any] = {
        "id": next(name for name in names if name not in taken),
        "view": view,
        "driver": "opencv",
        "usb" if isinstance(where, dict) else "path": where,
    }
    if having is None:
        return Append(("cameras",), entry)
    if cameras[having].get("driver") == "opencv":  # picture size and exposure are the view's wish, not the camera's
        kept = {key: value for key, value in cameras[having].items() if key not in _CAMERA_PLACES}
        entry = {**entry, **{key: value for key, value in kept.items() if key not in entry}}
    return Put(("cameras", having), entry)


def _frame_of(camera: StationCamera | None) -> dict[str, Any]:
    """Size, age and true identity of a camera's newest picture."""
    nothing = {"width": 0, "height": 0, "age_s": None, "hardware": ""}
    if camera is None:
        return nothing
    try:
        frame = camera.latest()
    except InspectionError:
        return nothing
    age_s = round((time.monotonic_ns() - frame.monotonic_ns) / 1e9, 1)
    return {"width": frame.width, "height": frame.height, "age_s": age_s, "hardware": frame.hardware}


def _without_login(place: str) -> str:
    if "://" not in place:
        return place
    parts = urlsplit(place)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
