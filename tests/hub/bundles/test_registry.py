"""What is published stays as it is, is checked before anybody sees it, and comes out as it went in."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import numpy as np
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.errors import BundleError, InspectionError
from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.backup.making import back_up
from inspection.hub.bundles import archives, registry
from inspection.hub.bundles.identity import Kind, identify, text_to_sign
from inspection.hub.bundles.registry import BundleRow
from inspection.hub.bundles.settings import BundlesSection
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem
from inspection.hub.tables import events, merchants
from models import signing
from models.bundle import SIGNATURES, open_bundle, seal_bundle
from models.reference import Bank, calibrated
from models.reference_file import write_bank
from tests.hub.bundles.conftest import DEFAULT, POLICY, ROOT, sent
from tests.hub.conftest import RunningHub


def hub_with(running: RunningHub, **bundles: object) -> Hub:
    config = running.hub.config.model_copy(update={"bundles": BundlesSection.model_validate(bundles)})
    return Hub(config, running.hub.database, running.hub.images, running.hub.metrics)


@pytest.fixture
def qa(running: RunningHub) -> Iterator[httpx2.Client]:
    token = new_token(Scope.QA_ENGINEER)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, Scope.QA_ENGINEER, f"qa-{uuid4().hex[:8]}")
    with running.client(token) as client:
        yield client


def test_a_published_bundle_comes_out_as_it_went_in(running: RunningHub, published: BundleRow) -> None:
    opened = open_bundle(DEFAULT)
    assert (published.bundle_id, published.kind, published.sha256) == (opened.bundle_id, Kind.BUNDLE, opened.sha256)
    assert opened.spec.lineage is not None
    assert (published.parent, published.data) == (opened.spec.lineage.parent, opened.spec.lineage.data)
    with running.hub.database.transaction() as connection:
        folder = registry.archive(running.hub, connection, running.merchant, published.bundle_id)
        assert registry.archive(running.hub, connection, running.merchant, published.bundle_id) == folder
    again = open_bundle(folder)
    assert (again.bundle_id, again.contents) == (opened.bundle_id, opened.contents)


def test_publishing_the_same_again_changes_nothing(running: RunningHub, published: BundleRow) -> None:
    with running.hub.database.transaction() as connection:
        assert registry.publish(running.hub, connection, running.merchant, DEFAULT, "somebody else") == published
        told = sa.select(sa.func.count()).where(
            events.c.merchant_id == running.merchant, events.c.subject == published.bundle_id
        )
        assert connection.execute(told).scalar_one() == 1


def test_an_unpacked_bundle_that_somebody_changed_is_made_anew(running: RunningHub, published: BundleRow) -> None:
    with running.hub.database.transaction() as connection:
        folder = registry.archive(running.hub, connection, running.merchant, published.bundle_id)
        (folder / "card.md").write_text("better than it is")
        folder = registry.archive(running.hub, connection, running.merchant, published.bundle_id)
    assert (folder / "card.md").read_bytes() == (DEFAULT / "card.md").read_bytes()


def test_a_bundle_that_does_not_judge_its_samples_as_before_is_refused(running: RunningHub, tmp_path: Path) -> None:
    folder = tmp_path / "spoiled"
    shutil.copytree(DEFAULT, folder)
    expected = dict(np.load(folder / "golden" / "expected.npz"))
    np.savez(folder / "golden" / "expected.npz", **{name: 1 - array for name, array in expected.items()})
    seal_bundle(folder, open_bundle(DEFAULT).spec)
    with pytest.raises(BundleError, match="golden"):
        registry.prepare(running.hub, running.merchant, folder)


def test_a_bundle_that_ends_the_process_that_tries_it_is_refused(
    running: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "phone.ref").write_bytes(b"what kills it")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BundleError, match="ended the process"):
        registry.prepare(running.hub, running.merchant, tmp_path)


def test_without_a_signature_by_a_trusted_key_nothing_is_published(running: RunningHub, policy_folder: Path) -> None:
    signer = signing.signer("qa.example.com", Ed25519PrivateKey.generate())
    hub = hub_with(running, trusted_keys=[str(signer.verifier)])
    for folder in (policy_folder, DEFAULT):
        with pytest.raises(BundleError, match=r"qa\.example\.com"):
            registry.prepare(hub, running.merchant, folder)
    text = text_to_sign(policy_folder, identify(policy_folder))
    (policy_folder / SIGNATURES).write_bytes(signing.signed(text, signer))
    assert registry.prepare(hub, running.merchant, policy_folder).identity.signers == ("qa.example.com",)
    with (policy_folder / "default.yaml").open("a") as stream:
        stream.write("# changed after signing\n")
    with pytest.raises(BundleError, match="signed over something else"):
        registry.prepare(hub, running.merchant, policy_folder)


def test_a_policy_signed_later_keeps_its_id_and_gains_the_signature(running: RunningHub, policy_folder: Path) -> None:
    with running.hub.database.transaction() as connection:
        first = registry.publish(running.hub, connection, running.merchant, policy_folder, "test")
    signer = signing.signer("qa.example.com", Ed25519PrivateKey.generate())
    text = text_to_sign(policy_folder, identify(policy_folder))
    (policy_folder / SIGNATURES).write_bytes(signing.signed(text, signer))
    hub = hub_with(running, trusted_keys=[str(signer.verifier)])
    with running.hub.database.transaction() as connection:
        second = registry.publish(hub, connection, running.merchant, policy_folder, "test")
        assert registry.publish(running.hub, connection, running.merchant, policy_folder, "test") == second
    assert (first.kind, first.signers, second.bundle_id, second.signers) == (
        Kind.POLICY, (), first.bundle_id, ("qa.example.com",),
    )  # fmt: skip


def test_a_policy_with_a_mistake_is_refused_with_its_line(running: RunningHub, policy_folder: Path) -> None:
    text = POLICY.read_text(encoding="utf-8").replace('recalled == "yes"', 'recaled == "yes"', 1)
    (policy_folder / "default.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InspectionError, match="line"):
        registry.prepare(running.hub, running.merchant, policy_folder)


def bank_of(bundle_id: str) -> Bank:
    grids = np.random.default_rng(3).normal(size=(4, 6, 6, 8)).astype(np.float32)
    view = calibrated(("a", "b", "c", "d"), grids, np.ones((4, 6, 6), np.bool_), None)
    return Bank("04012345678901", bundle_id, {"top": view})


def test_reference_banks_name_the_bundle_that_made_them(running: RunningHub, tmp_path: Path) -> None:
    write_bank(tmp_path / "04012345678901.ref", bank_of("default@3+8723b46b2f68"))
    with running.hub.database.transaction() as connection:
        row = registry.publish(running.hub, connection, running.merchant, tmp_path, "test")
        assert (row.kind, row.parent) == (Kind.REFERENCES, "default@3+8723b46b2f68")
        folder = registry.archive(running.hub, connection, running.merchant, row.bundle_id)
    assert (folder / "04012345678901.ref").read_bytes() == (tmp_path / "04012345678901.ref").read_bytes()
    write_bank(tmp_path / "phone.ref", bank_of("other@1+000000000000"))
    with pytest.raises(BundleError, match="several bundles"):
        registry.prepare(running.hub, running.merchant, tmp_path)


def test_another_merchant_sees_nothing_of_it(running: RunningHub, published: BundleRow) -> None:
    with running.hub.database.transaction() as connection:
        add = merchants.insert().values(name=f"other-{uuid4().hex[:8]}").returning(merchants.c.id)
        other: UUID = connection.execute(add).scalar_one()
        assert registry.list(connection, other) == ()
        with pytest.raises(Problem, match="nothing was published"):
            registry.get(connection, other, published.bundle_id)


def test_killed_before_the_row_is_committed_nothing_is_seen_and_publishing_again_works(
    running: RunningHub, policy_folder: Path
) -> None:
    with (policy_folder / "default.yaml").open("a") as stream:
        stream.write(f"# {uuid4()}\n")
    code = """
