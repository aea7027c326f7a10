"""The event id of an EPCIS event from its content: EPCIS Event Hash ID (GS1 CBV 2.0, section 8.9).

The event's members are concatenated in the standard's order, without separators, each value in canonical form; lists
are sorted. Two parties that write the same event down differently get the same id. ``eventID``, ``recordTime`` and
``errorDeclaration`` do not take part, so a declared error names the event it corrects.

Where the widely used Python implementation of the algorithm (epcis-event-hash-generator 1.9.3) and the standard's text
differ, the text counts: the type follows its business transaction, source or destination whatever the order in the
JSON (rule 13), and these lists stand before ``sensorElementList`` (canonical property order).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from inspection.digital_link import canonical

CBV = "https://ref.gs1.org/cbv/"
GS1_VOCABULARY = "https://gs1.org/voc/"
STANDARD_NAMESPACES = {"gs1": GS1_VOCABULARY, "epcis": "https://ref.gs1.org/epcis/", "cbv": CBV}
CBV_URNS = {"bizstep": "BizStep", "disp": "Disp", "btt": "BTT", "sdt": "SDT", "er": "ER"}

Event = Mapping[str, Any]
Namespaces = Mapping[str, str]
Render = Callable[[str, Any, Namespaces], str]

_NUMBER = re.compile(r"\A[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z")
_CBV_URN = re.compile(r"\Aurn:epcglobal:cbv:(bizstep|disp|btt|sdt|er):(.+)\Z")
_NOT_HASHED = frozenset({"type", "eventID", "recordTime", "errorDeclaration", "@context", "comment", "rdfs:comment"})


def event_id(event: Event, namespaces: Namespaces) -> str:
    """``ni:///sha-256;<hex>?ver=CBV2.0`` of an event in EPCIS 2.0 JSON.

    Args:
        event: the event, with or without its ``eventID``.
        namespaces: prefixes of the document's ``@context`` and what they stand for.
    """
    digest = hashlib.sha256(pre_hash(event, namespaces).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def pre_hash(event: Event, namespaces: Namespaces) -> str:
    """The string that is hashed; shown to find out why two ids differ."""
    known = {**STANDARD_NAMESPACES, **namespaces}
    return f"eventType={event['type']}{_members(event, _EVENT, known)}"


def _members(holder: Event, order: Mapping[str, Render], namespaces: Namespaces) -> str:
    """The standard's members in its order, then ours."""
    standard = [render(name, holder[name], namespaces) for name, render in order.items() if name in holder]
    ours = {name: value for name, value in holder.items() if name not in order and name not in _NOT_HASHED}
    return "".join(standard) + _extensions(ours, namespaces)


def _extensions(holder: Event, namespaces: Namespaces) -> str:
    found = []
    for name, value in holder.items():
        key = _key(name, namespaces)
        for each in value if isinstance(value, list) else [value]:
            inner = _extensions(each, namespaces) if isinstance(each, dict) else f"={_value(each, namespaces)}"
            found.append(key + inner)
    return "".join(sorted(found))


def _key(name: str, namespaces: Namespaces) -> str:
    prefix, colon, local = name.partition(":")
    return f"{{{namespaces[prefix]}}}{local}" if colon and prefix in namespaces else name


def _value(value: Any, namespaces: Namespaces) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(str(value))
    text = str(value).strip()
    if urn := _CBV_URN.match(text):
        return f"{CBV}{CBV_URNS[urn[1]]}-{urn[2]}"
    prefix, colon, local = text.partition(":")
    if colon and prefix in namespaces:
        return namespaces[prefix] + local
    if _NUMBER.match(text):
        return _number(text)
    return canonical(text) or text


def _number(text: str) -> str:
    number = float(text)
    return str(int(number)) if number.is_integer() else str(number)


def _time(value: str) -> str:
    """UTC with milliseconds; of more digits the third is rounded."""
    text, fraction = value.strip(), Decimal(0)
    if found := re.search(r"\.(\d+)", text):
        fraction = Decimal(f"0.{found[1]}").quantize(Decimal("0.001"), ROUND_HALF_UP)
        text = text.replace(found[0], "")
    moment = datetime.fromisoformat(text).astimezone(UTC)
    moment += timedelta(milliseconds=int(fraction * 1000))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(name: str, value: Any, namespaces: Namespaces) -> str:
    return f"{name}={_value(value, namespaces)}"


