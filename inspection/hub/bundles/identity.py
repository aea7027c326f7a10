"""What a folder is: a model bundle, a policy or reference banks; its name, who signed it and where it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from inspection.errors import BundleError
from inspection.ledger.notes import MAX_NOTE_BYTES, VerifierKey
from inspection.policy import Policy
from models import signing
from models.bundle import SIGNATURES, SPEC, open_bundle
from models.contract import BundleSpec
from models.reference_file import ENDING

POLICY_ENDINGS = (".yaml", ".yml")
MAX_METRICS = 200
_WHAT = f"a bundle has {SPEC}, a policy is one .yaml, reference banks are {ENDING} files"


class Kind(StrEnum):
    """What can be published."""

    BUNDLE = "bundle"
    POLICY = "policy"
    REFERENCES = "references"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a folder says of itself, checked.

    Attributes:
        bundle_id: ``name@version+<first 12 hex digits of sha256>``.
        sha256: of what the id is made of: ``bundle.json``, the policy's file, or the list of the banks' hashes.
        signers: names of the trusted keys that signed it.
        parent: id of the bundle it was made from; of reference banks, of the bundle that made them.
        lineage: parent, code and options, as in ``bundle.json``.
        data: digest of the samples of each set.
        figures: what it says of its own quality.
    """

    kind: Kind
    bundle_id: str
    name: str
    version: str
    sha256: str
    signers: tuple[str, ...]
    parent: str | None = None
    lineage: dict[str, Any] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


def kind_of(folder: Path) -> Kind:
    """What lies in ``folder``.

    Raises:
        BundleError: none of ours.
    """
    if (folder / SPEC).is_file():
        return Kind.BUNDLE
    names = _names(folder)
    if names and all(name.endswith(ENDING) for name in names):
        return Kind.REFERENCES
    if len(names) == 1 and names[0].endswith(POLICY_ENDINGS):
        return Kind.POLICY
    raise BundleError("this is nothing that a station runs", hint=_WHAT)


def identify(
    folder: Path, trusted: Sequence[VerifierKey] = (), *, banks_of: str | None = None, with_signature: bool = True
) -> Identity:
    """What ``folder`` is; every byte of a bundle and every rule of a policy is checked, and who signed.

    Args:
        folder: what :func:`inspection.hub.bundles.archives.pack` would pack.
        trusted: keys one of which must have signed; none: a signature is not asked for.
        banks_of: the bundle that made the reference banks, for a folder of those.
        with_signature: whether one beside a policy or banks is read; not before signing anew.

    Raises:
        BundleError: it is damaged, or not signed by a trusted key. PolicyError: a rule has a mistake.
    """
    kind = kind_of(folder)
    if kind is Kind.BUNDLE:
        opened = open_bundle(folder, trusted)
        return _of_spec(opened.spec, opened.bundle_id, opened.sha256, opened.signed_by)
    hashes = _hashes(folder)
    if kind is Kind.POLICY:
        (name,) = hashes
        version = Policy.load(folder / name).version
        found = _plain(Kind.POLICY, version.partition("+")[0], hashes[name], hashes)
        return _signed(folder, found, hashes, trusted) if with_signature else found
    if banks_of is None:
        raise BundleError(f"{folder}: nobody said which bundle made these banks")
    listed = "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items())
    sha256 = hashlib.sha256(f"{banks_of}\n{listed}".encode()).hexdigest()
    version = banks_of.partition("@")[2].partition("+")[0] or "0"
    found = _plain(Kind.REFERENCES, version, sha256, hashes, banks_of)
    return _signed(folder, found, hashes, trusted) if with_signature else found


def _of_spec(spec: BundleSpec, bundle_id: str, sha256: str, signers: tuple[str, ...]) -> Identity:
    plain = spec.model_dump(mode="json")
    lineage = plain["lineage"] or {}
    figures = {
        "pictures": spec.data.pictures,
        "sets": spec.data.sets,
        "wrong_resell": spec.thresholds.wrong_resell,
        "goods": plain["thresholds"]["goods"],
        "metrics": dict(list(plain["metrics"].items())[:MAX_METRICS]),
    }
    return Identity(
        Kind.BUNDLE, bundle_id, spec.name, spec.version, sha256, signers,
        lineage.get("parent"), lineage, lineage.get("data") or {}, figures,
    )  # fmt: skip


def text_to_sign(folder: Path, identity: Identity) -> str:
    """What a signature of a policy or of banks stands for, as :func:`models.bundle.signed_text` is of a bundle."""
    return signing.text_of(identity.bundle_id, _hashes(folder))


def _plain(kind: Kind, version: str, sha256: str, hashes: dict[str, str], banks_of: str | None = None) -> Identity:
    lineage = {} if banks_of is None else {"parent": banks_of}
    bundle_id = f"{kind}@{version}+{sha256[:12]}"
    return Identity(kind, bundle_id, str(kind), version, sha256, (), banks_of, lineage, {}, {"files": len(hashes)})


def _signed(folder: Path, found: Identity, hashes: dict[str, str], trusted: Sequence[VerifierKey]) -> Identity:
    place = folder / SIGNATURES
    if place.is_file():
        with place.open("rb") as stream:
            note = stream.read(MAX_NOTE_BYTES + 1)
        text = signing.text_of(found.bundle_id, hashes)
        return replace(found, signers=signing.check(place, note, text, trusted))
    if trusted:
        raise BundleError(
            f"{found.bundle_id} is not signed; wanted is a signature by {signing.names(trusted)}",
            hint="hub_app.py bundle sign, or take the demand out of bundles.trusted_keys",
        )
    return found


def _hashes(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in _names(folder)}


def _names(folder: Path) -> list[str]:
    try:
        paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    except OSError as error:
        raise BundleError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(name for name in paths if name != SIGNATURES)
