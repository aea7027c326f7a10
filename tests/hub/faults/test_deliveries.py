"""Deliveries that come again and again and in any order leave what each of them once in order would."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from inspection.hub.config import load_config
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from tests.hub.conftest import serving
from tests.hub.faults.conftest import Place, Sent, reconcile, send
from tests.hub.reports import picture, png, report, sha256

STATIONS = 4
Delivery = tuple[str, str, dict[str, Any]]


def facts(chance: random.Random, number: int) -> Iterator[list[Delivery]]:
    """What ``number`` inspections have to deliver: revisions, alone or in batches, and pictures, some shared."""
    reports = []
    for seed in range(number):
        contents = [png(chance.choice([seed, 1000 + seed, 7])) for _ in range(chance.randrange(3))]
        for content in contents:
            yield [("PUT", f"/v1/images/{sha256(content)}", {"content": content})]
        views = [picture(content, f"view-{place}") for place, content in enumerate(contents)]
        first = report(pictures=views, station_id=f"station-{seed % 5}")
        reports.append(first)
        for revision in range(2, chance.choice([1, 1, 2, 3]) + 1):
            verdict = {"disposition": "scrap", "grade": None, "decided_by": "policy"}
            changes = {"inspection_id": first["inspection_id"], "revision": revision, "verdict": verdict}
            reports.append(report(pictures=views, station_id=first["station_id"], **changes))
    for body in reports:
        yield [("POST", "/v1/inspections", {"json": body})]
    chance.shuffle(reports)
    for start in range(0, len(reports), 30):
        yield [("POST", "/v1/inspections/batch", {"json": {"reports": reports[start : start + 30]}})]


@pytest.mark.parametrize("number", [250, pytest.param(10_000, marks=pytest.mark.long)])
def test_duplicated_and_reordered_deliveries_are_taken_once(place: Place, number: int) -> None:
    chance = random.Random(number)
    once = [each for fact in facts(chance, number // 9) for each in fact]
    deliveries = [*once, *(chance.choice(once) for _ in range(number - len(once)))]
    chance.shuffle(deliveries)
    config = load_config(place.config)
    hub = Hub(config, place.database, open_images(config, place.database), Metrics())
    shares = [deliveries[station::STATIONS] for station in range(STATIONS)]
    with serving(hub) as url, ThreadPoolExecutor(STATIONS) as pool:

        def deliver(share: list[Delivery]) -> Sent:
            sent = Sent()
            with place.client(url) as client:
                for method, path, body in share:
                    send(client, sent, method, path, **body)
                    _all_taken(client, method, path, body)
            return sent

        everything = Sent()
        for sent in pool.map(deliver, shares):
            everything.reports |= sent.reports
            everything.pictures |= sent.pictures
    assert len(deliveries) >= number
    reconcile(place, everything)


def _all_taken(client: httpx2.Client, method: str, path: str, body: dict[str, Any]) -> None:
    """A batch says of each report by itself what became of it; one delivery more may do no harm."""
    if path.endswith("batch"):
        results = client.request(method, path, **body).json()["results"]
        assert {each["code"] for each in results} == {"inspection.exists"}
