"""Checkpoints as they are given out, and the cosignatures of witnesses: taken over HTTP or from a folder."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.hub.database import Database
from inspection.hub.evidence.log import EvidenceLog
from inspection.hub.evidence.tables import checkpoints, cosignatures
from inspection.hub.tables import merchants
from inspection.ledger.notes import MAX_NOTE_BYTES, Note, NoteError, Signature, verify

CLOCK_SKEW_S = 300
"""A cosignature from further in the future than this is not taken."""


def checkpoint(connection: Connection, merchant_id: UUID, size: int | None = None) -> tuple[int, Note] | None:
    """A checkpoint with every cosignature it has, the newest unless ``size`` says which; ``None`` without one."""
    table = checkpoints
    query = sa.select(table.c.size, table.c.note).where(table.c.merchant_id == merchant_id)
    query = query.order_by(table.c.size.desc()).limit(1) if size is None else query.where(table.c.size == size)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    lines = sa.select(cosignatures.c.line).where(
        cosignatures.c.merchant_id == merchant_id, cosignatures.c.size == row.size
    )
    found = connection.execute(lines.order_by(cosignatures.c.witness)).scalars()
    return row.size, Note.parse(row.note.encode()).with_signatures(map(Signature.parse, found))


def cosign(
    connection: Connection, merchant_id: UUID, log: EvidenceLog, size: int, offered: Sequence[Signature], *, now: float
) -> list[str]:
    """Keep the cosignatures of the checkpoint of ``size`` that are of witnesses we know; a repeat changes nothing.

    Args:
        connection: the transaction.
        merchant_id: whose log.
        log: knows the witnesses.
        size: of the checkpoint, which must be stored.
        offered: signatures of any kind; those of keys that we do not know are passed over.
        now: POSIX time.

    Returns:
        The names of the witnesses whose cosignature is now there.

    Raises:
        NoteError: when the signature of a known witness does not verify, or its time is in the future.
    """
    text = connection.execute(
        sa.select(checkpoints.c.note).where(checkpoints.c.merchant_id == merchant_id, checkpoints.c.size == size)
    ).scalar_one()
    note = Note.parse(text.encode())
    rows = []
    for signature in offered:
        key = log.witness(signature.name, signature.key_id)
        if key is None:
            continue
        verify(note.text, signature, key)
        if (signature.timestamp or 0) > now + CLOCK_SKEW_S:
            raise NoteError(f"the cosignature of {key.name} is from the future")
        rows.append({"merchant_id": merchant_id, "size": size, "witness": str(key), "line": signature.line()})
    for row in rows:
        connection.execute(postgresql.insert(cosignatures).values(row).on_conflict_do_nothing())
    return [str(row["witness"]).partition("+")[0] for row in rows]


class Drop:
    """A folder where checkpoints are laid out and cosigned ones are fetched, for witnesses without a network to us.

    ``<folder>/<merchant id>/<size>.checkpoint`` is written by the hub, once. A witness, which may see nothing but this
    folder, leaves the note with its signature line added as ``<size>.<any name>.cosigned``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: set[Path] = set()

    def exchange(self, database: Database, log: EvidenceLog, *, now: float | None = None) -> None:
        """Lay out the newest checkpoint of every merchant; take in what witnesses left.

        Raises:
            OSError: when the folder cannot be written to or read.
        """
        with database.transaction() as connection:
            for merchant_id in connection.execute(sa.select(merchants.c.id)).scalars().all():
                own = self._folder / str(merchant_id)
                newest = checkpoint(connection, merchant_id)
                if newest is not None:
                    own.mkdir(parents=True, exist_ok=True)
                    _lay_out(own / f"{newest[0]}.checkpoint", newest[1].encode())
                    self._collect(connection, merchant_id, log, own, now)

    def _collect(
        self, connection: Connection, merchant_id: UUID, log: EvidenceLog, own: Path, now: float | None
    ) -> None:
        for file in sorted(set(own.glob("*.cosigned")) - self._done):
            self._done.add(file)
            try:
                _take(connection, merchant_id, log, file, time.time() if now is None else now)
            except (NoteError, ValueError, OSError) as error:
                structlog.get_logger("hub.evidence").warning(
                    "cosignature_refused", file=file.name, error=type(error).__name__
                )


def _take(connection: Connection, merchant_id: UUID, log: EvidenceLog, file: Path, now: float) -> None:
    size = int(file.name.partition(".")[0])
    with file.open("rb") as opened:
        note = Note.parse(opened.read(MAX_NOTE_BYTES + 1))
    ours = checkpoint(connection, merchant_id, size)
    if ours is None or ours[1].text != note.text:
        raise NoteError(f"{file.name} is not our checkpoint of size {size}")
    cosign(connection, merchant_id, log, size, note.signatures, now=now)


def _lay_out(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, unless it is there."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
