"""Webhooks by the Standard Webhooks specification: signatures, ids, statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.hub.connectors import service
from inspection.hub.connectors.signing import headers, is_signed, public_key, sign
from tests.hub.connectors.conftest import QUICK, Desk
from tests.hub.connectors.servers.faulty import Answer, FaultyServer

SYMMETRIC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PRIVATE = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
PUBLIC = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
Put = Callable[[str], dict[str, str]]


def section(server: FaultyServer, put: Put, *keys: str, **more: Any) -> dict[str, Any]:
    secrets = [put(key) for key in keys or (SYMMETRIC,)]
    return {"kind": "webhook", "url": f"{server.url}/hook", "secrets": secrets, "retry": QUICK, **more}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (SYMMETRIC, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        (
            PRIVATE,
            "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
        ),
    ],
)
def test_the_published_vectors_are_met(key: str, expected: str) -> None:
    assert sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}') == expected


def test_the_public_key_of_the_published_pair() -> None:
    assert public_key(PRIVATE) == PUBLIC


@settings(deadline=None)
@given(body=st.binary(max_size=200), stamp=st.integers(0, 2**33), other=st.binary(min_size=1, max_size=8))
def test_a_signature_is_of_this_id_time_and_body_only(body: bytes, stamp: int, other: bytes) -> None:
    made = headers([SYMMETRIC, PRIVATE], "msg_1", stamp, body)
    signatures = made["webhook-signature"]
    for key in (SYMMETRIC, PUBLIC):
        assert is_signed(key, "msg_1", str(stamp), body, signatures)
        assert not is_signed(key, "msg_2", str(stamp), body, signatures)
        assert not is_signed(key, "msg_1", str(stamp + 1), body, signatures)
        assert not is_signed(key, "msg_1", str(stamp), body + other, signatures)


@pytest.mark.parametrize(
    "key", ["whsec_c2hvcnQ=", "whsec_%", "whsk_AAAA", PRIVATE[:-8] + "AAAAAA==", "whsec_" + "A" * 88]
)
def test_a_key_that_is_none_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is looked at
        sign(key, "msg_1", 1, b"{}")
    assert key[6:] not in str(caught.value)


def test_a_verdict_arrives_signed_with_every_secret(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server, secret, SYMMETRIC, PRIVATE)})
    report = desk.report()
    desk.turn(name)
    (got,) = server.got
    stamp, signatures = got.headers["webhook-timestamp"], got.headers["webhook-signature"]
    assert len(signatures.split(" ")) == 2
    assert all(is_signed(key, got.headers["webhook-id"], stamp, got.body, signatures) for key in (SYMMETRIC, PUBLIC))
    said = got.json()
    assert said["type"] == "inspection.confirmed"
    assert said["data"]["inspection_id"] == str(report.inspection_id)
    assert (said["data"]["disposition"], said["data"]["gtin"]) == ("resell", report.item.gtin)
    assert desk.states(name) == ["delivered"]


def test_the_id_is_the_same_over_retries_and_by_hand(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    desk.configure(**{name: section(server, secret)})
    server.planned.extend([Answer(500, {"no": 1}), Answer(fault="cut", body=b"x" * 100), Answer(fault="drop")])
    desk.report()
    desk.turn_until(name, desk.ended(name))
    (row,) = desk.rows(name)
    with desk.database.transaction() as connection:
        service.send_again(connection, desk.merchant, name, row.delivery_id)
    desk.turn_until(name, desk.ended(name))
    assert len(server.got) == 5
    assert len({got.headers["webhook-id"] for got in server.got}) == 1
    assert len({got.body for got in server.got}) == 1
    tries = desk.tries(row.delivery_id)
    assert [each.status for each in tries] == [500, None, None, 200, 200]
    assert [each.problem is None for each in tries] == [False, False, False, True, True]
    assert '{"no": 1}' in tries[0].response


@pytest.mark.parametrize("status", [301, 400, 404, 409, 422])
def test_a_refusal_is_a_dead_letter_with_its_reason(
    desk: Desk, server: FaultyServer, name: str, secret: Put, status: int
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.planned.append(Answer(status, {"error": "no such field"}, {"Location": f"{server.url}/elsewhere"}))
    desk.report()
    desk.turn(name)
    (row,) = desk.rows(name)
    assert row.state == "dead"
    assert str(status) in row.reason
    assert "no such field" in row.reason
    assert len(server.got) == 1
    with desk.database.transaction() as connection:
        service.send_again(connection, desk.merchant, name, row.delivery_id)
    desk.turn(name)
    assert desk.states(name) == ["delivered"]


def test_gone_pauses_the_destination_until_a_person_resumes_it(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.planned.append(Answer(410))
    for _ in range(3):
        desk.report()
    desk.turn(name)
    desk.let_time_pass(name)
    desk.turn(name)
    assert (len(server.got), desk.destination(name).paused) == (1, True)
    with desk.database.transaction() as connection:
        service.resume(connection, desk.merchant, name)
    desk.turn(name)
    assert desk.states(name) == ["delivered"] * 3


def test_a_pause_that_is_asked_for_is_kept_by_all_deliveries(
    desk: Desk, server: FaultyServer, name: str, secret: Put
) -> None:
    desk.configure(**{name: section(server, secret)})
    server.planned.append(Answer(429, headers={"Retry-After": "600"}))
    for _ in range(5):
        desk.report()
    desk.turn(name)
    assert len(server.got) == 1
    until = desk.destination(name).open_until
    assert (until - desk.rows(name)[0].created_at).total_seconds() > 500
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"] * 5
    assert all(row.attempts == 1 for row in desk.rows(name))


def test_fields_are_what_the_configuration_says(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    fields = {
        "case.rma": "inspection.rma",
        "outcome": {"from": "inspection.verdict.disposition", "map": {"resell": 1, "repair": 2}, "default": 9},
        "note": {"text": "{inspection.station_id}: {reason}"},
        "source": {"value": "warehouse"},
        "lot": "inspection.item.lot",
    }
    desk.configure(**{name: section(server, secret, fields=fields)})
    desk.report(rma="RMA-7")
    desk.turn(name)
    data = server.got[0].json()["data"]
    assert data == {
        "case": {"rma": "RMA-7"},
        "outcome": 1,
        "note": "station-07: minor damage",
        "source": "warehouse",
    }


def test_a_secret_is_neither_kept_nor_shown(desk: Desk, server: FaultyServer, name: str, secret: Put) -> None:
    token = {"Authorization": secret("Bearer hunter2-hunter2")}
    desk.configure(**{name: section(server, secret, headers=token)})
    desk.report()
    desk.turn(name)
    assert server.got[0].headers["authorization"] == "Bearer hunter2-hunter2"
    (row,) = desk.rows(name)
    kept = json.dumps([dict(row._mapping) for row in [row, *desk.tries(row.delivery_id)]], default=str)
    assert "hunter2" not in kept


def test_a_missing_secret_stops_the_destination_and_loses_nothing(
    desk: Desk, server: FaultyServer, name: str, secret: Put, tmp_path: Any
) -> None:
    path = tmp_path / "later"
    said = section(server, secret) | {"secrets": [{"file": str(path)}]}
    desk.configure(**{name: said})
    desk.report()
    desk.turn(name)
    assert (server.got, desk.states(name)) == ([], ["waiting"])
    assert str(path) in desk.destination(name).reason
    path.write_text(SYMMETRIC)
    desk.turn_until(name, desk.ended(name))
    assert desk.states(name) == ["delivered"]
