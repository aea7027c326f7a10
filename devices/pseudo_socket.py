"""A TCP port of this machine that a simulated device listens on; the socket's brother of `devices.pseudo_port`."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

import structlog

from devices.pseudo_port import TICK_S

log = structlog.get_logger(__name__)

MAX_READ = 65536


class PseudoSocket:
    """The device's end of a TCP connection; one program at a time, the last that came.

    The port stays the same while the device is unplugged and plugged in again.

    Args:
        on_bytes: called from the port's thread with what the program at the other end wrote.
        on_tick: called from the port's thread about every 10 ms while a program is connected.
        on_opened: called from the port's thread when a program connects.
        port: TCP port on loopback; 0 is any that is free.
    """

    def __init__(
        self,
        on_bytes: Callable[[bytes], None] = lambda _: None,
        on_tick: Callable[[], None] = lambda: None,
        on_opened: Callable[[], None] = lambda: None,
        port: int = 0,
    ) -> None:
        self._on_bytes = on_bytes
        self._on_tick = on_tick
        self._on_opened = on_opened
        self._port = port
        self._lock = threading.Lock()
        self._listening: socket.socket | None = None
        self._client: socket.socket | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        return "127.0.0.1", self._port

    @property
    def url(self) -> str:
        """The address as pyserial takes it."""
        return "socket://{}:{}".format(*self.address)

    @property
    def listened_to(self) -> bool:
        """Whether a program is connected."""
        return self._client is not None

    def plug(self) -> None:
        """Listen; nothing happens when it does."""
        if self._listening is not None:
            return
        listening = socket.create_server(self.address, reuse_port=False)
        self._port = listening.getsockname()[1]
        listening.setblocking(False)
        self._listening = listening
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(listening, self._stopping), name=f"pseudo-socket-{self._port}", daemon=True
        )
        self._thread.start()

    def unplug(self) -> None:
        """Cut the connection and refuse new ones. Calling it twice is fine."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        self._drop()

    def write(self, data: bytes) -> bool:
        """Send ``data``; ``False`` when nobody is connected or reads."""
        with self._lock:
            if self._client is None:
                return False
            try:
                self._client.sendall(data)
            except OSError:
                return False
            return True

    def _serve(self, listening: socket.socket, stopping: threading.Event) -> None:
        while not stopping.is_set():
            watched = [listening] if self._client is None else [listening, self._client]
            ready, _, _ = select.select(watched, [], [], TICK_S)
            try:
                if listening in ready:
                    self._take(listening.accept()[0])
                elif ready:
                    self._read()
                if self._client is not None:
                    self._on_tick()
            except OSError:
                self._drop()
            except Exception:  # a fault of a simulator must be heard and must not end it
                log.exception("pseudo_socket.simulator_fault", port=self._port)

    def _take(self, client: socket.socket) -> None:
        client.settimeout(1.0)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._change(client)
        self._on_opened()

    def _read(self) -> None:
        client = self._client
        data = client.recv(MAX_READ) if client is not None else b""
        if data:
            self._on_bytes(data)
        else:
            self._drop()

    def _drop(self) -> None:
        self._change(None)

    def _change(self, client: socket.socket | None) -> None:
        with self._lock:
            before, self._client = self._client, client
        if before is not None:
            before.close()
