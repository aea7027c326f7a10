"""A bundle's container: a ZIP file of which every byte follows from the files in it, so that none can change unseen.

Any program reads it. It is stored without compression, dated 1980-01-01, with names in order and no extra fields
(PKWARE APPNOTE 6.3.3, sections 4.3.7, 4.3.12, 4.3.16).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_LOCAL_MARK, _CENTRAL_MARK, _END_MARK = 0x04034B50, 0x02014B50, 0x06054B50
_VERSION, _MADE_BY_UNIX, _UTF8_NAMES, _DAY = 20, 3 << 8 | 20, 0x0800, 0x21
_MODE = 0o100644 << 16
_STEP = 1 << 16
MAX_BYTES = (1 << 32) - 1
MAX_FILES = (1 << 16) - 2


class ContainerError(Exception):
    """The container is damaged; says where."""


def pack(files: Mapping[str, bytes]) -> bytes:
    """The container of ``files``, by name.

    Raises:
        ContainerError: beyond 4 GiB or 65534 files.
    """
    locals_, central, offset = [], [], 0
    for name, content in sorted(files.items()):
        raw_name = name.encode()
        check = zlib.crc32(content)
        common = (_VERSION, _UTF8_NAMES, 0, 0, _DAY, check, len(content), len(content), len(raw_name), 0)
        if offset + len(content) > MAX_BYTES:
            raise ContainerError("a bundle holds at most 4 GiB")
        locals_ += [_LOCAL.pack(_LOCAL_MARK, *common), raw_name, content]
        central += [_CENTRAL.pack(_CENTRAL_MARK, _MADE_BY_UNIX, *common, 0, 0, 0, _MODE, offset), raw_name]
        offset += _LOCAL.size + len(raw_name) + len(content)
    directory, count = b"".join(central), len(files)
    if count > MAX_FILES or offset + len(directory) > MAX_BYTES:
        raise ContainerError("a bundle holds at most 4 GiB and 65534 files")
    return b"".join(locals_) + directory + _END.pack(_END_MARK, 0, 0, count, count, len(directory), offset, 0)


def unpack(raw: bytes) -> tuple[dict[str, bytes], str]:
    """The files in a container, and what is wrong with the container itself (``""`` for nothing).

    What is wrong with a file's content is for its reader to find, which knows it by its hash.

    Raises:
        ContainerError: when the files cannot be told apart.
    """
    files: dict[str, bytes] = {}
    place = 0
    while raw[place : place + 4] == _LOCAL_MARK.to_bytes(4, "little"):
        try:
            header = _LOCAL.unpack_from(raw, place)
            begin = place + _LOCAL.size + header[9]
            name = raw[place + _LOCAL.size : begin].decode()
        except (struct.error, UnicodeDecodeError):
            raise ContainerError(f"the header at byte {place} is damaged") from None
        if begin + header[8] > len(raw) or name in files:
            raise ContainerError(f"the header at byte {place} is damaged")
        files[name] = raw[begin : begin + header[8]]
        place = begin + header[8]
    return files, _difference(raw, pack(files), files)


def _difference(raw: bytes, expected: bytes, files: Mapping[str, bytes]) -> str:
    """Where the container first differs from what its files make of it."""
    if raw == expected:
        return ""
    both = min(len(raw), len(expected))
    start = next((at for at in range(0, both, _STEP) if raw[at : at + _STEP] != expected[at : at + _STEP]), both)
    place = next((at for at in range(start, both) if raw[at] != expected[at]), both)
    begin = 0
    for name in sorted(files):
        begin += _LOCAL.size + len(name.encode()) + len(files[name])
        if place < begin:
            return f"byte {place}, in the header of {name}"
    return f"byte {place}, in the directory at the end"
