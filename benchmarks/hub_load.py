"""Inspections a second that a hub takes in, beside bare inserts: ``python -m benchmarks.hub_load [--seconds 15]``.

One hub with its embedded PostgreSQL serves this machine's loopback with several API processes; stations report over
kept connections, each under its own name and with its clock's time: one report a request, thirty a request, and one
with four pictures of 150 kB. In the same run pgbench inserts the same rows into the same tables of the same server, one
inspection or thirty a transaction, and plain files take the same bytes (:mod:`benchmarks.hub_bare`). Medians of several
rounds. Reports are sealed before the clock starts. A hub in memory waits for no disk: give ``--folder`` for one.
"""

from __future__ import annotations

import email.utils
import http.client
import json
import math
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
import yaml

from benchmarks.hub_bare import KEY_DIGITS, Row, files_a_second, left_behind, rows_a_second
from inspection.evidence import evidence_hash
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.serving import open_database
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256

PICTURE_BYTES = 150_000
PICTURES = 4
BATCH = 30
PREPARED = 1500
"""Reports that each client has ready for a round; one that has sent them all is done before the time is over."""
Work = Callable[[str, Callable[[], float]], list[tuple[int, float]]]
Sample = tuple[list[Row], str]


def main(
    seconds: Annotated[float, typer.Option(help="Of each round.")] = 10.0,
    rounds: Annotated[int, typer.Option(help="Medians are taken over so many.")] = 3,
    clients: Annotated[int, typer.Option(help="Stations that report at once.")] = 4,
    processes: Annotated[int, typer.Option(help="API processes of the hub.")] = 2,
    folder: Annotated[Path | None, typer.Option(help="An empty folder for the hub; in memory without.")] = None,
) -> None:
    """Measure, print a table."""
    with database_folder() if folder is None else nullcontext(folder) as place:
        settings = HubConfig(data_dir=Path(place))
        with open_database(settings) as (database, _):  # holds the server while pgbench works
            database.migrate()
            hub, address, token = _hub(_config(Path(place)), processes)
            try:
                station = Station(address, token)
                rates, times = _measured(database, station, Path(place), seconds, rounds, clients)
            finally:
                hub.terminate()
                hub.wait(60)
    where = "in memory" if folder is None else "on the disk"
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f}, {processes} processes, {clients} clients, {rounds} x {seconds:g} s, "
        f"{where}"
    )
    print(f"{'inspections':24}{'bare':>10}{'hub':>10}{'hub/bare':>10}{'p50 ms':>9}{'p99 ms':>9}  (of a request)")
    for name, found in times.items():
        bare, ours = (statistics.median(rates[side, name]) for side in ("bare", "hub"))
        found.sort()
        p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
        print(f"{name:24}{bare:10.0f}{ours:10.0f}{ours / bare:10.3f}{p50 * 1000:9.1f}{p99 * 1000:9.1f}")


def _measured(
    database: Database, station: Station, place: Path, seconds: float, rounds: int, clients: int
) -> tuple[dict[tuple[str, str], list[float]], dict[str, list[float]]]:
    """Inspections a second by side and kind of work, a number for each round; and the times of requests, seconds."""
    single, with_pictures = _sampled(database, station, 0), _sampled(database, station, PICTURES)
    kinds: dict[str, tuple[Sample, int, Work]] = {
        "one a request": (single, 1, station.singles),
        f"{BATCH} a request": (single, BATCH, station.batches),
        f"one with {PICTURES} pictures": (with_pictures, 1, station.with_pictures),
    }
    print("rows of an inspection:", ", ".join(f"{number} {table}" for table, number in _tables(with_pictures).items()))
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    times: dict[str, list[float]] = defaultdict(list)
    for turn in range(rounds):
        for name, (sample, number, work) in kinds.items():
            bare = rows_a_second(database.dsn, *sample, number, seconds, clients)
            if sample is with_pictures:
                files = files_a_second(place / f"bare-{turn}", PICTURES, PICTURE_BYTES, seconds, clients)
                bare = 1 / (1 / bare + 1 / files)  # the one, then the other
            rates["bare", name].append(bare)
            rate, took = _report(work, seconds, clients)
            rates["hub", name].append(rate)
            times[name] += took
    return rates, times


def _sampled(database: Database, station: Station, pictures: int) -> Sample:
    """The rows that one inspection leaves behind of a station and goods that are known, and its id."""
    station.send_one(pictures)
    with left_behind(database) as rows:
        inspection_id = station.send_one(pictures)
    return rows, inspection_id


def _tables(sample: Sample) -> Counter[str]:
    return Counter(row.table for row in sample[0])


