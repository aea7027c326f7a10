"""Questions in the EPCIS query language (EPCIS 2.0, 8.2.7.1), from a URL or from the body of a named query, as SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.epcis import facts as told
from inspection.hub.epcis.matching import matches
from inspection.hub.epcis.tables import epcis_events as events
from inspection.hub.epcis.validation import MAX_IDENTIFIER, moment
from inspection.hub.epcis.vocabulary import ACTIONS, bare
from inspection.hub.problems import Problem

MAX_PARAMETERS = 60
MAX_VALUES = 500
MAX_COUNT = 1_000_000

Condition = sa.ColumnElement[bool]
Parameters = Mapping[str, list[str]]


@dataclass(slots=True)
class Question:
    """A query that was understood.

    Attributes:
        conditions: over columns that have an ordered index.
        searches: over the inverted indexes; these are looked up first, whatever the order of the answer.
        order_by: the column that the answer is ordered by; the order of recording when none was asked for.
        descending: newest first.
        count_limit: the answer ends after so many events.
        max_count: more events than this are an error.
    """

    conditions: list[Condition] = field(default_factory=list)
    searches: list[Condition] = field(default_factory=list)
    order_by: str | None = None
    descending: bool = True
    count_limit: int | None = None
    max_count: int | None = None


@dataclass(frozen=True, slots=True)
class Lookups:
    """What a query needs to know of the repository.

    Attributes:
        expand: every full name that the name of an extension may stand for.
        term: a word of a vocabulary with its prefix written out.
        within: places with all that master data says lie within them.
    """

    expand: Callable[[str], list[str]]
    term: Callable[[str], str]
    within: Callable[[Sequence[str]], list[str]]


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
        raise _refused("query", "must be an object of query parameters")
    found: dict[str, list[str]] = {}
    for name, value in query.items():
        if name == "@context":
            continue
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | bool | int | float) for each in values):
            raise _refused(name, "must be a text, a number, true, false, or a list of texts")
        found[name] = [told.spelled(each) for each in values]
    return _bounded(found)


def understand(parameters: Parameters, lookups: Lookups) -> Question:
    """The question that these parameters ask.

    Raises:
        Problem: ``epcis.query`` for a parameter that EPCIS 2.0 does not have, or a value that it cannot take.
    """
    question = Question()
    for name, values in parameters.items():
        if not values:
            raise _refused(name, "needs a value")
        rule = _EXACT.get(name)
        if rule is not None:
            rule(question, name, values, lookups)
            continue
        for pattern, patterned in _PATTERNS:
            found = pattern.fullmatch(name)
            if found is not None:
                patterned(question, found, values, lookups)
                break
        else:
            raise _refused(name, "no query parameter of EPCIS 2.0 that this repository answers")
    _agree(question)
    return question


def _bounded(found: dict[str, list[str]]) -> dict[str, list[str]]:
    if len(found) > MAX_PARAMETERS:
        raise _refused("query", f"more than {MAX_PARAMETERS} parameters")
    for name, values in found.items():
        if len(values) > MAX_VALUES:
            raise _refused(name, f"more than {MAX_VALUES} values")
        if any(len(each) > MAX_IDENTIFIER or _unstorable(each) for each in (name, *values)):
            raise _refused(name, f"longer than {MAX_IDENTIFIER} characters, or with characters that no event can hold")
    return found


def _unstorable(value: str) -> bool:
    return "\0" in value or any("\ud800" <= each <= "\udfff" for each in value)


def _refused(name: str, message: str) -> Problem:
    shown = name[:80].encode("ascii", "replace").decode()
    return Problem("epcis.query", f"{shown}: {message}", errors=[{"pointer": shown, "message": message}])


def _agree(question: Question) -> None:
    if question.count_limit is not None and question.max_count is not None:
        raise _refused("eventCountLimit", "not together with maxEventCount")
    if question.count_limit is not None and question.order_by is None:
        raise _refused("eventCountLimit", "needs orderBy")


def has(name: str, values: Iterable[Any]) -> Condition:
    """Events one of whose facts ``name`` is one of ``values``."""
    return sa.or_(*(events.c.facts.contains({name: [value]}) for value in dict.fromkeys(values)))


def _compared(name: str, operator: str, bound: float | str) -> Condition:
    """Events one of whose comparable facts ``name`` lies on the right side of ``bound``."""
    path = f"$.{json.dumps('# ' + name)}[*] ? (@ {_OPERATORS[operator]} $x)"
    variables = sa.cast(sa.literal({"x": bound}, JSONB), JSONB)
    return sa.func.jsonb_path_exists(events.c.facts, sa.cast(sa.literal(path, sa.Text), JSONPATH), variables)


class JSONPATH(sa.types.UserDefinedType[str]):
    """PostgreSQL's ``jsonpath``."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "JSONPATH"


