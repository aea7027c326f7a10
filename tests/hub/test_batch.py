"""What waited at a station comes in at once, its clock is noted, and pictures go on where they were cut off."""

from __future__ import annotations

import email.utils
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.images.tables import image_pieces
from inspection.hub.inspections.clocks import offset_s
from inspection.hub.schema import events
from inspection.station.hub_client import HubClient, Outcome, TokenSource
from tests.hub.conftest import RunningHub
from tests.hub.reports import picture, png, report, sha256

PARTIAL = "application/partial-upload"


def test_each_report_of_a_batch_stands_alone(station: httpx2.Client) -> None:
    there, fresh, bent = report(), report(), report()
    station.post("/v1/inspections", json=there)
    bent["evidence_hash"] = "0" * 64
    answer = station.post("/v1/inspections/batch", json={"reports": [there, fresh, bent, {"no": "report"}, 7, fresh]})
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [(each["index"], each["status"], each["code"]) for each in results] == [
        (0, 409, "inspection.exists"),
        (1, 201, "stored"),
        (2, 422, "inspection.evidence_mismatch"),
        (3, 422, "request.invalid"),
        (4, 422, "request.invalid"),
        (5, 409, "inspection.exists"),
    ]
    assert station.get(f"/v1/inspections/{fresh['inspection_id']}").json()["report"] == fresh


def test_of_two_reports_with_one_id_and_revision_in_a_batch_the_first_stays(station: httpx2.Client) -> None:
    scrap = {"disposition": "scrap", "grade": None, "decided_by": "policy"}
    first = report()
    other = report(inspection_id=first["inspection_id"], verdict=scrap)
    second = report(inspection_id=first["inspection_id"], revision=2, verdict=scrap)
    bent = report() | {"rma": "\ud800"}
    content = json.dumps({"reports": [second, first, other, bent, first]})
    headers = {"Content-Type": "application/json"}
    answer = station.post("/v1/inspections/batch", content=content, headers=headers)
    assert [each["code"] for each in answer.json()["results"]] == [
        "stored",
        "stored",
        "inspection.conflict",
        "request.invalid",
        "inspection.exists",
    ]
    read = station.get(f"/v1/inspections/{first['inspection_id']}").json()
    assert read["report"] == second
    assert [each["revision"] for each in read["revisions"]] == [1, 2]
    alone = station.get(f"/v1/inspections/{first['inspection_id']}/epcis").json()["epcisBody"]["eventList"]
    assert sum("errorDeclaration" in event for event in alone) > 0


def test_batches_with_the_same_reports_in_other_orders_do_not_block_each_other(station: httpx2.Client) -> None:
    reports = [report(rma=f"RMA-{uuid4().hex[:8]}", station_id=f"st-{uuid4().hex[:8]}") for _ in range(12)]

    def send(number: int) -> list[str]:
        turned = reports[number:] + reports[:number]
        answer = station.post("/v1/inspections/batch", json={"reports": turned if number % 2 else turned[::-1]})
        assert answer.status_code == 200, answer.text
        return [each["code"] for each in answer.json()["results"]]

    with ThreadPoolExecutor(4) as pool:
        codes = [code for found in pool.map(send, range(8)) for code in found]
    assert Counter(codes) == {"stored": 12, "inspection.exists": 84}


@pytest.mark.parametrize(
    "body", [{}, {"reports": []}, {"reports": [1] * 31}, {"reports": {}}, [], {"reports": [1], "x": 1}]
)
def test_what_is_no_batch_is_refused(station: httpx2.Client, body: object) -> None:
    assert station.post("/v1/inspections/batch", json=body).json()["code"] == "request.invalid"


def test_a_clock_that_goes_wrong_is_noticed_once_and_kept_with_the_report(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client
) -> None:
    name = f"clock-{uuid4().hex[:6]}"
    for days in (3, 3, 0):
        sent = email.utils.format_datetime(datetime.now(UTC) + timedelta(days=days), usegmt=True)
        body = report(station_id=name)
        station.post("/v1/inspections", json=body, headers={"Date": sent})
        read = station.get(f"/v1/inspections/{body['inspection_id']}").json()
        assert read["clock_offset_s"] == pytest.approx(days * 86_400, abs=30)
    clock = next(each for each in admin.get("/v1/stations/clocks").json() if each["station_id"] == name)
    assert clock["wrong"] is (abs(clock["offset_s"]) > 5)
    with running.hub.database.transaction() as connection:
        told = connection.execute(sa.select(events.c.payload).where(events.c.subject == name).order_by(events.c.id))
        assert [payload["wrong"] for payload in told.scalars()][:1] == [True]
    silent = report()
    station.post("/v1/inspections", json=silent)
    assert station.get(f"/v1/inspections/{silent['inspection_id']}").json()["clock_offset_s"] is None


@pytest.mark.parametrize("said", [None, "", "yesterday", "Fri, 99 Zzz 99999999999 99:99:99 GMT", "\x01"])
def test_a_date_that_cannot_be_read_says_nothing(said: str | None) -> None:
    assert offset_s(said, datetime.now(UTC)) is None