def _config(folder: Path) -> Path:
    file = folder / "hub.yaml"
    access = {"requests_per_s": 100_000, "request_burst": 100_000}
    file.write_text(yaml.safe_dump({"data_dir": str(folder), "access": access, "listen": {"port": 0}}))
    return file


def _hub(config: Path, processes: int) -> tuple[subprocess.Popen[str], str, str]:
    """The hub, its address and a station's token."""
    program = [sys.executable, "hub_app.py"]
    token = subprocess.run(
        [*program, "token", "--scope", "station", "--label", "bench", "--config", str(config)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    command = [*program, "serve", "--config", str(config), "--processes", str(processes)]
    hub = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert hub.stderr is not None
    ready, address = 0, ""
    while ready < processes:
        line = hub.stderr.readline()
        ready += '"ready"' in line
        if found := re.search(r'"url": "http://([^"]+)"', line):
            address = found[1]
    threading.Thread(target=hub.stderr.read, daemon=True).start()
    return hub, address, token


class Station:
    """What one client does until the time is over; each returns how many reports each request brought and its time."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._blank = report(pictures=[])

    def singles(self, name: str, end: Callable[[], float]) -> list[tuple[int, float]]:
        """One report a request."""
        bodies = [_encoded(self._fresh(name)) for _ in range(PREPARED)]
        return self._send([(1, [("POST", "/v1/inspections", body)]) for body in bodies], end())

    def batches(self, name: str, end: Callable[[], float]) -> list[tuple[int, float]]:
        """Thirty a request."""
        bodies = [
            _encoded({"reports": [self._fresh(name) for _ in range(BATCH)]}) for _ in range(2 * PREPARED // BATCH)
        ]
        return self._send([(BATCH, [("POST", "/v1/inspections/batch", body)]) for body in bodies], end())

    def with_pictures(self, name: str, end: Callable[[], float]) -> list[tuple[int, float]]:
        """Four pictures, then their report."""
        works = [(1, self._one(self._fresh(name), PICTURES)) for _ in range(PREPARED // 20)]
        return self._send(works, end())

    def send_one(self, pictures: int) -> str:
        """Send one, with pictures; its id."""
        body = self._fresh("bench-sample")
        self._send([(1, self._one(body, pictures))], math.inf)
        return str(body["inspection_id"])

    def _one(self, body: dict[str, Any], pictures: int) -> list[tuple[str, str, bytes]]:
        contents = [_picture() for _ in range(pictures)]
        body = body | {"pictures": [picture(content, f"view-{place}") for place, content in enumerate(contents)]}
        body |= {"evidence_hash": evidence_hash(body)}
        puts = [("PUT", f"/v1/images/{sha256(content)}", content) for content in contents]
        return [*puts, ("POST", "/v1/inspections", _encoded(body))]

    def _fresh(self, name: str) -> dict[str, Any]:
        """A report of a unit and a return of its own."""
        inspection_id = uuid4()
        key = inspection_id.hex[:KEY_DIGITS]
        item = self._blank["item"] | {"serial": key}
        body = self._blank | {"inspection_id": str(inspection_id), "station_id": name}
        body |= {"rma": f"RMA-{key}", "item": item}
        return body | {"evidence_hash": evidence_hash(body)}

    def _send(self, works: list[tuple[int, list[tuple[str, str, bytes]]]], end: float) -> list[tuple[int, float]]:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        took = []
        for number, requests in works:
            begun = time.monotonic()
            if begun > end:
                break
            for method, path, body in requests:
                now = email.utils.format_datetime(datetime.now(UTC), usegmt=True)
                connection.request(method, path, body, self._headers | {"Date": now})
                answer = connection.getresponse()
                said = answer.read()
                if answer.status not in {200, 201}:
                    raise RuntimeError(said[:500])
            took.append((number, time.monotonic() - begun))
        connection.close()
        return took


def _report(work: Work, seconds: float, clients: int) -> tuple[float, list[float]]:
    """Reports a second over all clients, and how long each request took, with its pictures, in seconds."""
    together = threading.Barrier(clients)

    def end() -> float:
        together.wait()
        return time.monotonic() + seconds

    with ThreadPoolExecutor(clients) as pool:
        done = list(pool.map(lambda client: work(f"bench-{client}", end), range(clients)))
    rate = sum(sum(number for number, _ in took) / sum(time_s for _, time_s in took) for took in done)
    return rate, [time_s for took in done for _, time_s in took]


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _picture() -> bytes:
    return png(uuid4().int) + b"\0" * PICTURE_BYTES


if __name__ == "__main__":
    typer.run(main)
