"""Which reference an item is compared with: that of its GTIN in a folder, or one made of pictures there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from models import reference_build
from models.reference import Bank, ReferenceRefused
from models.reference_file import ENDING, read_bank
from models.runtime import Judge


@dataclass(frozen=True, slots=True)
class References:
    """Banks by the name of their file.

    Attributes:
        banks: by GTIN-14, or by kind of goods where a station handles one product of it.
        every: the one for everything, when it was made from pictures.
        sources: SHA-256 of each file they come from, by its name.
    """

    banks: Mapping[str, Bank]
    every: Bank | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, judge: Judge, folder: Path) -> References:
        """The references in ``folder``; without ``.ref`` files, one is made from the pictures there.

        Of these pictures, one of eight that is not like the others is left out and told of.

        Raises:
            ReferenceRefused: a file is damaged or of another bundle, or there are neither files nor enough pictures.
        """
        if not folder.is_dir():
            raise ReferenceRefused(f"{folder} is not a folder", hint=f"name a folder of *{ENDING} files or of pictures")
        files = sorted(folder.glob(f"*{ENDING}"))
        if files:
            banks = {file.stem: read_bank(file).require(judge.bundle_id) for file in files}
            return cls(banks, None, {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files})
        pictures = [path for paths in reference_build.pictures_by_view(folder).values() for path in paths]
        sources = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures}
        return cls({}, reference_build.build(judge, folder.name or "samples", folder, leave_out=True), sources)

    def find(self, *names: str | None) -> Bank | None:
        """The bank of the first name that has one; a GTIN is filled to 14 digits."""
        for name in names:
            known = self.banks.get(name.zfill(14) if name.isdigit() else name) if name else None
            if known is not None:
                return known
        return self.every
