"""Pictures by content: a file's name is the SHA-256 of its bytes; a power cut leaves a whole file or none.

The judge sees the pixels decoded from the stored bytes, not the camera's, so that a verdict can be reproduced from its
evidence.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from inspection.errors import StoreError
from inspection.evidence import SHA256_HEX, sha256_hex
from inspection.frame import Pixels

JPEG_QUALITY = 95
MEDIA_TYPE: Final = "image/jpeg"


@dataclass(frozen=True, slots=True, eq=False)
class StoredPicture:
    """A picture on disk.

    Attributes:
        sha256: its name.
        size_bytes: length of the JPEG file.
        pixels: uint8, shape (H, W, 3), BGR, as decoded from the file's bytes.
    """

    sha256: str
    size_bytes: int
    pixels: Pixels


class PictureStore:
    """A folder of JPEG files named by their SHA-256.

    Args:
        root: folder; created when missing.
        min_free_bytes: a picture is refused when the disk would have less than this free; the journal needs room, too.
    """

    def __init__(self, root: Path, min_free_bytes: int = 0) -> None:
        self.root = root
        self.min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        try:
            root.mkdir(parents=True, exist_ok=True)
            for leftover in root.glob("*/*.part"):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise _explained(error, root) from error

    def put(self, pixels: Pixels) -> StoredPicture:
        """Encode, write and decode again.

        Raises:
            StoreError: when there is no space or the disk refuses; no partial file remains under a picture's name.
        """
        encoded, buffer = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not encoded:
            raise StoreError(f"a frame of shape {pixels.shape} could not be encoded as JPEG")
        data = buffer.tobytes()
        name = sha256_hex(data)
        self._write(name, data)
        return StoredPicture(name, len(data), decode(data))

    def read(self, sha256: str) -> bytes:
        """The bytes of a picture, verified against its name.

        Raises:
            StoreError: when it is not there or its bytes changed.
        """
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise StoreError(f"picture {sha256} is not in {self.root}", hint="take the pictures again") from error
        except OSError as error:
            raise _explained(error, self.root) from error
        if sha256_hex(data) != sha256:
            raise StoreError(
                f"picture {sha256} was changed on disk",
                hint="check the disk; the picture cannot serve as evidence any more",
            )
        return data

    def path(self, sha256: str) -> Path:
        """Where a picture lies.

        Raises:
            StoreError: when ``sha256`` is not 64 lower-case hex digits.
        """
        if not SHA256_HEX.match(sha256):
            raise StoreError(f"{sha256[:80]!r} is not the SHA-256 of a picture")
        return self.root / sha256[:2] / f"{sha256}.jpg"

    def prune(self, keep: set[str], older_than_s: float, now_s: float) -> int:
        """Remove pictures not in ``keep`` that were written more than ``older_than_s`` before ``now_s`` (Unix time)."""
        removed = 0
        for path in self.root.glob("*/*.jpg"):
            if path.stem in keep:
                continue
            try:
                with self._lock:
                    if now_s - path.stat().st_mtime > older_than_s:
                        path.unlink()
                        removed += 1
            except OSError as error:
                raise _explained(error, self.root) from error
        return removed

    def _write(self, name: str, data: bytes) -> None:
        path = self.path(name)
        try:
            with self._lock:
                if path.exists() and path.read_bytes() == data:
                    os.utime(path)
                    return
            self.check_space(len(data))
            path.parent.mkdir(exist_ok=True)
            descriptor, part = tempfile.mkstemp(suffix=".part", dir=path.parent)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                Path(part).replace(path)
            finally:
                Path(part).unlink(missing_ok=True)
            _sync_folder(path.parent)
            _sync_folder(self.root)
        except OSError as error:
            raise _explained(error, self.root) from error

    def check_space(self, size: int = 0) -> None:
        """Raise StoreError when a picture of ``size`` bytes would leave too little free."""
        free = shutil.disk_usage(self.root).free
        if free - size < self.min_free_bytes:
            raise StoreError(
                f"only {free // 1_000_000} MB are free in {self.root}, {self.min_free_bytes // 1_000_000} MB must stay",
                hint="free space on the station's disk, or lower limits.min_free_mb",
            )


def decode(data: bytes) -> Pixels:
    """Pixels of a JPEG file, uint8 (H, W, 3) BGR.

    Raises:
        StoreError: when the bytes are no picture.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise StoreError("the bytes of a stored picture are no JPEG")
    return np.asarray(pixels, np.uint8)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: OSError, root: Path) -> StoreError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    hint = (
        "free space on the station's disk" if full else "look at the disk and the rights of the station's data folder"
    )
    return StoreError(f"a picture could not be written to or read from {root}: {error.strerror or error}", hint=hint)
