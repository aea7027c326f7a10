"""A bench of simulated devices: a scanner, an RFID reader and cameras that a station in another process works with.

Everything goes through pseudo-terminals and files, so the station cannot tell, and a station that is killed leaves the
bench as it is.

    <folder>/scanner            port of the barcode scanner
    <folder>/rfid               port of the M100 reader
    <folder>/cameras/<view>/    what the camera of that view sees, for the replay driver
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from devices.barcode.simulator import SimulatedScanner
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.simulator import SimulatedTag
from inspection.errors import DeviceError

PICTURE = "current.img"


class SimulatedBench:
    """Owns the simulated devices; close it, or use it as a context manager.

    Attributes:
        folder: where the ports and pictures are.
        scanner: the barcode scanner, for raw bytes.
        reader: the RFID reader, for its fault switches.
    """

    def __init__(self, folder: Path, views: Iterable[str] = ()) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.scanner = SimulatedScanner(folder / "scanner")
        self.reader = SimulatedM100(folder / "rfid")
        for view in views:
            self._camera_folder(view).mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take both devices off their ports; calling it twice is fine."""
        self.scanner.close()
        self.reader.close()

    def scan(self, text: str, aim: str = "") -> bool:
        """Scan a code; ``False`` when no program has the port open, as the scan is then lost."""
        return self.scanner.scan(text, aim)

    def place_tags(self, tags: Iterable[SimulatedTag | str]) -> None:
        """Exactly these tags are in the reader's field from now on; a string is an EPC in hex."""
        self.reader.place_tags(tags)

    def unplug(self, device: str) -> None:
        """Unplug ``scanner`` or ``rfid``."""
        self._device(device).unplug()

    def replug(self, device: str) -> None:
        """Plug ``scanner`` or ``rfid`` in again, under the same path."""
        self._device(device).replug()

    def show(self, view: str, picture: Path) -> None:
        """Let the camera see ``picture``, from one instant to the next, also while it is unplugged."""
        folder = self._camera_folder(view)
        folder = folder if folder.is_dir() else self._unplugged_folder(view)
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{PICTURE}.{os.getpid()}"
        shutil.copyfile(picture, fresh)
        fresh.replace(folder / PICTURE)

    def unplug_camera(self, view: str) -> None:
        """Unplug the camera of ``view``: its folder is gone."""
        if self._camera_folder(view).is_dir():
            self._camera_folder(view).rename(self._unplugged_folder(view))

    def replug_camera(self, view: str) -> None:
        """Plug the camera of ``view`` in again."""
        if self._unplugged_folder(view).is_dir():
            self._unplugged_folder(view).rename(self._camera_folder(view))

    def _device(self, device: str) -> SimulatedScanner | SimulatedM100:
        devices: dict[str, SimulatedScanner | SimulatedM100] = {"scanner": self.scanner, "rfid": self.reader}
        if device not in devices:
            raise DeviceError(f"there is no {device!r} on the bench, only {' and '.join(devices)}")
        return devices[device]

    def _camera_folder(self, view: str) -> Path:
        return self.folder / "cameras" / view

    def _unplugged_folder(self, view: str) -> Path:
        return self.folder / "cameras" / f".{view}.unplugged"