def _when(name: str, value: Any, _: Namespaces) -> str:
    return f"{name}={_time(value)}"


def _term(prefix: str) -> Render:
    """A word of the standard's vocabulary, written out as its URI."""

    def render(name: str, value: Any, namespaces: Namespaces) -> str:
        return f"{name}={_value(value, namespaces) if ':' in value else prefix + value.strip()}"

    return render


def _sorted(pieces: Iterable[str]) -> str:
    return "".join(sorted(pieces))


def _each(child: str, render: Render) -> Render:
    """A list: its name once, then every element, sorted."""

    def rendered(name: str, value: Any, namespaces: Namespaces) -> str:
        return name + _sorted(render(child, each, namespaces) for each in value)

    return rendered


def _holder(order: Mapping[str, Render]) -> Render:
    def render(name: str, value: Any, namespaces: Namespaces) -> str:
        return name + _members(value, order, namespaces)

    return render


def _pair(render_type: Render) -> Callable[[str], Render]:
    """An identifier followed by its type."""

    def of(child: str) -> Render:
        def render(_: str, value: Any, namespaces: Namespaces) -> str:
            kind = render_type("type", value["type"], namespaces) if "type" in value else ""
            return _text(child, value[child], namespaces) + kind

        return _each(child, render)

    return of


def _persistent(name: str, value: Any, namespaces: Namespaces) -> str:
    render = _term(f"{CBV}Disp-")
    sets = (_sorted(render(each, word, namespaces) for word in value.get(each, ())) for each in ("set", "unset"))
    return name + "".join(sets)


def _reports(name: str, value: Any, namespaces: Namespaces) -> str:
    return _sorted(_holder(_SENSOR_REPORT)(name, each, namespaces) for each in value)


_TEXT_FIELDS = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")
_SENSOR_METADATA: dict[str, Render] = {
    **dict.fromkeys(("time", "startTime", "endTime"), _when),
    **dict.fromkeys((*_TEXT_FIELDS, "bizRules"), _text),
}
_SENSOR_REPORT: dict[str, Render] = {
    "type": _term(GS1_VOCABULARY),
    "exception": _term(GS1_VOCABULARY),
    **dict.fromkeys(_TEXT_FIELDS, _text),
    "time": _when,
    **dict.fromkeys(("microorganism", "chemicalSubstance", "value"), _text),
    "component": _term(f"{CBV}Comp-"),
    **dict.fromkeys(
        (
            *("stringValue", "booleanValue", "hexBinaryValue", "uriValue", "minValue", "maxValue", "meanValue"),
            *("sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem"),
        ),
        _text,
    ),
}
_SENSOR_ELEMENT: dict[str, Render] = {"sensorMetadata": _holder(_SENSOR_METADATA), "sensorReport": _reports}
_EPCS = _each("epc", _text)
_QUANTITIES = _each("quantityElement", _holder({"epcClass": _text, "quantity": _text, "uom": _text}))
_PLACE = _holder({"id": _text})
_EVENT: dict[str, Render] = {
    "eventTime": _when,
    "eventTimeZoneOffset": _text,
    "certificationInfo": lambda name, value, known: _sorted(
        _text(name, each, known) for each in (value if isinstance(value, list) else [value])
    ),
    "parentID": _text,
    "epcList": _EPCS,
    "inputEPCList": _EPCS,
    "childEPCs": _EPCS,
    "quantityList": _QUANTITIES,
    "childQuantityList": _QUANTITIES,
    "inputQuantityList": _QUANTITIES,
    "outputEPCList": _EPCS,
    "outputQuantityList": _QUANTITIES,
    "action": _text,
    "transformationID": _text,
    "bizStep": _term(f"{CBV}BizStep-"),
    "disposition": _term(f"{CBV}Disp-"),
    "persistentDisposition": _persistent,
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": _pair(_term(f"{CBV}BTT-"))("bizTransaction"),
    "sourceList": _pair(_term(f"{CBV}SDT-"))("source"),
    "destinationList": _pair(_term(f"{CBV}SDT-"))("destination"),
    "sensorElementList": _each("sensorElement", _holder(_SENSOR_ELEMENT)),
    "ilmd": lambda name, value, known: name + _extensions(value, known),
}
