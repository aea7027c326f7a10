"""From a verdict to everything it stands on: one call, one page, nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from inspection.hub.accounts.matrix import Role
from inspection.hub.bundles.tables import bundles
from inspection.hub.datasets.tables import members, versions
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.lineage import sources
from inspection.hub.review.tables import accepted
from inspection.hub.review.tables import items as review_items
from tests.hub.accounts.conftest import client_as
from tests.hub.conftest import RunningHub
from tests.hub.reports import fields, picture, png, report, sha256

SHIPPED = sources.shipped()


def judged(**changes: Any) -> dict[str, Any]:
    """Members of a report that the shipped bundle made."""
    assert SHIPPED is not None
    base = fields()
    base["assessment"]["bundle_id"] = SHIPPED.bundle_id
    versions = base["versions"] | {"bundle": SHIPPED.bundle_id, "calibration": {"top": "cal-1"}}
    return {"assessment": base["assessment"], "versions": versions, **changes}


def test_one_call_goes_from_the_verdict_to_signers_parents_data_code_policy_calibration_and_ledger(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client
) -> None:
    assert SHIPPED is not None
    data = png(uuid4().int)
    sent = report(**judged(pictures=[picture(data)]))
    assert station.put(f"/v1/images/{sha256(data)}", content=data).status_code == 201
    assert station.post("/v1/inspections", json=sent).status_code == 201
    sequence_all(running.hub.database, open_log(running.hub.config))
    found = admin.get(f"/v1/lineage/{sent['inspection_id']}").json()
    (revision,) = found["revisions"]
    assert revision["evidence_hash"] == sent["evidence_hash"]
    assert revision["policy"]["rule_id"] == "R12"
    assert revision["software"] == "0.1.0"
    assert revision["ledger"]["leaf_index"] is not None
    assert revision["ledger"]["checkpoint"] > revision["ledger"]["leaf_index"]
    (shown,) = found["pictures"]
    assert (shown["calibration"], shown["held"], shown["erased"]) == ("cal-1", True, False)
    assert shown["ledger"]["leaf_hash"] != revision["ledger"]["leaf_hash"]
    bundle, *parents = found["bundles"]
    assert bundle["known"] == "shipped"
    assert "training" in bundle["signers"]
    assert bundle["code"] == SHIPPED.code
    assert {each["name"]: each["sha256"] for each in bundle["data"]} == SHIPPED.data
    assert bundle["parent"] == SHIPPED.parent
    told = [] if SHIPPED.parent is None else [(SHIPPED.parent, "no")]
    assert [(each["bundle_id"], each["known"]) for each in parents[:1]] == told


def test_every_revision_says_who_decided_and_the_newest_comes_first(
    admin: httpx2.Client, station: httpx2.Client
) -> None:
    name = str(uuid4())
    said = {
        "disposition": "scrap",
        "overrides": True,
        "reason_code": "model_wrong",
        "who": "badge-7",
        "at": "2026-11-21T08:00:09+08:00",
        "approved_by": "badge-1",
    }
    over = judged(inspection_id=name, revision=2, person=said, verdict={"disposition": "scrap", "decided_by": "person"})
    for each in (report(**judged(inspection_id=name)), report(**over)):
        assert station.post("/v1/inspections", json=each).status_code == 201
    newest, first = admin.get(f"/v1/lineage/{name}").json()["revisions"]
    assert (newest["revision"], newest["disposition"], newest["decided_by"]) == (2, "scrap", "person")
    assert (newest["person"]["who"], newest["person"]["approved_by"]) == ("badge-7", "badge-1")
    assert (first["person"], first["disposition"]) == (None, "resell")


def test_an_item_that_no_model_judged_has_no_bundle(admin: httpx2.Client, station: httpx2.Client) -> None:
    versions = fields()["versions"] | {"bundle": None}
    sent = report(assessment=None, versions=versions)
    station.post("/v1/inspections", json=sent)
    assert admin.get(f"/v1/lineage/{sent['inspection_id']}").json()["bundles"] == []


def test_a_bundle_that_nobody_here_knows_is_named_as_such(admin: httpx2.Client, station: httpx2.Client) -> None:
    sent = report()
    station.post("/v1/inspections", json=sent)
    (bundle,) = admin.get(f"/v1/lineage/{sent['inspection_id']}").json()["bundles"]
    assert (bundle["bundle_id"], bundle["known"]) == ("default@1+0123456789ab", "no")


def test_an_unknown_inspection_is_said_to_be_one(admin: httpx2.Client) -> None:
    answer = admin.get(f"/v1/lineage/{uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "inspection.unknown")


@pytest.mark.parametrize(("role", "status"), [(Role.QA_ENGINEER, 200), (Role.AUDITOR, 200), (Role.OPERATOR, 403)])
def test_who_answers_for_quality_sees_where_verdicts_come_from(
    running: RunningHub, station: httpx2.Client, role: Role, status: int
) -> None:
    sent = report()
    station.post("/v1/inspections", json=sent)
    with client_as(running, role) as client:
        assert client.get(f"/v1/lineage/{sent['inspection_id']}").status_code == status


@pytest.mark.parametrize("tag", ["en", "zh-CN", "th", "vi"])
def test_the_page_shows_it_in_every_language(admin: httpx2.Client, station: httpx2.Client, tag: str) -> None:
    data = png(uuid4().int)
    sent = report(**judged(pictures=[picture(data)]))
    station.put(f"/v1/images/{sha256(data)}", content=data)
    station.post("/v1/inspections", json=sent)
    page = admin.get(f"/console/quality/lineage/{sent['inspection_id']}", params={"lang": tag})
    assert page.status_code == 200
    assert sent["evidence_hash"] in page.text
    assert f"/console/quality/lineage/pictures/{sha256(data)}" in page.text
    shown = admin.get(f"/console/quality/lineage/pictures/{sha256(data)}")
    assert shown.content == data
    assert "no-store" in shown.headers["cache-control"]
    search = admin.get("/console/quality/lineage", params={"lang": tag})
    assert sent["inspection_id"] in search.text


def test_the_search_leads_to_the_inspection_and_says_when_it_is_no_id(admin: httpx2.Client) -> None:
    name = str(uuid4())
    there = admin.get("/console/quality/lineage", params={"inspection": f" {name} "})
    assert (there.status_code, there.headers["location"]) == (303, f"/console/quality/lineage/{name}")
    assert "not the id" in admin.get("/console/quality/lineage", params={"inspection": "x"}).text


def test_data_versions_labels_and_labellers_of_a_published_bundle_are_named(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client
) -> None:
    data, name = png(uuid4().int), f"own@1+{uuid4().hex[:12]}"
    base = fields()
    base["assessment"]["bundle_id"] = name
    sent = report(assessment=base["assessment"], versions=base["versions"] | {"bundle": name}, pictures=[picture(data)])
    station.put(f"/v1/images/{sha256(data)}", content=data)
    station.post("/v1/inspections", json=sent)
    mine = {"merchant_id": running.merchant}
    version = {
        "id": "week@0123456789ab", "name": "week", "reason": "test", "sha256": "1" * 64, "size_bytes": 1,
        "pictures": 7, "counts": {}, "digests": ["2" * 64], "seen_by": [], "made_by": "test",
    }  # fmt: skip
    bundle = {
        "bundle_id": name, "kind": "bundle", "name": "own", "version": "1", "sha256": "3" * 64,
        "archive_sha256": "4" * 64, "archive_bytes": 1, "signers": ["training"], "parent": "older@1+0123456789ab",
        "lineage": {"code": "1.0 abc", "config": {"dataset": "gone@0123456789ab"}}, "data": {"reviewed": "2" * 64},
        "figures": {}, "published_by": "trainer",
    }  # fmt: skip
    item = {
        "id": uuid4(), "image_sha256": sha256(data), "inspection_id": UUID(sent["inspection_id"]), "view": "top",
        "station_id": "station-07", "item_key": "x", "captured_at": datetime.now(UTC), "goods": "can",
        "width": 4, "height": 3, "reasons": {}, "uncertainty": 0.5, "cost": 1,
    }  # fmt: skip
    label = {
        "item_id": item["id"], "image_sha256": sha256(data), "condition": "minor", "defects": ["scratch"], "boxes": [],
        "useless": False, "labellers": ["anna", "bo"], "source": "person",
    }  # fmt: skip
    with running.hub.database.transaction() as connection:
        connection.execute(review_items.insert().values(mine | item))
        connection.execute(accepted.insert().values(mine | label))
    with running.hub.database.transaction() as connection:
        connection.execute(versions.insert().values(mine | version))
        connection.execute(members.insert().values(mine | {"version": version["id"], "sha256": sha256(data)}))
        connection.execute(bundles.insert().values(mine | bundle))
    found = admin.get(f"/v1/lineage/{sent['inspection_id']}").json()
    (shown,) = found["pictures"]
    assert (shown["label"]["condition"], shown["label"]["labellers"]) == ("minor", ["anna", "bo"])
    first, parent = found["bundles"]
    assert (first["known"], first["signers"], first["published_by"]) == ("registry", ["training"], "trainer")
    assert (first["code"], parent["bundle_id"]) == ("1.0 abc", "older@1+0123456789ab")
    here, gone = first["datasets"]
    assert (here["version_id"], here["pictures"], here["labels"]) == (version["id"], 7, 1)
    assert here["labellers"] == ["anna", "bo"]
    assert (gone["version_id"], gone["known"]) == ("gone@0123456789ab", False)
    page = admin.get(f"/console/quality/lineage/{sent['inspection_id']}").text
    assert str(version["id"]) in page
    assert "anna" in page
