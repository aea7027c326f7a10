"""A hub that knows of rollouts only: it serves archives, breaks off where told to, and keeps opinions."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from inspection.rollout import Assignment, Fetched, Kind


def packed(folder: Path) -> bytes:
    """A folder as a zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())
    return made.getvalue()


@dataclass
class SmallHub:
    """What it serves and what it was told.

    Attributes:
        breaks_after: bytes of an archive after which the line breaks, once.
        asked_ranges: of archives, as they were asked for.
    """

    archives: dict[str, bytes] = field(default_factory=dict)
    assignment: Assignment = field(default_factory=Assignment)
    breaks_after: int | None = None
    asked_ranges: list[str] = field(default_factory=list)
    standings: list[dict[str, Any]] = field(default_factory=list)
    opinions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def offer(self, bundle_id: str, folder: Path) -> Fetched:
        """Have something to be fetched."""
        data = packed(folder)
        self.archives[bundle_id] = data
        return Fetched(bundle_id=bundle_id, archive_sha256=hashlib.sha256(data).hexdigest(), archive_bytes=len(data))

    def assign(self, **champions: Fetched) -> None:
        """Let stations run these."""
        found = {Kind(kind): each for kind, each in champions.items()}
        self.assignment = Assignment(champions=found, ask_s=0.2)

    def steps(self) -> dict[str, str]:
        """By bundle, what the station said last of it."""
        return {each["bundle_id"]: each["step"] for each in self.standings[-1]["bundles"]} if self.standings else {}

    def wait_for_step(self, bundle_id: str, step: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.steps().get(bundle_id) == step, 60), self.standings[-3:]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: SmallHub

    def do_GET(self) -> None:
        if self.path.endswith("/assignment"):
            text = self.owner.assignment.model_dump_json().encode()
            tag = f'"{hashlib.sha256(text).hexdigest()}"'
            same = self.headers.get("If-None-Match") == tag
            self._answer(304 if same else 200, b"" if same else text, {"ETag": tag})
            return
        found = re.fullmatch(r"/v1/bundles/(.+)/archive", self.path)
        data = self.owner.archives.get(found[1].replace("%40", "@").replace("%2B", "+")) if found else None
        if data is None:
            self._answer(404, b"{}")
            return
        asked = self.headers.get("Range", "")
        self.owner.asked_ranges.append(asked)
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        headers = {"Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"} if asked else {}
        cut, self.owner.breaks_after = self.owner.breaks_after, None
        self._answer(206 if asked else 200, data[first:], headers, cut)

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.owner.changed:
            self.owner.standings.append(body)
            self.owner.changed.notify_all()
        self._answer(204, b"")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.owner.changed:
            for each in body["opinions"]:
                self.owner.opinions[each["rollout_id"], each["inspection_id"]] = each
            self.owner.changed.notify_all()
        self._answer(200, b"{}")

    def _answer(self, status: int, data: bytes, headers: dict[str, str] | None = None, cut: int | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:cut])
            if cut is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
        except (BrokenPipeError, ConnectionResetError, ValueError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
