"""The station's configuration file, changed from the page: checked first, replaced whole, the old one kept, undoable.

    station.yaml                               the file
    station.yaml.before-20261122T104500.123Z   what it was before each of the last changes

A change that the station could not start with is refused and changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inspection.errors import ConfigError, InspectionError
from inspection.station.config import StationConfig, load_config
from inspection.station.setup.yaml_edit import Change, changed
from inspection.yaml_source import read_yaml

KEPT = 10
_BEFORE = ".before-"
_STAMP = re.compile(r"\d{8}T\d{6}\.\d{6}Z")


class ChangedElsewhere(InspectionError):
    """Somebody else changed the configuration meanwhile."""

    code = "setup.changed_elsewhere"


class NothingToUndo(InspectionError):
    """No earlier configuration is kept."""

    code = "setup.nothing_to_undo"


class Refused(InspectionError):
    """The station could not start with the changed configuration; nothing was changed."""

    code = "setup.refused"


class ConfigFile:
    """One configuration file; safe to use from several threads, and beside a person with an editor.

    Args:
        path: the file; a link is followed, so that the link stays one.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.path = path.resolve()
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def digest(self) -> str:
        """SHA-256 of the file as it is; empty when it cannot be read."""
        try:
            return hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError:
            return ""

    @property
    def can_undo(self) -> bool:
        """Whether an earlier file is kept."""
        return bool(self._kept())

    def load(self) -> StationConfig:
        """The configuration as the file has it now.

        Raises:
            ConfigError: naming file, line and key of the first mistake.
        """
        return load_config(self.path)

    def change(self, make: Callable[[dict[str, Any]], Sequence[Change]], *, seen: str | None = None) -> StationConfig:
        """Make the changes that ``make`` derives from the file's data, and return the new configuration.

        Args:
            seen: digest of the file that the person looked at.

        Raises:
            ChangedElsewhere: the file is not the one that was ``seen``.
            Refused: the station could not start with it; the message says why.
            ConfigError: the file cannot be read, or not be written.
        """
        with self._lock:
            source = read_yaml(self.path, ConfigError)
            if seen is not None and hashlib.sha256(source.raw).hexdigest() != seen:
                raise ChangedElsewhere("the configuration was changed elsewhere", hint="look again, then decide")
            if not isinstance(source.data, dict):
                raise ConfigError(f"{self.path}: not a configuration", hint="see configs/station.yaml for an example")
            try:
                text = changed(source.text, source.data, make(source.data))
            except LookupError as error:
                raise Refused(
                    f"the configuration has no such entry: {error}", hint="look again, then decide"
                ) from error
            mark = "\ufeff" if source.raw.startswith(b"\xef\xbb\xbf") else ""
            return self._replace((mark + text).encode("utf-8"), keep=source.raw)

    def undo(self) -> StationConfig:
        """Put the file back as it was before the last change; what it was until now is not kept.

        Raises:
            NothingToUndo: no earlier file is kept.
            ConfigError: it cannot be written.
        """
        with self._lock:
            kept = self._kept()
            if not kept:
                raise NothingToUndo("no earlier configuration is kept", hint="edit the file by hand")
            try:
                kept[-1].replace(self.path)
                _sync(self.path.parent)
            except OSError as error:
                raise self._unwritable(error) from error
            return load_config(self.path)

    def _replace(self, raw: bytes, *, keep: bytes) -> StationConfig:
        try:
            new = self._written(raw, mode=self.path.stat().st_mode & 0o777)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            config = self._checked(new)
            stamp = self._clock().astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            old = self._written(keep, mode=self.path.stat().st_mode & 0o777)
            old.replace(self.path.with_name(f"{self.path.name}{_BEFORE}{stamp}"))
            new.replace(self.path)
            _sync(self.path.parent)
            for forgotten in self._kept()[:-KEPT]:
                forgotten.unlink()
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            new.unlink(missing_ok=True)
        return config

    def _checked(self, new: Path) -> StationConfig:
        """The new configuration, all of whose devices can be made."""
        try:
            config = load_config(new)
            for described in (*config.devices, *config.cameras):
                described.build()
        except InspectionError as error:
            raise Refused(str(error).replace(str(new), self.path.name), hint=error.hint) from error
        except Exception as error:
            raise Refused(f"a device cannot be made of it: {error}", hint="choose otherwise") from error
        return config

    def _written(self, raw: bytes, *, mode: int) -> Path:
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, mode)
                file.write(raw)
                file.flush()
                os.fsync(descriptor)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)

    def _kept(self) -> list[Path]:
        """Earlier files, oldest first."""
        prefix = f"{self.path.name}{_BEFORE}"
        try:
            names = [name for name in os.listdir(self.path.parent) if name.startswith(prefix)]  # noqa: PTH208
        except OSError:
            return []
        return [self.path.with_name(name) for name in sorted(names) if _STAMP.fullmatch(name.removeprefix(prefix))]

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            f"{self.path} cannot be written: {error.strerror or error}",
            hint="free space on the disk, and let the station's user write to the folder of its configuration",
        )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
