"""Stations come in once a code, and their credentials rotate without a moment in which a station is shut out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.hub.accounts.enrolment import ALPHABET, plain_code
from tests.hub.accounts.conftest import Clock, entries
from tests.hub.conftest import RunningHub
from tests.hub.reports import report


def make_code(admin: httpx2.Client, station_id: str) -> str:
    answer = admin.post(f"/v1/stations/{station_id}/enrolment-codes")
    assert answer.status_code == 201, answer.text
    code: str = answer.json()["code"]
    return code


def enrol(running: RunningHub, code: str) -> httpx2.Response:
    with running.client() as nobody:
        return nobody.post("/v1/enrolments", json={"code": code})


def works(running: RunningHub, credential: str) -> bool:
    with running.client(credential) as client:
        return client.get("/v1/stats").status_code == 200


def rotate(running: RunningHub, credential: str) -> httpx2.Response:
    with running.client(credential) as client:
        return client.post("/v1/credential/rotation")


def test_a_code_enrols_its_station_once_and_scopes_it_to_that_station(
    running: RunningHub, admin: httpx2.Client
) -> None:
    code = make_code(admin, "st-once")
    first, second = enrol(running, code.lower().replace("-", " ")), enrol(running, code)
    assert (first.status_code, first.json()["station_id"]) == (201, "st-once")
    assert (second.status_code, second.json()["code"]) == (403, "enrolment.refused")
    with running.client(first.json()["credential"]) as station:
        assert station.post("/v1/inspections", json=report(station_id="st-once")).status_code == 201
        assert station.post("/v1/inspections", json=report(station_id="st-other")).status_code == 403
    made = [("enrolment_code.make", "done"), ("station.enrol", "done"), ("station.enrol", "denied")]
    assert entries(running, "station/st-once") == made


def test_of_many_who_use_one_code_at_once_one_comes_in(running: RunningHub, admin: httpx2.Client) -> None:
    code = make_code(admin, "st-race")
    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: enrol(running, code), range(8)))
    assert statuses == [201] + [403] * 7


@pytest.mark.parametrize("shift", [timedelta(hours=25), timedelta(hours=-1)], ids=["over", "clock went back"])
def test_a_code_is_good_only_in_its_time(
    running: RunningHub, admin: httpx2.Client, moved: Clock, shift: timedelta
) -> None:
    code = make_code(admin, "st-late")
    moved.shift = shift
    assert enrol(running, code).status_code == 403
    moved.shift = timedelta()
    assert enrol(running, code).status_code == 201


def test_a_new_code_ends_the_one_before_it(running: RunningHub, admin: httpx2.Client) -> None:
    old, new = make_code(admin, "st-two"), make_code(admin, "st-two")
    assert [enrol(running, code).status_code for code in (old, new)] == [403, 201]


@pytest.mark.parametrize("code", ["0000-0000-0000-0000", "x" * 16, "\u0660" * 16])
def test_a_code_that_never_was_is_refused(running: RunningHub, code: str) -> None:
    assert enrol(running, code).json()["code"] == "enrolment.refused"


def test_enrolling_anew_shuts_the_old_machine_out(running: RunningHub, admin: httpx2.Client) -> None:
    old = enrol(running, make_code(admin, "st-again")).json()["credential"]
    new = enrol(running, make_code(admin, "st-again")).json()["credential"]
    assert (works(running, old), works(running, new)) == (False, True)


def test_a_rotated_credential_leaves_the_old_one_its_grace(
    running: RunningHub, admin: httpx2.Client, moved: Clock
) -> None:
    old = enrol(running, make_code(admin, "st-rotates")).json()["credential"]
    answer = rotate(running, old)
    assert answer.status_code == 201
    new = answer.json()["credential"]
    assert (works(running, old), works(running, new)) == (True, True)
    moved.shift = timedelta(minutes=61)
    assert (works(running, old), works(running, new)) == (False, True)
    moved.shift = timedelta(days=91)
    assert not works(running, new)


def test_a_lost_answer_is_asked_for_again_and_the_unused_credential_dies(
    running: RunningHub, admin: httpx2.Client
) -> None:
    old = enrol(running, make_code(admin, "st-lost")).json()["credential"]
    lost = rotate(running, old).json()["credential"]
    again = rotate(running, old).json()["credential"]
    assert (works(running, lost), works(running, again)) == (False, True)
    copied = rotate(running, old)
    assert (copied.status_code, copied.json()["code"]) == (409, "credential.replaced")


def test_two_rotations_at_once_leave_one_new_credential(running: RunningHub, admin: httpx2.Client) -> None:
    old = enrol(running, make_code(admin, "st-both")).json()["credential"]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: rotate(running, old), range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert [works(running, answer.json()["credential"]) for answer in answers].count(True) == 1


def test_a_token_that_a_person_made_does_not_rotate(station: httpx2.Client) -> None:
    answer = station.post("/v1/credential/rotation")
    assert (answer.status_code, answer.json()["code"]) == (409, "credential.fixed")


def test_a_station_that_is_shut_out_stays_out(running: RunningHub, admin: httpx2.Client) -> None:
    credential = enrol(running, make_code(admin, "st-out")).json()["credential"]
    code = make_code(admin, "st-out")
    listed = {each["station_id"]: each["credentials"] for each in admin.get("/v1/stations").json()["stations"]}
    assert listed["st-out"] == 1
    assert admin.delete("/v1/stations/st-out/credentials").json() == {"revoked": 1}
    assert not works(running, credential)
    assert rotate(running, credential).status_code == 401
    assert enrol(running, code).status_code == 403


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=ALPHABET, min_size=16, max_size=16))
def test_a_code_reads_the_same_however_it_is_typed(code: str) -> None:
    spaced = " ".join(code[start : start + 4] for start in range(0, 16, 4)).lower()
    assert plain_code(spaced) == plain_code(spaced.replace("0", "o").replace("1", "l")) == code


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=40))
def test_anything_else_is_no_code(typed: str) -> None:
    assert plain_code(typed) == "" or set(plain_code(typed)) <= set(ALPHABET)
