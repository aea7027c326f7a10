"""What a verdict is called elsewhere: looked up by disposition and grade, or by a reason that outweighs both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from inspection.report import InspectionReport
from inspection.verdict import Disposition, Grade

DISPOSITIONS = {each.value for each in Disposition}
GRADES = {each.value for each in Grade}


def _check_keys(table: dict[str, str | None]) -> dict[str, str | None]:
    for key in table:
        head, _, rest = key.partition("/")
        if head == "reason":
            continue
        if head not in DISPOSITIONS or (rest and rest not in GRADES):
            raise ValueError(f"{key!r} is neither a disposition, nor disposition/grade, nor reason/<code>")
    return table


Outcomes = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z_]+(/[A-Za-z0-9_.-]+)?$")], str | None], AfterValidator(_check_keys)
]
"""Keys: ``resell``, ``resell/open_box``, ``reason/mismatch_class``; a value of null tells nothing."""


def outcome(table: Mapping[str, str | None], report: InspectionReport) -> str | None:
    """What ``report``'s verdict is called; ``None`` when it is not told.

    Of several keys that fit, a reason comes before disposition and grade, these before the disposition.
    """
    codes = report.policy.reason_codes if report.policy is not None else ()
    person = report.person.reason_code if report.person is not None else None
    verdict = report.verdict
    keys = [f"reason/{code}" for code in (person, *codes) if code]
    if verdict.grade is not None:
        keys.append(f"{verdict.disposition.value}/{verdict.grade.value}")
    keys.append(verdict.disposition.value)
    return next((table[key] for key in keys if key in table), None)
