"""Whether what was sent is an event of EPCIS 2.0: members, formats, words of the CBV, and prefixes that are defined.

The rules are those of the EPCIS 2.0 JSON schema and of the standard's chapter 7; every fault names its place by JSON
pointer (RFC 6901). Besides the schema: a prefix must be defined, a CBV word must exist in whatever form it is written,
times must exist, and identifiers have at most :data:`MAX_IDENTIFIER` characters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from rfc3986_validator import validate_rfc3986

from inspection.hub.epcis import vocabulary as words
from inspection.hub.epcis.contexts import Context
from inspection.hub.epcis.places import Places

MAX_IDENTIFIER = 1000
MAX_DEPTH = 48

Check = Callable[[Places, Any], object]

_TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)\Z")
_OFFSET = re.compile(r"\A[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00)\Z")
_UOM = re.compile(r"\A[A-Z0-9]{2,3}\Z")
_HEX = re.compile(r"\A[A-Fa-f0-9]+\Z")
_OLD_CBV = re.compile(r"\A(?:urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/)")
_NEW_CBV = re.compile(r"\A(?:https?://ref\.gs1\.org/cbv/|cbv:)")
_GS1_VOCABULARY = re.compile(r"\Ahttps?://(?:www\.)?gs1\.org/voc/")


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
                f"no event type of EPCIS 2.0; expected one of {_list(_SPECIAL)} or a URI of your own"
            )
        _optional(place, event, _MEMBERS)
        return
    names(place, event, words.EVENT_MEMBERS[kind], context)
    if kind != "TransformationEvent":
        required(place, event, "action")
    members = dict(_MEMBERS) | {"epcList": partial(_array, uri, unique=kind == "ObjectEvent")}
    _optional(place, event, {name: members[name] for name in event if name in members})
    _nested_names(place, event, context)
    special(place, event)


def soundness(place: Places, value: Any) -> bool:
    """Whether a JSON value can be stored and hashed at all: not too deep, finite numbers, whole characters."""
    waiting = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        if depth > MAX_DEPTH:
            place.fault(f"nested deeper than {MAX_DEPTH}")
            return False
        if isinstance(each, float) and not math.isfinite(each):
            place.fault("holds a number that is out of range")
            return False
        if isinstance(each, int) and abs(each) >= 1 << 1000:
            place.fault("holds a number that is out of range")
            return False
        if isinstance(each, str) and not _whole(each):
            place.fault("holds half of a surrogate pair")
            return False
        if isinstance(each, dict):
            if not all(_whole(name) for name in each):
                place.fault("holds half of a surrogate pair")
                return False
            waiting += [(inner, depth + 1) for inner in each.values()]
        elif isinstance(each, list):
            waiting += [(inner, depth + 1) for inner in each]
    return True


def names(place: Places, holder: Mapping[str, Any], known: Collection[str], context: Context) -> None:
    """Members are the standard's or extensions, which have a prefix that is defined."""
    for name in holder:
        if name in known:
            continue
        if not _is_uri(name):
            hint = "" if ":" in name else "; an extension needs a prefix"
            place.at(name).fault(f"no member of this object{hint}")
        elif not context.knows(name):
            place.at(name).fault(f"the prefix {name.partition(':')[0]!r} is not defined in @context")


def required(place: Places, holder: Mapping[str, Any], *members: str) -> None:
    """These members are there."""
    for name in members:
        if name not in holder:
            place.at(name).fault("is missing")


def uri(place: Places, value: Any) -> bool:
    """An absolute URI (RFC 3986)."""
    if not isinstance(value, str) or not _is_uri(value):
        place.fault("must be a URI" + (f", not {value[:80]!r}" if isinstance(value, str) else ""))
        return False
    if len(value) > MAX_IDENTIFIER:
        place.fault(f"longer than {MAX_IDENTIFIER} characters")
        return False
    return True


def time(place: Places, value: Any) -> bool:
    """A moment with its offset from UTC (xsd:dateTimeStamp) that exists."""
    if not isinstance(value, str) or moment(value) is None:
        place.fault("must be a date and time with its offset, such as 2026-11-21T16:00:03.512+08:00")
        return False
    return True


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime | None:
    """The moment in UTC that ``text`` says; ``None`` when it says none."""
    if not _TIME.match(text):
        return None
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1 < found.year < 9999 else None  # noqa: PLR2004 - room for rounding at both ends


