"""Signatures: who vouches for a bundle, asked for by whoever runs it; what changed after signing is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner

from inspection.errors import BundleError, ConfigError
from inspection.ledger.notes import SignatureType, Signer, VerifierKey
from inspection.station.config import load_config
from models import signing
from models.__main__ import DEFAULT_BUNDLE, app
from models.bundle import SIGNATURES, SPEC, open_bundle, seal_bundle, signed_text
from models.lineage import code_version, derived

ROOT = Path(__file__).resolve().parents[2]


def signer(name: str = "qa.example.com") -> Signer:
    return Signer(name, SignatureType.NOTE, Ed25519PrivateKey.generate())


def sign(folder: Path, by: Signer) -> VerifierKey:
    place = folder / SIGNATURES
    before = place.read_bytes() if place.exists() else None
    place.write_bytes(signing.signed(signed_text(open_bundle(folder)), by, before))
    return by.verifier


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(DEFAULT_BUNDLE, tmp_path / "bundle"))
    (folder / SIGNATURES).unlink(missing_ok=True)  # of the place that trained it
    return folder


def test_a_bundle_without_signature_is_opened_unless_one_is_demanded(copy: Path) -> None:
    assert open_bundle(copy).signed_by == ()
    with pytest.raises(BundleError, match=r"not signed; wanted is a signature by qa\.example\.com"):
        open_bundle(copy, [signer().verifier])


def test_a_signature_by_one_of_the_trusted_keys_suffices_and_is_told(copy: Path) -> None:
    first, second = signer("first"), signer("second")
    before = open_bundle(copy)
    sign(copy, first)
    sign(copy, second)
    assert open_bundle(copy, [signer("other").verifier, second.verifier]).signed_by == ("second",)
    assert open_bundle(copy, [first.verifier, second.verifier]).signed_by == ("first", "second")
    assert open_bundle(copy).bundle_id == before.bundle_id


def test_a_signature_by_somebody_else_is_refused_even_under_the_same_name(copy: Path) -> None:
    sign(copy, signer())
    with pytest.raises(BundleError, match="no signature by"):
        open_bundle(copy, [signer().verifier])


@pytest.mark.parametrize("name", ["model.onnx", "card.md", "golden/expected.npz"])
def test_a_file_exchanged_and_sealed_again_after_signing_is_named(copy: Path, name: str) -> None:
    key = sign(copy, signer())
    old = (copy / SIGNATURES).read_bytes()
    (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    seal_bundle(copy, open_bundle(DEFAULT_BUNDLE).spec)
    assert not (copy / SIGNATURES).exists()
    (copy / SIGNATURES).write_bytes(old)
    for trusted in ([key], []):
        with pytest.raises(BundleError, match=rf"{SIGNATURES}.*{name} changed since"):
            open_bundle(copy, trusted)


def test_a_changed_number_in_the_spec_is_named(copy: Path) -> None:
    key = sign(copy, signer())
    old = (copy / SIGNATURES).read_bytes()
    spec = open_bundle(copy).spec
    seal_bundle(copy, spec.model_copy(update={"thresholds": spec.thresholds.model_copy(update={"confident": 0.5})}))
    (copy / SIGNATURES).write_bytes(old)
    with pytest.raises(BundleError, match=rf"{SPEC} changed since"):
        open_bundle(copy, [key])


def test_a_damaged_signature_is_refused_wherever_it_is_damaged(copy: Path) -> None:
    key = sign(copy, signer())
    whole = (copy / SIGNATURES).read_bytes()
    for place in (0, len(whole) // 3, len(whole) - 30):
        (copy / SIGNATURES).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BundleError, match=SIGNATURES):
            open_bundle(copy, [key])
    for content in (b"", whole[: len(whole) // 2], b"\xff" * 99, b"x" * 100_000):
        (copy / SIGNATURES).write_bytes(content)
        with pytest.raises(BundleError, match=SIGNATURES):
            open_bundle(copy)


def test_key_sign_and_verify_on_the_command_line(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*words: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, [str(word) for word in words])
        return result.exit_code, " ".join(result.output.split())

    file, name = tmp_path / "qa.key", ("--name", "qa.example.com")
    assert run("sign", copy, *name, "--key", file)[0] == 2  # a misspelt path makes no new key
    assert not file.exists()
    code, verifier = run("key", *name, "--key", file, "--make")
    assert code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert run("verify", copy, "--trusted-key", verifier)[0] == 2
    assert run("sign", copy, *name, "--key", file)[0] == 0
    code, output = run("verify", copy, "--trusted-key", verifier)
    assert code == 0
    assert output.endswith("signed by qa.example.com")
    monkeypatch.setenv("BUNDLE_KEY", file.read_text(encoding="ascii"))
    assert run("key", *name, "--key-env", "BUNDLE_KEY") == (0, verifier)
    monkeypatch.setenv("BUNDLE_KEY", "secret nonsense")
    code, output = run("key", *name, "--key-env", "BUNDLE_KEY")
    assert code == 2
    assert "secret" not in output
    assert run("key", "--name", "a b", "--key", file)[0] == 2
    assert run("verify", copy, "--trusted-key", "nonsense")[0] == 2


def test_a_key_is_named_once() -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert b"PRIVATE" in pem
    for given in ((None, None), (Path("a"), "B")):
        with pytest.raises(ConfigError, match="one key"):
            signing.private_key(*given)


def test_a_station_may_demand_a_signature_and_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    config = yaml.safe_load((ROOT / "configs" / "station.yaml").read_text(encoding="utf-8"))
    key = str(signer().verifier)
    for keys, refused in (([key], False), ([key[:-4]], True), (["x"], True)):
        config["model"]["trusted_keys"] = keys
        (tmp_path / "station.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        if refused:
            with pytest.raises(ConfigError, match="trusted_keys"):
                load_config(tmp_path / "station.yaml")
        else:
            found = load_config(tmp_path / "station.yaml").model
            assert found is not None
            assert found.trusted_keys == (key,)


def test_a_bundle_keeps_its_lineage(copy: Path) -> None:
    parent = open_bundle(DEFAULT_BUNDLE)
    lineage = derived(parent, {"made": "for a test"})
    seal_bundle(copy, parent.spec.model_copy(update={"lineage": lineage}))
    child = open_bundle(copy)
    assert child.spec.lineage == lineage
    assert json.loads((copy / SPEC).read_bytes())["lineage"]["parent"] == parent.bundle_id
    assert child.bundle_id != parent.bundle_id


def test_the_code_is_named_by_version_and_commit_where_there_is_one(tmp_path: Path) -> None:
    assert " " not in code_version(tmp_path)
    assert code_version(ROOT).startswith(code_version(tmp_path))
