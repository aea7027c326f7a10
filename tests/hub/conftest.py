"""One PostgreSQL a session, one database a module, one real server a module."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpcore2
import httpx2
import psycopg
import pytest
import uvicorn
from psycopg import sql

from inspection.hub import logs
from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.app import build_app
from inspection.hub.config import HubConfig, ImagesSection, ReportsSection
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import ROLE, SUPERUSER, EmbeddedPostgres
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
from inspection.hub.serving import listen
from tests.hub.folders import database_folder


@dataclass(frozen=True, slots=True)
class RunningHub:
    """A hub that answers at ``url``."""

    url: str
    hub: Hub
    merchant: UUID
    admin_token: str
    station_token: str

    def client(self, token: str | None = None) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60)


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    logs.configure(logging.ERROR)


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """The system's certificates are the same for every client; to read them takes longer than a request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpcore2, "default_ssl_context", functools.cache(httpcore2.default_ssl_context))
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    with database_folder() as folder:
        server = EmbeddedPostgres(folder)
        server.start()
        yield server
        server.destroy()


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The name of a database with the hub's schema, of which others are copies."""
    name = "test_migrated"
    postgres.ensure_database(name)
    database = Database(postgres.dsn(name))
    database.migrate()
    database.close()
    return name


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres, migrated: str) -> Iterator[Database]:
    with fresh_database(postgres, migrated) as found:
        yield found


@contextmanager
def fresh_database(postgres: EmbeddedPostgres, migrated: str) -> Iterator[Database]:
    """A database with the hub's schema and nothing in it."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres.dsn(SUPERUSER, role=SUPERUSER), autocommit=True) as connection:
        words = [sql.Identifier(each) for each in (name, ROLE, migrated)]
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(*words))
    database = Database(postgres.dsn(name))
    yield database
    database.close()


@pytest.fixture(scope="module")
def running(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    folder = tmp_path_factory.mktemp("store")
    images, reports = ImagesSection(max_bytes=100_000), ReportsSection(max_bytes=50_000)
    hub = Hub(
        HubConfig(data_dir=folder, images=images, reports=reports),
        database,
        ImageStore(None, folder, Vault(database, master_key(bytes(32)))),
        Metrics(),
    )
    admin, station = new_token(Scope.ADMIN), new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, admin, Scope.ADMIN, "test-admin")
        grant(connection, merchant, station, Scope.STATION, "test-station")
    with serving(hub) as url:
        yield RunningHub(url, hub, merchant, admin, station)


@pytest.fixture
def station(running: RunningHub) -> Iterator[httpx2.Client]:
    with running.client(running.station_token) as client:
        yield client


@pytest.fixture
def admin(running: RunningHub) -> Iterator[httpx2.Client]:
    with running.client(running.admin_token) as client:
        yield client


class serving:  # noqa: N801 - used like a function
    """A real server on loopback for ``hub``; the context's value is its URL."""

    def __init__(self, hub: Hub) -> None:
        self._listening = listen("127.0.0.1", 0)
        config = uvicorn.Config(build_app(hub), log_config=None, access_log=False, lifespan="off", server_header=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


@pytest.fixture
def images_folder(running: RunningHub) -> Path:
    return running.hub.config.data_dir / "images"
