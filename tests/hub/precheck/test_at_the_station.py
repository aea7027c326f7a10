"""A station reads of a pre-check what it shows, and nothing that says who the customer is."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from inspection.hub.precheck.cases import describe
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tables import pictures
from inspection.station.hub_client import HubClient, TokenSource
from inspection.station.prechecks import Prechecks
from inspection.station.snapshot import ShownPrecheck
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_queue import Customer
from tests.hub.precheck.test_trust import sent, shelf
from tests.station.rig import wait_until

SECRET = "my name is Somchai"


def finding(kind: str, probability: float) -> dict[str, object]:
    return {"type": kind, "severity": "major", "probability": probability, "box": [1, 2, 30, 40], "outline": None}


@pytest.fixture
def prechecks(running: RunningHub, tmp_path: Path) -> Prechecks:
    (tmp_path / "token").write_text(running.station_token)
    return Prechecks(HubClient(running.url, TokenSource(tmp_path / "token")), timeout_s=30, fresh_s=0)


def test_the_station_shows_what_was_answered_seen_and_decided(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, lookers: Lookers, prechecks: Prechecks
) -> None:
    customer = Customer(running, admin)
    path = f"/v1/precheck/cases/{customer.rma}"
    assert station.get(f"{path}/summary").json()["outcome"] is None
    upload = sent(customer, running, lookers, shelf(81))
    found = [finding("dent", 0.6), finding("crack", 0.9), finding("dent", 0.7), finding("stain", 0.2)]
    with running.hub.database.transaction() as connection:
        describe(connection, running.merchant, customer.case.id, SECRET, "th")
        connection.execute(pictures.update().where(pictures.c.upload_id == upload).values(findings=found))
    outcome = customer.now().outcome
    shown = wait_until(lambda: prechecks.known(customer.rma))
    assert shown == ShownPrecheck(outcome=outcome, defects=("crack", "dent"))
    ruling = {"decision": "repair", "reason": "damage_shown", "note": SECRET}
    assert admin.post(f"{path}/decision", json=ruling).status_code == 201
    wait_until(lambda: (known := prechecks.known(customer.rma)) is not None and known.decision == "repair")
    told = station.get(f"{path}/summary")
    assert set(told.json()) == {"rma", "state", "outcome", "defects", "decision"}
    assert SECRET not in told.text
    prechecks.close()


def test_a_station_reads_neither_words_nor_pictures(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client
) -> None:
    customer = Customer(running, admin)
    assert station.get(f"/v1/precheck/cases/{customer.rma}").json()["code"] == "token.scope"
    assert station.get("/v1/precheck/cases").status_code == 403
    assert station.get("/v1/precheck/cases/RMA-NONE/summary").json()["code"] == "precheck.not_found"
