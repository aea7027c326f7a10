"""A person decides a case: by the API and at the console; the customer's page tells it in their language."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import numpy as np
import pytest
import sqlalchemy as sa

from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.page.view import view
from inspection.hub.precheck.replies import REPLIES, Decision, reply
from inspection.languages import TITLES
from tests.hub.conftest import RunningHub
from tests.hub.people.test_people import erase
from tests.hub.precheck.test_queue import Customer
from tests.hub.precheck.test_trust import sent, shelf


def seen(running: RunningHub, customer: Customer, language: str) -> Any:
    with running.hub.database.transaction() as connection:
        return view(connection, customer.now(), language)


def test_every_decision_has_its_answer_in_every_language() -> None:
    for decision in Decision:
        assert set(REPLIES[decision]) == set(TITLES)


def test_the_customer_reads_what_was_decided_and_the_newest_counts(running: RunningHub, admin: httpx2.Client) -> None:
    customer = Customer(running, admin)
    path = f"/v1/precheck/cases/{customer.rma}"
    version = admin.get(path).json()["version"]
    first = {"decision": "send_back", "reason": "must_be_inspected", "version": version, "note": "Bitte gut\t packen"}
    assert admin.post(f"{path}/decision", json=first).status_code == 201
    told = seen(running, customer, "th")
    assert (told.state, told.decision, told.note) == ("decided", reply("send_back", "th"), "Bitte gut packen")
    late = admin.post(f"{path}/decision", json={"decision": "decline", "reason": "other", "version": version})
    assert (late.status_code, late.json()["code"]) == (409, "precheck.changed")
    again = {"decision": "refund_without_return", "reason": "goodwill"}
    assert admin.post(f"{path}/decision", json=again).status_code == 201
    assert seen(running, customer, "en").decision == reply("refund_without_return", "en")
    both = [each["decision"] for each in admin.get(path).json()["decisions"]]
    assert both == ["refund_without_return", "send_back"]
    assert customer.told().count("precheck_decided") == 2
    erase(running, admin, customer.rma)
    assert [each["note"] for each in admin.get(path).json()["decisions"]] == ["", ""]


def test_who_is_asked_for_more_pictures_goes_on(running: RunningHub, admin: httpx2.Client, lookers: Lookers) -> None:
    customer = Customer(running, admin)
    path = f"/v1/precheck/cases/{customer.rma}"
    asked = {"decision": "more_photos", "reason": "not_enough_seen"}
    assert admin.post(f"{path}/decision", json=asked).status_code == 201
    assert (seen(running, customer, "en").state, seen(running, customer, "en").outcome) == ("answered", "more_photos")
    sent(customer, running, lookers, shelf(51))
    assert customer.now().outcome != "more_photos"
    listed = [each["rma"] for each in admin.get("/v1/precheck/cases").json()["cases"]]
    assert customer.rma in listed
    assert admin.get("/v1/precheck/cases", params={"state": "decided"}).json()["cases"] != listed


@pytest.mark.parametrize(
    "body",
    [{}, {"decision": "burn", "reason": "other"}, {"decision": "repair", "reason": "other", "note": "x" * 1001}],
    ids=["nothing", "unknown", "long"],
)
def test_what_is_no_decision_is_refused(running: RunningHub, admin: httpx2.Client, body: dict[str, Any]) -> None:
    customer = Customer(running, admin)
    answer = admin.post(f"/v1/precheck/cases/{customer.rma}/decision", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


def test_at_the_console_a_case_is_read_with_its_signals_and_decided_by_one_press(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers, agent: httpx2.Client
) -> None:
    first, second = Customer(running, admin), Customer(running, admin)
    sent(first, running, lookers, shelf(61))
    sent(second, running, lookers, np.ascontiguousarray(shelf(61)[:, ::-1]))
    assert second.rma in agent.get("/console/prechecks").text
    page = agent.get(f"/console/prechecks/{second.rma}").text
    assert f'href="/console/prechecks/{first.rma}"' in page
    picture = re.search(r'src="(/console/prechecks/pictures/[0-9a-f-]+)"', page)
    assert picture is not None
    assert agent.get(picture[1]).content[:2] == b"\xff\xd8"
    fields = dict(re.findall(r'name="(csrf_token|version)" value="([0-9a-f]+)"', page))
    form = fields | {"decision": "repair", "reason": "damage_shown", "note": "<b>so</b>"}
    answer = agent.post(f"/console/prechecks/{second.rma}/decision", data=form)
    assert (answer.status_code, answer.headers["location"].endswith("done=decided")) == (303, True)
    assert agent.post(f"/console/prechecks/{second.rma}/decision", data=form).status_code == 409
    assert "&lt;b&gt;so" in agent.get(f"/console/prechecks/{second.rma}").text
    assert second.rma in agent.get("/console/prechecks?state=decided").text
    with running.hub.database.transaction() as connection:
        query = sa.text("SELECT count(*) FROM audit_entries WHERE act = 'precheck.decide' AND subject = :subject")
        assert connection.execute(query, {"subject": f"precheck/{second.rma}"}).scalar() == 1


def test_a_case_of_another_name_is_no_page(agent: httpx2.Client) -> None:
    assert agent.get("/console/prechecks/RMA-NONE").status_code == 404
