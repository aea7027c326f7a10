"""What content credentials (C2PA) say of a picture, and whether their signature holds; part of the confined worker.

Loaded by :mod:`inspection.hub.precheck.decoding` by its place. c2pa-python does the work: nothing is fetched, no file
is opened, and whatever it says of hostile bytes, the picture stays one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import c2pa  # type: ignore[import-untyped,unused-ignore]

MEDIA = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "heif": "image/heic"}
STATES = {"Trusted": "trusted", "Valid": "valid", "Invalid": "invalid"}
MAX_ACTIONS, MAX_WORD = 10, 64
MAX_MANIFESTS = 4_000_000
"""Bytes of JSON that are read of what the library says."""
OFFLINE = {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True}

Credentials = Callable[[str, bytes], dict[str, Any]]


def reader(anchors: str = "") -> Credentials:
    """What reads the credentials of a file.

    Args:
        anchors: certificates (PEM) of whom this installation believes; without any, nobody is ``trusted``.
    """
    settings: dict[str, Any] = {"verify": OFFLINE}
    if anchors:
        settings["trust"] = {"trust_anchors": anchors}
    context = c2pa.Context(c2pa.Settings.from_dict(settings))

    def read(kind: str, data: bytes) -> dict[str, Any]:
        """``c2pa`` (``trusted``: by somebody believed and unchanged since; ``valid``: unchanged since, by whoever;
        ``invalid``: changed since, or signed wrongly; ``present``: it cannot be read), ``c2pa_signer``,
        ``c2pa_actions``, ``c2pa_sources`` (IPTC digital source types, e.g. ``trainedAlgorithmicMedia``)."""
        try:
            with c2pa.Reader(MEDIA[kind], BytesIO(data), context=context) as found:
                state = str(found.get_validation_state())
                text = found.json()
            told = _told(json.loads(text)) if len(text) <= MAX_MANIFESTS else {}
        except Exception:  # noqa: BLE001 -- whatever it is, the credentials cannot be read
            return {"c2pa": "present"}
        return {"c2pa": STATES.get(state, "present"), **told}

    return read


def _told(document: dict[str, Any]) -> dict[str, Any]:
    manifest = document["manifests"][document["active_manifest"]]
    signed = manifest.get("signature_info") or {}
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    sources = [str(each.get("digitalSourceType", "")).rpartition("/")[2] for each in actions]
    return {
        "c2pa_signer": word(signed.get("issuer") or signed.get("common_name")),
        "c2pa_actions": _distinct([word(each.get("action")) for each in actions]),
        "c2pa_sources": _distinct([word(each) for each in sources]),
    }


def _distinct(words: list[str]) -> list[str]:
    return list(dict.fromkeys(each for each in words if each))[:MAX_ACTIONS]


def word(value: object) -> str:
    """Printable text of at most 64 characters."""
    return "".join(c for c in value if c.isprintable()).strip()[:MAX_WORD] if isinstance(value, str) else ""
