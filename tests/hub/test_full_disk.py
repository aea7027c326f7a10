"""A real disk without room: said plainly, nothing half-stored, and well again when there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
from tests.hub.conftest import RunningHub, serving
from tests.hub.reports import png, sha256


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk is not permitted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_nothing_is_half_stored(database: Database, small_disk: Path) -> None:
    hub = Hub(
        HubConfig(data_dir=small_disk),
        database,
        ImageStore(None, small_disk, Vault(database, master_key(bytes(32)))),
        Metrics(),
    )
    token = new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, "full-disk")
    with serving(hub) as url, RunningHub(url, hub, merchant, "", token).client(token) as station:
        sizes = {"while it arrives": 3_000_000, "while it is put into the store": 700_000}
        for size in sizes.values():
            data = png(1) + bytes(size)
            answer = station.put(f"/v1/images/{sha256(data)}", content=data)
            assert (answer.status_code, answer.json()["code"]) == (507, "store.full")
            assert [path for path in small_disk.rglob("*") if path.is_file()] == []
            assert station.get(f"/v1/images/{sha256(data)}").status_code == 404
        assert station.get("/v1/stats").json()["images"] == 0
        small = png(2)
        assert station.put(f"/v1/images/{sha256(small)}", content=small).status_code == 201
        assert station.get(f"/v1/images/{sha256(small)}").content == small
