"""Inspections a second that a hub takes in, beside bare inserts: ``python -m benchmarks.hub_load [--seconds 15]``.

One hub with its embedded PostgreSQL serves this machine's loopback; stations report over kept connections, without
pictures and with four of 150 kB. In the same run pgbench inserts the same rows, one transaction a report, into the
same tables of the same server, with nothing checked, hashed, signed or derived. Medians of several rounds.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import httpx2
import typer
import yaml

from inspection.hub.accounts.tokens import ensure_station, merchant_id
from inspection.hub.config import HubConfig
from inspection.hub.postgres_place import client_program
from inspection.hub.serving import open_database
from tests.hub.folders import database_folder
from tests.hub.reports import picture, png, report, sha256

PICTURE_BYTES = 150_000
PICTURES = 4
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
) -> None:
    """Measure, print a table."""
    with database_folder() as folder:
        config = _config(Path(folder))
        settings = HubConfig(data_dir=Path(folder))
        with open_database(settings) as (database, _):  # holds the server while pgbench works
            database.migrate()
            hub, url, token = _hub(config)
            try:
                with database.transaction() as connection:
                    ensure_station(connection, merchant_id(connection), "bench")
                results: dict[str, list[tuple[float, list[float]]]] = {"no pictures": [], "4 pictures of 150 kB": []}
                bare: list[float] = []
                for _ in range(rounds):
                    bare.append(_pgbench(database.dsn, seconds, clients))
                    results["no pictures"].append(_report(url, token, seconds, clients, 0))
                    results["4 pictures of 150 kB"].append(_report(url, token, seconds, clients, PICTURES))
            finally:
                hub.terminate()
                hub.wait(30)
    limit = statistics.median(bare)
    print(f"{os.cpu_count()} cores, {clients} clients, {rounds} rounds of {seconds:g} s")
    print(f"{'':24}{'a second':>10}{'p50 ms':>9}{'p99 ms':>9}{'of bare':>9}")
    print(f"{'pgbench, the same rows':24}{limit:10.0f}{'':9}{'':9}{1:9.2f}")
    for name, found in results.items():
        rate = statistics.median(each[0] for each in found)
        times = sorted(time_s for each in found for time_s in each[1])
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(f"{name:24}{rate:10.0f}{p50 * 1000:9.1f}{p99 * 1000:9.1f}{rate / limit:9.2f}")


def _config(folder: Path) -> Path:
    file = folder / "hub.yaml"
    access = {"requests_per_s": 100_000, "request_burst": 100_000}
    file.write_text(yaml.safe_dump({"data_dir": str(folder), "access": access, "listen": {"port": 0}}))
    return file


def _hub(config: Path) -> tuple[subprocess.Popen[str], str, str]:
    token = subprocess.run(
        [sys.executable, "hub_app.py", "token", "--scope", "station", "--label", "bench", "--config", str(config)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    hub = subprocess.Popen(
        [sys.executable, "hub_app.py", "serve", "--config", str(config)], stderr=subprocess.PIPE, text=True
    )
    assert hub.stderr is not None
    url = ""
    for line in hub.stderr:
        found = re.search(r'"url": "([^"]+)"', line)
        if found and '"ready"' in line:
            url = found[1]
            break
    threading.Thread(target=hub.stderr.read, daemon=True).start()
    return hub, url, token


def _report(url: str, token: str, seconds: float, clients: int, pictures: int) -> tuple[float, list[float]]:
    """Reports a second, and how long each took with its pictures, in seconds."""
    end = time.monotonic() + seconds

    def station(number: int) -> list[float]:
        took, seed = [], time.time_ns() + number
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
            while time.monotonic() < end:
                contents = [_picture(seed + place) for place in range(pictures)]
                seed += 1000
                body = report(
                    station_id="bench", pictures=[picture(each, f"view-{place}") for place, each in enumerate(contents)]
                )
                begun = time.monotonic()
                for content in contents:
                    client.put(f"/v1/images/{sha256(content)}", content=content).raise_for_status()
                client.post("/v1/inspections", json=body).raise_for_status()
                took.append(time.monotonic() - begun)
        return took

    with ThreadPoolExecutor(clients) as pool:
        times = [time_s for took in pool.map(station, range(clients)) for time_s in took]
    return len(times) / seconds, times


def _picture(seed: int) -> bytes:
    return png(seed) + b"\0" * PICTURE_BYTES


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
