"""A frozen exam: labelled pictures under one hash, so that every result says what it was measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inspection.errors import ConfigError
from models.evaluation.photographs import Photograph, read_photographs

FORMAT = "returns-exam 1"
NAMED = 5


@dataclass(frozen=True, slots=True)
class Exam:
    """Labelled pictures.

    Attributes:
        photographs: in the order of the manifest.
        hashes: SHA-256 of each file.
        sha256: over files, their hashes and all labels, whatever their order.
    """

    photographs: Sequence[Photograph]
    hashes: Mapping[str, str]
    sha256: str

    @classmethod
    def read(cls, manifest: Path, images: Path) -> Exam:
        """The exam that ``manifest`` lists, of pictures in ``images``.

        Raises:
            ConfigError: a picture is missing or listed twice, none is labelled, or the manifest cannot be read.
        """
        photographs = read_photographs(manifest)
        files = [photograph.file for photograph in photographs]
        twice = sorted({file for file in files if files.count(file) > 1}) if len(set(files)) < len(files) else []
        if twice:
            raise ConfigError(f"{manifest} lists {', '.join(twice[:NAMED])} twice")
        if not any(photograph.condition for photograph in photographs):
            raise ConfigError(f"{manifest} labels no condition", hint="an exam has a column condition")
        hashes = {file: _hash(images, file, manifest) for file in files}
        rows = sorted(
            [hashes[photograph.file], sorted((name, text) for name, text in photograph.labels.items() if text)]
            for photograph in photographs
        )
        said = json.dumps([FORMAT, rows], ensure_ascii=False, separators=(",", ":"))
        return cls(photographs, hashes, hashlib.sha256(said.encode()).hexdigest())


def _hash(images: Path, file: str, manifest: Path) -> str:
    path = (images / file).resolve()
    try:
        if not path.is_relative_to(images.resolve()):
            raise ConfigError(f"{manifest}: {file} is outside the folder of pictures")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigError(f"{manifest}: {file}: {error.strerror}", hint="a frozen exam has all its pictures") from error
