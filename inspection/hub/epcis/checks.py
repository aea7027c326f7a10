"""Checks of single values: formats, words of the CBV, lists and objects; each notes its faults at a place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from rfc3986_validator import validate_rfc3986

from inspection.hub.epcis import vocabulary as words
from inspection.hub.epcis.contexts import Context
from inspection.hub.epcis.places import Places

MAX_IDENTIFIER = 1000
MAX_DEPTH = 48

Check = Callable[[Places, Any], object]

_TIME = re.compile(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)\Z")
_OLD_CBV = re.compile(r"\A(?:urn:epcglobal:cbv|https?://ns\.gs1\.org/cbv/)")
_NEW_CBV = re.compile(r"\A(?:https?://ref\.gs1\.org/cbv/|cbv:)")
_GS1_VOCABULARY = re.compile(r"\Ahttps?://(?:www\.)?gs1\.org/voc/")


def soundness(place: Places, value: Any) -> bool:
    """Whether a JSON value can be stored and hashed at all: not too deep, finite numbers, whole characters."""
    waiting = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        if depth > MAX_DEPTH:
            place.fault(f"nested deeper than {MAX_DEPTH}")
            return False
        if isinstance(each, float) and not math.isfinite(each):
            place.fault("holds a number that is out of range")
            return False
        if isinstance(each, int) and abs(each) >= 1 << 1000:
            place.fault("holds a number that is out of range")
            return False
        if isinstance(each, str) and not _whole(each):
            place.fault("holds half of a surrogate pair")
            return False
        if isinstance(each, dict):
            if not all(_whole(name) for name in each):
                place.fault("holds half of a surrogate pair")
                return False
            waiting += [(inner, depth + 1) for inner in each.values()]
        elif isinstance(each, list):
            waiting += [(inner, depth + 1) for inner in each]
    return True


def names(place: Places, holder: Mapping[str, Any], known: Collection[str], context: Context) -> None:
    """Members are the standard's or extensions, which have a prefix that is defined."""
    for name in holder:
        if name in known:
            continue
        if not _is_uri(name):
            hint = "" if ":" in name else "; an extension needs a prefix"
            place.at(name).fault(f"no member of this object{hint}")
        elif not context.knows(name):
            place.at(name).fault(f"the prefix {name.partition(':')[0]!r} is not defined in @context")


def required(place: Places, holder: Mapping[str, Any], *members: str) -> None:
    """These members are there."""
    for name in members:
        if name not in holder:
            place.at(name).fault("is missing")


def uri(place: Places, value: Any) -> bool:
    """An absolute URI (RFC 3986)."""
    if not isinstance(value, str) or not _is_uri(value):
        place.fault("must be a URI" + (f", not {value[:80]!r}" if isinstance(value, str) else ""))
        return False
    if len(value) > MAX_IDENTIFIER:
        place.fault(f"longer than {MAX_IDENTIFIER} characters")
        return False
    return True


def time(place: Places, value: Any) -> bool:
    """A moment with its offset from UTC (xsd:dateTimeStamp) that exists."""
    if not isinstance(value, str) or moment(value) is None:
        place.fault("must be a date and time with its offset, such as 2026-11-21T16:00:03.512+08:00")
        return False
    return True


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime | None:
    """The moment in UTC that ``text`` says; ``None`` when it says none."""
    if not _TIME.match(text):
        return None
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1 < found.year < 9999 else None  # noqa: PLR2004 - room for rounding at both ends


def text(place: Places, value: Any) -> None:
    """Any text."""
    if not isinstance(value, str):
        place.fault("must be a text")


def objects(place: Places, value: Any) -> bool:
    """An object."""
    if not isinstance(value, dict):
        place.fault("must be an object")
        return False
    return True


def context_value(place: Places, value: Any) -> None:
    """A JSON-LD context: a URI, an object of prefixes, or a list of both in which nothing occurs twice."""
    if isinstance(value, str):
        uri(place, value)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            if not isinstance(each, dict):
                uri(place.at(number), each)
        distinct(place, value)
    elif not isinstance(value, dict):
        place.fault("must be a URI, an object of prefixes, or a list of both")


