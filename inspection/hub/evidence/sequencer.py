"""Gives new entries their places, without gaps, and signs what the log then is. One at a time, whoever runs it."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from inspection.errors import InspectionError
from inspection.hub.database import Database
from inspection.hub.evidence import tree
from inspection.hub.evidence.log import EvidenceLog
from inspection.hub.evidence.tables import checkpoints, entries
from inspection.hub.evidence.witnesses import Drop
from inspection.hub.tables import merchants
from inspection.ledger.checkpoint import Checkpoint

BATCH = 5000
LOCK = 0x65766964  # "evid"; any number will do, as long as every hub takes the same


def sequence(connection: Connection, merchant_id: UUID, log: EvidenceLog, limit: int = BATCH) -> int:
    """Place up to ``limit`` entries at the end of the log and sign a checkpoint, in the caller's transaction.

    Of several that do this at once, the others wait for the first to commit, and go on from there.

    Returns:
        How many were placed.
    """
    lock = sa.func.pg_advisory_xact_lock(LOCK, sa.func.hashtext(str(merchant_id)))
    connection.execute(sa.select(lock))
    waiting = sa.select(entries.c.leaf_hash).where(entries.c.merchant_id == merchant_id, entries.c.leaf_index.is_(None))
    fresh = list(connection.execute(waiting.order_by(entries.c.leaf_hash).limit(limit)).scalars())
    if not fresh:
        return 0
    grown = tree.extended(connection, merchant_id)
    _place(connection, merchant_id, fresh, first=grown.size)
    tree.store(connection, merchant_id, grown.extend(fresh))
    signer = log.signer(merchant_id)
    note = Checkpoint(signer.name, grown.size, grown.root()).sign(signer)
    row = {"merchant_id": merchant_id, "size": grown.size, "note": note.encode().decode()}
    connection.execute(checkpoints.insert().values(row))
    return len(fresh)


def sequence_all(database: Database, log: EvidenceLog) -> int:
    """Place whatever waits, merchant by merchant, in transactions of a bounded size; returns how many."""
    with database.transaction() as connection:
        known = list(connection.execute(sa.select(merchants.c.id)).scalars())
    total = 0
    for merchant_id in known:
        placed = BATCH
        while placed == BATCH:
            with database.transaction() as connection:
                placed = sequence(connection, merchant_id, log)
            total += placed
    return total


class Sequencer:
    """A thread that sequences while the hub runs; a context manager. Several processes may each have one.

    Args:
        database: where the log is.
        log: who signs.
        interval_s: between two rounds; how old an entry gets before a checkpoint covers it.
        drop: where checkpoints are laid out for witnesses, when there is such a place.
    """

    def __init__(self, database: Database, log: EvidenceLog, *, interval_s: float, drop: Drop | None = None) -> None:
        self._database, self._log, self._interval_s, self._drop = database, log, interval_s, drop
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evidence-sequencer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        log = structlog.get_logger("hub.evidence")
        while not self._stopping.wait(self._interval_s):
            try:
                placed = sequence_all(self._database, self._log)
                if self._drop is not None:
                    self._drop.exchange(self._database, self._log)
            except (sa.exc.SQLAlchemyError, InspectionError, OSError) as error:
                log.error("sequencing_failed", error=type(error).__name__)
            except Exception:
                log.exception("sequencing_failed")
            else:
                if placed:
                    log.info("evidence_sequenced", leaves=placed)


def _place(connection: Connection, merchant_id: UUID, fresh: list[bytes], *, first: int) -> None:
    update = sa.text(
        "UPDATE evidence_entries e SET leaf_index = placed.leaf_index "
        "FROM unnest(:hashes, :indexes) AS placed (leaf_hash, leaf_index) "
        "WHERE e.merchant_id = :merchant_id AND e.leaf_hash = placed.leaf_hash"
    ).bindparams(
        sa.bindparam("merchant_id", merchant_id, type_=sa.Uuid),
        sa.bindparam("hashes", fresh, type_=ARRAY(sa.LargeBinary)),
        sa.bindparam("indexes", list(range(first, first + len(fresh))), type_=ARRAY(sa.BigInteger)),
    )
    connection.execute(update)
