"""Frozen exams: folders that the hub's configuration names, each with a ``manifest.csv`` and its pictures."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from sqlalchemy.engine import Connection

from inspection.hub.hub import Hub
from inspection.hub.problems import Problem

MANIFEST = "manifest.csv"


def names(hub: Hub, connection: Connection, merchant_id: UUID) -> tuple[str, ...]:  # noqa: ARG001 - data versions
    """The exams that can be taken."""
    return tuple(sorted(hub.config.bundles.exams))


def laid_out(hub: Hub, merchant_id: UUID, exam: str, folder: Path) -> Path:  # noqa: ARG001 - data versions
    """The folder of an exam, with ``manifest.csv`` and all pictures.

    Args:
        folder: where it may be written to when it lies nowhere yet.

    Raises:
        Problem: ``gate.refused`` when there is no such exam any more.
    """
    found = hub.config.bundles.exams.get(exam)
    if found is None:
        raise Problem("gate.refused", "there is no exam of this name; see bundles.exams of the hub's configuration")
    return found
