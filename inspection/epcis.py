"""What happened to an item, as a GS1 EPCIS 2.0 document: the visibility events that a verdict stands for.

The table in ``EVENTS`` below is the whole mapping. A correction repeats the events it takes back with an error
declaration (EPCIS 2.0, 7.4.1.4) beside those that are right. The same reports always give the same document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from inspection.digital_link import class_uri, from_epc_uri, instance_uri, location_uri
from inspection.epcis_hash import event_id
from inspection.item import IdentityIssue
from inspection.report import InspectionReport
from inspection.verdict import Disposition

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACES = {"rx": "https://returns-inspection.example/ns#"}
"""Our own members of an event: ``rx:inspection`` on each; ``rx:verdict``, ``rx:grade``, ``rx:decidedBy``, ``rx:rule``,
``rx:reason``, ``rx:policy``, ``rx:bundle``, ``rx:revision`` and ``rx:evidence`` (hash of the report) on the one that
carries the verdict."""

Event = dict[str, Any]

_MISMATCHES = ("mismatch_class", "mismatch_instance", "mismatch_quantity")
_ISSUE_CODES = {
    IdentityIssue.GTIN_DIFFERS: "mismatch_class",
    IdentityIssue.SERIAL_DIFFERS: "mismatch_instance",
    IdentityIssue.NONE_READ: "unknown",
    IdentityIssue.UNREADABLE_CODE: "unknown",
    IdentityIssue.SEVERAL_TAGS: "unknown",
}
_HOLD = {
    **{code: code for code in _MISMATCHES},
    "recall": "recalled",
    "stolen": "stolen",
    "unknown": "unknown",
    "several_tags": "unknown",
}
_SCRAP = {"recall": "recalled", "expired": "expired", "short_life": "expired"}
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WEIGHT = re.compile(r"\A\s*(-?\d+(?:\.\d+)?)\s*(g|kg)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Names:
    """How our own things are named.

    Attributes:
        base_uri: prefix of private identifiers (stations, devices, bundles), without a slash at its end.
        gln: global location number of the warehouse, 13 digits; ``None`` leaves ``bizLocation`` out.
    """

    base_uri: str = "https://returns-inspection.example"
    gln: str | None = None

    def uri(self, kind: str, name: object) -> str:
        """Private URI of one of our things."""
        return f"{self.base_uri}/{kind}/{quote(str(name), safe='')}"


def epcis_document(reports: Sequence[InspectionReport], names: Names | None = None) -> dict[str, Any]:
    """The EPCIS document of one inspection.

    Args:
        reports: its revisions, oldest first; at least one.
        names: how our own things are named.

    Returns:
        JSON values; valid against the EPCIS 2.0 JSON schema. Destruction of scrap is not in it: it is an event of its
        own once it is physically done.
    """
    names = names or Names()
    newest = reports[-1]
    by_revision = [[_identified(event) for event in _events(report, names)] for report in reports]
    standing = {event["eventID"] for event in by_revision[-1]}
    taken_back: dict[str, Event] = {}
    for events, better, report in zip(by_revision, by_revision[1:], reports[1:], strict=False):
        for event in events:
            if event["eventID"] not in standing:
                taken_back.setdefault(event["eventID"], event | {"errorDeclaration": _declaration(better, report)})
    return {
        "@context": [CONTEXT, dict(NAMESPACES)],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": _instant(newest.confirmed_at),
        "epcisBody": {"eventList": [*taken_back.values(), *by_revision[-1]]},
    }


def _events(report: InspectionReport, names: Names) -> list[Event]:
    """EVENTS: arrival, then what the verdict means, in business steps and dispositions of the CBV."""
    codes = _codes(report)
    arrival = _event(report, names, report.started_at, "receiving", "returned")
    if state := _completeness(report, codes):
        arrival["persistentDisposition"] = {"set": [state]}
    match report.verdict.disposition:
        case Disposition.RESELL:
            judged = _judged(report, names, "inspecting", "sellable_not_accessible", lasting="conformant")
            return [arrival, judged, _event(report, names, report.confirmed_at, "stocking", "sellable_accessible")]
        case Disposition.REPAIR:
            found = "damaged" if _damaged(report) else "non_conformant"
            judged = _judged(report, names, "inspecting", found, lasting="non_conformant")
            return [arrival, judged, _event(report, names, report.confirmed_at, "repairing", "in_progress")]
        case Disposition.SCRAP:
            otherwise = "damaged" if _damaged(report) else "non_sellable_other"
            found = _first(codes, _SCRAP, otherwise)
            return [arrival, _judged(report, names, "inspecting", found, lasting="non_conformant")]
        case Disposition.HOLD:
            return [arrival, _judged(report, names, "holding", _first(codes, _HOLD, "non_sellable_other"))]


def _event(report: InspectionReport, names: Names, at: datetime, step: str, disposition: str) -> Event:
    """What all events of an inspection share: the item seen at the station, under its RMA."""
    event: Event = {
        "type": "ObjectEvent",
        "action": "OBSERVE",
        "eventTime": _instant(at),
        "eventTimeZoneOffset": _offset(at),
        **_what(report, names),
        "bizStep": step,
        "disposition": disposition,
        "readPoint": {"id": names.uri("stations", report.station_id)},
        "rx:inspection": names.uri("inspections", report.inspection_id),
    }
    if names.gln is not None:
        event["bizLocation"] = {"id": location_uri(names.gln)}
    if report.rma is not None:
        event["bizTransactionList"] = [{"bizTransaction": _rma_uri(report.rma, names), "type": "rma"}]
    return event


def _judged(
    report: InspectionReport, names: Names, step: str, disposition: str, *, lasting: str | None = None
) -> Event:
    """The event that carries the verdict, its grounds and what the sensors said."""
    event = _event(report, names, report.confirmed_at, step, disposition)
    verdict, policy = report.verdict, report.policy
    event["rx:verdict"] = verdict.disposition.value
    event["rx:decidedBy"] = verdict.decided_by
    event["rx:revision"] = report.revision
    event["rx:evidence"] = f"sha-256:{report.evidence_hash}"
    event["rx:policy"] = names.uri("policies", report.versions.policy)
    if verdict.grade is not None:
        event["rx:grade"] = verdict.grade.value
    if policy is not None:
        event["rx:rule"] = policy.rule_id
    if codes := _codes(report):
        event["rx:reason"] = [names.uri("reasons", code) for code in codes]
    if report.versions.bundle is not None:
        event["rx:bundle"] = names.uri("bundles", report.versions.bundle)
    if lasting is not None:
        event["persistentDisposition"] = {"set": [lasting]}
    if sensors := [*_mass(report, names), *_defects(report, names)]:
        event["sensorElementList"] = sensors
    return event


def _what(report: InspectionReport, names: Names) -> Event:
    """The item: one unit when its serial is known, else one of its class, else a name of our own for this item."""
    item = report.item
    if item.gtin is not None:
        instance = instance_uri(item.gtin, item.serial) if item.serial is not None else None
        if instance is not None:
            return {"epcList": [instance]}
        return {"quantityList": [{"epcClass": class_uri(item.gtin, item.lot), "quantity": 1}]}
    if item.epc_uri is not None:
        return {"epcList": [_well_formed(from_epc_uri(item.epc_uri) or item.epc_uri)]}
    return {"epcList": [names.uri("items", report.inspection_id)]}


def _codes(report: InspectionReport) -> tuple[str, ...]:
    """Reason codes behind the verdict that counts; those of an overridden policy do not."""
    person, policy = report.person, report.policy
    if person is not None and person.overrides:
        return (person.reason_code,) if person.reason_code else ()
    if policy is not None and policy.disposition == report.verdict.disposition:
        return tuple(dict.fromkeys(policy.reason_codes))
    return tuple(dict.fromkeys(_ISSUE_CODES[issue] for issue in report.item.issues))


def _completeness(report: InspectionReport, codes: Iterable[str]) -> str | None:
    """What arrival says for good: a mismatch; or complete, but only when the policy's values show it was checked."""
    mismatch = next((code for code in codes if code in _MISMATCHES), None)
    if mismatch is not None or report.policy is None:
        return mismatch
    values = report.policy.values
    checked = values.get("complete") == "yes" or values.get("weight_known") is True
    return "completeness_verified" if checked and report.policy.disposition != Disposition.HOLD else None


