"""A bundle's zip into a folder: every name, size and kind is distrusted, every file synced, the folder shown last."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from pathlib import Path
from typing import IO

from inspection.station.rollouts.errors import RolloutRefused, explained
from inspection.station.rollouts.store import sync_folder

MAX_FILES = 20_000
MAX_DEPTH = 6
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,119}")
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PIECE = 1 << 20
_ENCRYPTED = 1


def unpack(archive: Path, folder: Path, max_bytes: int) -> None:
    """Write the files of ``archive`` into ``folder``, which is not there yet, without one folder around everything.

    What was written of a refused one is left for its caller to remove.

    Raises:
        RolloutRefused: it is no zip, is damaged or encrypted, names a file outside, twice or as a link, or holds more
            than it says or more than ``max_bytes``.
        NotFetched: the disk refuses.
    """
    try:
        folder.mkdir()
        with zipfile.ZipFile(archive) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            _count(entries, max_bytes)
            left = max_bytes
            for entry, name in zip(entries, _names(entries), strict=True):
                with opened.open(entry) as stream:
                    left -= _write(stream, folder / name, min(left, entry.file_size))
        for path in sorted((each for each in folder.rglob("*") if each.is_dir()), reverse=True):
            sync_folder(path)
        sync_folder(folder)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise RolloutRefused(f"the archive is not a zip that can be read: {error}") from error
    except OSError as error:
        raise explained(error, f"{folder} cannot be written") from error


def _count(entries: list[zipfile.ZipInfo], max_bytes: int) -> None:
    if not 0 < len(entries) <= MAX_FILES:
        raise RolloutRefused(f"the archive has {len(entries)} files, 1 to {MAX_FILES} expected")
    total = sum(entry.file_size for entry in entries)
    if total > max_bytes:
        raise RolloutRefused(f"the archive unpacks to {total} bytes, at most {max_bytes} are taken")


def _names(entries: list[zipfile.ZipInfo]) -> list[str]:
    names = [_plain(entry) for entry in entries]
    if len({name.partition("/")[0] for name in names}) == 1 and all("/" in name for name in names):
        names = [name.partition("/")[2] for name in names]
    if len({name.lower() for name in names}) != len(names):
        raise RolloutRefused("the archive names a file twice")
    return names


def _plain(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = entry.filename.split("/")
    if kind not in (0, stat.S_IFREG) or entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
        raise RolloutRefused(f"{entry.filename[:200]!r} in the archive is no plain file")
    if (
        entry.orig_filename != entry.filename
        or len(parts) > MAX_DEPTH
        or not all(_PART.fullmatch(part) for part in parts)
    ):
        raise RolloutRefused(f"{entry.filename[:200]!r} in the archive is no name of a file of a bundle")
    return entry.filename


def _write(stream: IO[bytes], path: Path, limit: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with path.open("xb") as file:
        while piece := stream.read(_PIECE):
            size += len(piece)
            if size > limit:
                raise RolloutRefused(f"{path.name} holds more than the archive says")
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return size
