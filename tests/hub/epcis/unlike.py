"""Documents that are valid and unlike the official examples: every event type and member, in seldom forms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from inspection.epcis import CONTEXT
from inspection.hub.epcis import vocabulary as words

FOREIGN = {
    "acme": "https://acme.example/epcis/terms#",
    "käse": "https://käserei.example/ns/",
    "x-1.b": "urn:x-partner:ns:",
    "v2": {"@id": "http://other.example/v2/", "@prefix": True},
}
OFFSETS = ("+00:00", "-00:00", "+14:00", "-12:00", "+05:45", "-09:30", "+13:59")
TIMES = (
    "2026-02-28T23:59:59Z",
    "2024-02-29T00:00:00.000000+14:00",
    "1999-12-31T23:59:59.999-12:00",
    "2026-11-20T10:00:00.1-00:00",
    "2026-11-20T10:00:00.123456789Z",
)
IDENTIFIERS = (
    "urn:epc:id:sgtin:4012345.011111.{}",
    "https://id.gs1.org/01/04012345111118/21/{}",
    "https://shop.partner.example/products/01/04012345111118/21/{}?color=red#top",
    "urn:uuid:{}",
    "https://partner.example/items/{}",
    "ftp://partner.example/{}",
    "tag:partner.example,2026:{}",
    "urn:epc:id:giai:4000001.{}",
)
CLASSES = (
    "urn:epc:class:lgtin:4012345.012345.{}",
    "https://id.gs1.org/01/04012345111118/10/{}",
    "urn:epc:idpat:sgtin:4012345.012345.*",
    "https://partner.example/classes/{}",
)
UNITS = ("KGM", "CEL", "C35", "EA", "2N", "A24")
Make = Callable[["Partner"], dict[str, Any]]


class Partner:
    """Somebody with another mind, who sends what the standard lets them send."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._turn = seed

    def document(self) -> dict[str, Any]:
        """A document with an event of every type; of every third kind, one for queries."""
        self._turn += 1
        events = [self.event(kind) for kind in KINDS]
        self._chance.shuffle(events)
        frame: dict[str, Any] = {"@context": self._context(), "creationDate": self.one(TIMES), "schemaVersion": "2.0"}
        if self._turn % 3 == 0:
            results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": events}}
            if self.maybe():
                results["subscriptionID"] = "7"
            return frame | {"type": "EPCISQueryDocument", "epcisBody": {"queryResults": results}}
        frame |= {"type": "EPCISDocument", "epcisBody": {"eventList": events}}
        if self.maybe():
            frame |= {"id": f"urn:uuid:{self.uuid()}", "sender": "urn:x:we", "receiver": "", "instanceIdentifier": "1"}
        if self._turn % 3 == 1:
            frame["epcisHeader"] = {"epcisMasterData": {"vocabularyList": self._vocabularies()}}
        return frame

    def event(self, kind: str) -> dict[str, Any]:
        """An event of this type with most of what it may have, its members in any order."""
        made = {"type": kind, "eventTime": self.one(TIMES), "eventTimeZoneOffset": self.one(OFFSETS)}
        made |= KINDS[kind](self)
        some = {
            "bizStep": self.word("BizStep", words.BIZ_STEPS),
            "disposition": self.word("Disp", words.DISPOSITIONS),
            "readPoint": {"id": self.identifier(), **self.extensions(1)},
            "bizLocation": {"id": "urn:epc:id:sgln:4012345.00025.7-%2F"} | self.extensions(1),
            "bizTransactionList": self.some(self._transaction),
            "sourceList": self.some(
                lambda: {"type": self.word("SDT", words.SOURCE_TYPES), "source": self.identifier()}
            ),
            "destinationList": self.some(lambda: {"type": "acme:depot", "destination": self.identifier()}),
            "persistentDisposition": self._persistent(),
            "sensorElementList": self.some(self._sensor),
            "certificationInfo": self.one([self.identifier(), [self.identifier(), self.identifier()], []]),
            "errorDeclaration": self._declaration(),
            "recordTime": self.one(TIMES),
            "eventID": self.one([f"urn:uuid:{self.uuid()}", f"https://partner.example/e/{self.uuid()}?a=b&c=%20#d"]),
        }
        if kind not in {"ObjectEvent", "TransformationEvent"}:
            del some["persistentDisposition"]  # the schema has it for these two
        made = {name: value for name, value in some.items() if self.maybe(0.7)} | made | self.extensions(4)
        if self.maybe(0.3):
            made["@context"] = self.one([{"own": "https://own.example/"}, [CONTEXT, {"own": "urn:own:"}]])
            made["own:word"] = "x"
        names = list(made)
        self._chance.shuffle(names)
        return {name: made[name] for name in names}

    def object_event(self) -> dict[str, Any]:
        made: dict[str, Any] = {"action": self.one(["ADD", "OBSERVE", "DELETE"])}
        if made["action"] == "ADD":
            made["ilmd"] = self.extensions(4) | {"cbvmda:lotNumber": "L 1", "cbvmda:bestBeforeDate": "2026-12-31"}
        what: dict[str, Any] = self.one(
            [
                {"epcList": self.identifiers()},
                {"epcList": [], "quantityList": self.some(self.quantity)},
                {"quantityList": self.some(self.quantity)},
                {"epcList": self.identifiers(), "quantityList": self.some(self.quantity)},
                {"sensorElementList": [self._sensor()], "readPoint": {"id": self.identifier()}, "epcList": []},
            ]
        )
        return made | what

    def children(self) -> dict[str, Any]:
        action = self.one(["ADD", "OBSERVE", "DELETE"])
        children = self.one([{"childEPCs": self.identifiers()}, {"childQuantityList": self.some(self.quantity)}])
        return {"action": action, "parentID": self.identifier()} | ({} if action == "DELETE" else children)

    def transaction_event(self) -> dict[str, Any]:
        made = {"action": "ADD", "bizTransactionList": self.some(self._transaction), "epcList": self.identifiers()}
        return made | ({"parentID": self.identifier()} if self.maybe() else {})

    def transformation(self) -> dict[str, Any]:
        made: dict[str, Any] = {"transformationID": self.identifier(), "ilmd": self.extensions(3)}
        what: dict[str, Any] = self.one(
            [
                {"inputEPCList": self.identifiers(), "outputQuantityList": self.some(self.quantity)},
                {"inputQuantityList": self.some(self.quantity)},
                {"outputEPCList": self.identifiers(), "outputQuantityList": self.some(self.quantity)},
            ]
        )
        return made | what

    def quantity(self) -> dict[str, Any]:
        number = self.one([0, 1, 0.1, 1e-7, 12345678901234567890, 2.50, 1e21, -3])
        made: dict[str, Any] = {"epcClass": self.one(CLASSES).format(self.uuid().hex[:8])}
        if self.maybe(0.7):
            made["quantity"] = number
            made |= {"uom": self.one(UNITS)} if self.maybe() else {}
        return made

    def extensions(self, most: int) -> dict[str, Any]:
        """Members of foreign namespaces, some as whole URIs, with whatever JSON has."""
        names = [f"{prefix}:{self.one(['a', 'lot-1', 'B.c', 'seit_2'])}" for prefix in ("acme", "x-1.b", "v2")]
        names += ["https://whole.example/ns#name", "urn:x:whole"]
        return {self.one(names): self.value() for _ in range(self._chance.randrange(most + 1))}

    def value(self, depth: int = 0) -> Any:
        plain: list[Any] = ["", "日本語 🙂 \u202e", "2026-11-20T10:00:00Z", "-0", "1e5", True, False, None]
        plain += [0, -0.5, 2**60, 1.5e300]
        plain += ['\t"\\/\b', "a|b", "null", [], {}]
        if depth > 3 or self.maybe(0.6):
            return self.one(plain)
        if self.maybe():
            return [self.value(depth + 1) for _ in range(self._chance.randrange(4))]
        return {f"acme:n{number}": self.value(depth + 1) for number in range(self._chance.randrange(4))}

    def identifier(self) -> str:
        return str(self.one(IDENTIFIERS)).format(self.uuid() if self.maybe() else self.uuid().hex[:10])

    def identifiers(self) -> list[str]:
        return [self.identifier() for _ in range(self._chance.randrange(1, 5))]

    def word(self, kind: str, known: Sequence[str] | frozenset[str]) -> str:
        bare = str(self.one(sorted(known)))
        return str(self.one([bare, bare, f"https://partner.example/{kind}/{bare}", f"acme:{bare}"]))

    def uuid(self) -> UUID:
        return UUID(int=self._chance.getrandbits(128))

    def one(self, choices: Sequence[Any]) -> Any:
        return self._chance.choice(choices)

    def some(self, make: Callable[[], Any]) -> list[Any]:
        return [make() for _ in range(self._chance.randrange(1, 4))]

    def maybe(self, chance: float = 0.5) -> bool:
        return self._chance.random() < chance

    def _context(self) -> Any:
        standard = self.one([CONTEXT, "https://gs1.github.io/EPCIS/epcis-context.jsonld"])
        pieces = [{name: meaning} for name, meaning in FOREIGN.items()]
        return self.one([[standard, FOREIGN], [FOREIGN, standard], [standard, *pieces], [*pieces, standard]])

    def _transaction(self) -> dict[str, Any]:
        kind = {"type": self.word("BTT", words.TRANSACTION_TYPES)} if self.maybe(0.7) else {}
        return kind | {"bizTransaction": self.identifier()}

    def _vocabularies(self) -> list[dict[str, Any]]:
        attributes: list[dict[str, Any]] = [
            {"id": "urn:epcglobal:cbv:mda#name", "attribute": "Dock 4"},
            {"id": "cbvmda:latitude", "attribute": "+18.0000"},
            {"id": "acme:depth", "attribute": 4.5},
            {"id": "acme:address", "attribute": {"acme:street": "A", "acme:more": [1, {"acme:b": None}]}},
        ]
        element = {"id": self.identifier(), "attributes": attributes, "children": self.identifiers()}
        return [
            {"type": "urn:epcglobal:epcis:vtype:BusinessLocation", "vocabularyElementList": [element]},
            {"type": "https://partner.example/vtype/Own", "vocabularyElementList": [{"id": self.identifier()}]},
        ]

    def _persistent(self) -> dict[str, Any]:
        both = {part: [self.word("Disp", words.DISPOSITIONS)] for part in ("set", "unset")}
        return both if self.maybe(0.4) else {self.one(["set", "unset"]): ["completeness_verified", "acme:clean"]}

    def _declaration(self) -> dict[str, Any]:
        made: dict[str, Any] = {"declarationTime": self.one(TIMES)} | self.extensions(2)
        if self.maybe():
            made["reason"] = self.word("ER", words.ERROR_REASONS)
        if self.maybe():
            made["correctiveEventIDs"] = self.one([[], self.identifiers()])
        return made

    def _sensor(self) -> dict[str, Any]:
        made: dict[str, Any] = {"sensorReport": self.some(self._report)} | self.extensions(2)
        if self.maybe(0.7):
            made["sensorMetadata"] = {
                **{name: self.one(TIMES) for name in ("time", "startTime", "endTime") if self.maybe()},
                **{name: self.identifier() for name in PROVENANCE if self.maybe()},
                **self.extensions(1),
            }
        return made

    def _report(self) -> dict[str, Any]:
        numbers = ("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
        made: dict[str, Any] = {"type": self.one([*sorted(words.MEASUREMENTS), "acme:smell", "urn:x:sound"])}
        values: dict[str, Any] = {name: self.one([0, -40, 3.25, 1e-9, 6.02e23]) for name in numbers}
        values |= {"uom": self.one(UNITS), "stringValue": "°C", "booleanValue": False, "hexBinaryValue": "0aFF"}
        values |= {name: self.identifier() for name in (*PROVENANCE, "uriValue", "coordinateReferenceSystem")}
        values |= {"microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011", "time": self.one(TIMES)}
        values |= {"chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N"}
        values |= {"component": self.word("Comp", words.COMPONENTS), "exception": self.one(sorted(words.ALERTS))}
        return made | {name: value for name, value in values.items() if self.maybe(0.4)} | self.extensions(1)


PROVENANCE = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules")
KINDS: dict[str, Make] = {
    "ObjectEvent": Partner.object_event,
    "AggregationEvent": Partner.children,
    "AssociationEvent": Partner.children,
    "TransactionEvent": Partner.transaction_event,
    "TransformationEvent": Partner.transformation,
}