_OPERATORS = {"GT": ">", "GE": ">=", "LT": "<", "LE": "<=", "EQ": "=="}


def _one(name: str, values: Sequence[str]) -> str:
    if len(values) != 1:
        raise _refused(name, "takes one value")
    return values[0]


def _moment(name: str, values: Sequence[str]) -> datetime:
    # A plus that was not encoded arrives as a space.
    when = moment(_one(name, values).strip().replace(" ", "+"))
    if when is None:
        raise _refused(name, "must be a date and time with its offset, such as 2026-11-21T16:00:03.512+08:00")
    return when


def _yes(name: str, values: Sequence[str]) -> bool:
    value = _one(name, values).lower()
    if value not in {"true", "false", ""}:
        raise _refused(name, "must be true or false")
    return value != "false"


def _count(name: str, values: Sequence[str]) -> int:
    value = _one(name, values)
    if not re.fullmatch(r"[0-9]{1,7}", value) or not 1 <= int(value) <= MAX_COUNT:
        raise _refused(name, f"must be a number from 1 to {MAX_COUNT}")
    return int(value)


def _bound(name: str, values: Sequence[str]) -> float | int | str:
    value = told.comparable(_one(name, values).strip().replace(" ", "+"))
    if value is None:
        raise _refused(name, "must be a number, or a date and time with its offset")
    return value


def _times(column: str) -> Callable[[Question, str, list[str], Lookups], None]:
    def rule(question: Question, name: str, values: list[str], _: Lookups) -> None:
        when = _moment(name, values)
        question.conditions.append(events.c[column] >= when if name.startswith("GE") else events.c[column] < when)

    return rule


def _terms(column: str, kind: str) -> Callable[[Question, str, list[str], Lookups], None]:
    def rule(question: Question, _: str, values: list[str], lookups: Lookups) -> None:
        question.conditions.append(events.c[column].in_([lookups.term(bare(value, kind)) for value in values]))

    return rule


def _places(column: str) -> Callable[[Question, str, list[str], Lookups], None]:
    def rule(question: Question, name: str, values: list[str], lookups: Lookups) -> None:
        ids = [told.identifier(value) for value in values]
        question.conditions.append(events.c[column].in_(lookups.within(ids) if name.startswith("WD") else ids))

    return rule


def _fact(fact: str, kind: str | None = None) -> Callable[[Question, str, list[str], Lookups], None]:
    def rule(question: Question, _: str, values: list[str], lookups: Lookups) -> None:
        if kind is None:
            canonical = [told.identifier(value) for value in values]
        else:
            canonical = [lookups.term(bare(value, kind)) for value in values]
        question.searches.append(has(fact, canonical))

    return rule


def _match(role: str) -> Callable[[Question, str, list[str], Lookups], None]:
    def rule(question: Question, _: str, values: list[str], __: Lookups) -> None:
        question.searches.append(matches(role, values))

    return rule


def _actions(question: Question, name: str, values: list[str], _: Lookups) -> None:
    if not set(values) <= ACTIONS:
        raise _refused(name, "must be ADD, OBSERVE or DELETE")
    question.conditions.append(events.c.action.in_(values))


def _types(question: Question, _: str, values: list[str], lookups: Lookups) -> None:
    question.conditions.append(events.c.event_type.in_([lookups.term(value) for value in values]))


def _event_ids(question: Question, _: str, values: list[str], __: Lookups) -> None:
    question.conditions.append(events.c.event_id.in_(values))


def _declared(question: Question, name: str, values: list[str], _: Lookups) -> None:
    if _yes(name, values):
        question.conditions.append(events.c.declared_at.is_not(None))


def _sensed(question: Question, name: str, values: list[str], _: Lookups) -> None:
    if _yes(name, values):
        question.searches.append(has("sensorElementList", ["true"]))


def _order(question: Question, name: str, values: list[str], _: Lookups) -> None:
    columns = {"eventTime": "event_time", "recordTime": "record_time"}
    value = _one(name, values)
    if value not in columns:
        raise _refused(name, "must be eventTime or recordTime")
    question.order_by = columns[value]


def _direction(question: Question, name: str, values: list[str], _: Lookups) -> None:
    value = _one(name, values)
    if value not in {"ASC", "DESC"}:
        raise _refused(name, "must be ASC or DESC")
    question.descending = value == "DESC"


def _count_limit(question: Question, name: str, values: list[str], _: Lookups) -> None:
    question.count_limit = _count(name, values)


def _max_count(question: Question, name: str, values: list[str], _: Lookups) -> None:
    question.max_count = _count(name, values)