import os, signal, sys
from pathlib import Path
from uuid import UUID
from inspection.hub.bundles import registry
from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, master_key
from inspection.hub.metrics import Metrics
dsn, data, merchant, folder = sys.argv[1:]
database = Database(dsn)
hub = Hub(HubConfig(data_dir=data), database, ImageStore(None, Path(data), Vault(database, master_key(bytes(32)))),
          Metrics())
with database.transaction() as connection:
    registry.publish(hub, connection, UUID(merchant), Path(folder), "test")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    hub = running.hub
    words = (hub.database.dsn, str(hub.config.data_dir), str(running.merchant), str(policy_folder))
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    bundle_id = identify(policy_folder).bundle_id
    with hub.database.transaction() as connection:
        assert not registry.is_known(connection, running.merchant, bundle_id)
        row = registry.publish(hub, connection, running.merchant, policy_folder, "test")
        assert (row.bundle_id, row.state) == (bundle_id, "published")


def test_a_bundle_is_in_the_back_up(running: RunningHub, published: BundleRow, tmp_path: Path) -> None:
    back_up(running.hub.database, running.hub.images, tmp_path)
    assert list((tmp_path / "pictures").glob(f"*/*/{published.archive_sha256}"))


def test_a_zip_is_published_over_http_once_and_listed(
    running: RunningHub, qa: httpx2.Client, policy_folder: Path
) -> None:
    with (policy_folder / "default.yaml").open("a") as stream:
        stream.write(f"# {uuid4()}\n")
    data = archives.pack(policy_folder, 1_000_000)
    first, second = sent(qa, data), sent(qa, data)
    assert (first.status_code, second.status_code) == (201, 200), first.text
    bundle_id = first.json()["bundle_id"]
    assert first.headers["location"] == f"/v1/bundles/{bundle_id}"
    listed = qa.get("/v1/bundles", params={"kind": "policy", "limit": 1}).json()
    assert [each["bundle_id"] for each in listed["bundles"]] == [bundle_id]
    shown = qa.get(f"/v1/bundles/{bundle_id}")
    assert shown.json() == first.json()
    assert qa.get(f"/v1/bundles/{bundle_id}", headers={"If-None-Match": shown.headers["etag"]}).status_code == 304


