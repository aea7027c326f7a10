"""Destination ``loop``: grade and disposition of a return's line, as Loop's dispositioning API takes them.

Source: Loop Returns API 2026-10, ``/dispositioning/grade`` and ``/dispositioning/assess`` (at most 30 items a call).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import UTC
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator

from inspection.hub.connectors.contract import (
    Conversation,
    Message,
    Refused,
    Request,
    Response,
    Skipped,
    check,
    excerpt,
    json_body,
)
from inspection.hub.connectors.mapping import Source, Written, resolve
from inspection.hub.connectors.outcomes import Outcomes, outcome
from inspection.hub.connectors.secret import Secret
from inspection.hub.connectors.sections import DestinationSection

Category = Literal["grade_a", "grade_b", "grade_c", "grade_d", "incorrect_item", "missing", "junk"]
Outcome = Literal["back_to_stock", "resale_hold", "recycle", "donate", "missing"]
MAX_DESCRIPTION, MAX_NOTE = 255, 65_535

GRADES: dict[str, str | None] = {
    "reason/mismatch_class": "incorrect_item",
    "reason/mismatch_instance": "incorrect_item",
    "resell/as_new": "grade_a",
    "resell": "grade_b",
    "repair": "grade_c",
    "scrap": "junk",
}
OUTCOMES: dict[str, str | None] = {"resell": "back_to_stock", "repair": "resale_hold", "scrap": "recycle"}


class LoopSection(DestinationSection):
    """A shop at Loop, or an API like it.

    Attributes:
        url: its base, e.g. ``https://api.loopreturns.com/api/2026-10``.
        api_key: sent as ``X-Authorization``; needs the scope *Returns*.
        line_item_id: where the line's number is found.
        description: what is said of the condition; at most 255 characters are sent.
        note: further remarks; left out when empty.
        grades: what a verdict is called as ``condition_category``.
        outcomes: what it is called as ``disposition_outcome``.
        return_processor: e-mail address of the warehouse.
    """

    kind: Literal["loop"]
    api_key: Secret
    line_item_id: Source = "references.line_item_id"
    description: Source = Written(text="{inspection.verdict.disposition} {inspection.verdict.grade}: {reason}")
    note: Source | None = None
    grades: Outcomes = GRADES
    outcomes: Outcomes = OUTCOMES
    return_processor: Annotated[str, Field(max_length=100)] | None = None

    @field_validator("grades")
    @classmethod
    def _known_grades(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        return _of(value, get_args(Category))

    @field_validator("outcomes")
    @classmethod
    def _known_outcomes(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        return _of(value, get_args(Outcome))

    def connector(self) -> Loop:
        return Loop(self)


class Loop:
    """Grades, then assesses; each is noted when it is done."""

    tells_states = True

    def __init__(self, section: LoopSection) -> None:
        self._section = section

    def requests(self, message: Message) -> list[Request]:
        report = message.report
        facts = message.facts
        grade = outcome(self._section.grades, report)
        disposition = outcome(self._section.outcomes, report)
        if grade is None and disposition is None:
            raise Skipped(f"{report.verdict.disposition} is not told here")
        common = {
            "line_item_id": self._line(facts),
            "return_processor": self._section.return_processor,
            "note": _text(self._section.note, facts, MAX_NOTE),
            "inspected_at": report.confirmed_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        }
        found = []
        if grade is not None:
            said = _text(self._section.description, facts, MAX_DESCRIPTION) or grade
            found.append(self._post("grade", common | {"description": said, "condition_category": grade}))
        if disposition is not None:
            found.append(self._post("assess", common | {"disposition_outcome": disposition}))
        return found

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        line = self._line(message.facts) if message.reports else 0
        for request in self.requests(message):
            step = request.url.rpartition("/")[2]
            if step in notes:
                continue
            response = yield request
            if response.status == HTTPStatus.FORBIDDEN:  # its meaning here: the line is another shop's
                raise Refused(f"{step}: 403 {excerpt(response.body)}")
            _check_taken(check(response, step), step, line)
            notes[step] = True

    def _post(self, step: str, item: dict[str, Any]) -> Request:
        body = {"items": [{name: value for name, value in item.items() if value is not None}]}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        url = f"{self._section.url.rstrip('/')}/dispositioning/{step}"
        secret = {"X-Authorization": self._section.api_key.read()}
        return Request("POST", url, headers, json_body(body), secret_headers=secret)

    def _line(self, facts: Any) -> int:
        found = resolve(self._section.line_item_id, facts)
        try:
            return int(found)
        except (TypeError, ValueError):
            raise Refused(
                "the line's number is not known",
                hint="put it with PUT /v1/connectors/{name}/references/{rma}, then send again",
            ) from None


def _check_taken(response: Response, step: str, line: int) -> None:
    """Whether the answer names our line: of several, some may have been left out."""
    body = response.json()
    taken = [each.get("line_item_id") for each in body if isinstance(each, dict)] if isinstance(body, list) else []
    if line not in taken:
        raise Refused(f"{step}: taken without our line {line}: {excerpt(response.body)}")


def _text(source: Source | None, facts: Any, limit: int) -> str | None:
    found = None if source is None else resolve(source, facts)
    return " ".join(str(found).split())[:limit] or None if found is not None else None


def _of(table: dict[str, str | None], known: tuple[str, ...]) -> dict[str, str | None]:
    unknown = sorted({value for value in table.values() if value is not None and value not in known})
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: expected one of {', '.join(known)}")
    return table