def text(place: Places, value: Any) -> None:
    """Any text."""
    if not isinstance(value, str):
        place.fault("must be a text")


def objects(place: Places, value: Any) -> bool:
    """An object."""
    if not isinstance(value, dict):
        place.fault("must be an object")
        return False
    return True


def context_value(place: Places, value: Any) -> None:
    """A JSON-LD context: a URI, an object of prefixes, or a list of both in which nothing occurs twice."""
    if isinstance(value, str):
        uri(place, value)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            if not isinstance(each, dict):
                uri(place.at(number), each)
        _distinct(place, value)
    elif not isinstance(value, dict):
        place.fault("must be a URI, an object of prefixes, or a list of both")


def term(kind: str, known: Collection[str]) -> Check:
    """A word of the CBV, or a URI of one's own that is no CBV word in disguise."""

    def check(place: Places, value: Any) -> None:
        if isinstance(value, str) and value in known:
            return
        word = words.bare(value, kind) if isinstance(value, str) else None
        disguised = isinstance(value, str) and (
            _OLD_CBV.match(value) or (_NEW_CBV.match(value) and word not in known and kind != "gs1")
        )
        if disguised or not isinstance(value, str) or not _is_uri(value):
            shown = repr(value[:80]) if isinstance(value, str) else "this"
            place.fault(f"{shown} is no {_KINDS[kind]} of the CBV 2.0; expected one of {_list(known)}, or a URI")
        elif kind == "gs1" and _GS1_VOCABULARY.match(value):
            place.fault(f"{value[:80]!r}: words of the GS1 Web Vocabulary are written without their namespace")
        elif len(value) > MAX_IDENTIFIER:
            place.fault(f"longer than {MAX_IDENTIFIER} characters")

    return check


_KINDS = {
    "BizStep": "business step",
    "Disp": "disposition",
    "BTT": "business transaction type",
    "SDT": "source or destination type",
    "ER": "error reason",
    "Comp": "component",
    "gs1": "measurement or alert type",
}


@lru_cache(maxsize=8192)
def _is_uri(value: str) -> bool:
    return bool(validate_rfc3986(value, rule="URI"))


