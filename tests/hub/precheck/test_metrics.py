"""What Prometheus is told of pre-checks: files by what became of them, stages, what waits; not whose they are."""

from __future__ import annotations

import httpx2
import pytest

from inspection.hub.metrics import Metrics
from inspection.hub.precheck import cases
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.metrics import PrecheckMetrics
from inspection.hub.precheck.tasks import look_at
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_queue import BLURRED, GOOD, Customer


@pytest.fixture
def customer(running: RunningHub, admin: httpx2.Client) -> Customer:
    return Customer(running, admin)


def value(running: RunningHub, name: str, **labels: str) -> float:
    return running.hub.metrics.registry.get_sample_value(name, labels) or 0.0


def refreshed(running: RunningHub) -> PrecheckMetrics:
    with running.hub.database.transaction() as connection:
        running.hub.metrics.precheck.refresh(connection)
    return running.hub.metrics.precheck


def test_files_are_counted_by_what_became_of_them_and_how_long_it_took(
    running: RunningHub, customer: Customer, lookers: Lookers
) -> None:
    for data in (GOOD, BLURRED, b"MZ" + bytes(500)):
        upload = customer.send(data)
        look_at(running.hub, lookers, running.merchant, upload)
        look_at(running.hub, lookers, running.merchant, upload)  # a second worker counts nothing
    states = ("answered", "retake", "refused", "parked")
    assert [value(running, "hub_precheck_files_total", state=each) for each in states] == [1, 1, 1, 0]
    assert value(running, "hub_precheck_refused_total", code="type") == 1
    assert sum(value(running, "hub_precheck_outcomes_total", outcome=each) for each in ("person", "send_back")) == 1
    for stage, count in (("all", 3), ("waiting", 3), ("open", 3), ("judge", 1)):
        assert value(running, "hub_precheck_stage_seconds_count", stage=stage) == count
    exposed = running.hub.metrics.exposition().decode()
    assert customer.rma not in exposed
    assert str(running.merchant) not in exposed


def test_what_waits_is_shown_until_it_is_answered(running: RunningHub, customer: Customer, lookers: Lookers) -> None:
    before = refreshed(running).waiting._value.get()
    uploads = [customer.send(GOOD) for _ in range(3)]
    assert refreshed(running).waiting._value.get() == before + 3
    assert value(running, "hub_precheck_oldest_seconds") > 0
    for upload in uploads:
        look_at(running.hub, lookers, running.merchant, upload)
    assert refreshed(running).waiting._value.get() == before


def test_cases_for_a_person_are_counted(running: RunningHub, customer: Customer) -> None:
    before = refreshed(running).for_person._value.get()
    with running.hub.database.transaction() as connection:
        cases.ask_person(connection, running.merchant, customer.case.id)
    assert refreshed(running).for_person._value.get() == before + 1


def test_a_fresh_process_tells_zero() -> None:
    assert Metrics().registry.get_sample_value("hub_precheck_waiting") == 0
