"""A hub for tests: a real HTTP server that keeps what it gets, and can be told to misbehave, or be stopped."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "test-token-of-the-station"
NO_CONTENT = 204


@dataclass
class Answer:
    """What to answer instead of the right thing; ``delay`` is waited for first."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay: threading.Event | None = None


class RecordingHub:
    """Keeps pictures by hash and reports by inspection id and revision.

    Attributes:
        requests: every request as ``METHOD path``, in order.
        misbehaviour: answers to give instead, for the next requests.
        before_answer: called with method, path and body after the request was recorded and before it is answered.
        statuses: what stations said of themselves, the newest last; no part of ``requests`` and never misbehaved on.
        prechecks: by number of the return; their look-ups are no part of ``requests`` and never misbehaved on.
        forgets: hashes that the hub says it misses until they are sent again.
    """

    def __init__(self) -> None:
        self.pictures: dict[str, bytes] = {}
        self.reports: dict[tuple[str, int], dict[str, Any]] = {}
        self.posts: Counter[tuple[str, int]] = Counter()
        self.returns: dict[str, dict[str, Any]] = {}
        self.prechecks: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.misbehaviour: deque[Answer] = deque()
        self.before_answer: Callable[[str, str, bytes], None] = lambda _method, _path, _body: None
        self.forgets: set[str] = set()
        self.statuses: deque[dict[str, Any]] = deque(maxlen=100)
        self.token = TOKEN
        self.changed = threading.Condition()
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> RecordingHub:
        """Listen; after a stop, on the same port as before."""
        hub = self

        class Handler(_Handler):
            owner = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def wait_for(self, wanted: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Wait until ``wanted`` holds; checked after every request."""
        with self.changed:
            return self.changed.wait_for(wanted, timeout_s)

    def answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        if method == "PUT" and path.endswith("/status"):
            return self._take_status(body, token)
        if path.startswith("/v1/precheck/"):
            found = self.prechecks.get(path.split("/")[4])
            return Answer(404, {"code": "precheck.not_found"}) if found is None else Answer(200, found)
        with self.changed:
            self.requests.append(f"{method} {path}")
            scripted = self.misbehaviour.popleft() if self.misbehaviour else None
            if scripted is None:
                scripted = self._right_answer(method, path, body, token)
            self.changed.notify_all()
        return scripted

    def _take_status(self, body: bytes, token: str) -> Answer:
        if token != f"Bearer {self.token}":
            return Answer(401, {"code": "token.invalid"})
        with self.changed:
            self.statuses.append(json.loads(body))
            self.changed.notify_all()
        return Answer(204)

    def _right_answer(self, method: str, path: str, body: bytes, token: str) -> Answer:
        if token != f"Bearer {self.token}":
            return Answer(401, {"code": "token.invalid"})
        match method, path.split("/")[1:]:
            case "PUT", ["v1", "images", name]:
                if hashlib.sha256(body).hexdigest() != name:
                    return Answer(422, {"code": "image.hash_mismatch"})
                self.pictures[name] = body
                self.forgets.discard(name)
                return Answer(201, {"sha256": name})
            case "POST", ["v1", "inspections"]:
                return self._take_report(json.loads(body))
            case "GET", ["v1", "returns", rma]:
                found = self.returns.get(rma)
                return Answer(200, found) if found else Answer(404, {"code": "return.unknown"})
        return Answer(404, {"code": "http.not_found"})

    def _take_report(self, report: dict[str, Any]) -> Answer:
        key = (report["inspection_id"], report["revision"])
        self.posts[key] += 1
        known = self.reports.get(key)
        if known is not None:
            same = known["evidence_hash"] == report["evidence_hash"]
            return Answer(409, {"code": "inspection.exists" if same else "inspection.conflict"})
        self.reports[key] = report
        named = [picture["sha256"] for picture in report["pictures"]]
        missing = [name for name in named if name not in self.pictures or name in self.forgets]
        return Answer(201, {"inspection_id": key[0], "missing_images": missing})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: RecordingHub

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.owner.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
        self.owner.before_answer(self.command, self.path, body)
        if answer.delay is not None:
            answer.delay.wait(30)
        data = b"" if answer.status == NO_CONTENT else json.dumps(answer.body).encode()
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            if data:
                self.send_header("Content-Length", str(len(data)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_PUT = do_POST = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
