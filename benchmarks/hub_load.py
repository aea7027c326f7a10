"""Inspections a second that a hub takes in, beside bare inserts: ``python -m benchmarks.hub_load [--seconds 15]``.

One hub with its embedded PostgreSQL serves this machine's loopback with several API processes; stations report over
kept connections: one report a request, thirty a request, and one with four pictures of 150 kB. In the same run pgbench
inserts the same rows, one transaction a report, into the same tables of the same server, with nothing checked, hashed,
signed or derived. Medians of several rounds. Reports are sealed before the clock starts.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
import yaml

from inspection.evidence import evidence_hash
from inspection.hub.accounts.tokens import ensure_station, merchant_id
from inspection.hub.config import HubConfig
from inspection.hub.postgres_place import client_program
from inspection.hub.serving import open_database
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256

PICTURE_BYTES = 150_000
PICTURES = 4
BATCH = 30
PREPARED = 1500
"""Reports that each client has ready for a round; one that has sent them all is done before the time is over."""
Work = Callable[[Callable[[], float]], list[tuple[int, float]]]
INSERT = """
BEGIN;
INSERT INTO inspections (merchant_id, inspection_id, revision, station_id, rma, gtin, serial, disposition, grade,
  decided_by, confirmed_at, received_via, evidence_hash, report)
SELECT m.id, gen_random_uuid(), 1, 'bench', 'RMA-2026-000123', '04012345111118', '6789', 'resell', 'open_box', 'policy',
  now(), (SELECT id FROM access_tokens LIMIT 1), repeat('0', 64), CAST({REPORT} AS jsonb) FROM merchants m LIMIT 1;
INSERT INTO events (merchant_id, kind, subject, payload)
SELECT id, 'inspection_confirmed', 'bench', CAST('{}' AS jsonb) FROM merchants LIMIT 1;
INSERT INTO evidence_entries (merchant_id, leaf_hash, subject, salt, leaf)
SELECT id, sha256(uuid_send(gen_random_uuid())), 'verdict/' || gen_random_uuid(), sha256(uuid_send(gen_random_uuid())),
  repeat('x', 400) FROM merchants LIMIT 1;
INSERT INTO epcis_events (merchant_id, event_id, variant, content_hash, event_type, event_time, epcs, facts, context,
  event)
SELECT m.id, 'ni-sha-256;' || gen_random_uuid() || '?' || n, '', repeat('0', 64), 'ObjectEvent', now(),
  ARRAY['https//id.gs1.org/01/04012345111118/21/6789'], CAST('{}' AS jsonb), CAST('[]' AS jsonb), CAST({EVENT} AS jsonb)