def _damaged(report: InspectionReport) -> bool:
    hazard = report.policy is not None and "hazard" in report.policy.reason_codes
    return hazard or (report.assessment is not None and bool(report.assessment.findings))


def _first(codes: Iterable[str], meanings: dict[str, str], otherwise: str) -> str:
    return next((meanings[code] for code in codes if code in meanings), otherwise)


def _mass(report: InspectionReport, names: Names) -> list[Event]:
    """The last weight that was read, in grams."""
    for reading in reversed(report.readings):
        if reading.kind == "weight" and (found := _WEIGHT.match(reading.value)):
            grams = float(found[1]) * (1000 if (found[2] or "g").lower() == "kg" else 1)
            metadata = {"time": _instant(reading.at), "deviceID": names.uri("devices", reading.device_id)}
            measured = {"type": "Mass", "value": round(grams, 3), "uom": "GRM"}
            return [{"sensorMetadata": metadata, "sensorReport": [measured]}]
    return []


def _defects(report: InspectionReport, names: Names) -> list[Event]:
    """Probability of each defect that was found, the highest over the views."""
    if report.assessment is None or not report.assessment.findings:
        return []
    strongest: dict[str, float] = {}
    for finding in report.assessment.findings:
        strongest[finding.defect.value] = max(finding.probability, strongest.get(finding.defect.value, 0.0))
    metadata = {
        "time": _instant(report.judged_at or report.confirmed_at),
        "dataProcessingMethod": names.uri("bundles", report.assessment.bundle_id),
    }
    reports = [
        {"type": "Dimensionless", "component": names.uri("defects", defect), "value": round(probability, 4)}
        for defect, probability in sorted(strongest.items())
    ]
    return [{"sensorMetadata": metadata, "sensorReport": reports}]


def _identified(event: Event) -> Event:
    return {"eventID": event_id(event, NAMESPACES), **event}


def _declaration(better: Sequence[Event], correction: InspectionReport) -> Event:
    return {
        "declarationTime": _instant(correction.confirmed_at),
        "reason": "incorrect_data",
        "correctiveEventIDs": [event["eventID"] for event in better],
    }


def _rma_uri(rma: str, names: Names) -> str:
    """CBV 2.0, 8.5: with a GLN the issuer's own number space, otherwise a private URI."""
    return f"urn:epcglobal:cbv:bt:{names.gln}:{rma}" if names.gln is not None else names.uri("returns", rma)


def _well_formed(uri: str) -> str:
    """``uri`` with whatever RFC 3986 does not allow in one encoded."""
    return quote(_LONE_PERCENT.sub("%25", uri), safe="%:/?#@!$&'()*+,;=-._~")


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
