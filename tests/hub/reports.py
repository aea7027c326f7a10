"""Reports and pictures as a station makes them."""

from __future__ import annotations

import hashlib
import struct
import zlib
from copy import deepcopy
from typing import Any
from uuid import uuid4

from inspection.report import seal

STARTED = "2026-11-21T08:00:01.250+08:00"
JUDGED = "2026-11-21T08:00:02.750+08:00"
CONFIRMED = "2026-11-21T08:00:03.512+08:00"
GTIN = "04012345111118"


def png(seed: int = 0, width: int = 4, height: int = 3) -> bytes:
    """A valid PNG, different for every seed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes((seed + column) % 256 for column in range(width)) for _ in range(height))
    note = b"seed\0" + str(seed).encode()
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"tEXt", note)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def picture(data: bytes, view: str = "top") -> dict[str, Any]:
    return {
        "view": view,
        "sha256": sha256(data),
        "media_type": "image/png",
        "size_bytes": len(data),
        "width": 4,
        "height": 3,
        "captured_at": JUDGED,
        "camera_id": "cam-top",
        "sequence": 7,
        "settings_digest": "0123456789abcdef",
    }


def fields(**changes: Any) -> dict[str, Any]:
    """Members of a report without its hash: a phone resold as opened box."""
    base: dict[str, Any] = {
        "inspection_id": str(uuid4()),
        "revision": 1,
        "station_id": "station-07",
        "started_at": STARTED,
        "judged_at": JUDGED,
        "confirmed_at": CONFIRMED,
        "rma": "RMA-2026-000123",
        "item": {"gtin": GTIN, "serial": "6789", "sources": ["barcode"]},
        "readings": [
            {"device_id": "scanner-1", "kind": "barcode", "raw_hex": "5d4331", "value": "(01)…", "at": STARTED},
            {"device_id": "scale-1", "kind": "weight", "raw_hex": "30", "value": "412.6 g", "at": JUDGED},
        ],
        "pictures": [],
        "assessment": {
            "bundle_id": "default@1+0123456789ab",
            "findings": [{"defect": "scratch", "probability": 0.93, "view": "top"}],
            "p_defect": {"scratch": 0.93},
            "p_condition": {"intact": 0.1, "minor": 0.8, "major": 0.08, "critical": 0.02},
            "novelty": 0.1,
            "novel": False,
            "confident": True,
            "capture_problems": {"top": []},
        },
        "policy": {
            "disposition": "resell",
            "grade": "open_box",
            "rule_id": "R12",
            "reason": {"en": "minor damage"},
            "reason_codes": ["minor"],
            "needs_confirmation": False,
            "policy_version": "2026.11",
            "values": {"condition": "minor", "complete": "yes"},
        },
        "person": None,
        "verdict": {"disposition": "resell", "grade": "open_box", "decided_by": "policy"},
        "versions": {
            "software": "0.1.0",
            "policy": "2026.11",
            "products": "1",
            "bundle": "default@1+0123456789ab",
        },
    }
    return deepcopy(base) | changes


def report(**changes: Any) -> dict[str, Any]:
    """A sealed report as JSON values."""
    return seal(fields(**changes)).model_dump(mode="json")
