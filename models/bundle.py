"""A bundle: a model ready to run, with everything needed to know that it still is what was tested.

A folder with ``bundle.json`` (the form is :mod:`models.contract`), ``bundle.sha256`` (hash of ``bundle.json``) and the
files it lists: ``model.onnx``, ``reference.npz`` (novelty), ``golden/*.png`` with ``golden/expected.npz``, ``card.md``.
Beside them may lie ``bundle.sig``, signatures of persons or places (:mod:`models.signing`). Opening checks every byte;
:class:`models.runtime.Judge` then lets the golden samples judge the judge.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from inspection.errors import BundleError
from inspection.ledger.notes import MAX_NOTE_BYTES, VerifierKey
from models import signing
from models.contract import BundleSpec, FileSpec

SPEC, SEAL, GRAPH, REFERENCE, CARD = "bundle.json", "bundle.sha256", "model.onnx", "reference.npz", "card.md"
SIGNATURES = "bundle.sig"
BESIDE = (SPEC, SEAL, SIGNATURES)
"""Files that ``bundle.json`` does not list."""
GOLDEN, EXPECTED = "golden", "golden/expected.npz"
MAX_SPEC_BYTES = 1_000_000
_FETCH_AGAIN = "fetch the bundle again, or name another with model.bundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose every byte was checked.

    Attributes:
        folder: where it lies.
        spec: its ``bundle.json``.
        sha256: hash of ``bundle.json``, which carries the hashes of all other files.
        contents: the checked bytes by file name, so that what was checked is what runs.
        signed_by: names of the trusted keys that signed it; empty when no key was trusted.
    """

    folder: Path
    spec: BundleSpec
    sha256: str
    contents: dict[str, bytes]
    signed_by: tuple[str, ...] = ()

    @property
    def bundle_id(self) -> str:
        """``name@version+<first 12 hex digits of the hash>``."""
        return f"{self.spec.name}@{self.spec.version}+{self.sha256[:12]}"

    @property
    def golden_pictures(self) -> list[str]:
        """File names of the golden pictures, in order."""
        return sorted(name for name in self.contents if name.startswith(f"{GOLDEN}/") and name.endswith(".png"))


def open_bundle(folder: Path, trusted: Sequence[VerifierKey] = ()) -> Bundle:
    """Read a bundle and check every byte of it; when keys are trusted, also that one of them signed it.

    Raises:
        BundleError: something is missing, extra, truncated, changed, of another contract, or, where keys are trusted,
            not signed by any of them; says which file.
    """
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder", hint="name an existing bundle with model.bundle")
    text, seal = _read(folder, SPEC, MAX_SPEC_BYTES), _read(folder, SEAL, 200)
    sha256 = hashlib.sha256(text).hexdigest()
    if seal != f"{sha256}\n".encode():
        raise BundleError(f"{folder / SPEC} does not match {SEAL}: one of them was changed", hint=_FETCH_AGAIN)
    try:
        spec = BundleSpec.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "(whole file)"
        raise BundleError(
            f"{folder / SPEC}: {where}: {first['msg']}", hint="this software reads contract 1; update it or the bundle"
        ) from error
    contents = {name: _checked(folder, name, wanted) for name, wanted in spec.files.items()}
    _refuse_strangers(folder, spec)
    for name in (GRAPH, REFERENCE, EXPECTED, CARD):
        if name not in contents:
            raise BundleError(f"{folder}: {name} is not listed in {SPEC}", hint=_FETCH_AGAIN)
    opened = Bundle(folder, spec, sha256, contents)
    return replace(opened, signed_by=_signed_by(opened, trusted))


def seal_bundle(folder: Path, spec: BundleSpec) -> str:
    """Write ``bundle.json`` and ``bundle.sha256`` over the files that lie in ``folder``; returns the bundle's hash.

    Signatures of what was sealed before are removed: they would be of another bundle.
    """
    files = {
        path.relative_to(folder).as_posix(): FileSpec(
            size=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).as_posix() not in BESIDE
    }
    text = spec.model_copy(update={"files": files}).model_dump_json(indent=1).encode() + b"\n"
    sha256 = hashlib.sha256(text).hexdigest()
    (folder / SIGNATURES).unlink(missing_ok=True)
    (folder / SPEC).write_bytes(text)
    (folder / SEAL).write_text(f"{sha256}\n", encoding="ascii")
    return sha256


def signed_text(bundle: Bundle) -> str:
    """What a signature of this bundle stands for: its id and the hash of each of its files, ``bundle.json`` first."""
    hashes = {SPEC: bundle.sha256, **{name: bundle.spec.files[name].sha256 for name in sorted(bundle.spec.files)}}
    return signing.text_of(bundle.bundle_id, hashes)


def _signed_by(bundle: Bundle, trusted: Sequence[VerifierKey]) -> tuple[str, ...]:
    place = bundle.folder / SIGNATURES
    if not place.exists() and not place.is_symlink():
        if trusted:
            raise BundleError(
                f"{bundle.folder} is not signed; wanted is a signature by {signing.names(trusted)}",
                hint="python -m models sign, or take the demand out of model.trusted_keys",
            )
        return ()
    note = _read(bundle.folder, SIGNATURES, MAX_NOTE_BYTES + 1)
    return signing.check(place, note, signed_text(bundle), trusted)


def _checked(folder: Path, name: str, wanted: FileSpec) -> bytes:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name:
        raise BundleError(f"{folder / SPEC} lists {name!r}, which is outside the bundle", hint=_FETCH_AGAIN)
    data = _read(folder, name, wanted.size + 1)
    if len(data) != wanted.size:
        found = "more" if len(data) > wanted.size else f"{len(data)}"
        raise BundleError(
            f"{folder / name} has {found} bytes, {wanted.size} expected: truncated or replaced", hint=_FETCH_AGAIN
        )
    if hashlib.sha256(data).hexdigest() != wanted.sha256:
        raise BundleError(f"{folder / name} was changed: its SHA-256 is not the one in {SPEC}", hint=_FETCH_AGAIN)
    return data


def _refuse_strangers(folder: Path, spec: BundleSpec) -> None:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise BundleError(f"{path} is a link; a bundle holds files only", hint=_FETCH_AGAIN)
        if path.is_file() and name not in spec.files and name not in BESIDE:
            raise BundleError(f"{path} does not belong to the bundle", hint=f"remove it, or {_FETCH_AGAIN}")


def _read(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    if path.is_symlink():
        raise BundleError(f"{path} is a link; a bundle holds files only", hint=_FETCH_AGAIN)
    try:
        with path.open("rb") as stream:
            return stream.read(limit)
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}", hint=_FETCH_AGAIN) from error
