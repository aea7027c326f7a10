"""What a back-up says of itself.

A back-up folder holds pictures once for all back-ups, named by their hash, and one dated folder a back-up::

    pictures/<merchant>/<first two digits>/<sha256>
    2026-11-22T081500.000000Z/manifest.json  database.dump  pictures.txt  SHA256SUMS

The dated folder appears whole, with everything in it on the disk, or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from inspection.errors import InspectionError

FORMAT = 1
MANIFEST, DUMP, PICTURES, SUMS = "manifest.json", "database.dump", "pictures.txt", "SHA256SUMS"
MAX_MANIFEST_BYTES = 1 << 20


class BackupError(InspectionError):
    """A back-up cannot be made, or is not whole; names the file."""

    code = "backup.failed"


class Manifest(BaseModel):
    """``manifest.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(description="of this folder", ge=1)
    made_at: AwareDatetime
    version: str
    schema_revision: str
    rows: dict[str, int] = Field(description="of every table, in the moment that was backed up")
    pictures: int
    picture_bytes: int
    image_key: str = Field(description="name of the master key that the pictures' keys are under")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of ``pictures.txt``: a picture that the database names.

    Attributes:
        sha256: of the picture; its name.
        stored_sha256: of the object in the store, which is encrypted, and of the file here.
    """

    merchant: UUID
    sha256: str
    stored_sha256: str

    @property
    def place(self) -> str:
        """Where it lies under ``pictures/``."""
        return f"{self.merchant}/{self.sha256[:2]}/{self.sha256}"


def new_name(moment: datetime) -> str:
    """The dated folder's name; names sort by time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")


def dated(root: Path) -> list[Path]:
    """The whole back-ups under ``root``, the oldest first."""
    return sorted(path.parent for path in root.glob(f"[0-9]*/{MANIFEST}"))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a dated folder.

    Raises:
        BackupError: there is none, or it is of another format.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            found = Manifest.model_validate_json(file.read(MAX_MANIFEST_BYTES))
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}", hint="name a dated folder that a back-up made") from error
    except ValidationError as error:
        raise BackupError(f"{path} is no manifest of a back-up ({error.error_count()} faults)") from error
    if found.format != FORMAT:
        raise BackupError(f"{path} has format {found.format}, this program reads {FORMAT}", hint="use a newer program")
    return found


def write_sums(folder: Path) -> None:
    """Write ``SHA256SUMS``, as ``sha256sum --check`` reads it."""
    lines = [f"{sha256_of(folder / name)}  {name}\n" for name in (MANIFEST, DUMP, PICTURES)]
    (folder / SUMS).write_text("".join(lines), encoding="ascii")


def check_sums(folder: Path) -> None:
    """Whether the files of a back-up are what they were when it was made.

    Raises:
        BackupError: one is missing or was changed.
    """
    try:
        text = (folder / SUMS).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BackupError(f"{folder / SUMS} cannot be read", hint="name a dated folder that a back-up made") from error
    wanted = {name: digest for digest, _, name in (line.partition("  ") for line in text.splitlines())}
    for name in (MANIFEST, DUMP, PICTURES):
        if sha256_of(folder / name) != wanted.get(name):
            raise BackupError(f"{folder / name} was changed since it was made", hint="take another back-up")


def read_pictures(folder: Path) -> Iterator[Listed]:
    """The pictures of a back-up.

    Raises:
        BackupError: the list cannot be read.
    """
    path = folder / PICTURES
    try:
        with path.open(encoding="ascii") as file:
            for line in file:
                merchant, sha256, stored_sha256 = line.split()
                yield Listed(UUID(merchant), sha256, stored_sha256)
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise BackupError(f"{path} holds a line that names no picture") from error


def sha256_of(path: Path) -> str:
    """Hash of a file.

    Raises:
        BackupError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror}") from error
