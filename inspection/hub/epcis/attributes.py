"""``HASATTR_…`` and ``EQATTR_…``: events by what master data says of the things they name (EPCIS 2.0, 8.2.7.1).

The master data is that of documents' headers. A field of an event matches when the vocabulary element that it names has
the attribute, or has it with one of the values. ``EQ_ATTR_…`` is what the standard's query schema calls the second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from inspection.hub.epcis.contexts import STANDARD_PREFIXES
from inspection.hub.epcis.question import Condition, Lookups, Question, refused

PATTERN = re.compile(r"(?P<op>HASATTR|EQATTR|EQ_ATTR)_(?P<rest>[^|]+)")
MAX_READINGS = 20
_VOCABULARY = "urn:epcglobal:epcis:vtype:"
_TERM = r"^(urn\:epcglobal\:cbv\:(bizstep|disp)\:|https?\://ref[.]gs1[.]org/cbv/(BizStep|Disp)-|cbv\:(BizStep|Disp)-)"
_COLUMNS = {
    "bizStep": ("biz_step", "BusinessStep"),
    "disposition": ("disposition", "Disposition"),
    "readPoint": ("read_point", "ReadPoint"),
    "bizLocation": ("biz_location", "BusinessLocation"),
}
_TERMS = frozenset({"bizStep", "disposition"})
_CLASSES = {"epcClass": "anyEPCClass", "inputEPCClass": "inputEPCClass", "outputEPCClass": "outputEPCClass"}
_LISTS = {"bizTransaction": "BusinessTransaction", "source": "SourceDest", "destination": "SourceDest"}
_KINDS = frozenset({*(kind for _, kind in _COLUMNS.values()), *_LISTS.values(), "EPCClass"})


def by_attribute(question: Question, found: re.Match[str], values: list[str], lookups: Lookups) -> None:
    """The rule of these parameters; ``found`` is a match of :data:`PATTERN`.

    Where a name can be read in two ways, for field and attribute may have underscores, either is meant.

    Raises:
        Problem: ``epcis.query`` when it names no field that can have attributes, or no attribute.
    """
    conditions: list[Condition] = []
    if found["op"] == "HASATTR":
        names = [each for value in values for each in _spellings(value, lookups)]
        conditions = list(_conditions(found["rest"], _Sought(names), lookups))
    else:
        for field, attribute in _readings(found["rest"]):
            conditions += _conditions(field, _Sought(_spellings(attribute, lookups), values), lookups)
    if not conditions:
        fields = ", ".join([*_COLUMNS, *_CLASSES, *_LISTS])
        raise refused(found[0], f"after {found['op']}_ name a field ({fields}, or an extension) and its attribute")
    question.conditions.append(sa.or_(*conditions))


def _readings(rest: str) -> Iterator[tuple[str, str]]:
    """Field and attribute, divided by one of the underscores."""
    places = [found.start() for found in re.finditer("_", rest)][:MAX_READINGS]
    for place in places:
        if rest[:place] and rest[place + 1 :]:
            yield rest[:place], rest[place + 1 :]


def _spellings(attribute: str, lookups: Lookups) -> list[str]:
    """What an attribute may be called in master data: as it was asked for, written out, or with a standard prefix."""
    whole = dict.fromkeys([attribute, *lookups.expand(attribute)])
    for prefix, namespace in STANDARD_PREFIXES.items():
        if attribute.startswith(f"{prefix}:"):
            whole[namespace + attribute.removeprefix(f"{prefix}:")] = None
    for name in list(whole):
        for prefix, namespace in STANDARD_PREFIXES.items():
            if name.startswith(namespace):
                whole[f"{prefix}:{name.removeprefix(namespace)}"] = None
    return list(whole)


@dataclass(frozen=True, slots=True)
class _Sought:
    """An attribute by one of its names, and the values that it may have; any without."""

    names: Sequence[str]
    values: Sequence[str] | None = None


def _conditions(field: str, sought: _Sought, lookups: Lookups) -> Iterator[Condition]:
    """Events whose ``field`` names an element that has what is sought."""
    if field in _COLUMNS:
        column, kind = _COLUMNS[field]
        name = f"regexp_replace(m.name, '{_TERM}', '')" if field in _TERMS else "m.name"
        yield _holds(f"epcis_events.{column} IN ({_ELEMENTS.format(found=name)})", sought, kind)
    elif field in _CLASSES:
        yield _holds(_ONE_OF, sought, "EPCClass", fact=_CLASSES[field])
    elif field in _LISTS:
        yield _holds(_ONE_OF_A_TYPE, sought, _LISTS[field], beginning=f"{field} ")
    elif ":" in field:
        for name in lookups.expand(field):
            yield _holds(_ONE_OF, sought, None, fact=f"EVENT {name}")


_ELEMENTS = """
    SELECT {found} FROM epcis_master_data m
    WHERE m.merchant_id = epcis_events.merchant_id AND m.vocabulary <> ALL(:others) AND EXISTS (
        SELECT FROM jsonb_path_query(m.element, '$.attributes[*]') a
        WHERE a ->> 'id' = ANY(:names) AND jsonb_typeof(a -> 'attribute') <> 'null'
            AND (:values IS NULL OR a ->> 'attribute' = ANY(:values))
    )
"""
_SPELLED = "ARRAY(" + _ELEMENTS.format(found="unnest(ARRAY[m.name, m.element ->> 'id'])") + ")"
"""Identifiers in an event's facts may be canonical or, in extensions, as they were written."""
_ONE_OF = f"jsonb_exists_any(epcis_events.facts -> :fact, {_SPELLED})"
_ONE_OF_A_TYPE = f"""
    EXISTS (
        SELECT FROM jsonb_each(epcis_events.facts) AS typed (name, held)
        WHERE starts_with(typed.name, :beginning) AND jsonb_exists_any(typed.held, {_SPELLED})
    )
"""


def _holds(condition: str, sought: _Sought, kind: str | None, **texts: str) -> Condition:
    """``condition`` with what is sought; of a standard vocabulary, only elements of the field's own count."""
    others = [] if kind is None else [f"{_VOCABULARY}{each}" for each in sorted(_KINDS - {kind})]
    lists = {"others": others, "names": list(sought.names), "values": sought.values}
    bound: list[sa.BindParameter[Any]] = [
        *(sa.bindparam(name, value, type_=ARRAY(sa.Text), unique=True) for name, value in lists.items()),
        *(sa.bindparam(name, value, type_=sa.Text(), unique=True) for name, value in texts.items()),
    ]
    return cast("Condition", sa.text(f"({condition})").bindparams(*bound))
