"""kill -9 of the API at every step of taking in an inspection with its pictures, and of sequencing the ledger."""

from __future__ import annotations

import itertools
from typing import Any

import httpx2
import pytest

from tests.hub.faults.conftest import Lives, MortalHub, Place, Sent, reconcile, send, until, waiting
from tests.hub.reports import picture, png, report, sha256


def deliver(client: httpx2.Client, sent: Sent, seed: int) -> None:
    """An inspection: one picture before its report, one after."""
    contents = [png(seed * 10 + number) for number in range(2)]
    body = report(pictures=[picture(content, f"view-{number}") for number, content in enumerate(contents)])
    puts: list[dict[str, Any]] = [{"path": f"/v1/images/{sha256(each)}", "content": each} for each in contents]
    send(client, sent, "PUT", **puts[0])
    send(client, sent, "POST", "/v1/inspections", json=body)
    send(client, sent, "PUT", **puts[1])


def killed_at(place: Place, hub: MortalHub, sent: Sent, where: str, step: int) -> Lives:
    """Deliver one inspection to a life that ends at ``step``, and to those after it."""
    hub.live("api", (where, step))
    with place.client(hub.url) as client:
        deliver(client, sent, step)
        if where == "sequencer":
            until(lambda: not waiting(place), "the ledger is sequenced")
    return hub.stop()


@pytest.mark.parametrize("stride", [9, pytest.param(1, marks=pytest.mark.long)])
def test_a_hub_killed_at_any_step_of_an_inspection_has_lost_nothing_and_has_nothing_twice(
    place: Place, stride: int
) -> None:
    sent = Sent()
    with MortalHub(place.config, place.database.dsn) as hub:
        for step in itertools.count(1, stride):
            lives = killed_at(place, hub, sent, "request", step)
            if not lives.killed:
                break
            assert lives.steps["request"] == step
    print(f"killed at {(step - 1) // stride} of the {step - 1} steps of an inspection with two pictures")
    assert step > 40
    reconcile(place, sent)


@pytest.mark.parametrize("stride", [6, pytest.param(1, marks=pytest.mark.long)])
def test_a_hub_killed_at_any_step_of_sequencing_has_a_whole_ledger(place: Place, stride: int) -> None:
    sent, died = Sent(), 0
    with MortalHub(place.config, place.database.dsn) as hub:
        for step in range(2, 30, stride):  # with leaves that wait, a round of the sequencer has some twenty
            died += killed_at(place, hub, sent, "sequencer", step).killed
    print(f"killed at {died} steps of the sequencer")
    assert died > 3
    reconcile(place, sent)
