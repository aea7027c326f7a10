"""Pictures in a real S3 server: kept, read, removed; one that is away is said, and has lost nothing when it is back."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
from tests.hub.conftest import RunningHub, serving
from tests.hub.reports import png, report, sha256

PATIENCE_S = 90
IDENTITY = {
    "identities": [
        {
            "name": "hub",
            "credentials": [{"accessKey": "hub-key", "secretKey": "hub-secret"}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        }
    ]
}


class SeaweedFs:
    """A SeaweedFS with its S3 gateway, all on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "data").mkdir(parents=True)
        (folder / "s3.json").write_text(json.dumps(IDENTITY))
        self._ports = _free_ports(4)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._ports[3]}"

    def start(self) -> None:
        master, volume, filer, s3 = self._ports
        program = Path(sys.executable).with_name("weed")
        options = {
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "dir": self._folder / "data",
            "master.port": master,
            "volume.port": volume,
            "filer.port": filer,
            "s3.port": s3,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": self._folder / "s3.json",
            "volume.max": 8,
            "master.volumeSizeLimitMB": 64,
            "master.telemetry": "false",
        }
        command = [str(program), "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())]
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _free_ports(number: int) -> list[int]:
    """Ports that are free, as are those 10000 above, which the server takes for itself."""
    found: list[int] = []
    while len(found) < number:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as one, socket.socket() as other:
            try:
                one.bind(("127.0.0.1", port))
                other.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFs]:
    if not Path(sys.executable).with_name("weed").is_file():
        pytest.skip("SeaweedFS is not installed")
    server = SeaweedFs(tmp_path_factory.mktemp("s3"))
    before = dict(os.environ)
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "hub-key",
        "AWS_SECRET_ACCESS_KEY": "hub-secret",
        "AWS_ENDPOINT": server.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }
    server.start()
    yield server
    server.stop()
    os.environ.clear()
    os.environ |= before


@pytest.fixture
def hub(s3: SeaweedFs, database: Database, tmp_path: Path) -> Iterator[RunningHub]:
    assert s3.endpoint
    # A store that is away is asked again for a while by its client; a test need not wait for minutes.
    store = ImageStore(f"s3://pictures-{uuid4().hex[:8]}/hub", tmp_path, Vault(database, master_key(bytes(32))))
    hub = Hub(HubConfig(data_dir=tmp_path), database, store, Metrics())
    token = new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, f"s3-{uuid4().hex}")
    with serving(hub) as url:
        yield RunningHub(url, hub, merchant, token, token)


@pytest.mark.slow
def test_pictures_are_kept_in_s3_and_a_server_that_was_away_loses_none(hub: RunningHub, s3: SeaweedFs) -> None:
    first, second = png(uuid4().int), png(uuid4().int)
    with hub.client(hub.station_token) as station:
        station.timeout = PATIENCE_S
        assert _put(station, first) in {200, 201}
        assert station.get(f"/v1/images/{sha256(first)}").content == first
        assert not (hub.hub.config.data_dir / "images").exists(), "nothing lies on the local disk"
        s3.stop()
        away = station.get(f"/v1/images/{sha256(first)}")
        assert (away.status_code, away.json()["code"]) == (503, "store.unavailable")
        refused = station.put(f"/v1/images/{sha256(second)}", content=second)
        assert (refused.status_code, refused.json()["code"]) == (503, "store.unavailable")
        s3.start()
        assert _put(station, second) in {200, 201}
        assert station.get(f"/v1/images/{sha256(first)}").content == first
        hub.hub.images.delete(hub.merchant, sha256(first))
        assert not hub.hub.images.has(hub.merchant, sha256(first))


@pytest.mark.slow
def test_a_store_that_goes_away_under_load_loses_nothing_and_needs_no_restart(hub: RunningHub, s3: SeaweedFs) -> None:
    kept: set[str] = set()
    enough = threading.Event()

    def bring(number: int) -> None:
        seed = number * 10_000
        with hub.client(hub.station_token) as station:
            station.timeout = PATIENCE_S
            while not enough.is_set():
                content = png(seed)
                answer = station.put(f"/v1/images/{sha256(content)}", content=content)
                if answer.is_success:
                    kept.add(sha256(content))
                    seed += 1
                else:
                    assert (answer.status_code, answer.json()["code"]) == (503, "store.unavailable")
                    assert int(answer.headers["retry-after"]) > 0

    with hub.client(hub.station_token) as station, ThreadPoolExecutor(2) as pool:
        assert _put(station, png(uuid4().int)) in {200, 201}
        bringing = [pool.submit(bring, number) for number in range(2)]
        try:
            _until(lambda: len(kept) >= 5)
            s3.stop()
            assert station.post("/v1/inspections", json=report()).status_code == 201, "reports need no store"
            assert station.get("/readyz").status_code == 200
            s3.start()
            before = len(kept)
            _until(lambda: len(kept) >= before + 5)
        finally:
            enough.set()
        for each in bringing:
            each.result()
        for name in kept:
            assert sha256(station.get(f"/v1/images/{name}").content) == name


def _until(happens: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


def _put(station: httpx2.Client, data: bytes) -> int:
    """The status once the server takes pictures; it needs some seconds after its start."""
    end = time.monotonic() + PATIENCE_S
    while True:
        answer = station.put(f"/v1/images/{sha256(data)}", content=data)
        if answer.is_success or time.monotonic() > end:
            return answer.status_code
        assert answer.json()["code"] == "store.unavailable"
        time.sleep(0.5)
