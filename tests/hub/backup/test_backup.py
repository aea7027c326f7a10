"""A back-up made while stations report, restored elsewhere, compared to the last row and byte."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.backup import manifest
from inspection.hub.backup.making import back_up, keep_newest
from inspection.hub.backup.manifest import DUMP, MANIFEST, PICTURES, BackupError
from inspection.hub.backup.restoring import check_files, restore
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.schema import METADATA
from tests.hub.conftest import RunningHub
from tests.hub.reports import picture, png, report, sha256

KEY = master_key(bytes(32))


def send(client: httpx2.Client, seed: int) -> None:
    data = png(seed)
    assert client.put(f"/v1/images/{sha256(data)}", content=data).status_code in {200, 201}
    assert client.post("/v1/inspections", json=report(pictures=[picture(data)])).status_code == 201


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> Iterator[Database]:
    name = f"restored_{uuid4().hex[:12]}"
    postgres.ensure_database(name)
    database = Database(postgres.dsn(name))
    yield database
    database.close()


def contents(database: Database) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with database.snapshot() as (connection, _):
        return {
            name: sorted(connection.execute(sa.text(f'SELECT t::text FROM "{name}" t')).scalars())  # noqa: S608
            for name in METADATA.tables
        }


def pictures(database: Database, store: ImageStore) -> dict[str, bytes]:
    images = METADATA.tables["images"]
    with database.transaction() as connection:
        rows = connection.execute(sa.select(images.c.merchant_id, images.c.sha256)).all()
    return {row.sha256: store.get(row.merchant_id, row.sha256) for row in rows}


def test_what_is_restored_is_what_was_there(
    running: RunningHub, station: httpx2.Client, empty: Database, tmp_path: Path
) -> None:
    for seed in range(5):
        send(station, seed)
    before = contents(running.hub.database), pictures(running.hub.database, running.hub.images)
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    send(station, 99)
    store = ImageStore(None, tmp_path / "restored", Vault(empty, KEY))
    found = restore(empty, store, made)
    assert (contents(empty), pictures(empty, store)) == before
    assert found.pictures == 5
    assert restore(empty, store, made) == found, "a second run finds everything done"
    empty.check()


def test_a_backup_made_while_stations_report_is_of_one_moment(
    running: RunningHub, empty: Database, tmp_path: Path
) -> None:
    stop = threading.Event()

    def work() -> None:
        with running.client(running.station_token) as client:
            seed = 1000
            while not stop.is_set():
                send(client, seed)
                seed += 1

    worker = threading.Thread(target=work)
    worker.start()
    try:
        made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    finally:
        stop.set()
        worker.join()
    store = ImageStore(None, tmp_path / "restored", Vault(empty, KEY))
    restore(empty, store, made)
    rows = contents(empty)
    confirmed = sum("inspection_confirmed" in row for row in rows["events"])
    assert confirmed == len(rows["inspections"]), "each report with the event of its own transaction"
    assert len(pictures(empty, store)) == len(rows["images"])


def test_a_backup_brings_back_nothing_over_something(
    running: RunningHub, station: httpx2.Client, tmp_path: Path
) -> None:
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    send(station, 5000)
    before = contents(running.hub.database)
    with pytest.raises(BackupError, match="holds something"):
        restore(running.hub.database, running.hub.images, made)
    assert contents(running.hub.database) == before


@pytest.mark.parametrize("spoilt", [DUMP, PICTURES, MANIFEST, "picture"])
def test_a_spoilt_backup_is_refused_by_the_name_of_its_file(
    running: RunningHub, station: httpx2.Client, empty: Database, tmp_path: Path, spoilt: str
) -> None:
    send(station, 6000)
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    path = made / spoilt if spoilt != "picture" else next((made.parent / "pictures").glob("*/*/*"))
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(BackupError, match=path.name[:20]):
        restore(empty, ImageStore(None, tmp_path / "restored", Vault(empty, KEY)), made)
    with empty.snapshot() as (connection, _):
        assert sa.inspect(connection).get_table_names() == []


def test_a_backup_is_not_restored_under_another_key(
    running: RunningHub, station: httpx2.Client, empty: Database, tmp_path: Path
) -> None:
    send(station, 6500)
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    other = ImageStore(None, tmp_path / "restored", Vault(empty, master_key(bytes(31) + b"1")))
    with pytest.raises(BackupError, match="under key"):
        restore(empty, other, made)


def test_no_picture_lies_open_in_a_backup(running: RunningHub, station: httpx2.Client, tmp_path: Path) -> None:
    send(station, 6600)
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    copies = [path.read_bytes() for path in (made.parent / "pictures").glob("*/*/*")]
    assert copies
    assert not any(png(6600)[:8] in copy or b"IHDR" in copy for copy in copies)


def test_a_backup_that_was_cut_off_is_none_and_the_next_one_goes_on(
    running: RunningHub, station: httpx2.Client, tmp_path: Path
) -> None:
    send(station, 7000)
    root = tmp_path / "backups"

    class Killed(BaseException):
        pass

    def die(_done: int, _all: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        back_up(running.hub.database, running.hub.images, root, progress=die)
    assert manifest.dated(root) == []
    made = back_up(running.hub.database, running.hub.images, root)
    assert manifest.dated(root) == [made]
    assert list(root.glob(".part*")) == []
    check_files(made)


def test_a_picture_that_is_gone_is_named(running: RunningHub, station: httpx2.Client, tmp_path: Path) -> None:
    data = png(8000)
    send(station, 8000)
    lost = next((running.hub.config.data_dir / "images").rglob(sha256(data)))
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(BackupError, match=sha256(data)):
        back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    lost.write_bytes(content)


def test_old_backups_go_with_the_pictures_that_only_they_named(
    running: RunningHub, station: httpx2.Client, tmp_path: Path
) -> None:
    root = tmp_path / "backups"
    first = back_up(running.hub.database, running.hub.images, root)
    send(station, 9000)
    second = back_up(running.hub.database, running.hub.images, root)
    stray = root / "pictures" / "x" / "ab" / ("ab" * 32)
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"of an older one")
    assert keep_newest(root, 1) == [first]
    assert manifest.dated(root) == [second]
    assert not stray.exists()
    check_files(second)
    assert {path.name for path in (root / "pictures").glob("*/*/*")} == {
        each.sha256 for each in manifest.read_pictures(second)
    }
