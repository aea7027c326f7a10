"""Versions of accepted labels: made, compared, exported, and made anew when somebody is erased."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa

from datasets.versions.folders import set_digests
from datasets.versions.store import VersionStore
from datasets.versions.version import read_version
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tokens import grant, new_token
from inspection.hub.backup.making import _pictures
from inspection.hub.bundles.tables import bundles
from inspection.hub.datasets import erasing as excluding
from inspection.hub.datasets import service
from inspection.hub.datasets.labelled import key_of
from inspection.hub.people import erasing
from inspection.hub.problems import Problem
from tests.datasets.labelled import drawn
from tests.hub.conftest import RunningHub
from tests.hub.datasets.conftest import Label
from tests.hub.reports import sha256
from tests.hub.test_returns import case

BOX = {"x": 1, "y": 2, "width": 30, "height": 40, "defect": "dent"}
DENT: dict[str, Any] = {"condition": "major", "defects": ["dent"], "boxes": [BOX], "useless": False}
USELESS: dict[str, Any] = {"useless": True}


def make(client: httpx2.Client, **said: Any) -> dict[str, Any]:
    answer = client.post("/v1/datasets", json={"name": "returns", **said})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def base(running: RunningHub, tmp_path: Path) -> str:
    """A version brought in from a folder."""
    store = VersionStore(tmp_path / "store")
    version = drawn(store)
    store.write(version)
    row = service.bring_in(running.hub, running.merchant, store, version, "test")
    return str(row.id)


def test_a_version_holds_what_people_accepted_and_its_id_is_its_hash(qa: httpx2.Client, label: Label) -> None:
    dented, useless = label(DENT), label(USELESS)
    made = make(qa)
    assert made["useless"] >= 1
    manifest = qa.get(f"/v1/datasets/{made['id']}/manifest")
    assert hashlib.sha256(manifest.content).hexdigest() == made["sha256"]
    version = read_version(manifest.content, made["id"])
    entry = version.by_hash[sha256(dented)]
    assert (entry.condition, entry.defects, entry.view) == ("major", ("dent",), "top")
    assert [(mark.x, mark.y, mark.width, mark.height) for mark in entry.marks] == [(1, 2, 30, 40)]
    assert (entry.station, entry.consent, entry.source) == ("station-07", "terms", "review")
    assert entry.item.endswith("/6789")
    assert entry.customer
    assert entry.group
    assert entry.label
    assert sha256(useless) not in version.by_hash
    assert make(qa)["id"] == made["id"]  # nothing was labelled meanwhile
    listed = qa.get("/v1/datasets").json()["datasets"]
    assert [each["id"] for each in listed].count(made["id"]) == 1


def test_labels_go_over_a_base_and_the_difference_is_said(qa: httpx2.Client, label: Label, base: str) -> None:
    before = make(qa, base=base)
    photograph = label(DENT)
    after = make(qa, base=before["id"])
    assert after["parent"] == before["id"]
    changes = qa.get(f"/v1/datasets/{before['id']}/changes/{after['id']}").json()
    assert [each["sha256"] for each in changes["added"]] == [sha256(photograph)]
    assert changes["counts"]["removed"] == changes["counts"]["moved"] == 0
    assert after["counts"]["set"]["shop"] == 4


def test_what_is_not_there_or_not_allowed_is_said(running: RunningHub, qa: httpx2.Client) -> None:
    unknown = "returns@0123456789ab"
    for path in (unknown, f"{unknown}/manifest", f"{unknown}/changes/{unknown}"):
        answer = qa.get(f"/v1/datasets/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "dataset.unknown")
    for body in ({"name": "../x"}, {"name": "x", "exam_share": 2}, {"name": "x", "more": 1}, {}):
        assert qa.post("/v1/datasets", json=body).json()["code"] == "request.invalid"
    token = new_token(Role.OPERATOR)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, Role.OPERATOR, f"operator-{uuid4().hex[:6]}")
    with running.client(token) as operator:
        assert operator.get("/v1/datasets").status_code == 403
        assert operator.post("/v1/datasets", json={"name": "x"}).status_code == 403


def test_a_version_goes_out_to_a_folder_as_it_came(running: RunningHub, base: str, tmp_path: Path) -> None:
    hub = running.hub
    with hub.database.transaction() as connection:
        row = service.find(connection, running.merchant, base)
        kept = {sha for _, sha in _pictures(connection)}
    version = service.read(hub, running.merchant, row)
    assert {row.sha256, *version.by_hash} <= kept  # a back-up takes manifests and pictures along
    for entry in version.entries:
        content, media_type = service.picture(hub, running.merchant, entry.sha256)
        assert (sha256(content), media_type) == (entry.sha256, "image/jpeg")
    with pytest.raises(Problem, match="no data version has"):
        service.picture(hub, running.merchant, "0" * 64)


def test_an_erased_customers_pictures_lead_to_another_version_that_names_the_models(
    running: RunningHub, admin: httpx2.Client, qa: httpx2.Client, label: Label
) -> None:
    body = case()
    assert admin.post("/v1/returns", json=body).status_code in (200, 201)
    theirs, others = label(DENT, rma=body["rma"]), [label() for _ in range(2)]
    made = make(qa, name=f"erasing-{uuid4().hex[:6]}", exam_share=0)
    version = read_version(qa.get(f"/v1/datasets/{made['id']}/manifest").content)
    with running.hub.database.transaction() as connection:
        for name, data in (("saw", set_digests(version)), ("not", {"reviewed": "0" * 64})):
            connection.execute(bundles.insert().values(_bundle(running.merchant, name, data)))
    asked = admin.post("/v1/persons/erasures", json={"person": {"rma": body["rma"]}, "reason": "asked for"})
    certificate = erasing.carry_out(running.hub, running.merchant, UUID(asked.json()["id"]))
    assert certificate["counts"]["pictures_of_data_versions"] >= 1
    with running.hub.database.transaction() as connection:
        query = sa.text("SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = :name")
        assert connection.execute(query, {"name": excluding.TASK}).scalar_one() == 1
    ids = excluding.exclude(running.hub, running.merchant)
    fresh = next(each for each in ids if each.startswith(made["name"]))
    told = qa.get(f"/v1/datasets/{fresh}").json()
    assert (told["reason"], told["parent"], told["pictures"]) == ("erasure", made["id"], made["pictures"] - 1)
    assert told["seen_by"] == {f"saw@1+{'a' * 12}": [made["id"]]}
    after = read_version(qa.get(f"/v1/datasets/{fresh}/manifest").content)
    assert sha256(theirs) not in after.by_hash
    assert all(sha256(each) in after.by_hash for each in others)
    assert excluding.exclude(running.hub, running.merchant) == []
    page = qa.get(f"/console/quality/datasets/{fresh}", headers={"accept": "text/html"})
    assert f"saw@1+{'a' * 12}" in page.text
    gone = qa.get(f"/console/quality/datasets/pictures/{sha256(theirs)}")
    assert (gone.status_code, gone.json()["code"]) == (410, "image.erased")
    assert make(qa, name=made["name"], base=made["id"])["erased"] == 1


def _bundle(merchant: UUID, name: str, data: dict[str, str]) -> dict[str, Any]:
    return {
        "merchant_id": merchant, "bundle_id": f"{name}@1+{'a' * 12}", "kind": "bundle", "name": name, "version": "1",
        "sha256": "a" * 64, "archive_sha256": "b" * 64, "archive_bytes": 1, "signers": [], "parent": None,
        "lineage": {}, "data": data, "figures": {}, "published_by": "test",
    }  # fmt: skip


def test_the_versions_of_a_models_lineage_are_found_by_its_digests(
    running: RunningHub, qa: httpx2.Client, label: Label
) -> None:
    label()
    made = make(qa)
    version = read_version(qa.get(f"/v1/datasets/{made['id']}/manifest").content)
    with running.hub.database.transaction() as connection:
        found = service.versions_of(connection, running.merchant, set_digests(version).values())
        assert made["id"] in {row.id for row in found}
        assert service.versions_of(connection, running.merchant, ["0" * 64]) == []


def test_the_pages_show_counts_pictures_and_differences(qa: httpx2.Client, label: Label, base: str) -> None:
    html = {"accept": "text/html"}
    photograph = label(DENT)
    made = make(qa, base=base)
    page = qa.get("/console/quality/datasets", headers=html)
    assert made["id"] in page.text
    one = qa.get(f"/console/quality/datasets/{made['id']}", headers=html)
    assert one.status_code == 200
    shown = qa.get(f"/console/quality/datasets/{made['id']}/changes", headers=html)
    assert f"/console/quality/datasets/pictures/{sha256(photograph)}" in shown.text
    assert '<rect x="1" y="2" width="30" height="40">' in shown.text
    picture = qa.get(f"/console/quality/datasets/pictures/{sha256(photograph)}")
    assert picture.content == photograph
    for lang in ("zh-CN", "th", "vi"):
        assert qa.get("/console/quality/datasets", params={"lang": lang}, headers=html).status_code == 200


@pytest.mark.parametrize("text", ["x" * 300, "a\nb", "\ud800", "plain"])
def test_any_key_becomes_one_that_a_manifest_takes(text: str) -> None:
    found = key_of(text)
    assert len(found) <= 200
    assert found.isprintable()
    assert json.dumps(found)
