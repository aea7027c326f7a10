"""What each parameter of the EPCIS query language means (EPCIS 2.0, 8.2.7.1), as conditions in SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.epcis import attributes
from inspection.hub.epcis import facts as told
from inspection.hub.epcis.checks import moment
from inspection.hub.epcis.matching import matches
from inspection.hub.epcis.question import Condition, Lookups, Question, refused
from inspection.hub.epcis.tables import epcis_events as events
from inspection.hub.epcis.vocabulary import ACTIONS, bare

MAX_COUNT = 1_000_000


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
        raise refused(name, "takes one value")
    return values[0]


def _moment(name: str, values: Sequence[str]) -> datetime:
    # A plus that was not encoded arrives as a space.
    when = moment(_one(name, values).strip().replace(" ", "+"))
    if when is None:
        raise refused(name, "must be a date and time with its offset, such as 2026-11-21T16:00:03.512+08:00")
    return when


def _yes(name: str, values: Sequence[str]) -> bool:
    value = _one(name, values).lower()
    if value not in {"true", "false", ""}:
        raise refused(name, "must be true or false")
    return value != "false"


def _count(name: str, values: Sequence[str]) -> int:
    value = _one(name, values)
    if not re.fullmatch(r"[0-9]{1,7}", value) or not 1 <= int(value) <= MAX_COUNT:
        raise refused(name, f"must be a number from 1 to {MAX_COUNT}")
    return int(value)


def _bound(name: str, values: Sequence[str]) -> float | int | str:
    value = told.comparable(_one(name, values).strip().replace(" ", "+"))
    if value is None:
        raise refused(name, "must be a number, or a date and time with its offset")
    return value


def _times(column: str) -> Callable[[Question, str, list[str], Lookups], None]:
    def rule(question: Question, name: str, values: list[str], _: Lookups) -> None:
        when = _moment(name, values)
        question.conditions.append(events.c[column] >= when if name.startswith("GE") else events.c[column] < when)
        question.natural_order = question.natural_order or (column if column != "declared_at" else None)

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
        condition, is_indexed = matches(role, values)
        (question.searches if is_indexed else question.conditions).append(condition)

    return rule


def _actions(question: Question, name: str, values: list[str], _: Lookups) -> None:
    if not set(values) <= ACTIONS:
        raise refused(name, "must be ADD, OBSERVE or DELETE")
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
        raise refused(name, "must be eventTime or recordTime")
    question.order_by = columns[value]


def _direction(question: Question, name: str, values: list[str], _: Lookups) -> None:
    value = _one(name, values)
    if value not in {"ASC", "DESC"}:
        raise refused(name, "must be ASC or DESC")
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
            raise refused(found[0], "must be a number, or a date and time with its offset")
        question.searches.append(sa.or_(*(has(f"# {name}", bounds) for name in names)))
        return
    bound = _bound(found[0], values)
    question.searches.append(has(told.EXISTS, [f"# {name}" for name in names]))
    question.conditions.append(sa.or_(*(_compared(name, found["op"], bound) for name in names)))


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
EXACT: Mapping[str, _Rule] = {
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
PATTERNS: Sequence[tuple[re.Pattern[str], _PatternRule]] = (
    (attributes.PATTERN, attributes.by_attribute),
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
NAMES = tuple(EXACT)
"""Parameters with fixed names."""
