"""Somebody who may write to the database and the picture store changes a byte: it is found and named, every time."""

from __future__ import annotations

import datetime as dt
import email.utils
import random
import struct
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import Connection

from inspection.hub.evidence import checking, entering
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.tables import checkpoints, cosignatures, entries, nodes
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.ledger.notes import Note
from inspection.report import seal
from tests.hub.conftest import RunningHub
from tests.hub.evidence.conftest import WITNESS, deliver, sequence_now
from tests.hub.reports import fields, picture, png

TABLES = [inspections, inspection_images, images, entries, nodes, checkpoints, cosignatures]
SPELLINGS = "0123456789abcdefXYZ+/=- "


@pytest.fixture(scope="module", autouse=True)
def evidence(running: RunningHub) -> None:
    """Verdicts, corrections, pictures, some erased, signed or waiting; several checkpoints, one cosigned."""
    with running.client(running.station_token) as station, running.client(running.admin_token) as admin:
        station.headers["Date"] = email.utils.format_datetime(dt.datetime.now(dt.UTC), usegmt=True)
        for number in range(8):
            body: Any = deliver(station, pictures=2, seed=50 + number)
            if number % 3 == 0:
                station.post(
                    "/v1/inspections",
                    json=seal(fields(inspection_id=body["inspection_id"], revision=2)).model_dump(mode="json"),
                )
            if number == 5:
                with running.hub.database.transaction() as connection:
                    entering.erase(connection, running.merchant, f"picture/{body['pictures'][0]['sha256']}")
                    connection.execute(images.delete().where(images.c.sha256 == body["pictures"][0]["sha256"]))
            if number % 2:
                sequence_now(running)
        signed = seal(fields(), Ed25519PrivateKey.generate())
        assert station.post("/v1/inspections", json=signed.model_dump(mode="json")).status_code == 201
        sequence_now(running)
        note = Note.parse(admin.get("/v1/evidence/checkpoint").content)
        line = WITNESS.sign(note.text, int(time.time())).line()
        path = f"/v1/evidence/checkpoints/{note.text.split()[1]}/cosignatures"
        assert admin.post(path, json={"signatures": [line]}).is_success
        deliver(station, pictures=1, seed=70)


def findings(running: RunningHub, connection: Connection, *, bytes_too: bool = False) -> list[str]:
    walk = checking.Walk(running.merchant)
    store = running.hub.images if bytes_too else None
    found = [*checking.orphans(connection), *checking.check(connection, walk, open_log(running.hub.config), store)]
    return [finding.line() for finding in found]


@contextmanager
def tampering(running: RunningHub) -> Iterator[Connection]:
    """A transaction of somebody who may do anything, triggers and foreign keys gone; nothing of it stays."""
    with running.hub.database.transaction() as connection:
        for table in TABLES:
            connection.execute(sa.text(f"ALTER TABLE {table.name} DISABLE TRIGGER USER"))
        query = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
        for table_name, name in connection.execute(sa.text(query)).all():
            connection.execute(sa.text(f"ALTER TABLE {table_name} DROP CONSTRAINT {name}"))
        with undone(connection):
            yield connection
        connection.rollback()


@contextmanager
def undone(connection: Connection) -> Iterator[None]:
    """What happens in this block is rolled back at its end."""
    point = connection.begin_nested()
    try:
        yield
    finally:
        point.rollback()


def changed(value: Any, chance: random.Random) -> Any:
    """``value`` with one byte of it changed."""
    if isinstance(value, str):
        place = chance.randrange(len(value))
        other = chance.choice([each for each in SPELLINGS if each != value[place]])
        return value[:place] + other + value[place + 1 :]
    if isinstance(value, bytes | memoryview):
        raw = bytearray(value)
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        return bytes(raw)
    if isinstance(value, UUID):
        return UUID(int=value.int ^ (1 << chance.randrange(128)))
    if isinstance(value, dt.datetime):
        return value + dt.timedelta(microseconds=1 << chance.randrange(40))
    if isinstance(value, float):
        (raw,) = struct.unpack("<Q", struct.pack("<d", value))
        return struct.unpack("<d", struct.pack("<Q", raw ^ (1 << chance.randrange(52))))[0]
    assert isinstance(value, int)
    return value ^ (1 << chance.randrange(10))


def tamper(connection: Connection, chance: random.Random) -> tuple[str, set[str]] | None:
    """Change a byte of some row; returns which column and the names by which it may be found, ``None`` if refused."""
    table = chance.choice(TABLES)
    columns = [sa.cast(each, sa.Text).label(each.name) if each.name == "report" else each for each in table.c]
    row = chance.choice(connection.execute(sa.select(*columns)).mappings().all())
    column = chance.choice([name for name, value in row.items() if value is not None and value != ""])
    value = changed(row[column], chance)
    key = sa.and_(*(each == row[each.name] for each in table.primary_key.columns))
    stored: Any = sa.cast(sa.literal(value, sa.Text), table.c.report.type) if column == "report" else value
    try:
        with connection.begin_nested():
            connection.execute(table.update().where(key).values({column: stored}))
            if column == "report":
                again = connection.execute(sa.select(sa.cast(table.c.report, sa.Text)).where(key)).scalar_one()
                assert again != row[column], "a changed text that PostgreSQL spells as before is no change"
    except (sa.exc.DBAPIError, AssertionError):
        return None
    names = {name for each in (dict(row), dict(row) | {column: value}) for name in names_of(table, each)}
    return f"{table.name}.{column}", names


