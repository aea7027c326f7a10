"""What the machine can do at best with what an inspection leaves: its rows by pgbench, its bytes by files.

The rows are not made up: one inspection is taken in by the hub, and every row that it left in any table is written out
as an insert. Each transaction of pgbench then writes those rows with keys of its own, with nothing checked, hashed,
signed or derived. What the ledger's sequencer adds once a second for all is not in them; the hub does that as well
while it is measured.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.hub.database import Database
from inspection.hub.postgres_place import client_program

KEY_DIGITS = 12
"""Of an inspection's id, so many stand in its serial and RMA number."""
_ELSEWHERE = frozenset({"evidence_nodes", "evidence_checkpoints", "access_tokens", "audit_entries", "alembic_version"})
"""Tables that may change meanwhile, but not by the inspection."""
_BY_TRIGGERS = frozenset({"connector_deliveries", "epcis_pending", "review_due"})
"""What triggers write of other rows, they write for pgbench as well."""
_LATER = frozenset({"leaf_index"})
"""Columns that the ledger's sequencer fills."""
_UPDATED = {
    "station_clocks": "(merchant_id, station_id) DO UPDATE SET offset_s = excluded.offset_s, measured_at = now()",
}
_HASH = re.compile(r"[0-9a-f]{64}")
_KEYS = """
    (SELECT h, substr(h, 1, 12) AS s, substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4) AS u
     FROM (SELECT lpad(to_hex(:n + g * 1000000000000007), 16, '0') AS h FROM generate_series(1, {number}) g) made) k
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that an inspection left: its table, and its values as PostgreSQL spells them, with their types."""

    table: str
    values: dict[str, tuple[str, str | None]]


@contextmanager
def left_behind(database: Database) -> Iterator[list[Row]]:
    """The rows that what is done within leaves in any table of the hub, but what triggers write."""
    rows: list[Row] = []
    with database.transaction() as connection:
        first = _number(connection)
    yield rows
    with database.transaction() as connection:
        last = _number(connection)
        for table in connection.execute(
            sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ).scalars():
            if table not in _ELSEWHERE | _BY_TRIGGERS:
                rows += _rows(connection, table, first, last)


def rows_a_second(dsn: str, rows: list[Row], inspection_id: str, number: int, seconds: float, clients: int) -> float:
    """Inspections a second whose rows pgbench inserts, ``number`` of them in each transaction."""
    statements = [_insert(row, inspection_id, number) for row in sorted(rows, key=_order)]
    script = ["\\set n random(1, 4000000000000000000)", "BEGIN;", *statements, "COMMIT;"]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write("\n".join(script) + "\n")
        file.flush()
        options = ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2", f"--time={seconds:g}"]
        command = [str(client_program("pgbench")), *options, f"--file={file.name}", dsn]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or done.returncode:
        raise RuntimeError((done.stderr or done.stdout)[-2000:])
    return float(found[1]) * number


def files_a_second(folder: Path, pictures: int, size_bytes: int, seconds: float, clients: int) -> float:
    """Inspections a second whose pictures are written as files, on the disk and not only in its cache."""
    folder.mkdir()
    content, together = os.urandom(size_bytes), threading.Barrier(clients)

    def write(client: int) -> float:
        together.wait()
        begun, number = time.monotonic(), 0
        while time.monotonic() - begun < seconds:
            for picture in range(pictures):
                _write(folder, f"{client}-{number}-{picture}", content)
            number += 1
        return number / (time.monotonic() - begun)

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(write, range(clients)))


def _write(folder: Path, name: str, content: bytes) -> None:
    draft = folder / f"{name}.draft"
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / name)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _number(connection: Connection) -> int:
    return int(connection.execute(sa.text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")).scalar_one())


def _rows(connection: Connection, table: str, first: int, last: int) -> Iterator[Row]:
    columns = sa.text(
        "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = CAST(:table AS "
        "regclass) AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = '' ORDER BY attnum"
    )
    types = {
        row.attname: row.type for row in connection.execute(columns, {"table": table}) if row.attname not in _LATER
    }
    spelled = ", ".join(f"CAST({name} AS text)" for name in types)
    within = "CAST(CAST(xmin AS text) AS bigint) BETWEEN :first AND :last"
    query = sa.text(f"SELECT {spelled} FROM {table} WHERE {within}")  # noqa: S608 - names from the catalogue
    for row in connection.execute(query, {"first": first, "last": last}):
        yield Row(table, {name: (kind, value) for (name, kind), value in zip(types.items(), row, strict=True)})


def _order(row: Row) -> int:
    """Rows that others refer to come first."""
    order = ("inspections", "images", "image_keys", "inspection_images", "events", "evidence_entries", "epcis_events")
    return order.index(row.table) if row.table in order else len(order)


def _insert(row: Row, inspection_id: str, number: int) -> str:
    names = ", ".join(row.values)
    values = ", ".join(_expression(kind, value, inspection_id) for kind, value in row.values.values())
    updated = _UPDATED.get(row.table)  # one row, however many inspections
    conflict = f" ON CONFLICT {updated}" if updated else ""
    keys = _KEYS.format(number=1 if updated else number)
    statement = f"INSERT INTO {row.table} ({names}) SELECT {values} FROM {keys}{conflict};"  # noqa: S608 - see above
    return " ".join(statement.split("\n"))


def _expression(kind: str, value: str | None, inspection_id: str) -> str:
    """A value in SQL, its keys made from those of the transaction."""
    if value is None:
        return f"CAST(NULL AS {kind})"
    parts: list[Any] = []
    pattern = re.compile(f"{re.escape(inspection_id)}|{inspection_id.replace('-', '')[:KEY_DIGITS]}|{_HASH.pattern}")
    at = 0
    for found in pattern.finditer(value):
        parts.append(_literal(value[at : found.start()]))
        text = found[0]
        if text == inspection_id:
            parts.append(f"k.u || {_literal(text[18:])}")
        elif len(text) == KEY_DIGITS:
            parts.append("k.s")
        else:
            parts.append(f"k.h || {_literal(text[16:])}")
        at = found.end()
    parts.append(_literal(value[at:]))
    return f"CAST({' || '.join(parts)} AS {kind})"


def _literal(text: str) -> str:
    """``text`` in SQL, without a colon, behind which pgbench would look for the name of a variable."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a").replace("\n", "\\n")
    return f"E'{escaped}'"
