"""Where pictures lie: an object store (a local folder, or S3 and its like), named by the SHA-256 of their bytes.

What arrives is held in memory or, when it is large, in a file that has no name, so that nothing half-received is ever
seen or left behind; only whole, verified bytes enter the store, and the store shows an object whole or not at all. What
lies there is encrypted; see :mod:`inspection.hub.images.vault`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from inspection.errors import StoreError
from inspection.hub.images.vault import Vault
from inspection.hub.problems import Problem

IN_MEMORY = 1 << 20
"""Of what arrives, so many bytes are held in memory: most pictures are smaller."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FULL_WORDS = ("no space left", "quota exceeded", "os error 28", "os error 122", "file too large")


class Incoming:
    """Bytes on their way in; a context manager, and gone when it ends. Few stay in memory, more go into a file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def stays_in_memory(self, more: int) -> bool:
        """Whether ``more`` bytes can be added without touching the disk."""
        return self._file is None and self.size_bytes + more <= IN_MEMORY

    def write(self, chunk: bytes) -> None:
        """Add ``chunk``."""
        if self.stays_in_memory(len(chunk)):
            self._held.append(chunk)
        else:
            self._write_down([*self._held, chunk])
            self._held.clear()
        self.size_bytes += len(chunk)

    @property
    def sha256(self) -> str:
        whole = self._digest.copy()
        for chunk in self._held:
            whole.update(chunk)
        return whole.hexdigest()

    def content(self) -> bytes:
        """Everything that was written."""
        if self._file is None:
            return b"".join(self._held)
        try:
            self._file.seek(0)
            return self._file.read()
        except OSError as error:
            raise _refusal(error) from error

    def _write_down(self, chunks: list[bytes]) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by __exit__
            for chunk in chunks:
                self._file.write(chunk)
                self._digest.update(chunk)
        except OSError as error:
            raise _refusal(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            with suppress(OSError):  # a full disk may refuse the last buffer once more
                self._file.close()


class ImageStore:
    """Pictures of all merchants, apart from each other.

    Args:
        url: what obstore knows (``s3://…``, ``file:///…``); ``None`` is ``folder``.
        folder: local folder; pictures lie there unless ``url`` is given, and arrive through it in any case.
        vault: encrypts them; ``None`` leaves them as they are.
    """

    def __init__(self, url: str | None, folder: Path, vault: Vault | None = None) -> None:
        self._vault = vault
        self._root = None if url else folder / "images"
        self._arrivals = folder / "arriving"
        self._settled: set[Path] = set()
        try:
            for own in filter(None, (self._arrivals, self._root)):
                own.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._store: Any = from_url(url) if url else LocalStore(self._root, mkdir=True)
        except (OSError, BaseError, ValueError) as error:
            hint = "see images.url and data_dir in the configuration"
            raise StoreError(f"the picture store {url or self._root} cannot be opened: {error}", hint=hint) from error

    def incoming(self) -> Incoming:
        """A place for bytes that arrive."""
        return Incoming(self._arrivals)

    def has(self, merchant_id: UUID, sha256: str) -> bool:
        """Whether the object is there."""
        try:
            obstore.head(self._store, _name(merchant_id, sha256))
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise _refusal(error) from error
        return True

    def put(self, merchant_id: UUID, sha256: str, content: bytes) -> None:
        """Store verified bytes; on the disk, not only in its cache, when this returns.

        Raises:
            Problem: ``store.full`` or ``store.unavailable``; ``image.erased``; nothing was stored.
        """
        sealed = content if self._vault is None else self._vault.seal(merchant_id, sha256, content)
        self.put_stored(merchant_id, sha256, sealed)

    def put_stored(self, merchant_id: UUID, sha256: str, stored: bytes) -> None:
        """Store an object as :meth:`stored` gave it; raises what :meth:`put` raises."""
        name = _name(merchant_id, sha256)
        try:
            obstore.put(self._store, name, stored, use_multipart=False)
            if self._root is not None:
                self._sync(self._root / name, self._root)
        except (BaseError, OSError) as error:
            self._sweep(name)
            raise _refusal(error) from error

    def get(self, merchant_id: UUID, sha256: str) -> bytes:
        """The bytes of a picture.

        Raises:
            Problem: ``store.unavailable`` when the object is gone or damaged, or the store does not answer;
                ``image.erased``.
        """
        return self.opened(merchant_id, sha256, self.stored(merchant_id, sha256))

    def opened(self, merchant_id: UUID, sha256: str, stored: bytes) -> bytes:
        """The picture in an object that :meth:`stored` gave; raises what :meth:`get` raises."""
        return stored if self._vault is None else self._vault.open(merchant_id, sha256, stored)

    @property
    def key_name(self) -> str:
        """Which master key the pictures' keys are under; empty where pictures are not encrypted."""
        return "" if self._vault is None else self._vault.master.name

    def stored(self, merchant_id: UUID, sha256: str) -> bytes:
        """The object as it lies in the store, encrypted or not; for back-ups. Raises what :meth:`get` raises."""
        try:
            return bytes(obstore.get(self._store, _name(merchant_id, sha256)).bytes())
        except (BaseError, OSError) as error:
            raise _refusal(error) from error

    def delete(self, merchant_id: UUID, sha256: str) -> None:
        """Remove an object; one that is not there is no error.

        Raises:
            Problem: ``store.unavailable``.
        """
        try:
            obstore.delete(self._store, _name(merchant_id, sha256))
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise _refusal(error) from error

    def _sync(self, path: Path, root: Path) -> None:
        """Have the kernel write a file to the disk, its name in its folder, and the folders' own names up to ``root``.

        A folder whose name this process has written once keeps it.
        """
        _flush(path)
        _flush(path.parent)
        for folder in path.parents:
            if folder == root or folder in self._settled:
                break
            _flush(folder.parent)
            self._settled.add(folder)

    def _sweep(self, name: str) -> None:
        """Remove what a failed write left in a local folder: the store's staging files (``<name>#1``)."""
        if self._root is not None:
            target = self._root / name
            with suppress(OSError):
                for left in target.parent.glob(f"{target.name}#*"):
                    left.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(merchant_id: UUID, sha256: str) -> str:
    return f"{merchant_id}/{sha256[:2]}/{sha256}"


def _refusal(error: Exception) -> Problem:
    text = str(error).lower()
    if getattr(error, "errno", None) in _FULL or any(words in text for words in _FULL_WORDS):
        return Problem("store.full", "there is no room for this picture; nothing was stored")
    return Problem("store.unavailable", "the picture store failed; nothing was stored")
