"""Records on disk: one file per camera and view, replaced as a whole, its earlier versions kept beside it.

    <root>/<camera_id>/<view>.json
    <root>/<camera_id>/history/<view>.<version>.json

A file is one line of canonical JSON: format, version (counts up per view), the version it replaced, who saved it, when,
with which software, the record, and its SHA-256. A station never stops over it: `CalibrationStore.find` says what is
wrong and gives what is still good.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from calibration.envelope import Saved, open_envelope, sealed
from calibration.record import CalibrationRecord
from inspection.errors import CalibrationError

HISTORY = "history"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LIGHT_PARTS = frozenset({"colour", "flat", "light", "background"})
AGAIN = "calibrate this view again, or take the last version back"


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about a view.

    Attributes:
        record: as it was saved; ``None`` when there is none or it cannot be used at all.
        problems: what is wrong, for the screen and the log.
        unusable: names of the parts of ``record`` that must not be used (expired, made with other settings).
    """

    record: CalibrationRecord | None
    problems: tuple[CalibrationError, ...] = ()
    unusable: frozenset[str] = frozenset()


class CalibrationStore:
    """The records of all cameras below one folder; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, camera_id: str, view: str) -> Path:
        """The file of a view.

        Raises:
            CalibrationError: a name that cannot be one of a file.
        """
        for name in (camera_id, view):
            if not _NAME.fullmatch(name):
                raise CalibrationError(
                    f"{name!r} cannot name a camera or a view", code="name", hint="use A-Z a-z 0-9 . _ -"
                )
        return self.root / camera_id / f"{view}.json"

    def find(
        self,
        camera_id: str,
        view: str,
        now: datetime,
        *,
        size: tuple[int, int] | None = None,
        settings_digest: str | None = None,
        hardware: str = "",
    ) -> Found:
        """The record of a view, and what is wrong with it. Raises nothing that a file can cause.

        Args:
            camera_id: identity of the camera that is there.
            view: where it is.
            now: timezone-aware; decides what has expired.
            size: width and height of its frames; a record of another size is not given.
            settings_digest: of its frames; with other settings, colour and light are unusable.
            hardware: which camera took them, empty where it does not tell; a record of another one is not given.
        """
        try:
            record = load_record(self.path(camera_id, view)).record
            check_identity(record, camera_id, view, size)
            check_hardware(record, hardware)
        except CalibrationError as error:
            return Found(None, (error,))
        expired = {name for name, part in record.parts().items() if part.expired(now)}
        problems = [_expired(record, name) for name in record.parts() if name in expired]
        foreign = _other_settings(record, settings_digest)
        if foreign:
            problems.append(
                CalibrationError(
                    f"the camera of view {view} had other settings when {', '.join(sorted(foreign))} were calibrated",
                    code="other_settings",
                    hint="set the camera as it was, or calibrate colour and light again",
                )
            )
        return Found(record, tuple(problems), frozenset(expired | foreign))

    def save(self, record: CalibrationRecord, *, by: str, at: datetime, software: str) -> int:
        """Make ``record`` the one of its view; the one before goes into the history. Returns the version.

        Raises:
            CalibrationError: ``calibration.write``: the disk is full or read-only; the old record is then still there.
        """
        path = self.path(record.camera_id, record.view)
        with _locked(path):
            return save_record(path, record, by=by, at=at, software=software)

    def undo(self, camera_id: str, view: str) -> CalibrationRecord:
        """Take the version back that the current one replaced; again and again goes further back.

        Raises:
            CalibrationError: ``calibration.missing`` when there is none before.
        """
        path = self.path(camera_id, view)
        with _locked(path):
            versions = _versions(path)
            try:
                current = load_record(path)
                _keep(path, current.version)
                before = current.previous
            except CalibrationError as error:
                if error.code == "calibration.missing":
                    raise
                _set_aside(path)
                before = max(versions, default=None)
            if before not in versions:
                raise CalibrationError(f"view {view} of camera {camera_id} has no version before", code="missing")
            saved = load_record(versions[before])
            check_identity(saved.record, camera_id, view, None)
            _replace(path, versions[before].read_bytes())
            return saved.record


def load_record(path: Path) -> Saved:
    """Read one file.

    Raises:
        CalibrationError: ``calibration.missing``, ``.unreadable``, and those of `open_envelope`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise CalibrationError(f"there is no calibration {path}", code="missing", hint="calibrate this view") from error
    except OSError as error:
        raise CalibrationError(
            f"cannot read {path}: {error.strerror or error}",
            code="unreadable",
            hint="look at the file's rights and the disk",
        ) from error
    return open_envelope(data, str(path))