def _typed(question: Question, found: re.Match[str], values: list[str], lookups: Lookups) -> None:
    kind = {"bizTransaction": "BTT", "source": "SDT", "destination": "SDT"}[found["list"]]
    word = lookups.term(bare(found["type"], kind))
    question.searches.append(has(f"{found['list']} {word}", [told.identifier(value) for value in values]))


def _measured(question: Question, found: re.Match[str], values: list[str], _: Lookups) -> None:
    name = found["name"]
    if name not in {"quantity", "percRank", *told.SENSOR_TIMES}:
        name = f"{name}_{found['uom'] or ''}"
    elif found["uom"]:
        name = f"{name}_{found['uom']}"
    _compare(question, found, values, [name])


def _compare(question: Question, found: re.Match[str], values: list[str], names: Sequence[str]) -> None:
    if found["op"] == "EQ":
        bounds = [told.comparable(value) for value in values]
        if None in bounds:
            raise _refused(found[0], "must be a number, or a date and time with its offset")
        question.searches.append(sa.or_(*(has(f"# {name}", bounds) for name in names)))
        return
    bound = _bound(found[0], values)
    question.searches.append(sa.or_(*(_compared(name, found["op"], bound) for name in names)))


def _extension(question: Question, found: re.Match[str], values: list[str], lookups: Lookups) -> None:
    area = f"{found['inner'] or ''}{found['area'] or 'EVENT'}"
    names = [f"{area} {name}" for name in lookups.expand(found["name"])]
    if found["op"] == "EXISTS":
        if _yes(found[0], values):
            question.searches.append(has(told.EXISTS, names))
    elif found["op"] == "EQ":
        question.searches.append(sa.or_(*(has(name, values) for name in names)))
    else:
        _compare(question, found, values, names)


_Rule = Callable[[Question, str, list[str], Lookups], None]
_EXACT: Mapping[str, _Rule] = {
    "eventType": _types,
    **dict.fromkeys(("GE_eventTime", "LT_eventTime"), _times("event_time")),
    **dict.fromkeys(("GE_recordTime", "LT_recordTime"), _times("record_time")),
    **dict.fromkeys(("GE_errorDeclarationTime", "LT_errorDeclarationTime"), _times("declared_at")),
    **dict.fromkeys(("GE_errorDeclaration_Time", "LT_errorDeclaration_Time"), _times("declared_at")),
    "EQ_action": _actions,
    "EQ_bizStep": _terms("biz_step", "BizStep"),
    "EQ_disposition": _terms("disposition", "Disp"),
    "EQ_persistentDisposition_set": _fact("persistentDisposition_set", "Disp"),
    "EQ_persistentDisposition_unset": _fact("persistentDisposition_unset", "Disp"),
    **dict.fromkeys(("EQ_readPoint", "WD_readPoint"), _places("read_point")),
    **dict.fromkeys(("EQ_bizLocation", "WD_bizLocation"), _places("biz_location")),
    "EQ_transformationID": _fact("transformationID"),
    **{
        f"MATCH_{role}": _match(role)
        for role in (
            *("epc", "parentID", "inputEPC", "outputEPC", "anyEPC"),
            *("epcClass", "inputEPCClass", "outputEPCClass", "anyEPCClass"),
        )
    },
    "EQ_eventID": _event_ids,
    "EXISTS_errorDeclaration": _declared,
    "EQ_errorReason": _fact("errorReason", "ER"),
    "EQ_correctiveEventID": _fact("correctiveEventID"),
    "EXISTS_sensorElementList": _sensed,
    **{f"EQ_{name}": _fact(name) for name in told.SENSOR_TEXTS},
    **{f"EQ_{name}": _fact(name, kind) for name, kind in told.SENSOR_WORDS.items()},
    "orderBy": _order,
    "orderDirection": _direction,
    "eventCountLimit": _count_limit,
    "maxEventCount": _max_count,
}
_PatternRule = Callable[[Question, "re.Match[str]", list[str], Lookups], None]
_PATTERNS: Sequence[tuple[re.Pattern[str], _PatternRule]] = (
    (re.compile(r"EQ_(?P<list>bizTransaction|source|destination)_(?P<type>[^|]+)"), _typed),
    (
        re.compile(
            rf"(?P<op>EQ|GT|GE|LT|LE)_(?P<name>quantity|{'|'.join((*told.SENSOR_NUMBERS, *told.SENSOR_TIMES))})"
            r"(?:_(?P<uom>[A-Z0-9]{2,4}))?"
        ),
        _measured,
    ),
    (
        re.compile(
            rf"(?P<op>EXISTS|EQ|GT|GE|LT|LE)_(?P<inner>INNER_)?(?:(?P<area>{'|'.join(told.AREAS)})_)?(?P<name>[^_|][^|]*:[^|]+)"
        ),
        _extension,
    ),
)
NAMES = tuple(_EXACT)
"""Parameters with fixed names."""
