"""The log: entered with what it is about, placed without gaps, provable from the moment a checkpoint covers it."""

from __future__ import annotations

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.evidence import entering
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import Sequencer, sequence
from inspection.hub.evidence.tables import entries
from inspection.hub.evidence.witnesses import Drop
from inspection.ledger import merkle
from inspection.ledger.checkpoint import open_checkpoint
from inspection.ledger.leaves import Leaf
from inspection.ledger.notes import Note, SignatureType, Signer, VerifierKey
from inspection.ledger.proof_file import check_consistency, check_inclusion
from tests.hub.conftest import RunningHub
from tests.hub.evidence.conftest import WITNESS, deliver, sequence_now


def proof(client: httpx2.Client, **query: object) -> dict[str, Any]:
    answer = client.get("/v1/evidence/proof", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_verdict_and_picture_are_proven_against_a_checkpoint_that_the_log_signed(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client, log_of: Signer
) -> None:
    body: Any = deliver(station, pictures=2, seed=1)
    waiting = admin.get("/v1/evidence/proof", params={"inspection_id": body["inspection_id"], "revision": 1})
    assert (waiting.status_code, waiting.json()["code"]) == (503, "evidence.pending")
    sequence_now(running)
    of_verdict = proof(admin, inspection_id=body["inspection_id"], revision=1)
    of_picture = proof(admin, picture=body["pictures"][0]["sha256"])
    for each in (of_verdict, of_picture):
        check_inclusion(json.dumps(each))
        leaf = Leaf(base64.b64decode(each["salt"]), each["leaf"])
        assert base64.b64encode(leaf.hash).decode() == each["leafHash"]
        checkpoint = open_checkpoint(Note.parse(each["checkpoint"].encode()), log_of.verifier)
        assert (checkpoint.size, base64.b64encode(checkpoint.root).decode()) == (each["treeSize"], each["root"])
    assert json.loads(of_verdict["leaf"])["evidence_hash"] == body["evidence_hash"]
    assert json.loads(of_picture["leaf"])["sha256"] == body["pictures"][0]["sha256"]


def test_places_have_no_gaps_though_many_sequence_at_once(running: RunningHub, station: httpx2.Client) -> None:
    log = open_log(running.hub.config)
    stored: list[int] = []

    def place(_: int) -> int:
        with running.hub.database.transaction() as connection:
            return sequence(connection, running.merchant, log, limit=3)

    with ThreadPoolExecutor(6) as pool:
        reports = pool.map(lambda number: deliver(station, seed=1000 + number), range(12))
        places = pool.map(place, range(40))
        assert len(list(reports)) == 12
        stored.extend(places)
    sequence_now(running)
    with running.hub.database.transaction() as connection:
        query = sa.select(entries.c.leaf_index).where(entries.c.merchant_id == running.merchant)
        indexes = sorted(connection.execute(query).scalars())
    assert indexes == list(range(len(indexes)))
    assert len(indexes) >= 24


def test_the_log_has_only_grown_between_any_two_sizes(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client
) -> None:
    for number in range(5):
        deliver(station, seed=2000 + number)
        sequence_now(running)
    page = admin.get("/v1/evidence/leaves").json()
    leaves = [base64.b64decode(each) for each in page["leaf_hashes"]]
    assert len(leaves) == page["size"]
    for size2 in range(1, page["size"] + 1):
        for size1 in {1, size2 // 2, size2 - 1, size2} - {0}:
            answer = admin.get("/v1/evidence/consistency", params={"size1": size1, "size2": size2})
            check_consistency(answer.text)
            assert base64.b64decode(answer.json()["root2"]) == merkle.root_of(leaves[:size2])


def test_an_old_size_gives_an_old_proof(running: RunningHub, station: httpx2.Client, admin: httpx2.Client) -> None:
    body: Any = deliver(station, pictures=0)
    sequence_now(running)
    old = proof(admin, inspection_id=body["inspection_id"], revision=1)
    deliver(station, seed=3000)
    sequence_now(running)
    query = {"inspection_id": body["inspection_id"], "revision": 1}
    assert proof(admin, **query, tree_size=old["treeSize"]) == old
    assert proof(admin, **query)["treeSize"] > old["treeSize"]
    early = admin.get("/v1/evidence/proof", params=query | {"tree_size": old["leafIdx"]})
    assert (early.status_code, early.json()["code"]) == (422, "request.invalid")
    late = admin.get("/v1/evidence/proof", params=query | {"tree_size": 10**9})
    assert (late.status_code, late.json()["code"]) == (404, "evidence.unknown")


def test_a_report_that_is_refused_leaves_no_entry(running: RunningHub, station: httpx2.Client) -> None:
    body: Any = deliver(station, pictures=0)
    before = count(running)
    assert station.post("/v1/inspections", json=body).status_code == 409
    assert station.post("/v1/inspections", json=body | {"evidence_hash": "0" * 64}).status_code == 422
    assert count(running) == before


def test_an_erased_entry_tells_nothing_and_the_log_stays_valid(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client
) -> None:
    body: Any = deliver(station, pictures=0)
    sequence_now(running)
    before = proof(admin, inspection_id=body["inspection_id"], revision=1)
    with running.hub.database.transaction() as connection:
        assert entering.erase(connection, running.merchant, f"verdict/{body['inspection_id']}/1")
        assert not entering.erase(connection, running.merchant, f"verdict/{body['inspection_id']}/1")
    sequence_now(running)
    gone = admin.get("/v1/evidence/proof", params={"inspection_id": body["inspection_id"], "revision": 1})
    assert (gone.status_code, gone.json()["code"]) == (404, "evidence.unknown")
    with running.hub.database.transaction() as connection:
        rows = connection.execute(sa.select(entries).where(entries.c.leaf_index == before["leafIdx"])).one()
        everything = connection.execute(sa.select(sa.cast(entries.c.leaf, sa.Text))).scalars().all()
    assert (rows.salt, rows.leaf, rows.subject) == (None, None, None)
    assert not any(body["inspection_id"] in text for text in everything if text)
    grown = admin.get("/v1/evidence/consistency", params={"size1": before["treeSize"], "size2": before["treeSize"] + 1})
    check_consistency(grown.text)


def test_a_witness_cosigns_over_http(running: RunningHub, station: httpx2.Client, admin: httpx2.Client) -> None:
    deliver(station, seed=4000)
    sequence_now(running)
    note = Note.parse(admin.get("/v1/evidence/checkpoint").content)
    size = note.text.split("\n")[1]
    path = f"/v1/evidence/checkpoints/{size}/cosignatures"
    line = WITNESS.sign(note.text, int(time.time())).line()
    stranger = Signer(WITNESS.name, SignatureType.COSIGNATURE, open_log(running.hub.config).private)
    future = WITNESS.sign(note.text, int(time.time()) + 10_000).line()
    other = WITNESS.sign(note.text + "x\n", int(time.time())).line()
    for refused in (stranger.sign(note.text, 1).line(), future, other, "nonsense"):
        answer = admin.post(path, json={"signatures": [refused]})
        assert (answer.status_code, answer.json()["code"]) == (422, "evidence.signature"), refused
    for _ in range(2):
        assert admin.post(path, json={"signatures": [line]}).json() == {"witnesses": [WITNESS.name]}
    cosigned = Note.parse(admin.get(f"/v1/evidence/checkpoints/{size}").content)
    assert [each.line() for each in cosigned.signatures[1:]] == [line]
    assert cosigned.signature_of(WITNESS.verifier) is not None
    assert admin.post("/v1/evidence/checkpoints/999999/cosignatures", json={"signatures": [line]}).status_code == 404


def test_a_witness_cosigns_through_a_folder(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client, tmp_path: Path
) -> None:
    deliver(station, seed=5000)
    sequence_now(running)
    drop, log = Drop(tmp_path), open_log(running.hub.config)
    drop.exchange(running.hub.database, log)
    (laid_out,) = (tmp_path / str(running.merchant)).glob("*.checkpoint")
    note = Note.parse(laid_out.read_bytes())
    laid_out.with_suffix(".bad.cosigned").write_bytes(b"noise")
    cosigned = note.with_signatures([WITNESS.sign(note.text, int(time.time()))])
    laid_out.with_suffix(".w1.cosigned").write_bytes(cosigned.encode())
    drop.exchange(running.hub.database, log)
    assert admin.get(f"/v1/evidence/checkpoints/{laid_out.stem}").content == cosigned.encode()


def test_the_sequencer_of_a_running_hub_needs_no_call(
    running: RunningHub, station: httpx2.Client, admin: httpx2.Client, tmp_path: Path
) -> None:
    body: Any = deliver(station, pictures=0)
    query = {"inspection_id": body["inspection_id"], "revision": 1}
    database, log = running.hub.database, open_log(running.hub.config)
    with Sequencer(database, log, interval_s=0.05, drop=Drop(tmp_path)):
        end = time.monotonic() + 60
        while admin.get("/v1/evidence/proof", params=query).status_code == 503:
            assert time.monotonic() < end, "never sequenced"
    assert proof(admin, **query)["proof"]


def test_entries_cannot_be_changed_or_removed(running: RunningHub, station: httpx2.Client) -> None:
    deliver(station, seed=6000)
    sequence_now(running)
    for statement in (
        "UPDATE evidence_entries SET leaf = leaf || ' '",
        "UPDATE evidence_entries SET leaf_index = leaf_index + 1000000",
        "UPDATE evidence_entries SET leaf_hash = sha256(leaf_hash)",
        "DELETE FROM evidence_entries",
        "UPDATE evidence_nodes SET hash = sha256(hash)",
        "DELETE FROM evidence_checkpoints",
        "TRUNCATE evidence_cosignatures",
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), running.hub.database.transaction() as connection:
            connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"inspection_id": str(uuid4())},
        {"revision": 1},
        {"picture": "0" * 64, "revision": 1},
        {"picture": "0" * 64, "inspection_id": str(uuid4()), "revision": 1},
        {"picture": "x"},
        {"picture": "0" * 64, "tree_size": 0},
        {"picture": "0" * 64, "tree_size": 1 << 63},
        {"picture": "0" * 64, "more": 1},
    ],
)
def test_a_query_that_names_no_one_leaf_is_refused(admin: httpx2.Client, query: dict[str, object]) -> None:
    answer = admin.get("/v1/evidence/proof", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


def test_stations_and_strangers_read_no_evidence(running: RunningHub, station: httpx2.Client) -> None:
    paths = [
        "keys",
        "checkpoint",
        "checkpoints/1",
        f"proof?picture={'0' * 64}",
        "consistency?size1=1&size2=1",
        "leaves",
    ]
    with running.client() as stranger:
        for path in paths:
            assert station.get(f"/v1/evidence/{path}").status_code == 403
            assert stranger.get(f"/v1/evidence/{path}").status_code == 401


def test_keys_are_told_and_the_secret_one_is_not(running: RunningHub, admin: httpx2.Client, log_of: Signer) -> None:
    keys = admin.get("/v1/evidence/keys").json()
    assert VerifierKey.parse(keys["log_keys"][0]) == log_of.verifier
    assert keys["witness_keys"] == [str(WITNESS.verifier)]
    key_file = running.hub.config.data_dir / "evidence.key"
    assert key_file.stat().st_mode & 0o777 == 0o600


def count(running: RunningHub) -> int:
    with running.hub.database.transaction() as connection:
        found: int = connection.execute(sa.select(sa.func.count()).select_from(entries)).scalar_one()
    return found
