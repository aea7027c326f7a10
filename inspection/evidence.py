"""Canonical JSON and content hashes: the same record has the same bytes and the same name everywhere."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import rfc8785

SHA256_HEX = re.compile(r"\A[0-9a-f]{64}\Z")
SEALS = frozenset({"evidence_hash", "signature"})
"""Members of a record that stand for the others."""


def canonical_json(value: Any) -> bytes:
    """UTF-8 bytes of ``value`` after RFC 8785 (JSON Canonicalization Scheme).

    Raises:
        rfc8785.CanonicalizationError: for NaN, infinities, integers beyond 2**53 and non-JSON types.
    """
    return rfc8785.dumps(value)


def sha256_hex(data: bytes) -> str:
    """Lower-case hex SHA-256 of ``data``; the name of a picture or record."""
    return hashlib.sha256(data).hexdigest()


def evidence_hash(record: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of ``record`` without ``evidence_hash`` itself and the ``signature`` over it."""
    return sha256_hex(canonical_json({key: value for key, value in record.items() if key not in SEALS}))
