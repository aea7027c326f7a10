"""Canonical JSON and content hashes: the same record has the same bytes and the same name everywhere."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import rfc8785

SHA256_HEX = re.compile(r"\A[0-9a-f]{64}\Z")
SEALS = frozenset({"evidence_hash", "signature"})
"""Members of a record that stand for the others."""
_EXACT = 2**53 - 1
_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e16
"""Doubles between these Python and ECMAScript write alike, without an exponent, in the fewest digits that say them."""
_ENCODE = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")).encode


def canonical_json(value: Any) -> bytes:
    """UTF-8 bytes of ``value`` after RFC 8785 (JSON Canonicalization Scheme).

    What Python's own encoder, written in C, writes as RFC 8785 wants it goes through that, in a sixth of the time;
    anything else through the library.

    Raises:
        rfc8785.CanonicalizationError: for NaN, infinities, integers beyond 2**53, half of a surrogate pair and non-JSON
            types.
        UnicodeEncodeError: for half of a surrogate pair in a name.
    """
    try:
        return _ENCODE(_plain(value)).encode()
    except (_NotPlain, UnicodeEncodeError):
        return rfc8785.dumps(value)


class _NotPlain(Exception):
    """The two encoders may differ on this value."""


def _plain(value: Any) -> Any:
    """``value`` with whole doubles as integers, when both encoders write the result alike."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is dict:
        # Python sorts names by code points, RFC 8785 by UTF-16 units: the same without the higher planes.
        if not all(type(name) is str and name.isascii() for name in value):
            raise _NotPlain
        return {name: _plain(each) for name, each in value.items()}
    if kind is list or kind is tuple:
        return [_plain(each) for each in value]
    if kind is float:
        if _PLAIN_FROM <= abs(value) < _PLAIN_TO and not value.is_integer():
            return value
        if -_EXACT <= value <= _EXACT and value.is_integer():
            return int(value)
    elif kind is int and -_EXACT <= value <= _EXACT:
        return value
    raise _NotPlain


def sha256_hex(data: bytes) -> str:
    """Lower-case hex SHA-256 of ``data``; the name of a picture or record."""
    return hashlib.sha256(data).hexdigest()


def evidence_hash(record: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of ``record`` without ``evidence_hash`` itself and the ``signature`` over it."""
    return sha256_hex(canonical_json({key: value for key, value in record.items() if key not in SEALS}))
