"""Reports in: once each, in any order, never overwritten, never believed without their evidence hash."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.evidence import evidence_hash
from inspection.hub.schema import events, inspections
from tests.hub.conftest import RunningHub
from tests.hub.reports import CONFIRMED, fields, picture, png, report, sha256


def post(client: httpx2.Client, body: dict[str, Any]) -> httpx2.Response:
    return client.post("/v1/inspections", json=body)


def resealed(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"evidence_hash": evidence_hash(body)}


def rows(running: RunningHub, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> list[Any]:
    with running.hub.database.transaction() as connection:
        return list(connection.execute(sa.select(table).where(*conditions)))


def of_subject(running: RunningHub, subject: str) -> list[str]:
    return [row.kind for row in rows(running, events, events.c.subject == subject)]


def test_a_report_is_stored_with_its_event(running: RunningHub, station: httpx2.Client) -> None:
    body = report()
    answer = post(station, body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["missing_images"] == []
    read = station.get(f"/v1/inspections/{body['inspection_id']}").json()
    assert read["report"] == body
    assert read["complete"] is True
    assert of_subject(running, body["inspection_id"]) == ["inspection_confirmed"]


def test_a_repeat_is_told_apart_from_a_conflict(running: RunningHub, station: httpx2.Client) -> None:
    body = report()
    other = resealed(body | {"station_id": "station-08"})
    assert post(station, body).status_code == 201
    again, conflict = post(station, body), post(station, other)
    assert (again.status_code, again.json()["code"]) == (409, "inspection.exists")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "inspection.conflict")
    assert again.json()["type"] != conflict.json()["type"]
    assert station.get(f"/v1/inspections/{body['inspection_id']}").json()["report"] == body


def test_twenty_at_once_become_one_row_and_one_event(running: RunningHub, station: httpx2.Client) -> None:
    body = report(pictures=[picture(png(1)), picture(png(2), "front")])
    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda _: post(station, body), range(20)))
    assert statuses == [201] + [409] * 19
    assert len(rows(running, inspections, inspections.c.inspection_id == body["inspection_id"])) == 1
    assert of_subject(running, body["inspection_id"]) == ["inspection_confirmed"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_revisions_may_come_in_any_order(running: RunningHub, station: httpx2.Client, order: tuple[int, ...]) -> None:
    inspection_id = str(uuid4())
    for revision in order:
        body = report(inspection_id=inspection_id, revision=revision, rma=f"RMA-{revision}")
        assert post(station, body).status_code == 201
    read = station.get(f"/v1/inspections/{inspection_id}").json()
    assert (read["revision"], read["rma"]) == (3, "RMA-3")
    assert [each["revision"] for each in read["revisions"]] == [1, 2, 3]
    assert sorted(of_subject(running, inspection_id)) == ["inspection_confirmed"] + ["inspection_corrected"] * 2


def test_pictures_may_come_before_or_after_the_report(station: httpx2.Client) -> None:
    before, after = png(11), png(12)
    assert station.put(f"/v1/images/{sha256(before)}", content=before).status_code == 201
    body = report(pictures=[picture(before), picture(after, "front")])
    assert post(station, body).json()["missing_images"] == [sha256(after)]
    read = station.get(f"/v1/inspections/{body['inspection_id']}").json()
    assert ([image["held"] for image in read["images"]], read["complete"]) == ([True, False], False)
    assert station.put(f"/v1/images/{sha256(after)}", content=after).status_code == 201
    assert station.get(f"/v1/inspections/{body['inspection_id']}").json()["complete"] is True
    assert post(station, body).json()["missing_images"] == []


def test_a_changed_report_is_refused(running: RunningHub, station: httpx2.Client) -> None:
    body = report()
    body["verdict"] = {"disposition": "scrap", "grade": None, "decided_by": "policy"}
    answer = post(station, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "inspection.evidence_mismatch")
    assert rows(running, inspections, inspections.c.inspection_id == body["inspection_id"]) == []


def test_the_hash_is_taken_over_what_came_not_over_our_reading_of_it(station: httpx2.Client) -> None:
    written_otherwise = fields(confirmed_at="2026-11-21T00:00:03.512000Z")  # we would write it without the zeros
    del written_otherwise["person"]  # we would write null
    body = resealed({**json.loads(json.dumps(written_otherwise)), "schema_version": "1"})
    assert post(station, body).status_code == 201
    read = station.get(f"/v1/inspections/{body['inspection_id']}").json()
    assert read["report"] == body
    assert "person" not in read["report"]


def bad(**changes: Any) -> bytes:
    return json.dumps(resealed(json.loads(json.dumps(fields())) | changes)).encode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "request.not_json"),
        (b"{", 400, "request.not_json"),
        (b'{"a": 1', 400, "request.not_json"),
        (b"\xff\xfe{\x00}\x00", 400, "request.not_json"),
        (b"\x00\x01\x02garbage", 400, "request.not_json"),
        (b'{"novelty": NaN}', 400, "request.not_json"),
        (b'{"a": 1, "a": 2}', 400, "request.not_json"),
        (b'{"a": "\\u0000"}', 400, "request.not_json"),
        (b"[" * 100_00 + b"]" * 100_00, 400, "request.not_json"),
        (b"null", 422, "request.invalid"),
        (b"[]", 422, "request.invalid"),
        (b"{}", 422, "request.invalid"),
        (bad(surprise=1), 422, "request.invalid"),
        (bad(revision=0), 422, "request.invalid"),
        (bad(confirmed_at="2026-11-21T00:00:00"), 422, "request.invalid"),
        (bad(confirmed_at="0001-01-01T00:00:00+14:00"), 422, "request.invalid"),
    ],
)
def test_what_is_no_report_is_refused(station: httpx2.Client, body: bytes, status: int, code: str) -> None:
    answer = station.post("/v1/inspections", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


@pytest.mark.parametrize("values", ['{"x": 1e400}', '{"x": 9007199254740993}', '{"x": "\\ud800"}'])
def test_numbers_and_texts_without_a_canonical_form_are_refused(station: httpx2.Client, values: str) -> None:
    body = report()
    body["policy"]["values"] = "HERE"
    text = json.dumps(body).replace('"HERE"', values)
    answer = station.post("/v1/inspections", content=text, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid"), answer.text


def test_a_refusal_says_where_but_not_what(station: httpx2.Client) -> None:
    body = fields()
    body["person"] = {"disposition": "hold", "overrides": True, "who": "Jane Doe", "at": CONFIRMED, "note": 5}
    answer = post(station, body | {"evidence_hash": "0" * 64})
    assert {"/person/who", "/person/note"} <= {fault["pointer"] for fault in answer.json()["errors"]}
    assert "Jane" not in answer.text


def test_another_media_type_is_refused(station: httpx2.Client) -> None:
    answer = station.post("/v1/inspections", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (415, "request.media_type")


def test_a_report_that_is_too_large_is_refused_whether_its_length_is_told_or_not(station: httpx2.Client) -> None:
    huge = b'{"a": "' + b"x" * 3_000_000 + b'"}'
    told = station.post("/v1/inspections", content=huge, headers={"Content-Type": "application/json"})
    untold = station.post(
        "/v1/inspections",
        content=(huge[at : at + 65536] for at in range(0, len(huge), 65536)),
        headers={"Content-Type": "application/json"},
    )
    for answer in (told, untold):
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")


def test_a_list_is_read_page_by_page_without_gap_or_repeat(station: httpx2.Client) -> None:
    rma = f"PAGES-{uuid4().hex[:8]}"
    sent = {str(uuid4()) for _ in range(7)}
    for inspection_id in sent:
        post(station, report(inspection_id=inspection_id, rma=rma))
    post(station, report(inspection_id=min(sent), rma=rma, revision=2))
    seen: list[str] = []
    cursor = None
    while True:
        page = station.get("/v1/inspections", params={"rma": rma, "limit": 3} | ({"cursor": cursor} if cursor else {}))
        assert page.status_code == 200, page.text
        seen += [each["inspection_id"] for each in page.json()["inspections"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == sent
    assert seen[0] == min(sent)  # its revision 2 came last


def test_a_list_can_be_narrowed_by_disposition(station: httpx2.Client) -> None:
    rma = f"HOLD-{uuid4().hex[:8]}"
    held = report(rma=rma, verdict={"disposition": "hold", "grade": None, "decided_by": "policy"})
    post(station, held)
    post(station, report(rma=rma))
    page = station.get("/v1/inspections", params={"rma": rma, "disposition": "hold"}).json()
    assert [each["inspection_id"] for each in page["inspections"]] == [held["inspection_id"]]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "W10", "WyJ4IiwieSJd", "%%%", "ÿ", "e30", "bnVsbA"])
def test_a_cursor_that_is_not_ours_is_refused(station: httpx2.Client, cursor: str) -> None:
    answer = station.get("/v1/inspections", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.cursor")


def test_epcis_is_the_same_bytes_every_time(station: httpx2.Client) -> None:
    body = report()
    post(station, body)
    first = station.get(f"/v1/inspections/{body['inspection_id']}/epcis")
    assert first.headers["content-type"] == "application/ld+json"
    assert first.content == station.get(f"/v1/inspections/{body['inspection_id']}/epcis").content
    steps = [event["bizStep"] for event in first.json()["epcisBody"]["eventList"]]
    assert steps == ["receiving", "inspecting", "stocking"]


def test_events_cannot_be_changed_or_removed(running: RunningHub, station: httpx2.Client) -> None:
    post(station, report())
    for statement in ("UPDATE events SET kind = 'x'", "DELETE FROM events", "TRUNCATE events CASCADE"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), running.hub.database.transaction() as connection:
            connection.execute(sa.text(statement))


def test_counts_are_exact(running: RunningHub, station: httpx2.Client) -> None:
    before = station.get("/v1/stats").json()
    missing = png(77)
    body = report(pictures=[picture(missing)])
    post(station, body)
    post(station, report(inspection_id=body["inspection_id"], revision=2, pictures=[picture(missing)]))
    after = station.get("/v1/stats").json()
    assert after["inspections"] - before["inspections"] == 1
    assert after["revisions"] - before["revisions"] == 2
    assert after["images_missing"] - before["images_missing"] == 1
    assert after["events"] - before["events"] == 2
    assert sum(after["dispositions"].values()) == after["inspections"]
