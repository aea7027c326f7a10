"""A person asks for a paper beside the item; the picture that comes is shown beside the code, and people compare."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.precheck.challenges import ALPHABET
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tables import challenges
from inspection.hub.precheck.tasks import look_at
from inspection.languages import TITLES
from tests.hub.conftest import RunningHub
from tests.hub.people.test_people import erase
from tests.hub.precheck.test_queue import BLURRED, GOOD, Customer


@pytest.fixture
def customer(running: RunningHub, admin: httpx2.Client) -> Customer:
    return Customer(running, admin)


@pytest.fixture
def phone(running: RunningHub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.url, headers={"Accept": "text/html"}, timeout=60) as made:
        yield made


def ask(admin: httpx2.Client, customer: Customer) -> dict[str, Any]:
    answer = admin.post(f"/v1/precheck/cases/{customer.rma}/challenge")
    assert answer.status_code in {200, 201}, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


def known(admin: httpx2.Client, customer: Customer) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.get(f"/v1/precheck/cases/{customer.rma}").json()["challenges"]
    return found


def sent(running: RunningHub, customer: Customer, lookers: Lookers, data: bytes, step: str) -> str:
    upload = customer.send(data, step)
    look_at(running.hub, lookers, running.merchant, upload)
    return str(upload)


def page_of(running: RunningHub, admin: httpx2.Client, customer: Customer) -> str:
    url = admin.post("/v1/precheck/cases", json={"rma": customer.rma}).json()["url"]
    return str(url).removeprefix(running.url)


def test_it_is_asked_once_answered_by_one_picture_and_asked_anew(
    running: RunningHub, admin: httpx2.Client, customer: Customer, lookers: Lookers
) -> None:
    before = sent(running, customer, lookers, GOOD, "other")
    outcome = customer.now().outcome
    first = ask(admin, customer)
    assert (len(first["code"]), set(first["code"]) <= set(ALPHABET), first["live"]) == (4, True, True)
    assert ask(admin, customer) == first, "a second press asks for the same"
    sent(running, customer, lookers, GOOD, "damage")
    assert known(admin, customer)[0]["upload_id"] is None
    poor = sent(running, customer, lookers, BLURRED, "challenge")
    assert (known(admin, customer)[0]["upload_id"], known(admin, customer)[0]["live"]) == (poor, True)
    good = sent(running, customer, lookers, GOOD, "challenge")
    assert (known(admin, customer)[0]["upload_id"], known(admin, customer)[0]["live"]) == (good, False)
    sent(running, customer, lookers, GOOD, "challenge")
    assert known(admin, customer)[0]["upload_id"] == good, "one code, one picture"
    second = ask(admin, customer)
    assert (second["upload_id"], second["live"], before != good) == (None, True, True)
    assert [each["upload_id"] for each in known(admin, customer)] == [None, good]
    assert customer.told().count("precheck_challenged") == 2
    assert customer.now().outcome == outcome, "the paper is for people; no machine judges it"
    upload = next(
        each for each in admin.get(f"/v1/precheck/cases/{customer.rma}").json()["uploads"] if each["id"] == good
    )
    assert (upload["step"], upload["pictures"][0]["condition"]) == ("challenge", None)
    erase(running, admin, customer.rma)


def test_after_its_time_no_picture_answers_it(
    running: RunningHub, admin: httpx2.Client, customer: Customer, lookers: Lookers
) -> None:
    ask(admin, customer)
    with running.hub.database.transaction() as connection:
        earlier = {"asked_at": challenges.c.asked_at - timedelta(days=2), "expires_at": sa.func.now()}
        connection.execute(challenges.update().where(challenges.c.case_id == customer.case.id).values(earlier))
    late = sent(running, customer, lookers, GOOD, "challenge")
    (over,) = known(admin, customer)
    assert (over["live"], over["upload_id"]) == (False, None)
    assert late
    assert ask(admin, customer)["live"]


def test_the_customer_reads_it_in_their_language_and_sends_it_by_the_plain_form(
    running: RunningHub, admin: httpx2.Client, customer: Customer, phone: httpx2.Client
) -> None:
    path = page_of(running, admin, customer)
    plain = phone.get(path).text
    assert re.search(r'id="step-challenge"[^>]* hidden', plain)
    code = ask(admin, customer)["code"]
    titles = set()
    for tag in TITLES:
        page = phone.get(path, params={"lang": tag}).text
        assert f'data-challenge="{code}"' in page
        assert not re.search(r'id="step-challenge"[^>]* hidden', page)
        titles |= set(re.findall(r'id="challenge-title">([^<]+)<', page))
    assert len(titles) == len(TITLES)
    assert phone.post(path, files={"challenge": ("paper.jpg", GOOD, "image/jpeg")}).status_code == 303
    assert known(admin, customer)[0]["upload_id"] is not None
    assert code not in phone.get(path).text


def test_who_decides_asks_by_one_press_and_compares(
    running: RunningHub,
    admin: httpx2.Client,
    customer: Customer,
    lookers: Lookers,
    agent: httpx2.Client,
) -> None:
    path = f"/console/prechecks/{customer.rma}"
    token = dict(re.findall(r'name="(csrf_token)" value="([0-9a-f]+)"', agent.get(path).text))
    assert agent.post(f"{path}/challenge", data=token).headers["location"].endswith("done=challenged")
    asked = agent.get(path).text
    (code,) = re.findall(r'<strong class="code">([^<]+)<', asked)
    assert f'action="{path}/challenge"' not in asked
    upload = sent(running, customer, lookers, GOOD, "challenge")
    page = agent.get(path).text
    assert re.search(rf'class="challenge">[^<]*<strong class="code">{code}<', page)
    assert f'action="{path}/challenge"' in page
    assert UUID(upload)
    with running.hub.database.transaction() as connection:
        query = sa.text("SELECT count(*) FROM audit_entries WHERE act = 'precheck.challenge' AND subject = :subject")
        assert connection.execute(query, {"subject": f"precheck/{customer.rma}"}).scalar() == 1


def test_a_case_that_is_decided_or_unknown_is_not_asked(
    admin: httpx2.Client, customer: Customer, station: httpx2.Client
) -> None:
    path = f"/v1/precheck/cases/{customer.rma}"
    assert station.post(f"{path}/challenge").status_code == 403
    admin.post(f"{path}/decision", json={"decision": "repair", "reason": "other"})
    assert admin.post(f"{path}/challenge").json()["code"] == "precheck.decided"
    assert admin.post("/v1/precheck/cases/RMA-NONE/challenge").json()["code"] == "precheck.not_found"
