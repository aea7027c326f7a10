"""Labels: sensible, by one or two people, disputed, decided, undone; and what counts in the end."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sklearn.metrics import cohen_kappa_score

from datasets.manifest import read_manifest
from inspection.finding import Condition, Defect
from inspection.hub.accounts.matrix import Role
from inspection.hub.review import labels
from inspection.hub.review.kappa import kappa, squared
from inspection.hub.review.labels import AcceptedLabel
from inspection.hub.review.tables import items
from tests.hub.conftest import RunningHub
from tests.hub.reports import sha256
from tests.hub.review.conftest import Bench, items_of, jpeg, scene

Come = Callable[[Role], httpx2.Client]
BOX = {"x": 1, "y": 2, "width": 30, "height": 40, "defect": "dent"}
DENT: dict[str, Any] = {"condition": "major", "defects": ["dent"], "boxes": [BOX], "useless": False}
INTACT: dict[str, Any] = {"condition": "intact"}
USELESS: dict[str, Any] = {"useless": True}


@pytest.fixture
def photograph() -> bytes:
    return jpeg(scene(uuid4().int % 2**32))


@pytest.fixture
def item(bench: Bench, qa: httpx2.Client, photograph: bytes) -> dict[str, Any]:
    (found,) = items_of(qa, bench.bring(photograph))
    return found


@pytest.fixture
def twice(running: RunningHub, item: dict[str, Any]) -> dict[str, Any]:
    """One that two people label."""
    with running.hub.database.transaction() as connection:
        connection.execute(items.update().where(items.c.id == item["id"]).values(needed=2))
    return item


def say(client: httpx2.Client, item: dict[str, Any], said: dict[str, Any], how: str = "labels") -> httpx2.Response:
    return client.post(f"/v1/review/items/{item['id']}/{how}", json=said)


def counting(running: RunningHub, data: bytes) -> AcceptedLabel | None:
    with running.hub.database.transaction() as connection:
        found = [each for each in labels.accepted(connection, running.merchant) if each.image_sha256 == sha256(data)]
    assert len(found) <= 1
    return found[0] if found else None


def test_a_label_counts_with_all_that_a_data_set_needs(
    running: RunningHub, qa: httpx2.Client, item: dict[str, Any], photograph: bytes
) -> None:
    answer = say(qa, item, DENT | {"source": "override", "took_ms": 1800})
    assert (answer.status_code, answer.json()["state"]) == (201, "accepted")
    label = counting(running, photograph)
    assert label is not None
    assert str(label.inspection_id) == item["inspection_id"]
    assert (label.condition, label.defects, label.source) == ("major", ("dent",), "override")
    assert (label.view, label.station_id, label.goods, label.useless) == ("top", "station-07", "unknown", False)
    assert (label.boxes[0].x, label.boxes[0].height, label.boxes[0].defect) == (1, 40, "dent")
    assert label.item_key.endswith("/6789")
    assert label.customer_key is not None
    assert len(label.labellers) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": "intact", "defects": ["dent"]},
        {"condition": "minor", "defects": []},
        {"condition": None},
        {"condition": "minor", "defects": ["dent"], "useless": True},
        {"condition": "minor", "boxes": [BOX | {"width": 4000}]},
        {"condition": "minor", "defects": ["bruise"]},
        {"condition": "minor", "defects": ["dent"], "note": "x"},
    ],
    ids=str,
)
def test_a_label_that_contradicts_itself_is_refused_with_the_place(
    running: RunningHub, qa: httpx2.Client, item: dict[str, Any], photograph: bytes, wrong: dict[str, Any]
) -> None:
    answer = say(qa, item, wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert answer.json()["errors"][0]["pointer"]
    assert counting(running, photograph) is None


def test_the_same_label_again_is_harmless_and_another_is_refused(qa: httpx2.Client, item: dict[str, Any]) -> None:
    first, again = say(qa, item, DENT), say(qa, item, DENT)
    assert first.json() == again.json()
    assert say(qa, item, INTACT).json()["code"] == "review.labelled"


def test_two_who_say_the_same_settle_it_and_the_first_is_not_told_to_the_second(
    running: RunningHub, qa: httpx2.Client, people: Come, twice: dict[str, Any], photograph: bytes
) -> None:
    other = people(Role.SUPERVISOR)
    assert say(qa, twice, DENT).json()["state"] == "second"
    assert counting(running, photograph) is None
    assert other.get(f"/v1/review/items/{twice['id']}").json()["labels"] == []
    assert say(other, twice, DENT | {"boxes": []}).json()["state"] == "accepted"
    label = counting(running, photograph)
    assert label is not None
    assert len(label.labellers) == 2
    assert len(label.boxes) == 1, "boxes of whoever drew some"


def test_two_who_differ_leave_it_to_a_third(
    running: RunningHub, qa: httpx2.Client, people: Come, twice: dict[str, Any], photograph: bytes
) -> None:
    say(qa, twice, DENT)
    other, third = people(Role.QA_ENGINEER), people(Role.QA_ENGINEER)
    assert say(other, twice, INTACT).json()["state"] == "disputed"
    assert say(third, twice, INTACT).json()["code"] == "review.labelled"
    assert say(qa, twice, INTACT, "decision").json()["code"] == "review.own"
    assert len(third.get(f"/v1/review/items/{twice['id']}").json()["labels"]) == 2
    assert say(third, twice, INTACT, "decision").json()["state"] == "accepted"
    label = counting(running, photograph)
    assert label is not None
    assert (label.condition, label.source, len(label.labellers)) == ("intact", "adjudicated", 3)
    assert say(third, twice, DENT, "decision").status_code == 201
    newer = counting(running, photograph)
    assert newer is not None
    assert newer.condition == "major"
    assert newer.label_id != label.label_id


def test_a_supervisor_labels_and_does_not_decide(people: Come, item: dict[str, Any]) -> None:
    supervisor = people(Role.SUPERVISOR)
    assert say(supervisor, item, DENT, "decision").json()["code"] == "token.scope"
    assert supervisor.get("/v1/review/labels.csv").status_code == 403


def test_undo_takes_back_and_gives_the_picture_again(
    running: RunningHub, qa: httpx2.Client, people: Come, item: dict[str, Any], photograph: bytes
) -> None:
    made = say(qa, item, DENT).json()
    stranger = people(Role.QA_ENGINEER)
    assert stranger.delete(f"/v1/review/labels/{made['label_id']}").json()["code"] == "review.unknown_label"
    for _ in range(2):
        undone = qa.delete(f"/v1/review/labels/{made['label_id']}")
        assert undone.json()["item"]["state"] == "open"
    assert counting(running, photograph) is None
    assert say(stranger, item, DENT).json()["code"] == "review.leased"
    assert say(qa, item, INTACT).json()["state"] == "accepted"
    label = counting(running, photograph)
    assert label is not None
    assert label.condition == "intact"


def test_undo_takes_back_a_skip_and_not_what_another_built_on(
    qa: httpx2.Client, people: Come, twice: dict[str, Any]
) -> None:
    assert qa.post(f"/v1/review/items/{twice['id']}/skip").status_code == 204
    assert qa.delete("/v1/review/labels").json()["item"]["id"] == twice["id"]
    first = say(qa, twice, DENT).json()
    say(people(Role.QA_ENGINEER), twice, INTACT)
    assert qa.delete(f"/v1/review/labels/{first['label_id']}").json()["code"] == "review.settled"
    assert people(Role.QA_ENGINEER).delete("/v1/review/labels").json()["code"] == "review.unknown_label"


def test_the_labels_train_a_model_as_they_are(
    bench: Bench, qa: httpx2.Client, item: dict[str, Any], photograph: bytes, tmp_path: Any
) -> None:
    say(qa, item, DENT)
    (useless,) = items_of(qa, bench.bring(jpeg(scene(uuid4().int % 2**32))))
    say(qa, useless, USELESS)
    text = qa.get("/v1/review/labels.csv")
    assert text.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert list(rows[0]) == [*["file", "set", "goods", "defects", "condition", "group", "capture", "licence", "note"]]
    assert not any(useless["image_sha256"] in row["file"] for row in rows)
    (mine,) = [row for row in rows if row["file"] == f"{sha256(photograph)}.jpg"]
    (tmp_path / "manifest.csv").write_text(text.text)
    for row in rows:
        name = row["file"]
        (tmp_path / name).write_bytes(qa.get(f"/v1/images/{name.partition('.')[0]}").content)
    sample = next(each for each in read_manifest(tmp_path) if each.path.name == mine["file"])
    assert sample.condition is Condition.MAJOR
    assert sample.defects == {Defect.DENT}


def test_agreement_is_told_as_it_was_before_anybody_decided(
    running: RunningHub, bench: Bench, qa: httpx2.Client, people: Come
) -> None:
    other, third = people(Role.QA_ENGINEER), people(Role.QA_ENGINEER)
    before = qa.get("/v1/review/agreement").json()
    for said in ((DENT, DENT), (DENT, INTACT), (INTACT, INTACT)):
        (found,) = items_of(qa, bench.bring(jpeg(scene(uuid4().int % 2**32))))
        with running.hub.database.transaction() as connection:
            connection.execute(items.update().where(items.c.id == found["id"]).values(needed=2))
        for client, each in zip((qa, other), said, strict=True):
            assert say(client, found, each).status_code == 201
        if said[0] is not said[1]:
            say(third, found, DENT, "decision")
    after = qa.get("/v1/review/agreement").json()
    assert after["pairs"] == before["pairs"] + 3
    assert after["same"] == before["same"] + 2
    dent = next(each for each in after["defects"] if each["defect"] == "dent")
    assert dent["kappa"] is not None
    assert dent["one"] >= 1


def test_kappa_is_that_of_the_papers() -> None:
    # Cohen 1960 gives no such small table; this is the textbook one: 20, 5, 10, 15 of 50 -> 0.4.
    pairs = [(1, 1)] * 20 + [(1, 0)] * 5 + [(0, 1)] * 10 + [(0, 0)] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([(1, 1)] * 5) is None
    assert kappa([]) is None
    near, far = [(0, 1), (1, 2), (2, 2), (3, 3), (0, 0)], [(0, 3), (1, 2), (2, 2), (3, 3), (0, 0)]
    assert (kappa(near, squared) or 0) > (kappa(far, squared) or 0)
    first, second = zip(*near, strict=True)
    assert kappa(near, squared) == pytest.approx(cohen_kappa_score(first, second, weights="quadratic"))


def doubt(photograph: bytes, **changes: Any) -> dict[str, Any]:
    base = {
        "image_sha256": sha256(photograph), "goods": "can", "given": {"condition": "intact", "defects": []},
        "suggested": {"condition": "major", "defects": ["dent"]}, "score": 0.97,
    }  # fmt: skip
    return base | changes


@pytest.mark.parametrize(("decision", "condition"), [("confirm", "major"), ("dismiss", "intact")])
def test_a_doubted_label_is_confirmed_or_dismissed_once(
    running: RunningHub, bench: Bench, qa: httpx2.Client, decision: str, condition: str
) -> None:
    photograph = jpeg(scene(uuid4().int % 2**32))
    bench.send(photograph)
    suspects = {"suspects": [doubt(photograph), doubt(b"never sent")]}
    assert qa.post("/v1/review/suspects", json=suspects).json() == {"listed": 1, "known": 0, "unheld": 1}
    assert qa.post("/v1/review/suspects", json=suspects).json() == {"listed": 0, "known": 1, "unheld": 1}
    listed = qa.get("/v1/review/suspects", params={"limit": 200}).json()["suspects"]
    (mine,) = [each for each in listed if each["image_sha256"] == sha256(photograph)]
    for _ in range(2):
        answer = qa.post(f"/v1/review/suspects/{mine['id']}", json={"decision": decision})
        assert answer.status_code == 200, answer.text
    label = counting(running, photograph)
    assert label is not None
    assert (label.condition, label.source) == (condition, "suspect")
    other = "dismiss" if decision == "confirm" else "confirm"
    assert qa.post(f"/v1/review/suspects/{mine['id']}", json={"decision": other}).json()["code"] == "review.settled"
    corrected = {"given": {"condition": "major", "defects": ["dent"]}, "suggested": {"condition": "intact"}}
    again = doubt(photograph, **(corrected if decision == "confirm" else {}))
    assert qa.post("/v1/review/suspects", json={"suspects": [again]}).json()["known"] == 1