def names_of(table: sa.Table, row: dict[str, Any]) -> set[str]:
    match table.name:
        case "inspections" | "inspection_images":
            return {str(row["inspection_id"])}
        case "images":
            return {row["sha256"]}
        case "evidence_entries":
            return {row["subject"] or "?", bytes(row["leaf_hash"]).hex()}
        case "evidence_nodes":
            return {f"node {row['node_index']} of level {row['level']}"}
        case _:
            return {f"checkpoint {row['size']}", f"table {table.name}, size {row['size']}"}


def test_nothing_is_found_where_nothing_was_changed(running: RunningHub) -> None:
    with running.hub.database.transaction() as connection:
        assert findings(running, connection, bytes_too=True) == []


@pytest.mark.parametrize("number", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_every_changed_byte_of_a_row_is_found_and_named(running: RunningHub, number: int) -> None:
    chance = random.Random(number)
    found: Counter[str] = Counter()
    with tampering(running) as connection:
        while found.total() < number:
            with undone(connection):
                change = tamper(connection, chance)
                if change is not None:
                    lines = findings(running, connection)
                    assert any(name in line for line in lines for name in change[1]), (change, lines)
                    found[change[0]] += 1
    print(f"{number} changed bytes found and named: {dict(sorted(found.items()))}")
    assert {name.split(".")[0] for name in found} == {table.name for table in TABLES}


def test_a_changed_clock_of_a_station_is_found_and_named(running: RunningHub) -> None:
    with tampering(running) as connection:
        row = connection.execute(sa.select(inspections).where(inspections.c.clock_offset_s.is_not(None)).limit(1)).one()
        for value in (None, row.clock_offset_s + 0.1, changed(row.clock_offset_s, random.Random(1))):
            with undone(connection):
                mine = inspections.c.inspection_id == row.inspection_id
                connection.execute(inspections.update().where(mine).values(clock_offset_s=value))
                lines = findings(running, connection)
                assert any(str(row.inspection_id) in line and "clock_offset_s" in line for line in lines)


@pytest.mark.parametrize("number", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_every_changed_byte_of_a_picture_is_found_and_named(
    running: RunningHub, images_folder: Path, number: int
) -> None:
    chance = random.Random(number)
    with running.hub.database.transaction() as connection:
        query = sa.select(images.c.sha256).where(images.c.merchant_id == running.merchant)
        stored = sorted(connection.execute(query).scalars())
        for turn in range(number):
            sha256 = stored[turn % len(stored)]
            file = images_folder / str(running.merchant) / sha256[:2] / sha256
            whole = file.read_bytes()
            file.write_bytes(changed(whole, chance))
            try:
                lines = findings(running, connection, bytes_too=True)
            finally:
                file.write_bytes(whole)
            assert len(lines) == 1
            assert lines[0].startswith(f"picture {sha256}: its ")
    print(f"{number} changed bytes in {len(stored)} pictures found and named")


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DELETE FROM inspections WHERE revision = 2", "its row is gone"),
        ("DELETE FROM images", "its row is gone"),
        ("DELETE FROM inspection_images", "does not name the pictures"),
        ("DELETE FROM evidence_entries WHERE leaf_index = 3", "place 3 is empty"),
        ("DELETE FROM evidence_entries WHERE leaf_index IS NULL", "is not in the log"),
        ("DELETE FROM evidence_nodes WHERE level = 2", "is missing"),
        ("INSERT INTO evidence_nodes SELECT merchant_id, 30, 0, hash FROM evidence_nodes LIMIT 1", "are stored"),
        ("DELETE FROM evidence_checkpoints WHERE size = (SELECT max(size) FROM evidence_checkpoints)", "covers"),
        ("UPDATE evidence_entries SET subject = null, salt = null, leaf = null WHERE leaf_index = 1", "lost its salt"),
        (
            "UPDATE inspections SET report = jsonb_set(report, '{verdict,grade}', 'null')",
            "not the one that was entered",
        ),
        ("UPDATE inspections SET report = report || '{\"revision\": 1.0}'", "not the one that was entered"),
        ("UPDATE inspections SET disposition = 'scrap', grade = null", "disposition is scrap, its report says resell"),
    ],
)
def test_what_else_is_done_to_rows_is_found(running: RunningHub, statement: str, says: str) -> None:
    with tampering(running) as connection:
        assert connection.execute(sa.text(statement)).rowcount
        assert any(says in line for line in findings(running, connection))


def test_a_log_that_was_cut_back_is_found_by_a_checkpoint_kept_elsewhere(
    running: RunningHub, admin: httpx2.Client
) -> None:
    kept = Note.parse(admin.get("/v1/evidence/checkpoint").content)
    log = open_log(running.hub.config)
    with tampering(running) as connection:
        assert checking.against_any(connection, [running.merchant], log, kept) == ""
        connection.execute(sa.text("DELETE FROM evidence_entries WHERE leaf_index >= 3 OR leaf_index IS NULL"))
        connection.execute(sa.text("DELETE FROM evidence_checkpoints"))
        assert "entries were removed" in checking.against_any(connection, [running.merchant], log, kept)
    stranger = Note(kept.text, tuple(each for each in kept.signatures if each.name == WITNESS.name))
    with tampering(running) as connection:
        assert "no log of this hub" in checking.against_any(connection, [running.merchant], log, stranger)


def test_a_picture_named_twice_is_walked_once(running: RunningHub, station: httpx2.Client) -> None:
    body = seal(fields(pictures=[picture(png(1), "top"), picture(png(1), "front")])).model_dump(mode="json")
    assert station.post("/v1/inspections", json=body).status_code == 201
    with running.hub.database.transaction() as connection:
        assert findings(running, connection) == []
