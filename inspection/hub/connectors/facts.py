"""What mappings may look at: an event, its inspection and return, and what the destination calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.epcis import Names
from inspection.hub.connectors.contract import Message
from inspection.hub.connectors.sections import VERDICTS
from inspection.hub.connectors.tables import references
from inspection.hub.inspections.tables import inspections
from inspection.hub.returns.tables import return_lines, returns
from inspection.hub.tables import events
from inspection.report import InspectionReport

HIDDEN = ("readings", "pictures", "assessment", "person", "signature")
"""Members of a report that are not told: raw bytes and what points to a person. Their hash is."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Which event, and for whom."""

    merchant_id: UUID
    destination: str
    event_id: int
    delivery_id: UUID
    again: bool = False


def message(connection: Connection, occasion: Occasion, names: Names) -> Message:
    """The message that tells a destination of an event.

    Raises:
        LookupError: when there is no such event.
    """
    mine = sa.and_(events.c.merchant_id == occasion.merchant_id, events.c.id == occasion.event_id)
    event = connection.execute(sa.select(events).where(mine)).one_or_none()
    if event is None:
        raise LookupError(f"event {occasion.event_id}")
    reports = _reports(connection, occasion.merchant_id, event)
    revision = int(event.payload.get("revision") or 0)
    told = next((each for each in reports if each.revision == revision), None)
    rma = (told.rma if told is not None else None) or event.payload.get("rma")
    rma = rma or (event.subject if event.kind.startswith("return_") else None)
    recorded_at: datetime = event.recorded_at
    facts: dict[str, Any] = {
        "delivery": {"id": str(occasion.delivery_id)},
        "event": {
            "id": event.id,
            "kind": event.kind,
            "subject": event.subject,
            "recorded_at": recorded_at.isoformat(),
            "payload": event.payload,
        },
        "inspection": _told(told),
        "reasons": _reasons(told),
        "reason": told.policy.reason.get("en", "") if told is not None and told.policy is not None else "",
    }
    facts |= _return(connection, occasion.merchant_id, rma, told)
    facts["references"] = _references(connection, occasion, rma, told)
    return Message(
        delivery_id=occasion.delivery_id,
        event_id=event.id,
        kind=event.kind,
        occurred_at=recorded_at,
        facts=facts,
        reports=tuple(reports),
        revision=revision,
        names=names,
        again=occasion.again,
    )


def _reports(connection: Connection, merchant_id: UUID, event: Any) -> list[InspectionReport]:
    if event.kind not in {each.value for each in VERDICTS}:
        return []
    query = (
        sa.select(inspections.c.report)
        .where(inspections.c.merchant_id == merchant_id, inspections.c.inspection_id == UUID(event.subject))
        .order_by(inspections.c.revision)
    )
    return [InspectionReport.model_validate(each) for each in connection.execute(query).scalars()]


def _told(report: InspectionReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    members = report.model_dump(mode="json")
    return {name: value for name, value in members.items() if name not in HIDDEN}


def _reasons(report: InspectionReport | None) -> list[str]:
    if report is None:
        return []
    policy = report.policy.reason_codes if report.policy is not None else ()
    person = report.person.reason_code if report.person is not None else None
    return list(dict.fromkeys([*([person] if person else []), *policy]))


def _return(
    connection: Connection, merchant_id: UUID, rma: str | None, report: InspectionReport | None
) -> dict[str, Any]:
    """The return and the line of it that the item belongs to, as far as they are known."""
    empty: dict[str, Any] = {"return": {"rma": rma}, "line": {}}
    if rma is None:
        return empty
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma == rma)
    row = connection.execute(sa.select(returns).where(mine)).one_or_none()
    if row is None:
        return empty
    its = sa.and_(return_lines.c.merchant_id == merchant_id, return_lines.c.rma == rma)
    query = sa.select(return_lines).where(its).order_by(return_lines.c.line_no)
    names = ("line_no", "gtin", "serial", "sku", "quantity", "reason_code")
    lines = [{name: getattr(each, name) for name in names} for each in connection.execute(query)]
    opened_at = None if row.opened_at is None else row.opened_at.isoformat()
    case = {"rma": rma, "order_ref": row.order_ref, "opened_at": opened_at, "lines": lines}
    return {"return": case, "line": _line(lines, report)}


def _line(lines: list[dict[str, Any]], report: InspectionReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    item = report.item
    for fits in (
        [each for each in lines if item.serial and (each["gtin"], each["serial"]) == (item.gtin, item.serial)],
        [each for each in lines if item.gtin and each["gtin"] == item.gtin and each["serial"] is None],
        [each for each in lines if item.gtin and each["gtin"] == item.gtin],
        lines if len(lines) == 1 and lines[0]["gtin"] is None else [],
    ):
        if fits:
            return fits[0]
    return {}


def _references(
    connection: Connection, occasion: Occasion, rma: str | None, report: InspectionReport | None
) -> Mapping[str, Any]:
    """What the destination calls the return, its product and its unit; the nearer outweighs the farther."""
    if rma is None:
        return {}
    gtin = (report.item.gtin if report is not None else None) or ""
    serial = (report.item.serial if report is not None else None) or ""
    table = references
    query = sa.select(table).where(
        table.c.merchant_id == occasion.merchant_id,
        table.c.destination == occasion.destination,
        table.c.rma == rma,
        table.c.gtin.in_({"", gtin}),
        table.c.serial.in_({"", serial}),
    )
    rows = sorted(connection.execute(query), key=lambda row: (bool(row.gtin), bool(row.serial)))
    found: dict[str, Any] = {}
    for row in rows:
        found |= row.ids
    return found
