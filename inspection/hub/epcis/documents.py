"""What came in, taken apart: the document around the events, and every event with the context it is read in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inspection.epcis_hash import event_id
from inspection.hub.epcis import checks
from inspection.hub.epcis.checks import text, time, uri
from inspection.hub.epcis.contexts import Context, read_context
from inspection.hub.epcis.places import Places
from inspection.hub.epcis.validation import check_event

Event = dict[str, Any]

_VERSION = re.compile(r"\A\d+(\.\d+)*\Z")
_DOCUMENT = {"id": uri, "creationDate": time, "instanceIdentifier": text, "sender": text, "receiver": text}
_FRAME = frozenset({"@context", "type", "schemaVersion", "epcisBody"})
_HASHABLE = (ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One event of a document.

    Attributes:
        event: as it came, without ``recordTime``, which the repository sets.
        context: what it is read with.
        outer: the ``@context`` of the document around it; of a single event its own.
        event_id: its own ``eventID``, else the CBV 2.0 hash.
        content_hash: the CBV 2.0 hash; empty when there is a fault.
        faults: what is wrong with it; empty when it may be stored.
    """

    event: Event
    context: Context
    outer: Any
    event_id: str
    content_hash: str
    faults: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Document:
    """A document taken apart.

    Attributes:
        frame: the document without its events; ``None`` when a single event came.
        candidates: its events in order.
        faults: what is wrong with the document itself; then there are no candidates.
    """

    frame: dict[str, Any] | None
    candidates: list[Candidate]
    faults: list[dict[str, str]]


def read_document(value: Any) -> Document:
    """Take an ``EPCISDocument``, an ``EPCISQueryDocument`` or a single event apart and check all of it."""
    whole = Places()
    if not checks.objects(whole, value) or not checks.soundness(whole, value):
        return Document(None, [], whole.faults)
    checks.required(whole, value, "@context", "type")
    if "@context" in value:
        checks.context_value(whole.at("@context"), value["@context"])
    if whole.faults:
        return Document(None, [], whole.faults)
    context = read_context(value["@context"])
    kind = value["type"]
    if kind not in ("EPCISDocument", "EPCISQueryDocument"):  # a tuple: the type may be a list
        return Document(None, [_candidate(Places(), value, None)], [])
    events, pointer = (
        _document(whole, value, context) if kind == "EPCISDocument" else _query_document(whole, value, context)
    )
    if whole.faults:
        return Document(None, [], whole.faults)
    candidates = []
    for number, event in enumerate(events):
        place = Places(pointer).at(number)
        candidates.append(_candidate(place, event, value["@context"]))
    return Document(_frame(value, kind), candidates, [])


def with_events(frame: Mapping[str, Any], events: list[Event]) -> dict[str, Any]:
    """The document again: ``frame`` with its events back in place."""
    body = dict(frame["epcisBody"])
    if frame["type"] == "EPCISDocument":
        return {**frame, "epcisBody": {**body, "eventList": events}}
    results = dict(body["queryResults"])
    return {
        **frame,
        "epcisBody": {
            **body,
            "queryResults": {**results, "resultsBody": {**results["resultsBody"], "eventList": events}},
        },
    }


