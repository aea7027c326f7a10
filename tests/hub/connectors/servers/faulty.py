"""A real HTTP server on loopback that answers as it is told, or fails as networks and servers do."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Got:
    """A request that arrived whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """How to answer.

    Attributes:
        fault: ``cut`` sends half of the body and resets the connection, ``drop`` resets it without an answer,
            ``hang`` never answers, ``drip`` sends the body a byte at a time and never ends.
    """

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class FaultyServer:
    """Answers by ``answer(got)`` unless something is in ``planned``, which goes first; ``got`` is all that arrived."""

    def __init__(
        self, answer: Callable[[Got], Answer] = lambda _: Answer(), *, certificate: Path | None = None
    ) -> None:
        self.answer = answer
        self._certificate = certificate
        self.got: list[Got] = []
        self.planned: deque[Answer] = deque()
        self.arrived = threading.Condition()
        self.ended = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http{'s' if self._certificate else ''}://127.0.0.1:{self._port}"

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Gone from its port, which :meth:`start` takes again."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def wait_for(self, count: int, timeout_s: float = 60) -> list[Got]:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, timeout_s), f"{len(self.got)} of {count} came"
        return self.got

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    owner: FaultyServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Got(self.command, self.path, headers, body)
        with self.owner.arrived:
            answer = self.owner.planned.popleft() if self.owner.planned else self.owner.answer(got)
            self.owner.got.append(got)
            self.owner.arrived.notify_all()
        if answer.fault == "drop":
            self._reset()
        elif answer.fault == "hang":
            self.owner.ended.wait(60)
            self.close_connection = True
        else:
            self._send(answer)

    do_POST = do_GET = do_PUT = _handle  # noqa: N815 - the names http.server looks for

    def _send(self, answer: Answer) -> None:
        content = answer.encoded()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if answer.fault == "cut":
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            self._reset()
        elif answer.fault == "drip":
            while not self.owner.ended.wait(0.05):
                self.wfile.write(b" ")
        else:
            self.wfile.write(content)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            return

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            return

    def log_message(self, *_: object) -> None:
        return
