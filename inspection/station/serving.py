"""The station's web server: its socket, its signals, and what ends it."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog
import uvicorn

from inspection.errors import InspectionError, PortBusy
from inspection.station.disk import DiskWatch
from inspection.station.station import Station

log = structlog.get_logger()
BACKLOG = 64
GRACE_S = 2
WATCH_S = 0.5


class StationFailed(InspectionError):
    """A thread of the station ended by itself; a service manager should start the station again."""

    code = "station.failed"


def url_of(listening: socket.socket) -> str:
    """The URL under which a listening socket is reached from this machine."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def listening_at(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, taken first, so that a busy port costs nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's delay off; without, each answer takes 40 ms longer.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as found:
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, port))
            found.listen(BACKLOG)
        except OSError as error:
            raise PortBusy(
                f"cannot listen on {host} port {port}: {error.strerror or error}",
                hint="choose another with --port or web.port; 0 is any that is free",
            ) from error
        yield found


class Server(uvicorn.Server):
    """Serves until a signal; tells when it is ready, and ends its streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], leaving: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._leaving = ready, leaving
        self.failed = self.signalled = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def leave(self) -> None:
        """Stop serving soon."""
        self._leaving()
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM are a clean end, exit code 0; uvicorn would raise them again afterwards."""

        def leave(_number: int, _frame: FrameType | None) -> None:
            self.signalled = True
            self.leave()

        before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def watch_over(station: Station, server: Server, wished: threading.Event, disk: DiskWatch) -> None:
    """End the program when a thread of the station ends by itself, or a new start is ``wished``; tell of the disk."""
    while not server.should_exit:
        if wished.is_set():
            server.leave()
            return
        if not station.alive:
            log.critical("station_failed")
            server.failed = True
            server.leave()
            return
        if disk.changed():
            station.refresh()
        wished.wait(WATCH_S)
