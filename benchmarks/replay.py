"""Replaying stored inspections with a model: pictures a second beside the bare ONNX Runtime session.

    .venv/bin/python -m benchmarks.replay [--items 200] [--engine pool] [--engine ray]

A real hub with an embedded database and encrypted pictures; rendered goods, two views an item, each picture its own
bytes. The bare session has the same graph and the same pictures, decoded and fitted beforehand, all cores of one call,
one item a call, as the judge does it; larger batches are slower on a processor.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import cv2
import numpy as np
import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table

from inspection.frame import Pixels, ViewPicture
from inspection.hub.accounts.tokens import Scope, authenticate, ensure_station, grant, merchant_id, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspections
from inspection.hub.metrics import Metrics
from inspection.hub.replay import asking, running
from inspection.hub.replay.engines import cores
from inspection.policy.facts import Facts
from inspection.report import seal
from models.runtime import Judge
from tests.hub.folders import database_folder
from tests.hub.reports import fields, picture

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "models" / "bundles" / "default"
BARE_PICTURES = 200


def main(
    items: Annotated[int, typer.Option(min=16, help="Inspections, two pictures each.")] = 200,
    engine: Annotated[list[str] | None, typer.Option(help="pool or ray; several times.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Side by side; one a core when not given.")] = None,
) -> None:
    """Store, replay, compare."""
    os.environ["RETURNS_HUB_IMAGE_KEY"] = b64encode(os.urandom(32)).decode()
    table = Table("", "pictures / s", "of the bare session", title=f"{2 * items} pictures, {cores()} cores")
    with database_folder() as folder, tempfile.TemporaryDirectory() as data:
        server = EmbeddedPostgres(folder)
        server.start()
        database = Database(server.dsn(), statement_timeout_s=600)
        try:
            database.migrate()
            config = HubConfig(data_dir=Path(data))
            hub = Hub(config, database, open_images(config, database), Metrics())
            merchant, shown = _store(hub, items)
            bare = _bare(shown)
            table.add_row("bare session", f"{bare:.1f}", "1.00")
            for name in engine or ["pool"]:
                rate, whole = _replay(hub, merchant, name, processes)
                table.add_row(name, f"{rate:.1f}", f"{rate / bare:.2f}")
                table.add_row(f"{name}, start of its processes included", f"{whole:.1f}", f"{whole / bare:.2f}")
        finally:
            database.close()
            server.destroy()
    Console().print(table)


def _replay(hub: Hub, merchant: UUID, engine: str, processes: int | None) -> tuple[float, float]:
    """Pictures a second from the first lot on, and from the beginning."""
    now = datetime.now(UTC)
    question = asking.Question(now - timedelta(days=1), now + timedelta(days=1), str(BUNDLE), engine=engine)
    with hub.database.transaction() as connection:
        replay_id = asking.ask(connection, merchant, question, "benchmark", job=False)
    begun, lots = time.perf_counter(), []
    over = running.run(
        hub, merchant, replay_id, processes=processes, told=lambda now: lots.append((time.perf_counter(), now.done))
    )
    ended = lots[-1][0]
    rate = 2 * (over.done - lots[0][1]) / (ended - lots[0][0])
    return rate, 2 * over.done / (ended - begun)


def _bare(shown: list[tuple[Pixels, Pixels]]) -> float:
    """Pictures a second of the session alone, all cores, one item a call; the better of two runs."""
    judge = Judge.load(BUNDLE, threads=cores())
    ready = [judge.preprocess([ViewPicture("a", one), ViewPicture("b", other)]) for one, other in shown]
    best = 0.0
    for _ in range(2):
        begun, count = time.perf_counter(), 0
        while count < BARE_PICTURES:
            judge.run_raw(ready[count // 2 % len(ready)])
            count += 2
        best = max(best, count / (time.perf_counter() - begun))
    return best


def _store(hub: Hub, items: int) -> tuple[UUID, list[tuple[Pixels, Pixels]]]:
    """Put inspections and their pictures there; the merchant, and the pictures' pixels once each."""
    folders = sorted(path.parent for path in (ROOT / "datasets" / "demo").glob("*/front.jpg"))
    contents = [[(folder / f"{view}.jpg").read_bytes() for view in ("front", "top")] for folder in folders]
    shown = [(_opened(one), _opened(other)) for one, other in contents]
    token = new_token(Scope.STATION)
    with hub.database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, token, Scope.STATION, "benchmark")
        caller = authenticate(connection, token)
        ensure_station(connection, merchant, "station-07")
    if caller is None:
        raise SystemExit("the token does not let in")
    for item in range(items):
        place = item % len(contents)
        # What follows the end of a JPEG changes its hash and not its pixels.
        datas = [data + item.to_bytes(4, "big") for data in contents[place]]
        _report(hub, merchant, caller.token_id, datas, shown[place])
    return merchant, shown


def _report(hub: Hub, merchant: UUID, token: UUID, datas: list[bytes], shown: tuple[Pixels, Pixels]) -> None:
    pictures: list[dict[str, Any]] = []
    for view, data, pixels in zip(("front", "top"), datas, shown, strict=True):
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        pictures.append(picture(data, view) | {"media_type": "image/jpeg", **size})
        sha256 = hashlib.sha256(data).hexdigest()
        hub.images.put(merchant, sha256, data)
        row = {"merchant_id": merchant, "sha256": sha256, "size_bytes": len(data), "media_type": "image/jpeg", **size}
        with hub.database.transaction() as connection:
            connection.execute(images.insert().values(row))
    policy = fields()["policy"] | {"facts": Facts(pictured=True).variables()}
    report = seal(fields(inspection_id=str(uuid4()), pictures=pictures, policy=policy)).model_dump(mode="json")
    row = {
        "merchant_id": merchant, "inspection_id": UUID(report["inspection_id"]), "revision": 1,
        "station_id": "station-07", "disposition": "resell", "decided_by": "policy", "received_via": token,
        "confirmed_at": sa.func.now(), "evidence_hash": report["evidence_hash"], "report": report,
    }  # fmt: skip
    with hub.database.transaction() as connection:
        connection.execute(inspections.insert().values(row))


def _opened(data: bytes) -> Pixels:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


if __name__ == "__main__":
    typer.run(main)
