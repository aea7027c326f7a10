"""Events and documents as a partner sends them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2

from inspection.epcis import CONTEXT

NS = "http://ns.partner.example/epcis/"
CONTEXTS = [CONTEXT, {"ex": NS}]


def event(**changes: Any) -> dict[str, Any]:
    """A shipment of one item that no other event has; ``None`` takes a member away."""
    base = {
        "type": "ObjectEvent",
        "eventTime": "2026-11-20T10:00:00.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "epcList": [f"urn:epc:id:sgtin:4012345.011111.{uuid4().hex[:12]}"],
        "action": "OBSERVE",
        "bizStep": "shipping",
        "disposition": "in_transit",
        "readPoint": {"id": "urn:epc:id:sgln:4012345.00025.0"},
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def document(*events: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {
        "@context": CONTEXTS,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-11-20T10:00:01.000Z",
        "epcisBody": {"eventList": list(events)},
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def alone(**changes: Any) -> dict[str, Any]:
    """One event with its context."""
    return {"@context": CONTEXTS, **event(**changes)}


def captured(client: httpx2.Client, body: Any, **headers: str) -> dict[str, Any]:
    """The finished job of a capture that is taken."""
    answer = client.post("/epcis/capture", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = client.get(answer.headers["location"]).json()
    return job


def found(client: httpx2.Client, **parameters: Any) -> list[dict[str, Any]]:
    """Events of the first page of an answer."""
    answer = client.get("/epcis/events", params=parameters)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


def events_of(value: dict[str, Any]) -> list[dict[str, Any]]:
    """Events of a document, a query document, or the one event itself."""
    body = value.get("epcisBody")
    if body is None:
        return [{name: member for name, member in value.items() if name != "@context"}]
    listed: list[dict[str, Any]] = body.get("eventList") or body["queryResults"]["resultsBody"]["eventList"]
    return listed
