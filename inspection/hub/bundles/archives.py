"""A bundle's folder as one file and back: a zip that is the same byte for byte whenever the folder is the same.

Stored, not compressed: weights hardly shrink, and the bytes then do not depend on the version of a compressor. What
comes from elsewhere is unpacked as if everything it says of itself were a lie.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from pathlib import Path

from inspection.errors import BundleError

MAX_FILES = 2000
MAX_DEPTH = 4
MEDIA_TYPE = "application/zip"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PIECE = 1 << 20
_ENCRYPTED = 1
_HINT = "make the zip from a bundle's folder: hub_app.py bundle export, or any zip program"


class ArchiveRefused(BundleError):
    """The file is no zip of a bundle, or one that is meant to do harm."""

    code = "bundle.archive"


def pack(folder: Path, max_bytes: int) -> bytes:
    """The files of ``folder`` as a zip, in the order of their names.

    Raises:
        ArchiveRefused: there are none, one is a link or no plain file, or they are too many or too large.
        BundleError: one cannot be read.
    """
    found = {}
    for path in sorted(folder.rglob("*"), key=lambda each: each.relative_to(folder).as_posix()):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ArchiveRefused(f"{path} is no plain file; a bundle holds files only")
        if path.is_file():
            found[_checked(name)] = path
    if not found:
        raise ArchiveRefused(f"{folder} holds no files", hint="name the folder of a bundle")
    _few(len(found))
    made, total = io.BytesIO(), 0
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, path in found.items():
            try:
                with path.open("rb") as stream:
                    data = stream.read(max_bytes - total + 1)
            except OSError as error:
                raise BundleError(f"{path} cannot be read: {error.strerror}") from error
            total += len(data)
            _small(total, max_bytes)
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, data)
    return made.getvalue()


def unpack(data: bytes, folder: Path, max_bytes: int) -> None:
    """Write the files of a zip into ``folder``, which is empty; one folder around everything is left away.

    Raises:
        ArchiveRefused: it is no zip, is damaged or encrypted, or names a file outside, twice, as a link, or in a way
            that no bundle does; or it holds more than it says or more than ``max_bytes``. What was written so far is
            left, so that ``folder`` is to be thrown away.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _few(len(entries))
            names = _inside([_plain(entry) for entry in entries])
            _small(sum(entry.file_size for entry in entries), max_bytes)
            left = max_bytes
            for entry, name in zip(entries, names, strict=True):
                left -= _write(archive, entry, folder / name, left)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise ArchiveRefused(f"not a zip that can be read: {error}", hint=_HINT) from error
    except OSError as error:
        raise BundleError(f"{folder}: {error.strerror}", hint="is there room?") from error


def _plain(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ArchiveRefused(f"{entry.filename[:200]!r} is a link or no plain file; a bundle holds files only")
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise ArchiveRefused(f"{entry.filename[:200]!r} is encrypted or compressed in a way of its own", hint=_HINT)
    if entry.orig_filename != entry.filename:
        raise ArchiveRefused(f"{entry.orig_filename[:200]!r} is no name of a file", hint=_HINT)
    return _checked(entry.filename)


def _checked(name: str) -> str:
    parts = name.split("/")
    if len(parts) > MAX_DEPTH or not all(_PART.fullmatch(part) for part in parts):
        raise ArchiveRefused(f"{name[:200]!r} is no name of a file of a bundle", hint=_HINT)
    return name


def _inside(names: list[str]) -> list[str]:
    """The names without the one folder that all are in, if there is one, each once whatever the case."""
    firsts = {name.partition("/")[0] for name in names}
    if len(firsts) == 1 and all("/" in name for name in names):
        names = [name.partition("/")[2] for name in names]
    if len({name.lower() for name in names}) != len(names):
        raise ArchiveRefused("two files have one name", hint=_HINT)
    return names


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, limit: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(entry) as stream, path.open("xb") as file:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > min(limit, entry.file_size):
                raise ArchiveRefused(f"{entry.filename!r} holds more than it says", hint=_HINT)
            file.write(piece)
    return size


def _few(count: int) -> None:
    if count > MAX_FILES:
        raise ArchiveRefused(f"{count} files; at most {MAX_FILES} are taken")


def _small(total: int, max_bytes: int) -> None:
    if total > max_bytes:
        raise ArchiveRefused(f"more than {max_bytes} bytes", hint="see bundles.max_bytes of the hub's configuration")
