"""A hub whose log is sequenced when a test says so, and a witness it knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import EvidenceSection, HubConfig
from inspection.hub.database import Database
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
from inspection.ledger.notes import SignatureType, Signer
from tests.hub.conftest import RunningHub, serving
from tests.hub.reports import picture, png, report, sha256

WITNESS = Signer("witness.example/w1", SignatureType.COSIGNATURE, Ed25519PrivateKey.from_private_bytes(bytes(32)))
STATION = "station-07"


@pytest.fixture(scope="module")
def running(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    folder = tmp_path_factory.mktemp("store")
    config = HubConfig(
        data_dir=folder, evidence=EvidenceSection(witnesses=(str(WITNESS.verifier),), origin="hub.example/evidence")
    )
    hub = Hub(config, database, ImageStore(None, folder, Vault(database, master_key(bytes(32)))), Metrics())
    admin, station = new_token(Scope.ADMIN), new_token(Scope.STATION)
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        grant(connection, merchant, admin, Scope.ADMIN, "test-admin")
        grant(connection, merchant, station, Scope.STATION, "test-station", station_id=STATION)
    with serving(hub) as url:
        yield RunningHub(url, hub, merchant, admin, station)


@pytest.fixture(scope="module")
def log_of(running: RunningHub) -> Signer:
    return open_log(running.hub.config).signer(running.merchant)


def sequence_now(running: RunningHub) -> int:
    return sequence_all(running.hub.database, open_log(running.hub.config))


def deliver(client: httpx2.Client, *, pictures: int = 1, seed: int = 0, **changes: object) -> dict[str, object]:
    """Send a report with its pictures; returns the report."""
    contents = [png(seed * 100 + number) for number in range(pictures)]
    for content in contents:
        assert client.put(f"/v1/images/{sha256(content)}", content=content).status_code in {200, 201}
    views = [picture(content, f"view-{number}") for number, content in enumerate(contents)]
    body = report(pictures=views, **changes)
    answer = client.post("/v1/inspections", json=body)
    assert answer.status_code == 201, answer.text
    return body


def with_config(running: RunningHub, **evidence: object) -> Hub:
    """The same hub under another configuration of its ledger."""
    section = running.hub.config.evidence.model_copy(update=evidence)
    return replace(running.hub, config=running.hub.config.model_copy(update={"evidence": section}))
