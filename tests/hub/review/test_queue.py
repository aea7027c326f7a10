"""The queue: what gets into it and why, in which order it is given, and that nobody is asked what is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx2
import sqlalchemy as sa

from inspection.hub.accounts.matrix import Role
from inspection.hub.people import erasing
from inspection.hub.review import labels
from inspection.hub.review.reasons import chosen
from inspection.hub.review.tables import due, items
from tests.hub.conftest import RunningHub
from tests.hub.reports import fields, sha256
from tests.hub.review.conftest import Bench, items_of, jpeg, override, scene

Come = Callable[[Role], httpx2.Client]
DENT = {"condition": "major", "defects": ["dent"], "boxes": [], "useless": False}


def fresh() -> bytes:
    return jpeg(scene(uuid4().int % 2**32))


def assessment(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = fields()["assessment"]
    return found | changes


def test_an_override_is_asked_where_the_worker_marked_it_with_what_they_said(bench: Bench, qa: httpx2.Client) -> None:
    inspection = bench.bring(fresh(), fresh())
    (item,) = items_of(qa, inspection)
    assert item["view"] == "top"
    assert item["reasons"] == {"override": 1.0}
    assert item["override"]["condition"] == "major"
    assert item["override"]["defects"] == ["dent"]
    assert item["override"]["reason"] == "missed_damage"
    assert item["override"]["boxes"] == [{"x": 10, "y": 20, "width": 30, "height": 40, "defect": "dent"}]
    assert item["model"]["condition"] == "minor"
    assert item["model"]["defects"] == ["scratch"]


def test_false_damage_on_goods_that_are_sold_proposes_an_intact_item(bench: Bench, qa: httpx2.Client) -> None:
    sold = {"disposition": "resell", "grade": "open_box", "marks": []}
    (item,) = items_of(qa, bench.bring(fresh(), **override(reason_code="false_damage", **sold)))
    assert (item["override"]["condition"], item["override"]["defects"]) == ("intact", [])
    (other,) = items_of(qa, bench.bring(fresh(), **override(reason_code="wrong_severity", **sold)))
    assert (other["override"]["condition"], other["override"]["defects"]) == ("minor", ["scratch"])


def test_a_sure_verdict_that_nobody_doubts_is_not_asked(bench: Bench, qa: httpx2.Client) -> None:
    inspection = bench.bring(fresh(), person=None)
    assert items_of(qa, inspection) == []
    with bench.running.hub.database.transaction() as connection:
        assert connection.execute(sa.select(due).where(due.c.inspection_id == inspection)).all() == []


def test_holds_novel_goods_and_unsure_models_are_asked(bench: Bench, qa: httpx2.Client) -> None:
    hold = {"disposition": "hold", "grade": None, "decided_by": "policy"}
    (held,) = items_of(qa, bench.bring(fresh(), verdict=hold))
    assert set(held["reasons"]) == {"hold"}
    (novel,) = items_of(qa, bench.bring(fresh(), assessment=assessment(novel=True, novelty=0.97)))
    assert novel["reasons"] == {"novel": 0.97}
    (unsure,) = items_of(qa, bench.bring(fresh(), assessment=assessment(confident=False)))
    assert set(unsure["reasons"]) == {"low_confidence"}


def test_views_that_see_different_things_are_all_asked(bench: Bench, qa: httpx2.Client) -> None:
    found = items_of(qa, bench.bring(fresh(), fresh(), assessment=assessment(confident=False, decided_by="top")))
    assert {each["view"]: set(each["reasons"]) for each in found} == {
        "top": {"views", "low_confidence"},
        "front": {"views"},
    }


def test_pictures_that_come_after_their_report_are_asked_when_they_are_here(bench: Bench, qa: httpx2.Client) -> None:
    late = fresh()
    inspection = bench.bring(late, send=False)
    assert items_of(qa, inspection) == []
    bench.send(late)
    with bench.running.hub.database.transaction() as connection:
        mine = due.c.inspection_id == inspection
        assert connection.execute(sa.select(due.c.not_before > sa.func.now()).where(mine)).scalar_one()
        connection.execute(due.update().where(mine).values(not_before=sa.func.now()))
    bench.fill()
    assert len(items_of(qa, inspection)) == 1


def test_looking_through_a_report_twice_changes_nothing(bench: Bench, qa: httpx2.Client) -> None:
    inspection = bench.bring(fresh())
    before = items_of(qa, inspection)
    with bench.running.hub.database.transaction() as connection:
        row = {"merchant_id": bench.running.merchant, "inspection_id": inspection, "revision": 1}
        connection.execute(due.insert().values(row))
    assert bench.fill() == 1
    assert items_of(qa, inspection) == before


def test_a_photograph_that_is_there_already_is_folded_and_another_is_not(bench: Bench, qa: httpx2.Client) -> None:
    seed = uuid4().int % 2**32
    first = bench.bring(jpeg(scene(seed)))
    again, other = bench.bring(jpeg(scene(seed), quality=70)), bench.bring(jpeg(scene(seed + 1)))
    (item,) = items_of(qa, first)
    assert item["alike"] == 1
    assert items_of(qa, again) == []
    assert len(items_of(qa, again, state="folded")) == 1
    assert len(items_of(qa, other)) == 1


def test_the_most_valuable_comes_first_and_pages_join(bench: Bench, qa: httpx2.Client) -> None:
    hold = {"disposition": "hold", "grade": None, "decided_by": "policy"}
    for members in ({"verdict": hold}, override(), {"assessment": assessment(novel=True, novelty=0.7)}):
        bench.bring(fresh(), **members)
    whole = qa.get("/v1/review/items", params={"limit": 200}).json()["items"]
    values = [each["value"] for each in whole]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) > 1
    pieces, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = qa.get("/v1/review/items", params=query).json()
        pieces += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pieces == [each["id"] for each in whole]
    assert qa.get("/v1/review/items", params={"cursor": "bm90IG91cnM"}).json()["code"] == "request.cursor"


def test_what_waits_is_counted_by_reason_and_by_state(bench: Bench, qa: httpx2.Client) -> None:
    before = qa.get("/v1/review/counts").json()
    bench.bring(fresh(), **override())
    (item,) = items_of(qa, bench.bring(fresh(), **override()))
    qa.post(f"/v1/review/items/{item['id']}/labels", json=DENT)
    after = qa.get("/v1/review/counts").json()
    assert after["reasons"]["override"] == before["reasons"].get("override", 0) + 1
    assert after["states"]["accepted"] == before["states"].get("accepted", 0) + 1
    assert after["labelled_today"] == before["labelled_today"] + 1


def test_two_people_never_get_the_same_picture(bench: Bench, people: Come) -> None:
    for _ in range(4):
        bench.bring(fresh(), fill=False, **override())
    bench.fill()
    anna, bo = people(Role.QA_ENGINEER), people(Role.SUPERVISOR)
    given = [
        {each["id"] for each in client.post("/v1/review/leases", json={"count": 2}).json()["items"]}
        for client in (anna, bo, anna)
    ]
    assert [len(each) for each in given] == [2, 2, 2]
    assert not given[0] & given[1]
    assert given[0] == given[2], "a page that is loaded again gets what it had"
    (one, *_) = given[0]
    refused = bo.post(f"/v1/review/items/{one}/labels", json=DENT)
    assert (refused.status_code, refused.json()["code"]) == (409, "review.leased")


def test_what_was_labelled_is_never_asked_again(bench: Bench, qa: httpx2.Client, people: Come) -> None:
    data = fresh()
    (item,) = items_of(qa, bench.bring(data))
    assert qa.post(f"/v1/review/items/{item['id']}/labels", json=DENT).json()["state"] == "accepted"
    bench.bring(data, **override(reason_code="wrong_severity"))
    for client in (qa, people(Role.QA_ENGINEER)):
        given = client.post("/v1/review/leases", json={"count": 20}).json()["items"]
        assert item["id"] not in {each["id"] for each in given}


def test_one_in_ten_is_of_the_random_audit_whatever_its_value(bench: Bench, people: Come) -> None:
    inspection = bench.bring(fresh(), **override())
    qa = people(Role.QA_ENGINEER)
    (item,) = items_of(qa, inspection)
    with bench.running.hub.database.transaction() as connection:
        mine = items.c.id == item["id"]
        connection.execute(items.update().where(mine).values(reasons={"audit": 0.1}, uncertainty=0.0001))
    for _ in range(10):
        bench.bring(fresh(), fill=False, **override())
    bench.fill()
    seen = []
    for _ in range(10):
        (given,) = qa.post("/v1/review/leases", json={"count": 1}).json()["items"]
        seen.append(given["id"])
        qa.post(f"/v1/review/items/{given['id']}/skip")
    assert seen.index(item["id"]) == 9


def test_an_erased_customers_pictures_leave_the_queue_and_what_they_stood_for_is_asked(
    running: RunningHub, bench: Bench, qa: httpx2.Client, admin: httpx2.Client
) -> None:
    seed, rma = uuid4().int % 2**32, f"R-{uuid4().hex[:8]}"
    first = bench.bring(jpeg(scene(seed)), **override(), rma=rma)
    second = bench.bring(jpeg(scene(seed), quality=70))
    (item,) = items_of(qa, first)
    assert qa.post(f"/v1/review/items/{item['id']}/labels", json=DENT).status_code == 201
    asked = admin.post("/v1/persons/erasures", json={"person": {"rma": rma}, "reason": "asked for"})
    erasing.carry_out(running.hub, running.merchant, asked.json()["id"])
    assert qa.get(f"/v1/review/items/{item['id']}").status_code == 404
    with running.hub.database.transaction() as connection:
        known = {each.image_sha256 for each in labels.accepted(connection, running.merchant)}
    assert sha256(jpeg(scene(seed))) not in known
    assert len(items_of(qa, second)) == 1


def test_pictures_of_another_merchant_are_not_to_be_seen(bench: Bench, qa: httpx2.Client) -> None:
    (item,) = items_of(qa, bench.bring(fresh()))
    with bench.running.hub.database.transaction() as connection:
        other = connection.execute(sa.text("INSERT INTO merchants (name) VALUES (:n) RETURNING id"), {"n": uuid4().hex})
        values = {"merchant_id": other.scalar_one()}
        connection.execute(items.update().where(items.c.id == item["id"]).values(values))
    assert qa.get(f"/v1/review/items/{item['id']}").status_code == 404
    assert qa.post(f"/v1/review/items/{item['id']}/labels", json=DENT).status_code == 404
    given = qa.post("/v1/review/leases", json={"count": 20}).json()["items"]
    assert item["id"] not in {each["id"] for each in given}


def test_the_share_of_double_labelling_and_audit_is_what_is_configured() -> None:
    shares = [sum(chosen("s", str(n), share) for n in range(20_000)) / 20_000 for share in (0, 0.01, 0.2, 1)]
    assert shares[0] == 0
    assert shares[3] == 1
    assert abs(shares[1] - 0.01) < 0.003
    assert abs(shares[2] - 0.2) < 0.01
    assert all(a <= b for a, b in pairwise(shares))
