"""Whether what was sent is an event of EPCIS 2.0: members, formats, words of the CBV, and prefixes that are defined.

The rules are those of the EPCIS 2.0 JSON schema and of the standard's chapter 7; every fault names its place by JSON
pointer (RFC 6901). Besides the schema: a prefix must be defined, a CBV word must exist in whatever form it is written,
times must exist, and identifiers have at most :data:`~inspection.hub.epcis.checks.MAX_IDENTIFIER` characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from inspection.hub.epcis import vocabulary as words
from inspection.hub.epcis.checks import (
    Check,
    array,
    boolean,
    closed,
    context_value,
    listed,
    names,
    number,
    objects,
    opened,
    optional,
    pattern,
    required,
    term,
    text,
    time,
    uri,
)
from inspection.hub.epcis.contexts import Context
from inspection.hub.epcis.places import Places

_OFFSET = re.compile(r"\A[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)\Z")
_UOM = re.compile(r"\A[A-Z0-9]{2,3}\Z")
_HEX = re.compile(r"\A[A-Fa-f0-9]+\Z")


def check_event(place: Places, event: Any, context: Context) -> None:
    """Note every fault of one event; see :func:`inspection.hub.epcis.documents.read_document` for whole documents.

    Args:
        place: where the event stands; collects the faults.
        event: the JSON value.
        context: what its document's and its own ``@context`` define.
    """
    if not isinstance(event, dict):
        place.fault("an event is an object")
        return
    kind = event.get("type")
    if not isinstance(kind, str):
        place.at("type").fault("is missing" if kind is None else "must be the event's type")
        return
    _common(place, event, context)
    special = _SPECIAL.get(kind)
    if special is None:
        if not uri(place.at("type"), kind):
            place.at("type").fault(
                f"no event type of EPCIS 2.0; expected one of {listed(_SPECIAL)} or a URI of your own"
            )
        optional(place, event, _MEMBERS)
        return
    names(place, event, words.EVENT_MEMBERS[kind], context)
    if kind != "TransformationEvent":
        required(place, event, "action")
    members = dict(_MEMBERS) | {"epcList": partial(array, uri, unique=kind == "ObjectEvent")}
    optional(place, event, {name: members[name] for name in event if name in members})
    _nested_names(place, event, context)
    special(place, event)


def _common(place: Places, event: Mapping[str, Any], context: Context) -> None:
    required(place, event, "eventTime", "eventTimeZoneOffset")
    optional(place, event, _EVERY_EVENT)
    declaration = event.get("errorDeclaration")
    if isinstance(declaration, dict):
        names(place.at("errorDeclaration"), declaration, _DECLARATION, context)


def _nested_names(place: Places, event: Mapping[str, Any], context: Context) -> None:
    ilmd = event.get("ilmd")
    if isinstance(ilmd, dict):
        names(place.at("ilmd"), ilmd, (), context)
    elements = event.get("sensorElementList")
    for position, element in enumerate(elements if isinstance(elements, list) else ()):
        if not isinstance(element, dict):
            continue
        here = place.at("sensorElementList").at(position)
        names(here, element, ("sensorMetadata", "sensorReport"), context)
        metadata, reports = element.get("sensorMetadata"), element.get("sensorReport")
        if isinstance(metadata, dict):
            names(here.at("sensorMetadata"), metadata, _SENSOR_METADATA, context)
        for index, report in enumerate(reports if isinstance(reports, list) else ()):
            if isinstance(report, dict):
                names(here.at("sensorReport").at(index), report, _SENSOR_REPORT, context)


def _filled(event: Mapping[str, Any], *members: str) -> bool:
    return any(bool(event.get(name)) for name in members)


def _object_event(place: Places, event: Mapping[str, Any]) -> None:
    sensed = _filled(event, "sensorElementList") and "readPoint" in event
    if not ("epcList" in event or _filled(event, "quantityList") or sensed):
        place.fault("needs epcList, quantityList, or sensorElementList with readPoint")
    if "ilmd" in event and event.get("action") != "ADD":
        place.at("ilmd").fault("is allowed with action ADD only")


def _children_event(place: Places, event: Mapping[str, Any]) -> None:
    if event["type"] == "AssociationEvent":
        required(place, event, "parentID")
    if event.get("action") != "DELETE" and not _filled(event, "childEPCs", "childQuantityList"):
        place.fault("needs childEPCs or childQuantityList unless action is DELETE")


def _transaction_event(place: Places, event: Mapping[str, Any]) -> None:
    required(place, event, "bizTransactionList")
    if event.get("bizTransactionList") == []:
        place.at("bizTransactionList").fault("must not be empty")
    if event.get("action") != "DELETE" and not ("epcList" in event or _filled(event, "quantityList")):
        place.fault("needs epcList or quantityList unless action is DELETE")


def _transformation_event(place: Places, event: Mapping[str, Any]) -> None:
    taken = _filled(event, "inputEPCList", "inputQuantityList")
    made = _filled(event, "outputEPCList", "outputQuantityList")
    if not (taken and made) and not ("transformationID" in event and (taken or made)):
        place.fault("needs inputs and outputs, or a transformationID with either")


def _persistent(place: Places, value: Any) -> None:
    one = partial(array, _DISPOSITION, unique=True, least=1)
    closed({"set": one, "unset": one})(place, value)
    if isinstance(value, dict) and not value.keys() & {"set", "unset"}:
        place.fault("needs set or unset")


def _certification(place: Places, value: Any) -> None:
    if isinstance(value, list):
        array(uri, place, value)
    else:
        uri(place, value)


_DISPOSITION = term("Disp", words.DISPOSITIONS)
_DECLARATION: Mapping[str, Check] = {
    "declarationTime": time,
    "reason": term("ER", words.ERROR_REASONS),
    "correctiveEventIDs": partial(array, uri),
}
_EVERY_EVENT: Mapping[str, Check] = {
    "@context": context_value,
    "eventTime": time,
    "recordTime": time,
    "eventTimeZoneOffset": pattern(_OFFSET, "an offset from UTC such as +08:00"),
    "eventID": uri,
    "certificationInfo": _certification,
    "errorDeclaration": opened(_DECLARATION, "declarationTime"),
}
_SENSOR_METADATA: Mapping[str, Check] = {
    **dict.fromkeys(("time", "startTime", "endTime"), time),
    **dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), uri),
}
_SENSOR_REPORT: Mapping[str, Check] = {
    "type": term("gs1", words.MEASUREMENTS),
    "exception": term("gs1", words.ALERTS),
    **dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), uri),
    **dict.fromkeys(("microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"), uri),
    **dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), number),
    **dict.fromkeys(("stringValue", "uom"), text),
    "time": time,
    "component": term("Comp", words.COMPONENTS),
    "booleanValue": boolean,
    "hexBinaryValue": pattern(_HEX, "hexadecimal digits"),
}
_QUANTITY = closed(
    {"epcClass": uri, "quantity": number, "uom": pattern(_UOM, "a unit of 2 or 3 characters")}, "epcClass"
)
_SENSOR = opened(
    {
        "sensorMetadata": opened(_SENSOR_METADATA),
        "sensorReport": partial(array, opened(_SENSOR_REPORT, "type"), least=1),
    },
    "sensorReport",
)
_PLACE = opened({"id": uri}, "id")
_MEMBERS: Mapping[str, Check] = {
    "action": pattern(re.compile(r"\A(?:ADD|OBSERVE|DELETE)\Z"), "ADD, OBSERVE or DELETE"),
    "parentID": uri,
    "transformationID": uri,
    "epcList": partial(array, uri),
    "childEPCs": partial(array, uri),
    **dict.fromkeys(("inputEPCList", "outputEPCList"), partial(array, uri, unique=True)),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), partial(array, _QUANTITY)
    ),
    "bizStep": term("BizStep", words.BIZ_STEPS),
    "disposition": _DISPOSITION,
    "persistentDisposition": _persistent,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": partial(
        array, closed({"type": term("BTT", words.TRANSACTION_TYPES), "bizTransaction": uri}, "bizTransaction")
    ),
    "sourceList": partial(array, closed({"type": term("SDT", words.SOURCE_TYPES), "source": uri}, "type", "source")),
    "destinationList": partial(
        array, closed({"type": term("SDT", words.SOURCE_TYPES), "destination": uri}, "type", "destination")
    ),
    "sensorElementList": partial(array, _SENSOR),
    "ilmd": objects,
}
_SPECIAL: Mapping[str, Callable[[Places, Mapping[str, Any]], None]] = {
    "ObjectEvent": _object_event,
    "AggregationEvent": _children_event,
    "AssociationEvent": _children_event,
    "TransactionEvent": _transaction_event,
    "TransformationEvent": _transformation_event,
}
