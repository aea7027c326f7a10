"""Frozen exams: folders that the hub's configuration names, and the exam split of each data version."""

from __future__ import annotations

import csv
from pathlib import Path
from uuid import UUID

from sqlalchemy.engine import Connection

from datasets.versions.entry import Split
from datasets.versions.folders import COLUMNS, lay_out
from inspection.hub.datasets import service as data
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem

MANIFEST = "manifest.csv"


def names(hub: Hub, connection: Connection, merchant_id: UUID) -> tuple[str, ...]:
    """The exams that can be taken: names of the configuration, then ids of data versions that hold one back."""
    versions = data.listed(connection, merchant_id)
    held_back = [row.id for row in versions if row.counts.get("split", {}).get(Split.EXAM.value)]
    return (*sorted(hub.config.bundles.exams), *held_back)


def laid_out(hub: Hub, merchant_id: UUID, exam: str, folder: Path) -> Path:
    """The folder of an exam, with ``manifest.csv`` and all pictures.

    Args:
        folder: where a data version's is written to.

    Raises:
        Problem: ``gate.refused`` when there is no such exam any more; ``image.erased`` when one of its pictures was
            erased, as an exam is whole or none; ``store.unavailable``.
    """
    named = hub.config.bundles.exams.get(exam)
    if named is not None:
        return named
    if "@" not in exam:
        raise Problem("gate.refused", "there is no exam of this name; see bundles.exams of the hub's configuration")
    with hub.database.transaction() as connection:
        row = data.find(connection, merchant_id, exam)
    version = data.read(hub, merchant_id, row)
    parts = lay_out(version, folder, lambda sha256, path: _put(hub, merchant_id, sha256, path), Split.EXAM)
    _join(folder, parts)
    return folder


def _put(hub: Hub, merchant_id: UUID, sha256: str, path: Path) -> None:
    path.write_bytes(data.picture(hub, merchant_id, sha256)[0])


def _join(folder: Path, parts: list[Path]) -> None:
    """One manifest over the folders of all sets."""
    with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        for part in parts:
            with (part / MANIFEST).open(encoding="utf-8", newline="") as rows:
                writer.writerows(row | {"file": f"{part.name}/{row['file']}"} for row in csv.DictReader(rows))
