"""What can be asked of an event, drawn out of it once, when it is captured.

Every query parameter of EPCIS 2.0 (8.2.7.1) looks at *facts*: lists of canonical values by name. Identifiers are in the
constrained canonical form of their Digital Link, CBV terms are bare words, and names of extensions are written out, so
that a question finds an event however either was written. Values that can be compared (numbers, times) stand once more
under ``# <name>``: numbers as they are, times in UTC with six decimals, which sort as they follow each other.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inspection.digital_link import canonical
from inspection.hub.epcis.checks import MAX_IDENTIFIER, moment
from inspection.hub.epcis.contexts import Context
from inspection.hub.epcis.vocabulary import STANDARD_MEMBERS, bare

Facts = dict[str, list[Any]]

EXISTS = "exists"
AREAS = ("ILMD", "ERROR_DECLARATION", "SENSORELEMENT", "SENSORMETADATA", "SENSORREPORT", "readPoint", "bizLocation")
"""Where an extension may stand besides the event itself, as query parameters name it."""

SENSOR_WORDS = {"type": "gs1", "exception": "gs1", "component": "Comp"}
SENSOR_TEXTS = (
    *("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules", "microorganism"),
    *("chemicalSubstance", "coordinateReferenceSystem", "stringValue", "hexBinaryValue", "uriValue", "booleanValue"),
)
SENSOR_NUMBERS = ("value", "minValue", "maxValue", "meanValue", "sDev", "percValue", "percRank")
SENSOR_TIMES = ("time", "startTime", "endTime")
_NUMBER = re.compile(r"\A-?\d{1,30}(?:\.\d{1,30})?\Z")
_INSTANCE = re.compile(
    r"\A(https://id\.gs1\.org/(?:(?:01|8006|8010)/[^/]+/(?:21|235|8011)/|8003/\d{14}|253/\d{13}|255/\d{13}))(?=.)"
)


@dataclass(frozen=True, slots=True)
class Described:
    """What one event says, in columns.

    Attributes:
        facts: see the module's text.
        epcs: every EPC it names, in whatever part, canonical.
        shown: EPCs as they were written, by their canonical form.
    """

    event_type: str
    event_time: datetime
    action: str | None
    biz_step: str | None
    disposition: str | None
    read_point: str | None
    biz_location: str | None
    declared_at: datetime | None
    facts: Facts
    epcs: list[str]
    shown: Mapping[str, str]


def describe(event: Mapping[str, Any], context: Context) -> Described:
    """The columns of a checked event."""
    drawn = _Drawn(context)
    drawn.identifiers(event)
    drawn.business(event)
    drawn.sensors(event)
    drawn.extensions("EVENT", {name: value for name, value in event.items() if name not in STANDARD_MEMBERS})
    drawn.extensions("ILMD", event.get("ilmd", {}))
    declaration = event.get("errorDeclaration", {})
    known = {"declarationTime", "reason", "correctiveEventIDs"}
    drawn.extensions("ERROR_DECLARATION", {name: value for name, value in declaration.items() if name not in known})
    happened = moment(event["eventTime"])
    if happened is None:
        raise ValueError("the event was not checked")
    return Described(
        event_type=context.expand(event["type"]),
        event_time=happened,
        action=event.get("action"),
        biz_step=_term(event, "bizStep", "BizStep", context),
        disposition=_term(event, "disposition", "Disp", context),
        read_point=_place(event, "readPoint"),
        biz_location=_place(event, "bizLocation"),
        declared_at=moment(declaration["declarationTime"]) if declaration else None,
        facts=drawn.all(),
        epcs=sorted(drawn.shown),
        shown=drawn.shown,
    )


def identifier(uri: str) -> str:
    """One spelling for every spelling of an identifier."""
    return canonical(uri) or uri


def pattern_of(epc: str) -> str | None:
    """What all instances of the class of ``epc`` begin with; ``None`` for what is no instance of a class."""
    found = _INSTANCE.match(epc)
    return found[1] if found else None


def comparable(value: Any) -> float | int | str | None:
    """What ``value`` is compared by: a number, or a time in UTC; ``None`` when it has no order."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.match(value):
        return float(value) if "." in value else int(value)
    when = moment(value) if isinstance(value, str) else None
    return None if when is None else timestamp(when)


def timestamp(when: datetime) -> str:
    """A moment in UTC, as facts hold it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ").zfill(27)


def spelled(value: Any) -> str:
    """A scalar as a query parameter spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)


