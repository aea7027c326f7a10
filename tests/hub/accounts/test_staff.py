"""Staff: badge and PIN at a station, roles that change, sessions that end, brakes on guessing, and what is audited."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import argon2
import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts import hashing, sign_in
from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.rates import Rates
from inspection.hub.problems import Problem
from inspection.hub.schema import audit_entries, staff
from tests.hub.accounts.conftest import PASSWORD, PIN, Clock, client_as, entries
from tests.hub.conftest import RunningHub

Person = Callable[..., dict[str, Any]]


def badge_in(station: httpx2.Client, badge: str, pin: str = PIN) -> httpx2.Response:
    return station.post("/v1/badge-sign-ins", json={"badge": badge, "pin": pin})


def test_badge_and_pin_sign_a_worker_in_at_a_station(
    running: RunningHub, enrolled: httpx2.Client, person: Person
) -> None:
    worker = person("supervisor", language="vi")
    answer = badge_in(enrolled, worker["badge"])
    assert (answer.status_code, answer.json()["role"], answer.json()["language"]) == (201, "supervisor", "vi")
    with running.client(answer.json()["session"]) as client:
        me = client.get("/v1/me").json()
        assert (me["staff_id"], me["station_id"], me["kind"]) == (worker["id"], enrolled.station_id, "badge")  # type: ignore[attr-defined]
        assert client.get("/v1/inspections").status_code == 200
        assert client.get("/v1/staff").status_code == 403
        (session,) = client.get("/v1/sessions").json()["sessions"]
        assert session["current"]
        assert client.delete(f"/v1/sessions/{session['id']}").status_code == 204
        assert client.get("/v1/me").status_code == 401


def test_wrong_pin_unknown_badge_and_shut_out_look_the_same(
    admin: httpx2.Client, enrolled: httpx2.Client, person: Person
) -> None:
    worker, gone = person(), person()
    assert admin.patch(f"/v1/staff/{gone['id']}", json={"disabled": True}).status_code == 200
    said = []
    for badge, pin in ((worker["badge"], "999111"), (f"B-{uuid4().hex}", PIN), (gone["badge"], PIN)):
        answer = badge_in(enrolled, badge, pin)
        assert answer.status_code == 401
        said.append({name: value for name, value in answer.json().items() if name != "request_id"})
    assert said[0] == said[1] == said[2]


def test_five_wrong_pins_lock_the_badge_and_the_right_one_must_wait(
    running: RunningHub, enrolled: httpx2.Client, person: Person, moved: Clock
) -> None:
    worker = person()
    assert [badge_in(enrolled, worker["badge"], "777222").status_code for _ in range(6)] == [401] * 5 + [429]
    locked = badge_in(enrolled, worker["badge"])
    assert (locked.status_code, locked.json()["code"]) == (429, "sign_in.locked")
    assert 1 <= int(locked.headers["retry-after"]) <= 61
    moved.shift = timedelta(seconds=62)
    assert badge_in(enrolled, worker["badge"], "777222").status_code == 401
    assert int(badge_in(enrolled, worker["badge"]).headers["retry-after"]) > 61
    moved.shift = timedelta(minutes=5)
    assert badge_in(enrolled, worker["badge"]).status_code == 201
    assert badge_in(enrolled, worker["badge"], "777222").status_code == 401
    assert entries(running, f"staff/{worker['id']}").count(("sign_in", "denied")) == 7


def test_a_clock_that_went_back_locks_nobody_out_for_longer_than_the_longest_lock(
    enrolled: httpx2.Client, person: Person, moved: Clock
) -> None:
    worker = person()
    for _ in range(5):
        badge_in(enrolled, worker["badge"], "777222")
    moved.shift = timedelta(days=-30)
    assert badge_in(enrolled, worker["badge"]).status_code == 201


def test_many_guesses_at_once_get_no_further_than_five(enrolled: httpx2.Client, person: Person) -> None:
    worker = person()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: badge_in(enrolled, worker["badge"], "777222").status_code, range(12)))
    assert sorted(answers) == [401] * 5 + [429] * 7


def test_a_station_may_try_thirty_badges_and_another_station_goes_on(
    running: RunningHub, enrolled: httpx2.Client, station: httpx2.Client, person: Person
) -> None:
    worker = person()
    answers = [badge_in(enrolled, f"B-{number}-{uuid4().hex}").status_code for number in range(31)]
    assert answers == [401] * 30 + [429]
    assert badge_in(enrolled, worker["badge"]).status_code == 429
    assert badge_in(station, worker["badge"]).status_code == 201


def test_a_password_signs_in_and_its_failures_lock(running: RunningHub, person: Person) -> None:
    someone = person("auditor")
    hub, origin = running.hub, Origin("192.0.2.7")
    came_in = sign_in.by_password(hub, f" {someone['login'].upper()} ", PASSWORD, origin)
    with running.client(came_in.token) as client:
        assert client.get("/v1/audit").status_code == 200
    codes = []
    for _ in range(6):
        with pytest.raises(Problem) as caught:
            sign_in.by_password(hub, someone["login"], "wrong password!", origin)
        codes.append(caught.value.code)
    assert codes == ["sign_in.failed"] * 5 + ["sign_in.locked"]


def test_sessions_end_by_idleness_by_age_and_by_a_clock_that_jumps(
    running: RunningHub, person: Person, moved: Clock
) -> None:
    someone = person()

    def open_for(after: timedelta) -> bool:
        moved.shift = timedelta()
        token = sign_in.by_password(running.hub, someone["login"], PASSWORD, Origin()).token
        with running.client(token) as client:
            moved.shift = after
            return client.get("/v1/me").status_code == 200

    assert open_for(timedelta(minutes=29))
    assert not open_for(timedelta(minutes=31))
    assert not open_for(timedelta(hours=13))
    assert not open_for(timedelta(hours=-1))


def test_use_keeps_a_session_but_not_past_its_age(running: RunningHub, person: Person, moved: Clock) -> None:
    token = sign_in.by_password(running.hub, person()["login"], PASSWORD, Origin()).token
    with running.client(token) as client:
        for minutes in range(20, 720, 20):
            moved.shift = timedelta(minutes=minutes)
            assert client.get("/v1/me").status_code == 200, minutes
        moved.shift = timedelta(minutes=721)
        assert client.get("/v1/me").status_code == 401


def test_another_role_counts_at_once_and_a_new_secret_ends_sessions(
    running: RunningHub, admin: httpx2.Client, person: Person
) -> None:
    someone = person("auditor")
    path = f"/v1/staff/{someone['id']}"
    with running.client(sign_in.by_password(running.hub, someone["login"], PASSWORD, Origin()).token) as client:
        assert client.get("/v1/staff").status_code == 200
        assert admin.patch(path, json={"role": "operator"}).json()["role"] == "operator"
        assert client.get("/v1/staff").status_code == 403
        assert admin.patch(path, json={"pin": "550931"}).status_code == 200
        assert client.get("/v1/me").status_code == 401
    assert entries(running, f"staff/{someone['id']}")[-2:] == [("staff.change", "done")] * 2


def test_one_changes_ones_own_password_with_the_old_one_and_other_sessions_end(
    running: RunningHub, person: Person
) -> None:
    someone = person()
    one, other = (sign_in.by_password(running.hub, someone["login"], PASSWORD, Origin()).token for _ in range(2))
    with running.client(one) as client, running.client(other) as elsewhere:
        assert client.post("/v1/me/password", json={"old": "wrong", "new": "a quite other one"}).status_code == 401
        assert client.post("/v1/me/password", json={"old": PASSWORD, "new": "short"}).status_code == 422
        assert client.post("/v1/me/password", json={"old": PASSWORD, "new": "a quite other one"}).status_code == 204
        assert (client.get("/v1/me").status_code, elsewhere.get("/v1/me").status_code) == (200, 401)
    sign_in.by_password(running.hub, someone["login"], "a quite other one", Origin())


def test_the_last_administrator_stays(running: RunningHub, admin: httpx2.Client, person: Person) -> None:
    with running.hub.database.transaction() as connection:
        connection.execute(staff.update().where(staff.c.role == "admin").values(role="operator"))
    pair = [person("admin"), person("admin")]
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            change = lambda each: admin.patch(f"/v1/staff/{each['id']}", json={"disabled": True})  # noqa: E731
            assert sorted(answer.status_code for answer in pool.map(change, pair)) == [200, 409]
        for each in pair:
            admin.patch(f"/v1/staff/{each['id']}", json={"disabled": False})


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "short"},
        {"password": "aaaaaaaaaaaaaaaa"},
        {"pin": "6789"},
        {"pin": "1111"},
        {"pin": "93"},
        {"pin": "९८७१"},
        {"badge": "a b"},
        {"role": "station"},
        {"login": "With Space"},
        {"surprise": 1},
        {"language": "de"},
        {"badge": None},
    ],
)
def test_what_does_not_fit_is_named_and_never_quoted(admin: httpx2.Client, wrong: dict[str, Any]) -> None:
    body = {"login": f"w{uuid4().hex[:8]}", "name": "W", "role": "operator", "badge": f"B{uuid4().hex}", "pin": PIN}
    answer = admin.post("/v1/staff", json=body | {"password": PASSWORD} | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    for value in wrong.values():
        if isinstance(value, str):
            assert value not in answer.json()["detail"]


def test_one_badge_is_one_persons(admin: httpx2.Client, person: Person) -> None:
    first = person()
    body = {"login": f"w{uuid4().hex[:8]}", "name": "W", "role": "operator", "badge": first["badge"]}
    answer = admin.post("/v1/staff", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "staff.conflict")
    assert "badge" in answer.json()["detail"]


def test_tokens_are_made_listed_and_revoked_by_the_administrator(running: RunningHub, admin: httpx2.Client) -> None:
    made = admin.post("/v1/tokens", json={"role": "integrator", "label": "ERP", "expires_in_days": 30}).json()
    with running.client(made["token"]) as erp:
        assert erp.get("/v1/me").json()["role"] == "integrator"
        listed = {each["id"] for each in admin.get("/v1/tokens").json()["tokens"]}
        assert made["id"] in listed
        assert made["token"] not in admin.get("/v1/tokens").text
        assert admin.delete(f"/v1/tokens/{made['id']}").status_code == 204
        assert erp.get("/v1/me").status_code == 401
    assert entries(running, f"token/{made['id']}") == [("token.make", "done"), ("token.revoke", "done")]


def test_the_audit_trail_is_read_page_by_page_and_never_changed(running: RunningHub, person: Person) -> None:
    someone = person()
    with client_as(running, Role.AUDITOR) as auditor, client_as(running, Role.OPERATOR) as operator:
        assert operator.get("/v1/audit").status_code == 403
        seen, cursor = [], None
        while True:
            page = auditor.get("/v1/audit", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
            seen += [entry["id"] for entry in page["entries"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == sorted(set(seen), reverse=True)
        entry = auditor.get("/v1/audit", params={"subject": f"staff/{someone['id']}"}).json()["entries"][0]
        assert entry["act"] == "staff.create"
        assert entry["source"] == "127.0.0.1"
        assert entry["actor_role"] == "admin"
        assert entry["request_id"]
        denied = auditor.get("/v1/audit", params={"act": "access.denied"}).json()["entries"][0]
        assert (denied["subject"], denied["outcome"]) == ("path/v1/audit", "denied")
        assert auditor.get("/v1/audit", params={"cursor": "x"}).status_code == 422
        assert auditor.get("/v1/audit", params={"since": "2026-01-01T00:00:00"}).status_code == 422
    for statement in (audit_entries.delete(), audit_entries.update().values(act="nothing")):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), running.hub.database.transaction() as connection:
            connection.execute(statement)


def test_no_secret_is_in_the_logs_the_database_or_the_audit_trail(
    running: RunningHub, admin: httpx2.Client, enrolled: httpx2.Client, person: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    worker = person()
    session = badge_in(enrolled, worker["badge"]).json()["session"]
    badge_in(enrolled, worker["badge"], "999333")
    code = admin.post("/v1/stations/st-logs/enrolment-codes").json()["code"]
    with running.client() as nobody:
        credential = nobody.post("/v1/enrolments", json={"code": code}).json()["credential"]
        nobody.post("/v1/enrolments", json={"code": code})
        nobody.get("/v1/me", headers={"Authorization": "Bearer rx-session-guessed-at"})
    admin.patch(f"/v1/staff/{worker['id']}", json={"password": "another long password"})
    secrets = [PASSWORD, PIN, "999333", "another long password", worker["badge"], session, credential, code]
    secrets += [code.replace("-", ""), "rx-session-guessed-at"]
    kept = [record.getMessage() for record in caplog.records] + [
        json.dumps(vars(r), default=str) for r in caplog.records
    ]
    with running.hub.database.transaction() as connection:
        for table in ("staff", "access_tokens", "audit_entries", "enrolment_codes", "sign_in_attempts", "events"):
            kept += [str(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}"))]  # noqa: S608
    text = "\n".join(kept)
    assert [secret for secret in secrets if secret in text] == []
    assert "Li Wei" not in "\n".join(record.getMessage() for record in caplog.records)


def test_secrets_are_hashed_with_argon2id_as_rfc_9106_recommends() -> None:
    real = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)
    assert real.hash("x").startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert argon2.extract_parameters(real.hash("x")) == argon2.profiles.RFC_9106_LOW_MEMORY
    kept = hashing.hashed("Ａbc")
    assert hashing.fits("Abc", kept)
    assert not hashing.fits("abc", kept)
    assert not hashing.fits("", None)


def test_a_caller_who_asks_too_much_is_told_when_to_come_back() -> None:
    now = [0.0]
    rates = Rates(per_s=2, burst=3, monotonic_s=lambda: now[0])
    for _ in range(3):
        rates.take("a")
    with pytest.raises(Problem) as caught:
        rates.take("a")
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "1")
    rates.take("b")
    now[0] = -5.0  # a clock that jumps back gives and takes nothing
    with pytest.raises(Problem):
        rates.take("a")
    now[0] = 0.5
    rates.take("a")
