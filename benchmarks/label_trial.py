"""Sixty pictures labelled by keyboard alone, with a stop-watch: pictures a minute, and the seconds spent waiting.

    python -m benchmarks.label_trial [--items 60] [--shots DIR]

The real hub on PostgreSQL, pictures reported by a station and taken into the queue by the job, the page in Chromium,
and a scripted person: a second to look at each picture, 0.4 s for each key. Of ten pictures five are taken as the model
or the worker says, two are labelled by hand with a box, two are intact and one is of no use; every tenth is taken back
and labelled again. Waited is the time in which the person can only wait: from one key that saves to the next picture
on the screen. Every label must be in the database in the end.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

import cv2
import httpx2
import numpy as np
import sqlalchemy as sa
import typer
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
from inspection.hub.review import labels
from inspection.hub.review.settings import ReviewSection
from inspection.hub.review.tables import items
from inspection.hub.review.tasks import fill_all
from tests.hub.conftest import serving
from tests.hub.reports import fields, picture, report, sha256
from tests.station.test_screen import CHROMIUM

LOOK_S, KEY_S = 1.0, 0.4
SIZE = (1280, 960)
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
WAYS: tuple[tuple[str, ...], ...] = (
    ("a", "Enter"), ("p", "Enter"), ("1", "Enter"), ("a", "Enter"), ("3", "d", "b", "Enter"),
    ("p", "Enter"), ("1", "Enter"), ("a", "Enter"), ("2", "s", "b", "Enter"), ("u", "Enter"),
)  # fmt: skip
TAKEN_BACK = 10


def main(
    count: Annotated[int, typer.Option("--items", min=5, max=500)] = 60,
    shots: Annotated[Path | None, typer.Option(help="Folder for a picture of the page.")] = None,
) -> None:
    """Print the figures."""
    with hub_with(count) as (url, hub, merchant, login), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        page.goto(f"{url}/console/sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.locator("main button").click()
        page.goto(f"{url}/console/quality/review/label")
        began = time.monotonic()
        waited, keys = _work(page, count, shots)
        minutes = (time.monotonic() - began) / 60
        page.wait_for_timeout(2000)
        with hub.database.transaction() as connection:
            kept = sum(1 for _ in labels.accepted(connection, merchant))
        browser.close()
    _tell(count, minutes, waited, keys, kept)


@contextmanager
def hub_with(count: int) -> Iterator[tuple[str, Hub, UUID, str]]:
    """A hub whose queue holds so many pictures, and a QA engineer's login."""
    with tempfile.TemporaryDirectory(prefix="label-trial-") as folder:
        server = EmbeddedPostgres(Path(folder) / "db")
        server.start()
        try:
            server.ensure_database("trial")
            database = Database(server.dsn("trial"))
            database.migrate()
            store = ImageStore(None, Path(folder), Vault(database, master_key(bytes(32))))
            section = ReviewSection(audit_share=0, double_share=0)
            hub = Hub(HubConfig(data_dir=Path(folder), review=section), database, store, Metrics())
            admin = new_token(Scope.ADMIN)
            with database.transaction() as connection:
                merchant = merchant_id(connection)
                grant(connection, merchant, admin, Scope.ADMIN, "trial")
            with serving(hub) as url:
                headers = {"Authorization": f"Bearer {admin}"}
                with httpx2.Client(base_url=url, headers=headers, timeout=60) as client:
                    person = {"login": "trial", "name": "Trial", "role": "qa_engineer", "password": PASSWORD}
                    assert client.post("/v1/staff", json=person).status_code == 201
                    for number in range(count):
                        _report(client, number)
                    fill_all(hub, merchant)
                with database.transaction() as connection:
                    waiting = connection.execute(sa.select(sa.func.count()).select_from(items)).scalar_one()
                    assert waiting == count, waiting
                yield url, hub, merchant, "trial"
            database.close()
        finally:
            server.destroy()


def _report(client: httpx2.Client, number: int) -> None:
    """An inspection that the model was not sure of, and that a worker overrode."""
    rng = np.random.default_rng(number)
    pixels = np.asarray(cv2.resize(rng.integers(0, 255, (24, 32, 3), np.uint8), SIZE), np.uint8)
    data = bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1])
    assert client.put(f"/v1/images/{sha256(data)}", content=data).status_code == 201
    shown = picture(data) | {"media_type": "image/jpeg", "width": SIZE[0], "height": SIZE[1]}
    box = {"x": 200, "y": 200, "width": 300, "height": 240}
    found = {"defect": "scratch", "probability": 0.7, "view": "top", "box": box}
    said = fields()["assessment"] | {"findings": [found], "confident": False}
    moment = fields()["confirmed_at"]
    mark = {"view": "top", "box": box | {"x": 600}, "defect": "dent"}
    person = {
        "disposition": "repair", "overrides": True, "reason_code": "missed_damage", "who": "b", "at": moment,
        "marks": [mark],
    }  # fmt: skip
    verdict = {"disposition": "repair", "grade": None, "decided_by": "person"}
    body = report(pictures=[shown], assessment=said, person=person, verdict=verdict, rma=f"R-{uuid4().hex[:8]}")
    assert client.post("/v1/inspections", json=body).status_code == 201


def _work(page: Page, count: int, shots: Path | None) -> tuple[list[float], int]:
    """Seconds waited for each picture, and keys pressed."""
    waited, pressed, last = [], 0, ""
    for number in range(count):
        before = time.monotonic()
        last = _next(page, last)
        waited.append(time.monotonic() - before)
        time.sleep(LOOK_S)
        pressed += _press(page, WAYS[number % len(WAYS)])
        if shots is not None and number == count // 2:
            shots.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=shots / "label_trial.png")
        if (number + 1) % TAKEN_BACK == 0:
            pressed += _press(page, ("z",))
            page.locator("#told", has_text="Taken back").wait_for(timeout=60_000)
            last = ""
            pressed += _press(page, ("1", "Enter"))
    return waited, pressed


def _next(page: Page, last: str) -> str:
    """Wait until another picture than ``last`` is on the screen and drawn; its address."""
    for _ in range(6000):
        shown = page.locator("#frame img")
        if shown.count():
            address = shown.first.get_attribute("src") or ""
            if address != last and page.locator("#frame img").first.bounding_box() is not None:
                return address
        time.sleep(0.01)
    raise TimeoutError("no further picture came")


def _press(page: Page, keys: tuple[str, ...]) -> int:
    for key in keys:
        time.sleep(KEY_S)
        page.keyboard.press(key)
    return len(keys)


def _tell(count: int, minutes: float, waited: list[float], keys: int, kept: int) -> None:
    table = Table(title=f"{count} pictures labelled by keyboard")
    for column in ("pictures a minute", "keys a picture", "waited, median", "waited, longest", "labels kept"):
        table.add_column(column, justify="right")
    speed, each = f"{count / minutes:.1f}", f"{keys / count:.1f}"
    waits = f"{statistics.median(waited):.2f} s", f"{max(waited[1:]):.2f} s"
    table.add_row(speed, each, *waits, f"{kept} of {count}")
    Console().print(table)
    assert kept == count, "a label was lost"


if __name__ == "__main__":
    typer.run(main)
