"""Labelled pictures: one row of ``manifest.csv`` a picture, read strictly, with a digest over labels and bytes."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.masks import defects_in, read_codes
from inspection.errors import ConfigError
from inspection.finding import Condition, Defect

REQUIRED = ("file", "set", "goods", "defects", "condition", "group", "capture", "licence")
EXHAUSTIVE_SETS = frozenset({"renders", "phones"})
"""Sets whose labels name every defect there is; elsewhere a label says what is there, not what is absent."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture.

    Attributes:
        path: the picture.
        name: set and file, stable across machines.
        set: data set it belongs to.
        goods: kind of goods.
        defects: defects the label states.
        condition: labelled condition.
        group: pictures of one group (item, date) never stand on both sides of a split; unique across sets.
        capture: ``fixed``, ``handheld`` or ``web``.
        licence: as the manifest states it.
        mask: mask picture (:mod:`datasets.masks`), where exact masks exist.
    """

    path: Path
    name: str
    set: str
    goods: str
    defects: frozenset[Defect]
    condition: Condition
    group: str
    capture: str
    licence: str
    mask: Path | None = None

    @property
    def damaged(self) -> bool:
        """Whether anything is wrong with it."""
        return self.condition is not Condition.INTACT

    def absent(self, defect: Defect) -> bool:
        """Whether the label lets us say that ``defect`` is not there.

        An intact item has none; a set that labels exhaustively names all; elsewhere silence means nothing. What
        ``damaged`` hides is never known to be absent.
        """
        if defect in self.defects:
            return False
        if not self.damaged:
            return True
        if defect is Defect.DAMAGED:
            return False
        return self.set in EXHAUSTIVE_SETS


def read_manifest(folder: Path, file: Path | None = None) -> list[Sample]:
    """The samples of ``folder/manifest.csv``, or of ``file`` whose pictures lie in ``folder``, in its order.

    Where there are exact masks, a picture's defects are those that its mask shows, and a picture of a damaged item that
    shows none of its defects is left out: it would teach that they cannot be seen.

    Raises:
        ConfigError: no manifest, a column missing, an unknown label, or a picture that is not there; names the line.
    """
    file = folder / "manifest.csv" if file is None else file
    if not file.is_file():
        raise ConfigError(f"{file} is not there", hint="give a folder that has a manifest.csv")
    with file.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        missing = [column for column in REQUIRED if column not in (reader.fieldnames or [])]
        if missing:
            raise ConfigError(f"{file}: columns missing: {', '.join(missing)}")
        samples = [_sample(folder, row, f"{file}:{reader.line_num}") for row in reader]
    return [sample for sample in samples if sample is not None]


def digest(samples: Sequence[Sample]) -> str:
    """SHA-256 over the names, labels and bytes of the samples, whatever their order."""
    lines = sorted(
        "\t".join(
            (
                sample.name,
                ";".join(sorted(sample.defects)),
                sample.condition,
                sample.group,
                hashlib.sha256(sample.path.read_bytes()).hexdigest(),
            )
        )
        for sample in samples
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _sample(folder: Path, row: dict[str, str], where: str) -> Sample | None:
    try:
        defects = frozenset(Defect(word) for word in row["defects"].split(";") if word)
        condition = Condition(row["condition"])
    except ValueError as error:
        raise ConfigError(f"{where}: {error}", hint="the words are those of inspection/finding.py") from error
    path = folder / row["file"]
    if not path.is_file():
        raise ConfigError(f"{where}: {path} is not there")
    if (condition is Condition.INTACT) == bool(defects):
        raise ConfigError(f"{where}: {condition} with defects {row['defects']!r} contradicts itself")
    mask = folder / row["mask"] if row.get("mask") else None
    if mask is not None:
        defects &= defects_in(read_codes(mask))
    if "mask" in row and condition is not Condition.INTACT and not defects:
        return None
    return Sample(
        path=path,
        name=f"{row['set']}/{row['file']}",
        set=row["set"],
        goods=row["goods"],
        defects=defects,
        condition=condition,
        group=f"{row['set']}/{row['group']}",
        capture=row["capture"],
        licence=row["licence"],
        mask=mask,
    )