class _Drawn:
    """Facts while they are drawn."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._facts: defaultdict[str, dict[Any, None]] = defaultdict(dict)
        self.shown: dict[str, str] = {}

    def all(self) -> Facts:
        made: Facts = {name: list(values) for name, values in self._facts.items()}
        return made | {EXISTS: list(self._facts)} if made else {EXISTS: []}

    def note(self, name: str, value: Any) -> None:
        self._facts[name][value] = None

    def identifiers(self, event: Mapping[str, Any]) -> None:
        """What, in the standard's sense."""
        for role, members in _EPC_ROLES.items():
            for uri in _texts(event, members):
                epc = identifier(uri)
                self.note(role, epc)
                self.shown.setdefault(epc, uri)
                if beginning := pattern_of(epc):
                    self.note(f"{role} *", beginning)
        for role, members in _CLASS_ROLES.items():
            for member in members:
                for element in event.get(member, ()):
                    self.note(role, identifier(element["epcClass"]))
                    self.note("anyEPCClass", identifier(element["epcClass"]))
                    if "quantity" in element:
                        self.compare("quantity", element["quantity"])
                        self.compare(f"quantity_{element.get('uom', '')}", element["quantity"])
        if "transformationID" in event:
            self.note("transformationID", identifier(event["transformationID"]))

    def business(self, event: Mapping[str, Any]) -> None:
        """Why, in the standard's sense, and what was declared an error."""
        for member, name, kind in _TYPED_LISTS:
            for each in event.get(member, ()):
                self.note(f"{name} {self._word(each.get('type', ''), kind)}", identifier(each[name]))
        for part, terms in event.get("persistentDisposition", {}).items():
            for term in terms:
                self.note(f"persistentDisposition_{part}", self._word(term, "Disp"))
        declaration = event.get("errorDeclaration", {})
        if "reason" in declaration:
            self.note("errorReason", self._word(declaration["reason"], "ER"))
        for event_id in declaration.get("correctiveEventIDs", ()):
            self.note("correctiveEventID", event_id)
        for member, area in (("readPoint", "readPoint"), ("bizLocation", "bizLocation")):
            held = event.get(member)
            if isinstance(held, dict):
                self.extensions(area, {name: value for name, value in held.items() if name != "id"})

    def sensors(self, event: Mapping[str, Any]) -> None:
        """How, in the standard's sense."""
        elements = event.get("sensorElementList", ())
        if elements:
            self.note("sensorElementList", "true")
        for element in elements:
            metadata = element.get("sensorMetadata", {})
            self._sensed(metadata)
            for name in SENSOR_TIMES:
                if name in metadata:
                    self.compare(name, metadata[name])
            self.extensions("SENSORMETADATA", _extensions(metadata))
            for report in element["sensorReport"]:
                self._sensed(report)
                self._measured(report)
                self.extensions("SENSORREPORT", _extensions(report))
            self.extensions("SENSORELEMENT", _extensions(element))

    def extensions(self, area: str, holder: Mapping[str, Any], *, inner: bool = False) -> None:
        """Every extension of ``holder``, at its top and further in."""
        place = f"INNER_{area}" if inner else area
        for name, value in holder.items():
            key = f"{place} {self._context.expand(name)}"
            self._facts.setdefault(key, {})
            for each in _flat(value):
                if isinstance(each, Mapping):
                    self.extensions(area, each, inner=True)
                else:
                    self.note(key, spelled(each)[:MAX_IDENTIFIER])
                    self.compare(key, each)

    def compare(self, name: str, value: Any) -> None:
        order = comparable(value)
        if order is not None:
            self.note(f"# {name}", order)

    def _sensed(self, holder: Mapping[str, Any]) -> None:
        for name in SENSOR_TEXTS:
            if name in holder:
                self.note(name, identifier(spelled(holder[name])))
        for name, kind in SENSOR_WORDS.items():
            if name in holder:
                self.note(name, self._word(holder[name], kind))

    def _measured(self, report: Mapping[str, Any]) -> None:
        for name in SENSOR_NUMBERS:
            if name in report:
                self.compare(name if name == "percRank" else f"{name}_{report.get('uom', '')}", report[name])
        if "time" in report:
            self.compare("time", report["time"])

    def _word(self, term: str, kind: str) -> str:
        word = bare(term, kind)
        return word if word != term else self._context.expand(term)


_EPC_ROLES = {
    "epc": ("epcList", "childEPCs"),
    "parentID": ("parentID",),
    "inputEPC": ("inputEPCList",),
    "outputEPC": ("outputEPCList",),
}
_CLASS_ROLES = {
    "epcClass": ("quantityList", "childQuantityList"),
    "inputEPCClass": ("inputQuantityList",),
    "outputEPCClass": ("outputQuantityList",),
}
_TYPED_LISTS = (
    ("bizTransactionList", "bizTransaction", "BTT"),
    ("sourceList", "source", "SDT"),
    ("destinationList", "destination", "SDT"),
)


def _texts(event: Mapping[str, Any], members: Iterable[str]) -> Iterator[str]:
    for member in members:
        value = event.get(member, ())
        yield from (value,) if isinstance(value, str) else (each for each in value if isinstance(each, str))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _extensions(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in holder.items() if ":" in name}


def _term(event: Mapping[str, Any], member: str, kind: str, context: Context) -> str | None:
    term = event.get(member)
    if not isinstance(term, str):
        return None
    word = bare(term, kind)
    return word if word != term else context.expand(term)


def _place(event: Mapping[str, Any], member: str) -> str | None:
    held = event.get(member)
    found = held.get("id") if isinstance(held, dict) else None
    return identifier(found) if isinstance(found, str) else None