def _frame(value: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return with_events(value, []) if kind else {}


def _candidate(place: Places, event: Any, document_context: Any) -> Candidate:
    own = event.get("@context") if isinstance(event, dict) else None
    if own is not None:
        checks.context_value(place.at("@context"), own)
    context = read_context(document_context, own) if not place.faults else read_context(document_context)
    check_event(place, event, context)
    digest = ""
    if not place.faults:
        try:
            digest = event_id(event, context.namespaces)
        except _HASHABLE:
            place.fault("has no CBV 2.0 event hash: a member of a list has the wrong kind")
    if place.faults:
        named = event.get("eventID") if isinstance(event, dict) else None
        return Candidate({}, context, None, named if isinstance(named, str) else "", "", place.faults)
    dropped = {"recordTime"} if document_context is not None else {"recordTime", "@context"}
    kept = {name: member for name, member in event.items() if name not in dropped}
    outer = document_context if document_context is not None else own
    return Candidate(kept, context, outer, event.get("eventID", digest), digest, [])


def _document(place: Places, value: Mapping[str, Any], context: Context) -> tuple[list[Any], str]:
    checks.names(place, value, _FRAME | _DOCUMENT.keys() | {"epcisHeader"}, context)
    checks.required(place, value, "schemaVersion", "creationDate", "epcisBody")
    _members(place, value)
    _header(place.at("epcisHeader"), value.get("epcisHeader", {}), context)
    body = place.at("epcisBody")
    if "epcisBody" not in value or not checks.objects(body, value["epcisBody"]):
        return [], ""
    return _event_list(body, value["epcisBody"])


def _query_document(place: Places, value: Mapping[str, Any], context: Context) -> tuple[list[Any], str]:
    checks.names(place, value, _FRAME | {"id", "creationDate"}, context)
    checks.required(place, value, "epcisBody")
    _members(place, value)
    results: Any = value
    for name, known, needed in (
        ("epcisBody", ("queryResults",), ("queryResults",)),
        ("queryResults", ("queryName", "subscriptionID", "resultsBody"), ("queryName", "resultsBody")),
        ("resultsBody", ("eventList", "vocabularyList"), ("eventList",)),
    ):
        results, place = results.get(name), place.at(name)
        if not checks.objects(place, results):
            return [], ""
        checks.names(place, results, known, context)
        checks.required(place, results, *needed)
        for member in ("queryName", "subscriptionID"):
            if member in results and member in known:
                text(place.at(member), results[member])
    _vocabularies(place.at("vocabularyList"), results.get("vocabularyList", []))
    return _event_list(place, results)


def _event_list(place: Places, body: Mapping[str, Any]) -> tuple[list[Any], str]:
    here = place.at("eventList")
    if "eventList" not in body:
        here.fault("is missing")
    events = body.get("eventList", [])
    if not isinstance(events, list):
        here.fault("must be a list")
        return [], ""
    return events, here.pointer


def _members(place: Places, value: Mapping[str, Any]) -> None:
    for name, check in _DOCUMENT.items():
        if name in value:
            check(place.at(name), value[name])
    version = value.get("schemaVersion", "2.0")
    if not isinstance(version, str) or not _VERSION.match(version) or not version.startswith("2"):
        place.at("schemaVersion").fault("must be a version of EPCIS that is written in JSON, such as 2.0")


def _header(place: Places, header: Any, context: Context) -> None:
    if not checks.objects(place, header):
        return
    checks.names(place, header, ("epcisMasterData",), context)
    place = place.at("epcisMasterData")
    master = header.get("epcisMasterData", {})
    if checks.objects(place, master):
        _vocabularies(place.at("vocabularyList"), master.get("vocabularyList", []))


def _vocabularies(place: Places, vocabularies: Any) -> None:
    for number, vocabulary in _each(place, vocabularies):
        here = place.at(number)
        checks.required(here, vocabulary, "type")
        if "type" in vocabulary:
            uri(here.at("type"), vocabulary["type"])
        inner = here.at("vocabularyElementList")
        for index, element in _each(inner, vocabulary.get("vocabularyElementList", [])):
            _element(inner.at(index), element)


def _element(place: Places, element: Mapping[str, Any]) -> None:
    checks.required(place, element, "id")
    if "id" in element:
        uri(place.at("id"), element["id"])
    for number, attribute in _each(place.at("attributes"), element.get("attributes", [])):
        here = place.at("attributes").at(number)
        checks.required(here, attribute, "id")
        if "id" in attribute:
            uri(here.at("id"), attribute["id"])
        if isinstance(attribute.get("attribute", ""), bool | list | None):
            here.at("attribute").fault("must be a number, a text or an object")
    children = element.get("children", [])
    if not isinstance(children, list):
        place.at("children").fault("must be a list")
        return
    for number, child in enumerate(children):
        uri(place.at("children").at(number), child)


def _each(place: Places, values: Any) -> list[tuple[int, Mapping[str, Any]]]:
    if not isinstance(values, list):
        place.fault("must be a list")
        return []
    return [(number, each) for number, each in enumerate(values) if checks.objects(place.at(number), each)]
