"""People's data are listed, taken out, kept under a hold, erased for good; the evidence of others stays provable."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from inspection.evidence import canonical_json
from inspection.hub.backup.making import back_up
from inspection.hub.backup.restoring import restore
from inspection.hub.database import Database
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.evidence import checking
from inspection.hub.evidence.checking import Walk
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.people import erasing, retention
from inspection.hub.people.register import PERSONAL, is_personal
from inspection.hub.problems import Problem
from inspection.hub.schema import METADATA
from tests.hub.conftest import RunningHub
from tests.hub.reports import picture, png, report, sha256
from tests.hub.test_returns import case
from tests.station.rig import wait_until

NOT_PERSONAL = {
    "access_tokens", "alembic_version", "audit_entries", "bundles", "connector_attempts", "connector_deliveries",
    "connector_destinations", "connector_references", "dataset_members", "dataset_objects", "dataset_versions",
    "destinations", "drift_alarms", "drift_cursors", "drift_observations", "drift_streams", "enrolment_codes",
    "epcis_captures", "epcis_events", "epcis_master_data", "epcis_names", "epcis_pending", "epcis_queries",
    "epcis_subscriptions", "erasures", "events", "evidence_checkpoints", "evidence_cosignatures",
    "evidence_entries", "evidence_nodes", "gate_exceptions", "gates", "image_keys", "image_pieces",
    "inspection_images", "inspections", "item_matches", "legal_holds", "merchants", "oidc_flows", "precheck_cases",
    "precheck_challenges", "precheck_decisions", "precheck_links", "precheck_pictures", "precheck_pieces",
    "precheck_uploads", "replay_items", "replays", "return_lines", "returns", "review_accepted", "review_due",
    "review_goods", "review_labels", "review_suspects", "rollout_champions", "rollout_opinions",
    "rollout_standings", "rollout_steps", "rollouts", "sign_in_attempts", "staff", "station_clocks", "station_keys",
    "station_status", "stations", "training_jobs", "training_points",
}  # fmt: skip
"""Tables that were looked through: what is personal in them is in the register column by column."""


@pytest.fixture
def customer(running: RunningHub, admin: httpx2.Client, station: httpx2.Client) -> dict[str, Any]:
    """A case with an inspection of two pictures, one of which another case names too."""
    body = case(order_ref=f"SO-{uuid4().hex[:8]}")
    own, shared = png(uuid4().int), png(uuid4().int)
    admin.post("/v1/returns", json=body)
    for data in (own, shared):
        assert station.put(f"/v1/images/{sha256(data)}", content=data).status_code == 201
    mine = report(rma=body["rma"], pictures=[picture(own), picture(shared, "front")])
    station.post("/v1/inspections", json=mine)
    station.post("/v1/inspections", json=report(rma=f"R-{uuid4().hex[:8]}", pictures=[picture(shared)]))
    return {"case": body, "own": own, "shared": shared, "inspection": mine["inspection_id"]}


def erase(running: RunningHub, admin: httpx2.Client, rma: str) -> dict[str, Any]:
    answer = admin.post("/v1/persons/erasures", json={"person": {"rma": rma}, "reason": "asked for"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "waiting"
    erasing.carry_out(running.hub, running.merchant, UUID(answer.json()["id"]))
    done: dict[str, Any] = admin.get(answer.headers["location"]).json()
    return done


def faults(running: RunningHub) -> list[str]:
    sequence_all(running.hub.database, open_log(running.hub.config))
    with running.hub.database.transaction() as connection:
        walk, log = Walk(running.merchant), open_log(running.hub.config)
        return [each.line() for each in checking.check(connection, walk, log, running.hub.images)]


def test_every_table_was_looked_through_for_personal_data() -> None:
    unknown = {name for name in METADATA.tables if name not in PERSONAL and name not in NOT_PERSONAL}
    assert not unknown, "say in the register what of these is about a person, then name them in NOT_PERSONAL"
    for entry in PERSONAL:
        table, _, column = entry.partition(".")
        assert table in METADATA.tables, entry
        assert not column or column in METADATA.tables[table].c, entry
    assert is_personal("images", "width")
    assert not is_personal("returns", "created_at")


def test_an_erased_customers_pictures_are_gone_and_everything_else_is_provable(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, customer: dict[str, Any], tmp_path: Path
) -> None:
    rma = customer["case"]["rma"]
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    copy = next((made.parent / "pictures").glob(f"*/*/{sha256(customer['own'])}")).read_bytes()
    done = erase(running, admin, rma)
    assert done["state"] == "done"
    gone = station.get(f"/v1/images/{sha256(customer['own'])}")
    assert (gone.status_code, gone.json()["code"]) == (410, "image.erased")
    assert station.get(f"/v1/images/{sha256(customer['shared'])}").content == customer["shared"]
    with pytest.raises(Problem, match="erased"):
        running.hub.images.opened(running.merchant, sha256(customer["own"]), copy)
    read = station.get(f"/v1/returns/{rma}").json()
    assert read["return"]["order_ref"] is None
    shown = station.get(f"/v1/inspections/{customer['inspection']}").json()
    assert [(each["held"], each["erased"]) for each in shown["images"]] == [(False, True), (True, False)]
    assert shown["complete"] is True
    assert faults(running) == []
    assert customer["case"]["order_ref"] not in json.dumps(everything(running))


def test_what_was_erased_stays_erased_when_an_older_backup_is_restored(
    running: RunningHub, admin: httpx2.Client, customer: dict[str, Any], tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    root = tmp_path / "backups"
    older = back_up(running.hub.database, running.hub.images, root)
    erase(running, admin, customer["case"]["rma"])
    back_up(running.hub.database, running.hub.images, root)
    name = f"restored_{uuid4().hex[:12]}"
    postgres.ensure_database(name)
    database = Database(postgres.dsn(name))
    store = ImageStore(None, tmp_path / "restored", Vault(database, master_key(bytes(32))))
    restore(database, store, older)
    restore(database, store, older)
    with pytest.raises(Problem):
        store.get(running.merchant, sha256(customer["own"]))
    assert store.get(running.merchant, sha256(customer["shared"])) == customer["shared"]
    returns = METADATA.tables["returns"]
    with database.transaction() as connection:
        query = sa.select(returns.c.order_ref).where(returns.c.rma == customer["case"]["rma"])
        assert connection.execute(query).scalar_one() is None
    database.close()


def test_a_picture_that_was_erased_is_not_taken_again(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, customer: dict[str, Any]
) -> None:
    erase(running, admin, customer["case"]["rma"])
    url = f"/v1/images/{sha256(customer['own'])}"
    assert station.put(url, content=customer["own"]).status_code == 200, "the station has done its part"
    assert station.get(url).status_code == 410
    again = report(pictures=[picture(customer["own"])])
    assert station.post("/v1/inspections", json=again).json()["missing_images"] == []


def test_the_certificate_is_signed_and_names_nobody(
    running: RunningHub, admin: httpx2.Client, customer: dict[str, Any]
) -> None:
    certificate = erase(running, admin, customer["case"]["rma"])["certificate"]
    key, signature = (b64decode(certificate.pop(name)) for name in ("public_key", "signature"))
    Ed25519PublicKey.from_public_bytes(key).verify(signature, canonical_json(certificate))
    assert certificate["counts"]["pictures"] == 1
    assert certificate["counts"]["pictures_shared_with_other_cases"] == 1
    assert customer["case"]["rma"] not in json.dumps(certificate)


def test_an_erasure_that_was_cut_off_goes_on(
    running: RunningHub, admin: httpx2.Client, customer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = admin.post(
        "/v1/persons/erasures", json={"person": {"order_ref": customer["case"]["order_ref"]}, "reason": "asked for"}
    ).json()

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(running.hub.images, "delete", die)
        with pytest.raises(Killed):
            erasing.carry_out(running.hub, running.merchant, UUID(asked["id"]))
    assert admin.get(f"/v1/persons/erasures/{asked['id']}").json()["state"] == "waiting"
    with pytest.raises(Problem, match="erased"):
        running.hub.images.get(running.merchant, sha256(customer["own"]))
    first = erasing.carry_out(running.hub, running.merchant, UUID(asked["id"]))
    assert erasing.carry_out(running.hub, running.merchant, UUID(asked["id"])) == first
    assert faults(running) == []


def test_a_case_under_a_legal_hold_is_kept(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, customer: dict[str, Any]
) -> None:
    rma = customer["case"]["rma"]
    hold = admin.post("/v1/persons/holds", json={"rma": rma, "reason": "dispute 77"}).json()
    refused = admin.post("/v1/persons/erasures", json={"person": {"rma": rma}, "reason": "asked for"})
    assert (refused.status_code, refused.json()["code"]) == (409, "person.held")
    retention.sweep(running.hub, running.merchant, datetime.now(UTC) + timedelta(days=4000))
    assert station.get(f"/v1/images/{sha256(customer['own'])}").status_code == 200
    released = admin.post(f"/v1/persons/holds/{hold['id']}/release").json()
    assert released["released_at"] is not None
    retention.sweep(running.hub, running.merchant, datetime.now(UTC) + timedelta(days=4000))
    assert station.get(f"/v1/images/{sha256(customer['own'])}").status_code == 410
    assert faults(running) == []


def test_a_hold_that_comes_before_the_job_stops_it(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, customer: dict[str, Any]
) -> None:
    rma = customer["case"]["rma"]
    asked = admin.post("/v1/persons/erasures", json={"person": {"rma": rma}, "reason": "asked for"}).json()
    admin.post("/v1/persons/holds", json={"rma": rma, "reason": "dispute 78"})
    with pytest.raises(Problem, match="came in between"):
        erasing.carry_out(running.hub, running.merchant, UUID(asked["id"]))
    assert admin.get(f"/v1/persons/erasures/{asked['id']}").json()["state"] == "failed"
    assert station.get(f"/v1/images/{sha256(customer['own'])}").status_code == 200


def test_a_person_gets_everything_about_their_cases(
    admin: httpx2.Client, customer: dict[str, Any], running: RunningHub
) -> None:
    answer = admin.post("/v1/persons/export", json={"rma": customer["case"]["rma"]})
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = set(archive.namelist())
        assert archive.read(f"pictures/{sha256(customer['own'])}") == customer["own"]
        assert customer["case"]["order_ref"] in archive.read("returns.json").decode()
        assert customer["inspection"] in archive.read("inspections.json").decode()
    assert {"README.txt", "register.json", "matches.json"} <= names
    wait_until(lambda: not list(running.hub.config.data_dir.glob("export-*")))  # after the last byte was sent


@pytest.mark.parametrize("who", [{}, {"rma": "R-1", "order_ref": "SO-1"}, {"name": "Jane"}])
def test_who_is_nobody_is_refused(admin: httpx2.Client, who: dict[str, str]) -> None:
    assert admin.post("/v1/persons/export", json=who).json()["code"] == "request.invalid"
    assert admin.post("/v1/persons/export", json={"rma": f"R-{uuid4().hex}"}).json()["code"] == "return.unknown"


def test_a_station_may_neither_export_nor_erase(station: httpx2.Client) -> None:
    for path in ("export", "erasures", "holds"):
        assert station.post(f"/v1/persons/{path}", json={}).json()["code"] == "token.scope"


def everything(running: RunningHub) -> dict[str, list[str]]:
    with running.hub.database.transaction() as connection:
        return {
            name: list(connection.execute(sa.text(f'SELECT t::text FROM "{name}" t')).scalars())  # noqa: S608
            for name in METADATA.tables
        }
