"""Questions in the EPCIS query language (EPCIS 2.0, 8.2.7.1), from a URL or from the body of a named query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inspection.hub.epcis.checks import MAX_IDENTIFIER
from inspection.hub.epcis.facts import spelled
from inspection.hub.epcis.parameters import EXACT, PATTERNS
from inspection.hub.epcis.question import Lookups, Question, refused

MAX_PARAMETERS = 60
MAX_VALUES = 500

Parameters = Mapping[str, list[str]]


def from_url(items: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Parameters of a URL: a name may occur again, and a value may hold several, divided by ``|``."""
    found: dict[str, list[str]] = {}
    for name, value in items:
        found.setdefault(name, []).extend(part for part in value.split("|"))
    return _bounded(found)


def from_body(query: Any) -> dict[str, list[str]]:
    """Parameters of a named query's JSON; ``@context`` is left to the caller.

    Raises:
        Problem: ``epcis.query``.
    """
    if not isinstance(query, dict):
        raise refused("query", "must be an object of query parameters")
    found: dict[str, list[str]] = {}
    for name, value in query.items():
        if name == "@context":
            continue
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | bool | int | float) for each in values):
            raise refused(name, "must be a text, a number, true, false, or a list of texts")
        found[name] = [spelled(each) for each in values]
    return _bounded(found)


def understand(parameters: Parameters, lookups: Lookups) -> Question:
    """The question that these parameters ask.

    Raises:
        Problem: ``epcis.query`` for a parameter that EPCIS 2.0 does not have, or a value that it cannot take.
    """
    question = Question()
    for name, values in parameters.items():
        if not values:
            raise refused(name, "needs a value")
        rule = EXACT.get(name)
        if rule is not None:
            rule(question, name, values, lookups)
            continue
        for pattern, patterned in PATTERNS:
            found = pattern.fullmatch(name)
            if found is not None:
                patterned(question, found, values, lookups)
                break
        else:
            raise refused(name, "no query parameter of EPCIS 2.0 that this repository answers")
    _agree(question)
    if question.order_by is None and question.natural_order is not None:
        question.order_by, question.descending = question.natural_order, False
    return question


def _bounded(found: dict[str, list[str]]) -> dict[str, list[str]]:
    if len(found) > MAX_PARAMETERS:
        raise refused("query", f"more than {MAX_PARAMETERS} parameters")
    for name, values in found.items():
        if len(values) > MAX_VALUES:
            raise refused(name, f"more than {MAX_VALUES} values")
        if any(len(each) > MAX_IDENTIFIER or _unstorable(each) for each in (name, *values)):
            raise refused(name, f"longer than {MAX_IDENTIFIER} characters, or with characters that no event can hold")
    return found


def _unstorable(value: str) -> bool:
    return "\0" in value or any("\ud800" <= each <= "\udfff" for each in value)


def _agree(question: Question) -> None:
    if question.count_limit is not None and question.max_count is not None:
        raise refused("eventCountLimit", "not together with maxEventCount")
    if question.count_limit is not None and question.order_by is None:
        raise refused("eventCountLimit", "needs orderBy")