def term(kind: str, known: Collection[str]) -> Check:
    """A word of the CBV, or a URI of one's own that is no CBV word in disguise."""

    def check(place: Places, value: Any) -> None:
        if isinstance(value, str) and value in known:
            return
        word = words.bare(value, kind) if isinstance(value, str) else None
        disguised = isinstance(value, str) and (
            _OLD_CBV.match(value) or (_NEW_CBV.match(value) and word not in known and kind != "gs1")
        )
        if disguised or not isinstance(value, str) or not _is_uri(value):
            shown = repr(value[:80]) if isinstance(value, str) else "this"
            place.fault(f"{shown} is no {_KINDS[kind]} of the CBV 2.0; expected one of {listed(known)}, or a URI")
        elif kind == "gs1" and _GS1_VOCABULARY.match(value):
            place.fault(f"{value[:80]!r}: words of the GS1 Web Vocabulary are written without their namespace")
        elif len(value) > MAX_IDENTIFIER:
            place.fault(f"longer than {MAX_IDENTIFIER} characters")

    return check


_KINDS = {
    "BizStep": "business step",
    "Disp": "disposition",
    "BTT": "business transaction type",
    "SDT": "source or destination type",
    "ER": "error reason",
    "Comp": "component",
    "gs1": "measurement or alert type",
}


@lru_cache(maxsize=8192)
def _is_uri(value: str) -> bool:
    return bool(validate_rfc3986(value, rule="URI"))


def _whole(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def listed(known: Collection[str]) -> str:
    """What was expected, for a person; of many words the first ones."""
    shown = sorted(known)
    return ", ".join(shown) if len(shown) <= 8 else f"{', '.join(shown[:6])}, … ({len(shown)} words)"  # noqa: PLR2004


def distinct(place: Places, values: list[Any]) -> None:
    """Nothing occurs twice."""
    seen: list[Any] = []
    hashed: set[str] = set()
    for index, each in enumerate(values):
        if (each in hashed) if isinstance(each, str) else (each in seen):
            place.at(index).fault("occurs twice")
        hashed.add(each) if isinstance(each, str) else seen.append(each)


def array(check: Check, place: Places, value: Any, *, unique: bool = False, least: int = 0) -> None:
    """A list of what ``check`` takes, of at least ``least`` members."""
    if not isinstance(value, list):
        place.fault("must be a list")
        return
    if len(value) < least:
        place.fault("must not be empty")
    for number, each in enumerate(value):
        check(place.at(number), each)
    if unique:
        distinct(place, value)


def number(place: Places, value: Any) -> None:
    """A number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        place.fault("must be a number")


def boolean(place: Places, value: Any) -> None:
    """True or false."""
    if not isinstance(value, bool):
        place.fault("must be true or false")


def pattern(form: re.Pattern[str], meaning: str) -> Check:
    """A text of this form, which ``meaning`` says for a person."""

    def check(place: Places, value: Any) -> None:
        if not isinstance(value, str) or not form.match(value):
            place.fault(f"must be {meaning}")

    return check


def optional(place: Places, holder: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """Each of these members, where it is there."""
    for name, check in checks.items():
        if name in holder:
            check(place.at(name), holder[name])


def closed(checks: Mapping[str, Check], *needed: str) -> Check:
    """An object of exactly these members."""

    def check(place: Places, value: Any) -> None:
        if objects(place, value):
            required(place, value, *needed)
            for name in value.keys() - checks.keys():
                place.at(name).fault("no member of this object")
            optional(place, value, checks)

    return check


def opened(checks: Mapping[str, Check], *needed: str) -> Check:
    """An object of these members and extensions, whose names are looked at once the context is at hand."""

    def check(place: Places, value: Any) -> None:
        if objects(place, value):
            required(place, value, *needed)
            optional(place, value, checks)

    return check
