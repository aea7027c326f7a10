"""From a customer's picture to the answer, by stage: ``python -m benchmarks.precheck [--customers 1,10,50]``.

One hub process, one worker process and an embedded PostgreSQL on this machine. So many customers come at the same
moment; each opens the page, sends one photograph of 12 megapixels in pieces and asks for the state until it is
answered. Beside it, in the same run: the look alone (open, measure, judge, decide), one after the other, with nothing
around it. At the end an overload: twice the most customers at once, of whom every upload has to be kept, and answered
later; what the page told each of them to expect is compared with how long it then took.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import cv2
import httpx2
import numpy as np
import sqlalchemy as sa
import typer
import yaml

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.lookers import DEFAULT_BUNDLE
from inspection.hub.precheck.looking import CUSTOMER_POLICY, Looker
from inspection.hub.precheck.tables import uploads
from inspection.hub.serving import open_database
from inspection.item import Item
from inspection.policy import Policy
from inspection.products import Catalogue
from models.runtime import Judge
from tests.hub.folders import database_folder
from tests.hub.precheck.test_looking import photograph

PIECE = 512 * 1024
SAID = re.compile(r"About (\d+) seconds|about (\d+) minutes")
PATIENCE_S = 600.0
ASKED_EVERY_S = 0.5
"""The page listens to events instead; asking much more often would be most of the load."""


@dataclass(frozen=True, slots=True)
class Case:
    """One customer's times in milliseconds, and which upload was theirs.

    Attributes:
        page: until the page is there.
        upload: from then until all is kept and the first look was taken.
        quality: of that the last piece, which the first look belongs to.
        answer: from then until the page shows the answer.
        told: what the page said right after the upload, how long that would take; 0 when it was answered already.
    """

    page: float
    upload: float
    quality: float
    answer: float
    told: float
    upload_id: str


def main(
    customers: Annotated[str, typer.Option(help="At once, one round each.")] = "1,10,50",
    overload: Annotated[bool, typer.Option(help="Also twice the most, to see that nothing is lost.")] = True,
) -> None:
    """Measure, print a table."""
    counts = [int(each) for each in customers.split(",")]
    data = _photograph()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {len(data) / 1e6:.1f} MB a photograph")
    print(f"the look alone: {_bare(data):.0f} ms (median of 5)")
    with database_folder() as folder, _running(Path(folder)) as (database, url, token):
        _round(url, token, data, 2)  # both processes have everything loaded
        print(f"{'customers':>10} {'stage':>10} {'p50 ms':>9} {'p95 ms':>9}")
        for count in counts:
            _print(count, _round(url, token, data, count), database)
        if overload:
            begun = time.monotonic()
            found = _round(url, token, data, 2 * max(counts))
            spent = time.monotonic() - begun
            with database.transaction() as connection:
                left = connection.execute(sa.select(sa.func.count()).where(uploads.c.state != "answered")).scalar_one()
            print(f"overload: {len(found)} at once, all kept, {left} unanswered, {len(found) / spent:.1f} answers/s")
            _print(2 * max(counts), found, database)
            late = [each.answer / each.told for each in found if each.told]
            if late:
                ratio = statistics.quantiles(late, n=10)
                print(f"time to the answer / time told: median {statistics.median(late):.2f}, p90 {ratio[8]:.2f}")


def _photograph() -> bytes:
    noise = np.random.default_rng(1).normal(0, 3, (3000, 4000, 3))
    picture = np.clip(cv2.resize(photograph(1500, 2000), (4000, 3000)) + noise, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())


def _bare(data: bytes) -> float:
    judge = Judge.load(DEFAULT_BUNDLE, threads=1)
    with Decoder() as decoder:
        looker = Looker(decoder, Policy.load(CUSTOMER_POLICY), Catalogue("none", "CNY", {}), judge)
        looker.look(data, Item())
        return statistics.median(sum(looker.look(data, Item()).timings_ms.values()) for _ in range(5))


@contextmanager
def _running(folder: Path) -> Iterator[tuple[Database, str, str]]:
    port = _free_port()
    config = folder / "hub.yaml"
    limits = {"case_uploads": 500, "address_uploads": 100_000, "address_bytes": 10**12}
    access = {"requests_per_s": 100_000, "request_burst": 100_000}
    worker = {"poll_s": 1.0}
    settings = {
        "data_dir": str(folder),
        "listen": {"port": port},
        "precheck": limits,
        "access": access,
        "worker": worker,
    }
    config.write_text(yaml.safe_dump(settings))
    with open_database(HubConfig(data_dir=folder)) as (database, _):
        database.migrate()
        token = new_token(Scope.ADMIN)
        with database.transaction() as connection:
            grant(connection, merchant_id(connection), token, Scope.ADMIN, "bench")
        command = [sys.executable, "hub_app.py"]
        with tempfile.TemporaryFile() as log:
            started = [
                subprocess.Popen([*command, what, "--config", str(config)], stderr=log) for what in ("serve", "worker")
            ]
            try:
                yield database, _ready(f"http://127.0.0.1:{port}"), token
            finally:
                for process in started:
                    process.terminate()
                for process in started:
                    process.wait(60)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ready(url: str) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx2.get(f"{url}/readyz", timeout=5).status_code == 200:
                return url
        except httpx2.HTTPError:
            time.sleep(0.2)
    raise TimeoutError(url)


def _round(url: str, token: str, data: bytes, count: int) -> list[Case]:
    """So many customers at the same moment."""
    links = []
    with httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as shop:
        for _ in range(count):
            rma = f"RMA-{uuid4().hex[:12]}"
            shop.post("/v1/returns", json={"rma": rma, "lines": [{}]}).raise_for_status()
            made = shop.post("/v1/precheck/cases", json={"rma": rma})
            links.append(made.raise_for_status().json()["url"].removeprefix(url))
    together = threading.Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda link: _customer(url, link, data, together), links))


def _customer(url: str, link: str, data: bytes, together: threading.Barrier) -> Case:
    with httpx2.Client(base_url=url, timeout=PATIENCE_S) as phone:
        together.wait()
        begun = time.monotonic()
        phone.get(link, headers={"Accept": "text/html"}).raise_for_status()
        opened = time.monotonic()
        made = phone.post(f"{link}/uploads", json={"step": "damage", "size_bytes": len(data)}).raise_for_status()
        place = made.headers["location"]
        last = opened
        for at in range(0, len(data), PIECE):
            last = time.monotonic()
            headers = {"Upload-Offset": str(at)}
            phone.patch(place, content=data[at : at + PIECE], headers=headers).raise_for_status()
        sent = time.monotonic()
        shown = phone.get(f"{link}/state?lang=en").raise_for_status().text
        said = SAID.search(shown)
        while 'data-waits="0"' not in shown:
            time.sleep(ASKED_EVERY_S)
            shown = phone.get(f"{link}/state?lang=en").raise_for_status().text
            if time.monotonic() - sent > PATIENCE_S:
                raise TimeoutError(link)
        done = time.monotonic()
    times = (opened - begun, sent - opened, sent - last, done - sent)
    page, upload, quality, answer = (each * 1e3 for each in times)
    told = 0.0 if said is None else 1e3 * (float(said[1] or 0) or 60 * float(said[2]))
    return Case(page, upload, quality, answer, told, place.rpartition("/")[2])


def _print(count: int, found: list[Case], database: Database) -> None:
    with database.transaction() as connection:
        query = sa.select(uploads).where(uploads.c.id.in_([each.upload_id for each in found]))
        rows: list[Any] = list(connection.execute(query))
    times: dict[str, list[float]] = {
        "page": [each.page for each in found],
        "upload": [each.upload for each in found],
        "first look": [each.quality for each in found],
        "waiting": [_ms(row.received_at, row.done_at) - sum(row.timings_ms.values()) for row in rows],
        **{stage: [row.timings_ms.get(stage, 0.0) for row in rows] for stage in ("open", "quality", "judge", "decide")},
        "told": [each.told for each in found],
        "to answer": [each.answer for each in found],
        "in all": [each.page + each.upload + each.answer for each in found],
    }
    for stage, values in times.items():
        ordered = sorted(values)
        p50, p95 = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        print(f"{count:>10} {stage:>10} {p50:9.0f} {p95:9.0f}")


def _ms(first: datetime, then: datetime) -> float:
    return (then - first).total_seconds() * 1e3


if __name__ == "__main__":
    typer.run(main)