def _whole(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _list(known: Collection[str]) -> str:
    shown = sorted(known)
    return ", ".join(shown) if len(shown) <= 8 else f"{', '.join(shown[:6])}, … ({len(shown)} words)"  # noqa: PLR2004


def _distinct(place: Places, values: list[Any]) -> None:
    seen: list[Any] = []
    hashed: set[str] = set()
    for number, each in enumerate(values):
        if (each in hashed) if isinstance(each, str) else (each in seen):
            place.at(number).fault("occurs twice")
        hashed.add(each) if isinstance(each, str) else seen.append(each)


def _array(check: Check, place: Places, value: Any, *, unique: bool = False, least: int = 0) -> None:
    if not isinstance(value, list):
        place.fault("must be a list")
        return
    if len(value) < least:
        place.fault("must not be empty")
    for number, each in enumerate(value):
        check(place.at(number), each)
    if unique:
        _distinct(place, value)


def _number(place: Places, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        place.fault("must be a number")


def _boolean(place: Places, value: Any) -> None:
    if not isinstance(value, bool):
        place.fault("must be true or false")


def _pattern(pattern: re.Pattern[str], meaning: str) -> Check:
    def check(place: Places, value: Any) -> None:
        if not isinstance(value, str) or not pattern.match(value):
            place.fault(f"must be {meaning}")

    return check


def _optional(place: Places, holder: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    for name, check in checks.items():
        if name in holder:
            check(place.at(name), holder[name])


def _closed(checks: Mapping[str, Check], *needed: str) -> Check:
    """An object of exactly these members."""

    def check(place: Places, value: Any) -> None:
        if objects(place, value):
            required(place, value, *needed)
            for name in value.keys() - checks.keys():
                place.at(name).fault("no member of this object")
            _optional(place, value, checks)

    return check


def _open(checks: Mapping[str, Check], *needed: str) -> Check:
    """An object of these members and extensions, whose names are looked at once the context is at hand."""

    def check(place: Places, value: Any) -> None:
        if objects(place, value):
            required(place, value, *needed)
            _optional(place, value, checks)

    return check


def _common(place: Places, event: Mapping[str, Any], context: Context) -> None:
    required(place, event, "eventTime", "eventTimeZoneOffset")
    _optional(place, event, _EVERY_EVENT)
    declaration = event.get("errorDeclaration")
    if isinstance(declaration, dict):
        names(place.at("errorDeclaration"), declaration, _DECLARATION, context)


def _nested_names(place: Places, event: Mapping[str, Any], context: Context) -> None:
    ilmd = event.get("ilmd")
    if isinstance(ilmd, dict):
        names(place.at("ilmd"), ilmd, (), context)
    elements = event.get("sensorElementList")
    for number, element in enumerate(elements if isinstance(elements, list) else ()):
        if not isinstance(element, dict):
            continue
        here = place.at("sensorElementList").at(number)
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
    one = partial(_array, _DISPOSITION, unique=True, least=1)
    _closed({"set": one, "unset": one})(place, value)
    if isinstance(value, dict) and not value.keys() & {"set", "unset"}:
        place.fault("needs set or unset")


def _certification(place: Places, value: Any) -> None:
    if isinstance(value, list):
        _array(uri, place, value)
    else:
        uri(place, value)


_DISPOSITION = term("Disp", words.DISPOSITIONS)
_DECLARATION: Mapping[str, Check] = {
    "declarationTime": time,
    "reason": term("ER", words.ERROR_REASONS),
    "correctiveEventIDs": partial(_array, uri),
}
_EVERY_EVENT: Mapping[str, Check] = {
    "@context": context_value,
    "eventTime": time,
    "recordTime": time,
    "eventTimeZoneOffset": _pattern(_OFFSET, "an offset from UTC such as +08:00"),
    "eventID": uri,
    "certificationInfo": _certification,
    "errorDeclaration": _open(_DECLARATION, "declarationTime"),
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
    **dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), _number),
    **dict.fromkeys(("stringValue", "uom"), text),
    "time": time,
    "component": term("Comp", words.COMPONENTS),
    "booleanValue": _boolean,
    "hexBinaryValue": _pattern(_HEX, "hexadecimal digits"),
}
_QUANTITY = _closed(
    {"epcClass": uri, "quantity": _number, "uom": _pattern(_UOM, "a unit of 2 or 3 characters")}, "epcClass"
)
_SENSOR = _open(
    {
        "sensorMetadata": _open(_SENSOR_METADATA),
        "sensorReport": partial(_array, _open(_SENSOR_REPORT, "type"), least=1),
    },
    "sensorReport",
)
_PLACE = _open({"id": uri}, "id")
_MEMBERS: Mapping[str, Check] = {
    "action": _pattern(re.compile(r"\A(?:ADD|OBSERVE|DELETE)\Z"), "ADD, OBSERVE or DELETE"),
    "parentID": uri,
    "transformationID": uri,
    "epcList": partial(_array, uri),
    "childEPCs": partial(_array, uri),
    **dict.fromkeys(("inputEPCList", "outputEPCList"), partial(_array, uri, unique=True)),
    **dict.fromkeys(
        ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), partial(_array, _QUANTITY)
    ),
    "bizStep": term("BizStep", words.BIZ_STEPS),
    "disposition": _DISPOSITION,
    "persistentDisposition": _persistent,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": partial(
        _array, _closed({"type": term("BTT", words.TRANSACTION_TYPES), "bizTransaction": uri}, "bizTransaction")
    ),
    "sourceList": partial(_array, _closed({"type": term("SDT", words.SOURCE_TYPES), "source": uri}, "type", "source")),
    "destinationList": partial(
        _array, _closed({"type": term("SDT", words.SOURCE_TYPES), "destination": uri}, "type", "destination")
    ),
    "sensorElementList": partial(_array, _SENSOR),
    "ilmd": objects,
}
_SPECIAL: Mapping[str, Callable[[Places, Mapping[str, Any]], None]] = {
    "ObjectEvent": _object_event,
    "AggregationEvent": _children_event,
    "AssociationEvent": _children_event,
    "TransactionEvent": _transaction_event,
    "TransformationEvent": _transformation_event,
}
