"""Running the hub: listen first, then the database, then serve; and all of it undone on the way out."""

from __future__ import annotations

import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

import uvicorn
from prometheus_client import start_http_server

from inspection.errors import PortBusy
from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token, revoke_others
from inspection.hub.app import build_app
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.errors import TokenFileError
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import Sequencer
from inspection.hub.evidence.witnesses import Drop
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.jobs.registry import TASKS
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from inspection.hub.postgres_keeper import Keeper

GRACE_S = 5
BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; taken before anything else is started, so that a busy port costs nothing.

    Raises:
        PortBusy: when the port is taken or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's delay off; without, each answer takes 40 ms longer.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        reason = error.strerror or str(error)
        hint = "choose another with --port, or --port 0 for any that is free"
        raise PortBusy(f"cannot listen on {host} port {port}: {reason}", hint=hint) from error
    return found


@contextmanager
def open_database(config: HubConfig) -> Iterator[tuple[Database, bool]]:
    """The configured database, embedded when there is no DSN; says whether it is ours. Undone at the end."""
    postgres = None
    dsn = config.dsn
    if dsn is None:
        postgres = EmbeddedPostgres(config.data_dir)
        postgres.start()
        dsn = postgres.dsn()
    try:
        section = config.database
        database = Database(dsn, pool_size=section.pool_size, statement_timeout_s=section.statement_timeout_s)
        try:
            with nullcontext() if postgres is None else Keeper(postgres):
                yield database, postgres is not None
        finally:
            database.close()
    finally:
        if postgres is not None:
            postgres.stop()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGINT end the block through its ``finally``s; a second one does not disturb them."""

    def leave(number: int, _frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)

    before = {each: signal.signal(each, leave) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Stopped:
        pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


class Stopped(BaseException):
    """A signal asked us to stop; not an error."""


def serve(
    config: HubConfig,
    database: Database,
    listening: socket.socket,
    *,
    ready: Callable[[str], None],
    with_worker: bool = False,
) -> None:
    """Serve until a signal comes; ``ready`` is called with our URL once requests are answered.

    With ``with_worker``, jobs run in this process, too.
    """
    images = open_images(config, database)
    hub = Hub(config, database, images, Metrics())
    app = build_app(hub)
    settings = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(settings, lambda: ready(url_of(listening)))
    section = config.evidence
    drop = None if section.drop_folder is None else Drop(section.drop_folder)
    beside = WorkerThread(Worker(hub)) if with_worker else nullcontext()
    with Sequencer(database, open_log(config), interval_s=section.interval_s, drop=drop), beside:
        server.run(sockets=[listening])


def run_worker(config: HubConfig, database: Database, *, ready: Callable[[], None], queue: str | None = None) -> None:
    """Run jobs, of one queue only where it is named, until a signal comes; ``ready`` is called once they are served."""
    tasks = None if queue is None else {name: entry for name, entry in TASKS.items() if entry.queue == queue}
    hub = Hub(config, database, open_images(config, database), Metrics())
    port = config.worker.metrics_port
    shown = nullcontext() if port is None else _metrics_shown(hub.metrics, port)
    with shown:
        Worker(hub, tasks).run(ready)


@contextmanager
def _metrics_shown(metrics: Metrics, port: int) -> Iterator[None]:
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=metrics.registry)
    except OSError as error:
        hint = "change worker.metrics_port in the configuration"
        raise PortBusy(f"cannot show metrics on port {port}: {error.strerror}", hint=hint) from error
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def url_of(listening: socket.socket) -> str:
    """The URL under which a listening socket is reached from this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def ensure_token(config: HubConfig, database: Database, scope: Scope, name: str) -> str:
    """The token kept in ``<data_dir>/<name>.token`` (0600), made when there is none, and let in by the database.

    Deleting the file and starting again makes a new one and shuts the old one out.
    """
    token = _kept_token(config.data_dir / f"{name}.token", scope)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, scope, name)
        revoke_others(connection, merchant, name, token)
    return token


def _kept_token(path: Path, scope: Scope) -> str:
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise TokenFileError(f"others may read {path}", hint=f"chmod 600 {path}, or delete it") from None
            token = path.read_text(encoding="ascii").strip()
            if token:
                return token
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)  # killed between making and filling it
        token = new_token(scope)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise TokenFileError(f"{path}: {error.strerror}", hint="is the data folder writable?") from error
    return token
