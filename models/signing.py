"""Signatures beside a bundle: who vouches for it, in ``bundle.sig``, a signed note (C2SP signed-note) over all hashes.

The text of the note has a line with what it is, one with the bundle's id, and one for each file as ``sha256sum`` writes
it, so that a file exchanged after signing can be named. Keys never lie in the bundle: a private one comes from a file
or the environment, and which public ones count is said by whoever runs the bundle.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.errors import BundleError, ConfigError
from inspection.ledger.keys import load_or_make_key, parse_key
from inspection.ledger.notes import Note, NoteError, SignatureType, Signer, VerifierKey

TITLE = "returns-inspection bundle"
_SIGN_AGAIN = "fetch the bundle again from where it was signed, or look at it and sign it: python -m models sign"


def text_of(bundle_id: str, hashes: Mapping[str, str]) -> str:
    """The text that is signed."""
    return "\n".join((TITLE, bundle_id, *(f"{sha256}  {name}" for name, sha256 in hashes.items()))) + "\n"


def check(place: Path, raw: bytes, text: str, trusted: Sequence[VerifierKey]) -> tuple[str, ...]:
    """Names of the ``trusted`` keys that signed ``text`` in the note ``raw``.

    Args:
        place: of the note, to be named in errors.

    Raises:
        BundleError: it is no note, is about something else, a signature does not match, or none is by a trusted key.
    """
    try:
        note = Note.parse(raw)
        if note.text != text:
            raise BundleError(
                f"{place} was signed over something else: {_difference(note.text, text)}", hint=_SIGN_AGAIN
            )
        found = tuple(key.name for key in trusted if note.signature_of(key) is not None)
    except NoteError as error:
        raise BundleError(f"{place}: {error}", hint=_SIGN_AGAIN) from error
    if trusted and not found:
        signers = ", ".join(signature.name for signature in note.signatures)
        raise BundleError(
            f"{place} has no signature by {names(trusted)}, but by {signers}",
            hint="have it signed with a key of model.trusted_keys, or add that of the signer there",
        )
    return found


def signed(text: str, signer: Signer, before: bytes | None = None) -> bytes:
    """The note with one more signature; those of ``before`` stay when they are over the same text."""
    note = Note(text, ())
    if before is not None:
        try:
            known = Note.parse(before)
        except NoteError:
            known = note
        note = known if known.text == text else note
    return note.with_signatures([signer.sign(text)]).encode()


def signer(name: str, private: Ed25519PrivateKey) -> Signer:
    """The signer of this name.

    Raises:
        ConfigError: the name cannot be one of a key.
    """
    try:
        return Signer(name, SignatureType.NOTE, private)
    except NoteError as error:
        raise ConfigError(
            f"{name!r}: {error}", hint="name the key without spaces and plus, e.g. qa.example.com"
        ) from error


def private_key(file: Path | None, variable: str | None, *, make: bool = False) -> Ed25519PrivateKey:
    """The private key in a file or an environment variable (PEM, PKCS #8).

    Args:
        make: a file that is not there is made.

    Raises:
        ConfigError: both or neither are named, or there is no key in it; nothing of its content is quoted.
        KeyFileError: the file cannot be read, or others may read it.
    """
    if file is not None and variable is None:
        if not make and not file.exists():
            raise ConfigError(f"{file} is not there", hint="make a key with python -m models key --make")
        return load_or_make_key(file)
    if variable is None or file is not None:
        raise ConfigError("one key is needed", hint="give either --key or --key-env")
    try:
        return parse_key(os.environ.get(variable, "").encode())
    except ValueError:
        raise ConfigError(f"the variable {variable} holds no Ed25519 private key in PEM") from None


def names(keys: Sequence[VerifierKey]) -> str:
    """The names of keys, for people."""
    return " or ".join(key.name for key in keys)


def _difference(said: str, found: str) -> str:
    then, now = (
        dict(line.split("  ", 1)[::-1] for line in text.splitlines()[2:] if "  " in line) for text in (said, found)
    )
    changed = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    files = [name for name in changed if name != "bundle.json"] or changed
    return f"{', '.join(files[:5])} changed since" if files else "another bundle"