FROM merchants m, generate_series(1, 2) n;
COMMIT;
"""
EVENT = json.dumps({"type": "ObjectEvent", "epcList": ["urn:epc:id:sgtin:4012345.011111.6789"], "pad": "x" * 500})


def main(
    seconds: Annotated[float, typer.Option(help="Of each round.")] = 10.0,
    rounds: Annotated[int, typer.Option(help="Medians are taken over so many.")] = 3,
    clients: Annotated[int, typer.Option(help="Stations that report at once.")] = 4,
    processes: Annotated[int, typer.Option(help="API processes of the hub.")] = 2,
) -> None:
    """Measure, print a table."""
    with database_folder() as folder:
        config = _config(Path(folder))
        settings = HubConfig(data_dir=Path(folder))
        with open_database(settings) as (database, _):  # holds the server while pgbench works
            database.migrate()
            hub, address, token = _hub(config, processes)
            try:
                with database.transaction() as connection:
                    ensure_station(connection, merchant_id(connection), "bench")
                station = Station(address, token)
                kinds = {
                    "one a request": station.singles,
                    f"{BATCH} a request": station.batches,
                    f"one with {PICTURES} pictures": station.with_pictures,
                }
                results: dict[str, list[tuple[float, list[float]]]] = {name: [] for name in kinds}
                bare: list[float] = []
                for _ in range(rounds):
                    bare.append(_pgbench(database.dsn, seconds, clients))
                    for name, work in kinds.items():
                        results[name].append(_report(work, seconds, clients))
            finally:
                hub.terminate()
                hub.wait(60)
    limit = statistics.median(bare)
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} cores, load {load:.1f}, {processes} processes, {clients} clients, {rounds} x {seconds:g} s"
    )
    print(f"{'':24}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'of bare':>9}  (ms of a request)")
    print(f"{'pgbench, the same rows':24}{limit:10.0f}{'':9}{'':9}{1:9.2f}")
    for name, found in results.items():
        rate = statistics.median(each[0] for each in found)
        times = sorted(time_s for each in found for time_s in each[1])
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(f"{name:24}{rate:10.0f}{p50 * 1000:9.1f}{p99 * 1000:9.1f}{rate / limit:9.3f}")


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
        self._blank = report(station_id="bench", pictures=[])

    def singles(self, end: Callable[[], float]) -> list[tuple[int, float]]:
        """One report a request."""
        bodies = [_encoded(self._fresh()) for _ in range(PREPARED)]
        return self._send([(1, [("POST", "/v1/inspections", body)]) for body in bodies], end())

    def batches(self, end: Callable[[], float]) -> list[tuple[int, float]]:
        """Thirty a request."""
        bodies = [_encoded({"reports": [self._fresh() for _ in range(BATCH)]}) for _ in range(2 * PREPARED // BATCH)]
        return self._send([(BATCH, [("POST", "/v1/inspections/batch", body)]) for body in bodies], end())

    def with_pictures(self, end: Callable[[], float]) -> list[tuple[int, float]]:
        """Four pictures, then their report."""
        works = []
        for _ in range(PREPARED // 20):
            contents = [_picture() for _ in range(PICTURES)]
            views = [picture(content, f"view-{place}") for place, content in enumerate(contents)]
            work = [("PUT", f"/v1/images/{sha256(content)}", content) for content in contents]
            works.append((1, [*work, ("POST", "/v1/inspections", _encoded(self._fresh(pictures=views)))]))
        return self._send(works, end())

    def _fresh(self, **changes: object) -> dict[str, Any]:
        body = self._blank | {"inspection_id": str(uuid4())} | changes
        return body | {"evidence_hash": evidence_hash(body)}

    def _send(self, works: list[tuple[int, list[tuple[str, str, bytes]]]], end: float) -> list[tuple[int, float]]:
        connection = http.client.HTTPConnection(self._address, timeout=60)
        took = []
        for number, requests in works:
            begun = time.monotonic()
            if begun > end:
                break
            for method, path, body in requests:
                connection.request(method, path, body, self._headers)
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
        done = list(pool.map(lambda _: work(end), range(clients)))
    rate = sum(sum(number for number, _ in took) / sum(time_s for _, time_s in took) for took in done)
    return rate, [time_s for took in done for _, time_s in took]


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _picture() -> bytes:
    return png(uuid4().int) + b"\0" * PICTURE_BYTES


def _pgbench(dsn: str, seconds: float, clients: int) -> float:
    """Transactions a second."""
    text = INSERT.replace("{REPORT}", _literal(json.dumps(report(), ensure_ascii=True)))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(text.replace("{EVENT}", _literal(EVENT)).replace("\n", " ").replace("; ", ";\n"))
        script.flush()
        options = ["--no-vacuum", "--protocol=prepared", f"--client={clients}", "--jobs=2", f"--time={seconds:g}"]
        command = [str(client_program("pgbench")), *options, f"--file={script.name}", dsn]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stderr[-1000:])
    return float(found[1])


def _literal(text: str) -> str:
    """``text`` in SQL, without a colon, behind which pgbench would look for the name of a variable."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{escaped}'"


if __name__ == "__main__":
    typer.run(main)
