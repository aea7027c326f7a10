"""A folder that holds versions and their pictures: ``versions/<id>.json`` and ``pictures/<2 hex>/<sha256>``.

Nothing in it is ever changed: a file is written beside and renamed, and an existing one is left alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from datasets.versions.version import Version, VersionError, read_version

MAX_PICTURE_BYTES = 100_000_000


class VersionStore:
    """Versions and pictures under ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def ids(self) -> list[str]:
        """Ids of all versions, by name."""
        return sorted(path.stem for path in (self.folder / "versions").glob("*@*.json"))

    def write(self, version: Version) -> Path:
        """Keep a version whose pictures are here.

        Raises:
            VersionError: one of its pictures is not.
        """
        for sha256 in hashes_of(version):
            if not self.path(sha256).is_file():
                raise VersionError(f"{version.id}: picture {sha256} is not in {self.folder}")
        file = self.folder / "versions" / f"{version.id}.json"
        if not file.is_file():
            _write(file, version.manifest)
        return file

    def read(self, version_id: str) -> Version:
        """A version; the name alone will do when it has one version, a beginning of the hash when it is the only one.

        Raises:
            VersionError: there is none, or several, or it was changed.
        """
        name, _, digits = version_id.partition("@")
        found = [each for each in self.ids() if each.split("@")[0] == name and each.split("@")[1].startswith(digits)]
        if len(found) != 1:
            what = f"{len(found)} versions of this name: {', '.join(found[:5])}" if found else "no such version"
            raise VersionError(f"{version_id}: {what} in {self.folder}", hint="python -m datasets version list")
        text = (self.folder / "versions" / f"{found[0]}.json").read_bytes()
        return read_version(text, found[0])

    def put(self, content: bytes) -> str:
        """Keep a picture; returns its hash."""
        sha256 = hashlib.sha256(content).hexdigest()
        if not self.path(sha256).is_file():
            _write(self.path(sha256), content)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of a picture.

        Raises:
            VersionError: it is not here, or its bytes were changed.
        """
        path = self.path(sha256)
        if not path.is_file():
            raise VersionError(f"picture {sha256} is not in {self.folder}", hint="it may have been erased")
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise VersionError(f"{path} was changed: its bytes have another hash")
        return content

    def path(self, sha256: str) -> Path:
        """Where a picture of this hash lies."""
        return self.folder / "pictures" / sha256[:2] / sha256

    def faults(self, version: Version) -> Iterator[str]:
        """Everything that is wrong with a version's pictures, one line each."""
        for sha256 in hashes_of(version):
            try:
                self.get(sha256)
            except VersionError as error:
                yield str(error)

    def remove(self, sha256: str) -> bool:
        """Delete a picture's bytes, for an erasure; whether they were there."""
        path = self.path(sha256)
        there = path.is_file()
        path.unlink(missing_ok=True)
        return there


def hashes_of(version: Version) -> list[str]:
    """Pictures and masks of a version, each once."""
    found = {entry.sha256 for entry in version.entries}
    found |= {entry.mask for entry in version.entries if entry.mask is not None}
    return sorted(found)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    with fresh.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