def test_a_picture_goes_on_where_it_stopped(station: httpx2.Client, running: RunningHub) -> None:
    data = png(seed=uuid4().int, width=64, height=64)
    url, half = f"/v1/images/{sha256(data)}", len(data) // 2
    assert station.head(url).headers["upload-offset"] == "0"
    first = _append(station, url, 0, data[:half], "?0")
    assert (first.status_code, first.headers["upload-offset"]) == (204, str(half))
    wrong = _append(station, url, half + 1, b"x", "?0")
    assert (wrong.status_code, wrong.json()["offset"]) == (409, half)
    assert station.head(url).headers["upload-offset"] == str(half)
    assert _append(station, url, half, data[half:], "?1").status_code == 201
    assert station.get(url).content == data
    assert station.head(url).headers["upload-complete"] == "?1"
    with running.hub.database.transaction() as connection:
        pieces = connection.execute(sa.select(image_pieces).where(image_pieces.c.sha256 == sha256(data))).all()
    assert pieces == []


def test_pieces_that_make_another_picture_are_forgotten(station: httpx2.Client) -> None:
    url = f"/v1/images/{sha256(b'something else')}"
    assert _append(station, url, 0, png(), "?1").json()["code"] == "image.hash_mismatch"
    assert station.head(url).headers["upload-offset"] == "0"


def test_pieces_may_not_grow_beyond_a_picture(station: httpx2.Client) -> None:
    url = f"/v1/images/{sha256(b'huge')}"
    assert _append(station, url, 0, b"x" * 90_000, "?0").status_code == 204
    assert _append(station, url, 90_000, b"x" * 20_000, "?0").json()["code"] == "request.too_large"


def test_what_a_put_brought_before_it_was_cut_off_is_there(running: RunningHub, station: httpx2.Client) -> None:
    data = png(seed=uuid4().int, width=4, height=3) + b"\0" * 40_000  # bytes behind the end belong to the file
    body = report(pictures=[picture(data)])
    station.post("/v1/inspections", json=body)
    url = f"/v1/images/{sha256(data)}"
    for pause_s in (0.05, 0.3, 1.0, 3.0, 6.0, 15.0):  # bytes that the server has not read when the line breaks are lost
        _put_cut_off(running, data, 30_000, pause_s)
        there = _offset_within(station, url)
        if there:
            break
    assert 0 < there <= 30_000
    assert _append(station, url, there, data[there:], "?1").status_code == 201
    assert station.get(f"/v1/inspections/{body['inspection_id']}").json()["complete"] is True


def test_a_station_sends_only_the_rest_after_its_line_broke(running: RunningHub, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(running.station_token)
    for pause_s in (0.1, 0.5, 2.0, 6.0, 15.0):  # bytes that the server has not read when the line breaks are lost
        data = png(seed=uuid4().int) + b"\0" * 90_000
        with BreakingLine(running.url, after=50_000, pause_s=pause_s) as line:
            client = HubClient(line.url, TokenSource(tmp_path / "token"), timeout_s=60)
            assert client.put_picture(sha256(data), data, "image/png").outcome is Outcome.HUB_DOWN
            with running.client(running.station_token) as station:
                _offset_within(station, f"/v1/images/{sha256(data)}")
            line.passed = 0
            assert client.put_picture(sha256(data), data, "image/png").outcome is Outcome.DONE
            client.close()
        if line.passed < len(data):
            break
    assert line.passed < 80_000
    with running.client(running.station_token) as station:
        assert station.get(f"/v1/images/{sha256(data)}").content == data


class BreakingLine:
    """A line to a hub whose first connection breaks after so many bytes; a context manager.

    Attributes:
        passed: bytes that were sent towards the hub.
    """

    def __init__(self, url: str, *, after: int, pause_s: float) -> None:
        self._hub, self._after, self._pause_s = url.removeprefix("http://").split(":"), after, pause_s
        self.passed = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        most = self._after
        with suppress(OSError):
            while True:
                near = self._listening.accept()[0]
                far = socket.create_connection((self._hub[0], int(self._hub[1])))
                threading.Thread(target=self._pass_on, args=(near, far, most), daemon=True).start()
                threading.Thread(target=_copy, args=(far, near), daemon=True).start()
                most = 1 << 30

    def _pass_on(self, near: socket.socket, far: socket.socket, most: int) -> None:
        left = most
        with suppress(OSError), near, far:
            while left and (data := near.recv(min(left, 65536))):
                far.sendall(data)
                left -= len(data)
                self.passed += len(data)
            if not left:
                time.sleep(self._pause_s)
            near.shutdown(socket.SHUT_RDWR)
            far.shutdown(socket.SHUT_RDWR)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)


def _append(client: httpx2.Client, url: str, start: int, data: bytes, complete: str) -> httpx2.Response:
    headers = {"Upload-Offset": str(start), "Upload-Complete": complete, "Content-Type": PARTIAL}
    return client.patch(url, content=data, headers=headers)


def _put_cut_off(running: RunningHub, data: bytes, sent: int, pause_s: float) -> None:
    host, port = running.url.removeprefix("http://").split(":")
    head = (
        f"PUT /v1/images/{sha256(data)} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {running.station_token}\r\n"
        f"Content-Type: image/png\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as line:
        line.sendall(head.encode() + data[:sent])
        time.sleep(pause_s)


def _offset_within(client: httpx2.Client, url: str, tries: int = 200) -> int:
    """The offset as soon as the hub has noticed that the sender went away."""
    for _ in range(tries):
        there = int(client.head(url).headers["upload-offset"])
        if there:
            return there
    return 0
