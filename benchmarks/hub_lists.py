"""How long lists and look-ups take in a hub of a million inspections: ``python -m benchmarks.hub_lists``.

The inspections are loaded in bulk into an embedded PostgreSQL under a fresh folder, one return to two inspections.
Timed is what a route does between request and answer: transaction, queries, rows read; random places and names.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
import typer

from inspection.hub.accounts.tokens import Scope, authenticate, ensure_station, grant, merchant_id, new_token
from inspection.hub.cursors import decode_cursor
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.inspections import reading
from inspection.hub.items import history
from inspection.hub.items.identity import meaning, of_gtin
from inspection.hub.returns import service as returns
from inspection.verdict import Disposition
from tests.hub.folders import database_folder

GTINS = 1000
LOAD = """
    INSERT INTO inspections (merchant_id, inspection_id, revision, station_id, rma, gtin, serial, disposition, grade,
        decided_by, confirmed_at, received_at, received_via, evidence_hash, report)
    SELECT :merchant, ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, 'station-' || n % 20,
        'RMA-' || n / 2, lpad((n % :gtins)::text, 14, '0'), 'S' || n,
        (ARRAY['resell', 'repair', 'scrap', 'hold'])[1 + n % 4], NULL, 'policy', now(),
        now() - (:last - n) * interval '1 second', :token, repeat('0', 64),
        jsonb_build_object('pad', repeat('x', 600))
    FROM generate_series(:first, :last_of_chunk) n
"""
RETURNS = """
    INSERT INTO returns (merchant_id, rma, order_ref, content_sha256)
    SELECT :merchant, 'RMA-' || n, 'SO-' || n, repeat('0', 64) FROM generate_series(0, :last) n
"""
LINES = """
    INSERT INTO return_lines (merchant_id, rma, line_no, gtin, serial, quantity, declared_defects)
    SELECT :merchant, 'RMA-' || n, 1, lpad((n % :gtins)::text, 14, '0'), 'S' || n, 1, '[]'::jsonb
    FROM generate_series(0, :last) n
"""
EXPLAIN = "EXPLAIN (ANALYZE, COSTS OFF, SUMMARY OFF, BUFFERS OFF)"
CHUNK = 50_000


def main(
    number: Annotated[int, typer.Option("--inspections", help="Inspections to load.")] = 1_000_000,
    tries: Annotated[int, typer.Option(help="Of each question.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the random places.")] = 1,
    explain: Annotated[bool, typer.Option(help="Print how the database answers each question.")] = False,
) -> None:
    """Load, ask, print a table."""
    with database_folder() as folder:
        server = EmbeddedPostgres(folder)
        server.start()
        database = Database(server.dsn(), statement_timeout_s=600)
        try:
            database.migrate()
            merchant = _load(database, number)
            _ask(database, merchant, number, tries, random.Random(seed), explain=explain)  # noqa: S311 - places, no secrets
        finally:
            database.close()
            server.destroy()


def _load(database: Database, number: int) -> UUID:
    begun, token = time.monotonic(), new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, "bench")
        caller = authenticate(connection, token)
        assert caller is not None
        for station in range(20):
            ensure_station(connection, merchant, f"station-{station}")
        names = {"merchant": merchant, "last": number // 2, "gtins": GTINS}
        connection.execute(sa.text(RETURNS), {"merchant": merchant, "last": number // 2})
        connection.execute(sa.text(LINES), names)
    for first in range(0, number, CHUNK):
        row = {"merchant": merchant, "token": caller.token_id, "gtins": GTINS, "last": number, "first": first}
        with database.transaction() as connection:
            connection.execute(sa.text(LOAD), row | {"last_of_chunk": min(first + CHUNK, number) - 1})
    with database.transaction() as connection:
        connection.execute(sa.text("ANALYZE inspections"))
        connection.execute(sa.text("ANALYZE returns"))
        connection.execute(sa.text("ANALYZE return_lines"))
    print(f"{number} inspections and {number // 2} returns loaded in {time.monotonic() - begun:.0f} s")
    return merchant


def _ask(database: Database, merchant: UUID, number: int, tries: int, chance: random.Random, *, explain: bool) -> None:
    def some() -> int:
        return chance.randrange(number)

    def inspection(n: int) -> UUID:
        return UUID(f"00000000-0000-4000-8000-{n:012x}")

    def page(connection: sa.Connection, **wanted: object) -> object:
        return reading.page(connection, merchant, reading.Wanted(**wanted), limit=50)  # type: ignore[arg-type]

    def deep(connection: sa.Connection) -> object:
        first = reading.page(connection, merchant, reading.Wanted(), limit=1)
        assert first.next_cursor is not None
        moment, _ = decode_cursor(first.next_cursor)
        return reading.page(connection, merchant, reading.Wanted(), limit=50, after=(moment, inspection(some())))

    questions: dict[str, Callable[[sa.Connection], object]] = {
        "list, first page": page,
        "list, further page": deep,
        "list of one disposition": lambda connection: page(connection, disposition=Disposition.HOLD),
        "list of one station": lambda connection: page(connection, station_id=f"station-{some() % 20}"),
        "list of one product": lambda connection: page(connection, gtin=f"{some() % GTINS:014d}"),
        "list of unidentified items (none)": lambda connection: page(connection, identified=False),
        "one inspection": lambda connection: reading.detail(connection, merchant, inspection(some())),
        "by RMA": lambda connection: reading.of_return(connection, merchant, f"RMA-{some() // 2}"),
        "history of one item": lambda connection: _history(connection, merchant, some()),
        "look-up by RMA": lambda connection: history.look_up(connection, merchant, meaning(f"RMA-{some() // 2}")),
        "look-up by order": lambda connection: history.look_up(connection, merchant, meaning(f"SO-{some() // 2}")),
        "look-up by plate": lambda connection: history.look_up(connection, merchant, meaning(str(inspection(some())))),
        "returns, first page": lambda connection: returns.page(
            connection, merchant, returns.Wanted(), limit=50, after=None
        ),
    }
    print(f"{'':36}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}")
    for name, question in questions.items():
        times = []
        for _ in range(tries):
            begun = time.perf_counter()
            with database.transaction() as connection:
                question(connection)
            times.append((time.perf_counter() - begun) * 1000)
        times.sort()
        shown = "".join(f"{times[int(len(times) * share)]:9.1f}" for share in (0.5, 0.95, 0.99))
        print(f"{name:36}{shown}")
    if explain:
        for name, question in questions.items():
            _explain(database, name, question)


def _explain(database: Database, name: str, question: Callable[[sa.Connection], object]) -> None:
    """Print the plan of every query of a question."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    with database.transaction() as connection:
        sa.event.listen(connection, "before_cursor_execute", note)
        question(connection)
        sa.event.remove(connection, "before_cursor_execute", note)
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"{EXPLAIN} {statement}", parameters)
            print(f"-- {name}")
            print("\n".join(f"   {line}" for line in plan.scalars()))


def _history(connection: sa.Connection, merchant: UUID, n: int) -> object:
    return history.history(connection, merchant, of_gtin(f"{n % GTINS:014d}", f"S{n}"))


if __name__ == "__main__":
    typer.run(main)
