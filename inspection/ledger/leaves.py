"""What the leaves of the evidence ledger say, and how a salt lets one be forgotten while the tree stays valid.

A leaf's data is a salt of 32 random bytes followed by canonical JSON (RFC 8785). Without the salt nobody can tell from
the leaf hash what it was made of, not even by trying: erasing salt and text erases the fact, and no proof breaks.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from inspection.evidence import canonical_json
from inspection.ledger.merkle import leaf_hash

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Leaf:
    """One leaf's data: ``text`` is canonical JSON."""

    salt: bytes
    text: str

    @property
    def hash(self) -> bytes:
        """The leaf hash, 32 bytes."""
        return leaf_hash(self.salt + self.text.encode())

    @property
    def facts(self) -> dict[str, Any]:
        """What the leaf says."""
        value: dict[str, Any] = json.loads(self.text)
        return value

    @property
    def subject(self) -> str:
        """What the leaf is about; a log says each thing once."""
        return subject_of(self.facts)


def new_leaf(facts: dict[str, Any]) -> Leaf:
    """A leaf with a fresh salt."""
    return Leaf(secrets.token_bytes(SALT_BYTES), canonical_json(facts).decode())


def verdict(
    inspection_id: UUID,
    revision: int,
    *,
    evidence_hash: str,
    record_sha256: str,
    received_at: datetime,
    received_via: UUID,
    station_key: str | None,
    station_key_trusted: bool,
    clock_offset_s: float | None,
) -> dict[str, Any]:
    """The facts of one stored report.

    Args:
        inspection_id: with ``revision``, which report.
        revision: see there.
        evidence_hash: of the report; see :func:`inspection.evidence.evidence_hash`.
        record_sha256: of the report's text as the hub stores it, so that not even a blank can change.
        received_at: by the hub's clock.
        received_via: the token that delivered it.
        station_key: public key whose signature the report carries, Base64; ``None`` without a signature.
        station_key_trusted: whether the hub trusted that key for the station when the report came.
        clock_offset_s: how much the station's clock was ahead of the hub's, as the row says; leaves from before this
            was entered do not have it.
    """
    return {
        "kind": "verdict",
        "inspection_id": str(inspection_id),
        "revision": revision,
        "evidence_hash": evidence_hash,
        "record_sha256": record_sha256,
        "received_at": moment(received_at),
        "received_via": str(received_via),
        "station_key": station_key,
        "station_key_trusted": station_key_trusted,
        "clock_offset_s": clock_offset_s,
    }


def picture(
    sha256: str, *, size_bytes: int, media_type: str, width: int, height: int, received_at: datetime
) -> dict[str, Any]:
    """The facts of one stored picture."""
    return {
        "kind": "picture",
        "sha256": sha256,
        "size_bytes": size_bytes,
        "media_type": media_type,
        "width": width,
        "height": height,
        "received_at": moment(received_at),
    }


def station_key(station_id: str, public_key: str, state: str) -> dict[str, Any]:
    """That the hub came to know (``recorded``), trust (``trusted``) or distrust (``revoked``) a station's key."""
    return {"kind": "station_key", "station_id": station_id, "public_key": public_key, "state": state}


def erasure(erased: bytes) -> dict[str, Any]:
    """That salt and text of the leaf with this hash were erased on purpose."""
    return {"kind": "erasure", "leaf_hash": erased.hex()}


def subject_of(facts: dict[str, Any]) -> str:
    """What these facts are about.

    Raises:
        KeyError: for facts of no kind that is known.
    """
    match facts["kind"]:
        case "verdict":
            return f"verdict/{facts['inspection_id']}/{facts['revision']}"
        case "picture":
            return f"picture/{facts['sha256']}"
        case "station_key":
            return f"station_key/{facts['station_id']}/{facts['public_key']}/{facts['state']}"
        case "erasure":
            return f"erasure/{facts['leaf_hash']}"
        case kind:
            raise KeyError(kind)


def moment(at: datetime) -> str:
    """An instant in the one spelling that leaves use: UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
