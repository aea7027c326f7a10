"""Whether what was fetched is what the hub named: every byte, its id, and a signature by a key that is trusted here.

A bundle says so itself (:mod:`models.bundle`). Beside a policy (one ``.yaml``) and reference banks (``.ref`` files)
lies ``bundle.sig``, a signed note over their id and hashes in the same form; the id is ``policy@<version>+…`` or
``references@<version>+…`` with the first 12 hex digits of the hash of the policy's file, or of the bundle's id that
made the banks followed by a line for each of them as ``sha256sum`` writes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from inspection.ledger.notes import MAX_NOTE_BYTES, VerifierKey
from inspection.policy import Policy
from inspection.rollout import Kind
from inspection.station.rollouts.errors import RolloutRefused

SIGNATURE = "bundle.sig"
POLICY_ENDINGS = (".yaml", ".yml")
BANK_ENDING = ".ref"


def verify(kind: Kind, bundle_id: str, folder: Path, trusted: Sequence[VerifierKey]) -> None:
    """Check what lies in ``folder``.

    Args:
        bundle_id: what the hub said it is.
        trusted: keys; one of them must have signed.

    Raises:
        InspectionError: it is damaged, something else, or not signed by a trusted key.
    """
    if kind is Kind.BUNDLE:
        from models.bundle import open_bundle  # noqa: PLC0415 - a station without a model need not load its runtime

        found = open_bundle(folder, trusted).bundle_id
    else:
        hashes = _hashes(folder)
        found = _policy_id(folder, hashes) if kind is Kind.POLICY else _references_id(folder, hashes)
        _signed(folder, found, hashes, trusted)
    if found != bundle_id:
        raise RolloutRefused(f"the hub announced {bundle_id}, what came is {found}")


def policy_file(folder: Path) -> Path:
    """The policy in ``folder``.

    Raises:
        RolloutRefused: there is none, or something beside it.
    """
    names = [path for path in sorted(folder.iterdir()) if path.name != SIGNATURE]
    if len(names) != 1 or not names[0].name.endswith(POLICY_ENDINGS):
        raise RolloutRefused(f"{folder.name} holds not just one policy")
    return names[0]


def banks_of(folder: Path) -> str:
    """Id of the bundle that made the banks in ``folder``.

    Raises:
        InspectionError: there are none, one is damaged, or they are of several bundles.
    """
    from models.reference_file import read_bank  # noqa: PLC0415

    paths = sorted(folder.rglob(f"*{BANK_ENDING}"))
    made_by = {read_bank(path).bundle_id for path in paths}
    if len(made_by) != 1:
        raise RolloutRefused(f"{folder.name} holds banks of {len(made_by)} bundles, 1 expected")
    return made_by.pop()


def _policy_id(folder: Path, hashes: dict[str, str]) -> str:
    path = policy_file(folder)
    return f"policy@{Policy.load(path).version.partition('+')[0]}+{hashes[path.name][:12]}"


def _references_id(folder: Path, hashes: dict[str, str]) -> str:
    if not all(name.endswith(BANK_ENDING) for name in hashes):
        raise RolloutRefused(f"{folder.name} holds something that is no reference bank")
    made_by = banks_of(folder)
    listed = "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items())
    version = made_by.partition("@")[2].partition("+")[0] or "0"
    sha256 = hashlib.sha256(f"{made_by}\n{listed}".encode()).hexdigest()
    return f"references@{version}+{sha256[:12]}"


def _signed(folder: Path, bundle_id: str, hashes: dict[str, str], trusted: Sequence[VerifierKey]) -> None:
    from models import signing  # noqa: PLC0415

    place = folder / SIGNATURE
    if not place.is_file():
        raise RolloutRefused(
            f"{bundle_id} is not signed; wanted is a signature by {signing.names(trusted)}",
            hint="have it signed with a key of rollouts.trusted_keys",
        )
    with place.open("rb") as stream:
        note = stream.read(MAX_NOTE_BYTES + 1)
    signing.check(place, note, signing.text_of(bundle_id, hashes), trusted)


def _hashes(folder: Path) -> dict[str, str]:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names if name != SIGNATURE}
