"""Bundles: exported from the hub, verified by whoever holds one; no byte of them can change unseen."""

from __future__ import annotations

import io
import json
import random
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from inspection.hub.evidence import entering
from inspection.hub.evidence.cli import _verified
from inspection.hub.evidence.export import NotExportable, export
from inspection.hub.evidence.log import open_log
from inspection.ledger.bundle import verify
from inspection.ledger.container import ContainerError, pack, unpack
from inspection.ledger.notes import Note, Signer
from tests.hub.conftest import RunningHub
from tests.hub.evidence.conftest import WITNESS, deliver, sequence_now
from tests.hub.reports import picture, png, report


def exported(running: RunningHub, inspection_id: object) -> dict[str, bytes]:
    hub = running.hub
    with hub.database.transaction() as connection:
        return export(connection, running.merchant, open_log(hub.config), hub.images, UUID(str(inspection_id)))


def failures(files: Mapping[str, bytes], known: str | None = None) -> list[str]:
    return [check.name for check in verify(files, known) if not check.ok]


@pytest.fixture(scope="module")
def files(running: RunningHub) -> dict[str, bytes]:
    """Two revisions, two pictures, a picture that never came; cosigned."""
    with running.client(running.station_token) as station, running.client(running.admin_token) as admin:
        deliver(station, seed=11)
        body: Any = deliver(station, pictures=2, seed=12)
        second = report(
            inspection_id=body["inspection_id"], revision=2, pictures=[*body["pictures"], picture(png(999), "back")]
        )
        assert station.post("/v1/inspections", json=second).status_code == 201
        deliver(station, seed=13)
        sequence_now(running)
        note = Note.parse(admin.get("/v1/evidence/checkpoint").content)
        size = note.text.split("\n")[1]
        line = WITNESS.sign(note.text, int(time.time())).line()
        assert admin.post(f"/v1/evidence/checkpoints/{size}/cosignatures", json={"signatures": [line]}).is_success
    return exported(running, body["inspection_id"])


def test_a_bundle_holds_what_the_inspection_stands_on(files: dict[str, bytes], log_of: Signer) -> None:
    kinds = sorted(name.split("/")[0] for name in files)
    assert kinds == ["bundle.json", "checkpoint", *["pictures"] * 2, *["proofs"] * 4, *["reports"] * 2]
    assert not failures(files, str(log_of.verifier))
    says = {check.name: check.says for check in verify(files)}
    assert "resell by policy" in says["reports/2.json"]
    assert f"cosigned by {WITNESS.name} at 20" in says["checkpoint"]
    assert any("not held by the hub" in each for each in says.values())


def test_a_bundle_of_another_log_is_not_the_one_you_know(files: dict[str, bytes]) -> None:
    assert failures(files, str(WITNESS.verifier))[0] == "bundle.json"


def test_any_program_can_open_it_and_packing_is_the_same_every_time(files: dict[str, bytes]) -> None:
    packed = pack(files)
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == files
    assert unpack(packed) == (files, "")


def test_each_of_300_changed_bytes_is_found_and_named(files: dict[str, bytes], tmp_path: Path) -> None:
    packed, chance, bundle = pack(files), random.Random(20261122), tmp_path / "changed.zip"
    found: dict[str, int] = {}
    for _ in range(300):
        place, bit = chance.randrange(len(packed)), 1 << chance.randrange(8)
        bundle.write_bytes(packed[:place] + bytes([packed[place] ^ bit]) + packed[place + 1 :])
        named = {check.name for check in _verified(bundle, None) if not check.ok}
        assert owner(packed, files, place) in named, (place, bit, named)
        found[owner(packed, files, place)] = found.get(owner(packed, files, place), 0) + 1
    print(f"300 changed bytes found and named: {dict(sorted(found.items()))}")


def test_each_byte_of_each_file_matters(files: dict[str, bytes]) -> None:
    """Every byte of everything but reports and pictures, whose hash speaks for them all; those at a few places."""
    for name, content in files.items():
        step = 97 if name.startswith(("reports/", "pictures/")) else 1
        for place in range(0, len(content), step):
            changed = content[:place] + bytes([content[place] ^ 0x01]) + content[place + 1 :]
            assert name in failures(files | {name: changed}), (name, place)


def test_what_is_missing_or_added_is_named(files: dict[str, bytes]) -> None:
    for name in files:
        rest = {other: content for other, content in files.items() if other != name}
        blamed = failures(rest)
        owner_gone = name.startswith("reports/")  # then its proof stands alone
        assert (f"proofs/report-{name[8:-5]}.json" if owner_gone else name) in blamed, name
    assert failures(files | {"more.txt": b""}) == ["more.txt"]
    assert failures({}) == ["bundle.json", "reports"]


def test_proofs_cannot_be_exchanged(files: dict[str, bytes]) -> None:
    first, second = "proofs/report-1.json", "proofs/report-2.json"
    assert failures(files | {first: files[second]}) == ["reports/1.json"]
    a_picture = next(name for name in files if name.startswith("proofs/picture-"))
    assert failures(files | {first: files[a_picture]}) == ["reports/1.json"]


def test_a_json_file_in_another_spelling_is_refused(files: dict[str, bytes]) -> None:
    for name in ("bundle.json", "proofs/report-1.json"):
        assert name in failures(files | {name: json.dumps(json.loads(files[name])).encode()})
        assert name in failures(files | {name: files[name] + b"\n"})


def test_noise_is_no_container() -> None:
    chance = random.Random(1)
    for length in (0, 3, 4, 30, 200):
        raw = b"PK\x03\x04" + chance.randbytes(length)
        with pytest.raises(ContainerError):
            unpack(raw)
    assert unpack(b"")[1]


def test_what_cannot_be_proven_is_not_exported(
    running: RunningHub, station: httpx2.Client, images_folder: Path
) -> None:
    with pytest.raises(NotExportable, match="no report"):
        exported(running, uuid4())
    body: Any = deliver(station, seed=14)
    with pytest.raises(NotExportable, match="no place yet"):
        exported(running, body["inspection_id"])
    sequence_now(running)
    sha256 = body["pictures"][0]["sha256"]
    file = images_folder / str(running.merchant) / sha256[:2] / sha256
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(NotExportable, match=sha256):
        exported(running, body["inspection_id"])
    with running.hub.database.transaction() as connection:
        entering.erase(connection, running.merchant, f"verdict/{body['inspection_id']}/1")
    with pytest.raises(NotExportable, match="erased"):
        exported(running, body["inspection_id"])


def owner(packed: bytes, files: dict[str, bytes], place: int) -> str:
    """The file whose content is at this byte of the container, or ``container``."""
    for name, content in files.items():
        begin = packed.index(name.encode()) + len(name.encode())
        if begin <= place < begin + len(content):
            return name
    return "container"