def save_record(path: Path, record: CalibrationRecord, *, by: str, at: datetime, software: str) -> int:
    """Replace one file as a whole, whatever was there before; see `CalibrationStore.save`.

    Killed at any moment, the file holds either the old or the new record.
    """
    try:
        (path.parent / HISTORY).mkdir(parents=True, exist_ok=True)
        previous = _retire(path)
        version = max((*_versions(path), previous or 0), default=0) + 1
        data = sealed(Saved(version=version, previous=previous, by=by, at=at, software=software, record=record))
        _replace(path, data)
    except OSError as error:
        raise CalibrationError(
            f"cannot write {path}: {error.strerror or error}",
            code="write",
            hint="free space on the disk, or its rights",
        ) from error
    return version


def check_identity(record: CalibrationRecord, camera_id: str, view: str, size: tuple[int, int] | None) -> None:
    """Refuse a record that is not of this camera, this view and frames of this size.

    Raises:
        CalibrationError: ``calibration.foreign_camera``, ``.other_view``, ``.other_resolution``.
    """
    if record.camera_id != camera_id:
        raise CalibrationError(
            f"the calibration is of camera {record.camera_id}, this is {camera_id}", code="foreign_camera", hint=AGAIN
        )
    if record.view != view:
        raise CalibrationError(
            f"the calibration is of view {record.view}, this is {view}", code="other_view", hint=AGAIN
        )
    if size is not None and (record.width, record.height) != size:
        raise CalibrationError(
            f"view {view} was calibrated at {record.width} x {record.height} pixels, not {size[0]} x {size[1]}",
            code="other_resolution",
            hint="set the resolution the camera had, or calibrate this view again",
        )


def check_hardware(record: CalibrationRecord, hardware: str) -> None:
    """Refuse a record that another camera of the same name made; one that does not tell who it is passes.

    Raises:
        CalibrationError: ``calibration.foreign_camera``.
    """
    if record.hardware and hardware and record.hardware != hardware:
        raise CalibrationError(
            f"view {record.view} was calibrated with camera {record.hardware}, now there is {hardware}",
            code="foreign_camera",
            hint="put the old camera back, or calibrate this view again",
        )


def _expired(record: CalibrationRecord, name: str) -> CalibrationError:
    until = record.parts()[name].made.valid_until
    return CalibrationError(
        f"the {name} calibration of view {record.view} expired on {until:%Y-%m-%d %H:%M} UTC",
        code="expired",
        hint=f"calibrate {name} of this view again",
    )


def _other_settings(record: CalibrationRecord, digest: str | None) -> frozenset[str]:
    if digest is None or not record.settings_digest or record.settings_digest == digest:
        return frozenset()
    return _LIGHT_PARTS & record.parts().keys()


def _retire(path: Path) -> int | None:
    """Keep the current file in the history; returns its version, or that of the newest readable one before it."""
    try:
        version = load_record(path).version
    except CalibrationError as error:
        if error.code != "calibration.missing":
            _set_aside(path)
        return max(_versions(path), default=None)
    _keep(path, version)
    return version


def _keep(path: Path, version: int) -> None:
    kept = path.parent / HISTORY / f"{path.stem}.{version:06d}.json"
    if not kept.exists():
        _replace(kept, path.read_bytes())


def _set_aside(path: Path) -> None:
    """A broken file is evidence too."""
    with suppress(OSError):
        _replace(path.parent / HISTORY / f"{path.stem}.broken", path.read_bytes())


def _versions(path: Path) -> dict[int, Path]:
    pattern = re.compile(rf"{re.escape(path.stem)}\.(\d{{6,}})\.json")
    found = {}
    with suppress(FileNotFoundError):
        for kept in (path.parent / HISTORY).iterdir():
            if match := pattern.fullmatch(kept.name):
                found[int(match[1])] = kept
    return found


def _replace(path: Path, data: bytes) -> None:
    """Write beside it, flush to the disk, rename: readers see the old bytes or the new ones."""
    descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(part).replace(path)
    finally:
        Path(part).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; the lock ends with the process that holds it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.parent / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CalibrationError(
            f"cannot write below {path.parent}: {error.strerror or error}",
            code="write",
            hint="look at the folder's rights",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise CalibrationError(
            f"cannot write {path}: {error.strerror or error}",
            code="write",
            hint="free space on the disk, or its rights",
        ) from error
    finally:
        os.close(lock)