def test_pages_of_the_list_tell_of_each_once(running: RunningHub, qa: httpx2.Client, published: BundleRow) -> None:
    seen, cursor = [], None
    while True:
        page = qa.get("/v1/bundles", params={"limit": 1} | ({"cursor": cursor} if cursor else {})).json()
        seen += [each["bundle_id"] for each in page["bundles"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    with running.hub.database.transaction() as connection:
        assert seen == [row.bundle_id for row in registry.list(connection, running.merchant)]
    assert published.bundle_id in seen


def test_a_file_that_is_no_bundle_is_refused_in_words(qa: httpx2.Client) -> None:
    refused = sent(qa, b"no zip")
    assert (refused.status_code, refused.json()["code"]) == (422, "bundle.refused")
    assert qa.post("/v1/bundles", content=b"x").json()["code"] == "request.media_type"


def test_an_error_names_the_file_and_not_where_the_hub_keeps_it(
    running: RunningHub, qa: httpx2.Client, policy_folder: Path
) -> None:
    (policy_folder / "default.yaml").write_text("version: [", encoding="utf-8")
    refused = sent(qa, archives.pack(policy_folder, 1_000_000)).json()
    assert refused["detail"].startswith("default.yaml: line ")
    assert str(running.hub.config.data_dir) not in str(refused)


def test_a_station_fetches_the_zip_and_goes_on_where_it_was_cut(
    running: RunningHub, station: httpx2.Client, published: BundleRow
) -> None:
    place = f"/v1/bundles/{published.bundle_id}/archive"
    whole = station.get(place)
    assert whole.content == archives.pack(DEFAULT, 100_000_000)
    tag = whole.headers["etag"]
    part = station.get(place, headers={"Range": "bytes=1000-", "If-Range": tag})
    assert (part.status_code, part.content) == (206, whole.content[1000:])
    assert part.headers["content-range"] == f"bytes 1000-{len(whole.content) - 1}/{len(whole.content)}"
    assert station.get(place, headers={"Range": "bytes=-10"}).content == whole.content[-10:]
    assert station.get(place, headers={"Range": "bytes=5-9", "If-Range": '"older"'}).status_code == 200
    assert station.get(place, headers={"If-None-Match": tag}).status_code == 304
    beyond = station.get(place, headers={"Range": f"bytes={len(whole.content)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")


def test_who_withdraws_is_known_and_publishing_again_does_not_bring_it_back(
    running: RunningHub, policy_folder: Path
) -> None:
    with (policy_folder / "default.yaml").open("a") as stream:
        stream.write(f"# {uuid4()}\n")
    with running.hub.database.transaction() as connection:
        row = registry.publish(running.hub, connection, running.merchant, policy_folder, "test")
        gone = registry.withdraw(connection, running.merchant, row.bundle_id, "anna")
        assert (gone.state, gone.withdrawn_by) == ("withdrawn", "anna")
        assert registry.publish(running.hub, connection, running.merchant, policy_folder, "test") == gone
        assert dataclasses.replace(gone, state="published", withdrawn_at=None, withdrawn_by=None) == row
