"""Proofs as JSON, in the form of the public test data of transparency-dev/merkle; our API speaks the same form.

Inclusion: ``leafIdx``, ``treeSize``, ``root``, ``leafHash``, ``proof``. Consistency: ``size1``, ``size2``, ``root1``,
``root2``, ``proof``. Hashes are standard Base64; ``proof`` is a list of them or null. Further members are let be.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from inspection.ledger.merkle import ProofError, verify_consistency, verify_inclusion


def check_inclusion(text: str | bytes) -> None:
    """Verify the inclusion proof in this JSON text.

    Raises:
        ProofError: when it is no such proof or proves nothing.
    """
    value = _members(text)
    index, size = _number(value, "leafIdx"), _number(value, "treeSize")
    verify_inclusion(index, size, _hash(value, "leafHash"), _hashes(value), _hash(value, "root"))


def check_consistency(text: str | bytes) -> None:
    """Verify the consistency proof in this JSON text.

    Raises:
        ProofError: when it is no such proof or proves nothing.
    """
    value = _members(text)
    size1, size2 = _number(value, "size1"), _number(value, "size2")
    verify_consistency(size1, size2, _hashes(value), _hash(value, "root1"), _hash(value, "root2"))


def consistency_hashes(text: str | bytes) -> list[bytes]:
    """The hashes of the proof in this JSON text; nothing is verified.

    Raises:
        ProofError: when it is no proof.
    """
    return _hashes(_members(text))


def inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> dict[str, Any]:
    """An inclusion proof as JSON values."""
    return {
        "leafIdx": index,
        "treeSize": size,
        "root": encode(root),
        "leafHash": encode(leaf),
        "proof": [encode(each) for each in proof],
    }


def consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> dict[str, Any]:
    """A consistency proof as JSON values."""
    return {
        "size1": size1,
        "size2": size2,
        "root1": encode(root1),
        "root2": encode(root2),
        "proof": [encode(each) for each in proof],
    }


def encode(data: bytes) -> str:
    """Standard Base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of standard Base64.

    Raises:
        ValueError: when it is spelt in any other way than :func:`encode` does.
    """
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if encode(data) != text:
        raise ValueError("this Base64 has stray bits")
    return data


def _members(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ProofError("not a JSON object")
    return value


def _number(value: dict[str, Any], name: str) -> int:
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise ProofError(f"{name} is not a whole number")
    return found


def _hash(value: dict[str, Any], name: str) -> bytes:
    return _decoded(value.get(name), name)


def _hashes(value: dict[str, Any]) -> list[bytes]:
    found = value.get("proof")
    if found is None:
        return []
    if not isinstance(found, list):
        raise ProofError("proof is not a list")
    return [_decoded(each, f"proof[{place}]") for place, each in enumerate(found)]


def _decoded(found: object, name: str) -> bytes:
    if found is None:
        return b""
    if not isinstance(found, str):
        raise ProofError(f"{name} is not a text")
    try:
        return decode(found)
    except (ValueError, binascii.Error):
        raise ProofError(f"{name} is not Base64") from None
