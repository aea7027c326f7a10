"""How long a proof takes in a ledger of a million leaves: ``python -m benchmarks.ledger [--leaves 1000000]``.

The leaves are loaded in bulk into an embedded PostgreSQL under a fresh folder, sequenced as the hub does it; then
inclusion and consistency proofs at random places and sizes are made from the stored nodes and verified. Timed is the
making: transaction, look-up of the entry by its subject, nodes, proof.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import numpy as np
import sqlalchemy as sa
import typer
from rich.progress import Progress
from sqlalchemy.engine import Connection

from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.evidence import tree
from inspection.hub.evidence.entering import find
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import BATCH, sequence
from inspection.ledger import leaves, merkle
from inspection.ledger.leaves import new_leaf
from tests.hub.folders import database_folder

LOAD = """
    INSERT INTO evidence_entries (merchant_id, leaf_hash, subject, salt, leaf)
    SELECT :merchant_id, sha256('\\x00'::bytea || salt || convert_to(leaf, 'UTF8')), subject, salt, leaf
    FROM (
        SELECT sha256(int8send(number) || :seed) AS salt, 'picture/' || encode(name, 'hex') AS subject,
            :before || encode(name, 'hex') || :after AS leaf
        FROM (SELECT number, sha256(int8send(number)) AS name FROM generate_series(:first, :last) AS number) named
    ) made
"""
BEFORE, AFTER = new_leaf(
    leaves.picture(
        "|", size_bytes=150_000, media_type="image/jpeg", width=1920, height=1080, received_at=datetime.now(UTC)
    )
).text.split("|")
CHUNK = 50_000


def main(
    number: Annotated[int, typer.Option("--leaves", help="Leaves to load.")] = 1_000_000,
    proofs: Annotated[int, typer.Option(help="Proofs of each kind.")] = 2000,
    seed: Annotated[int, typer.Option(help="Of the random places.")] = 1,
) -> None:
    """Load, prove, print a table."""
    with database_folder() as folder:
        server = EmbeddedPostgres(folder)
        server.start()
        try:
            server.ensure_database("ledger")
            database = Database(server.dsn("ledger"), statement_timeout_s=600)
            database.migrate()
            _run(database, HubConfig(data_dir=folder), number, proofs, random.Random(seed))  # noqa: S311 - places, not secrets
            database.close()
        finally:
            server.destroy()


def _run(database: Database, config: HubConfig, count: int, proofs: int, chance: random.Random) -> None:
    log = open_log(config)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
    with Progress() as progress:
        loading, placing = progress.add_task("load", total=count), progress.add_task("sequence", total=count)
        for first in range(0, count, CHUNK):
            last = min(first + CHUNK, count) - 1
            values = {
                "merchant_id": merchant,
                "seed": os.urandom(16),
                "first": first,
                "last": last,
                "before": BEFORE,
                "after": AFTER,
            }
            with database.transaction() as connection:
                connection.execute(sa.text(LOAD), values)
            progress.advance(loading, last - first + 1)
        started, placed = time.perf_counter(), BATCH
        while placed == BATCH:
            with database.transaction() as connection:
                placed = sequence(connection, merchant, log)
            progress.advance(placing, placed)
        spent_s = time.perf_counter() - started
    with database.transaction() as connection:
        assert tree.size_of(connection, merchant) == count
        names = sa.text(
            "SELECT subject FROM evidence_entries WHERE merchant_id = :merchant AND leaf_index = ANY(:indexes)"
        )
        wanted = [chance.randrange(count) for _ in range(proofs)]
        subjects = list(connection.execute(names, {"merchant": merchant, "indexes": wanted}).scalars())
    with database.transaction() as connection:
        connection.execute(sa.text("ANALYZE evidence_entries, evidence_nodes"))

    def include(connection: Connection) -> Callable[[], None]:
        entry = find(connection, merchant, chance.choice(subjects))
        assert entry is not None
        assert entry.index is not None
        index, size = entry.index, chance.randint(entry.index + 1, count)
        proof, root = tree.inclusion(connection, merchant, index, size)
        return lambda: merkle.verify_inclusion(index, size, entry.hash, proof, root)

    def grow(connection: Connection) -> Callable[[], None]:
        size1, size2 = sorted((chance.randint(1, count), chance.randint(1, count)))
        proof, root1, root2 = tree.consistency(connection, merchant, size1, size2)
        return lambda: merkle.verify_consistency(size1, size2, proof, root1, root2)

    print(f"{count} leaves, sequenced at {count / spent_s:.0f}/s in batches of {BATCH}")
    print(f"{'proof':<12} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'max ms':>8}  verified")
    for name, make in (("inclusion", include), ("consistency", grow)):
        times_ms = _timed(database, make, proofs)
        p50, p95, p99 = np.percentile(times_ms, [50, 95, 99])
        print(f"{name:<12} {p50:8.2f} {p95:8.2f} {p99:8.2f} {max(times_ms):8.2f}  {len(times_ms)} of {proofs}")


def _timed(database: Database, make: Callable[[Connection], Callable[[], None]], number: int) -> Sequence[float]:
    """Milliseconds that each making takes; every proof is verified, outside the time."""
    times = []
    for _ in range(number):
        started = time.perf_counter()
        with database.transaction() as connection:
            verify = make(connection)
        times.append((time.perf_counter() - started) * 1e3)
        verify()
    return times


if __name__ == "__main__":
    typer.run(main)
