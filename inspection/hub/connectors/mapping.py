"""Field mapping: which fact goes into which field of a destination, as configuration.

A source is a path (``inspection.rma``), ``{from: path, map: {…}, default: …}``, ``{text: "… {path} …"}`` or
``{value: …}``. Paths are checked when the configuration is read; a fact that is not there is ``None``, which leaves the
field out.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, JsonValue

from inspection.hub.config import Section
from inspection.report import InspectionReport

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")
_PATH = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_-]+)*\Z")
MAX_TEXT = 2000

KNOWN: Mapping[str, Any] = {
    "delivery": {"id": None},
    "event": {"id": None, "kind": None, "subject": None, "recorded_at": None, "payload": ...},
    "inspection": InspectionReport,
    "return": {"rma": None, "order_ref": None, "opened_at": None, "lines": ...},
    "line": {"line_no": None, "gtin": None, "serial": None, "sku": None, "quantity": None, "reason_code": None},
    "reasons": None,
    "reason": None,
    "references": ...,
}
"""The facts there are; ``...`` is a part whose keys are not known beforehand."""


def check_path(path: str) -> str:
    """``path`` when it names a fact.

    Raises:
        ValueError: when it does not; proposes what may be meant.
    """
    if not _PATH.match(path):
        raise ValueError(f"{path!r} is no path such as inspection.rma")
    here: Any = KNOWN
    walked: list[str] = []
    for step in path.split("."):
        if here is ...:
            return path
        keys = _keys(here)
        if step not in keys:
            near = difflib.get_close_matches(step, keys, 1)
            meant = f"; is {'.'.join([*walked, near[0]])} meant?" if near else ""
            raise ValueError(f"there is no fact {'.'.join([*walked, step])}{meant}")
        here = keys[step]
        walked.append(step)
    return path


def _keys(here: Any) -> Mapping[str, Any]:
    if isinstance(here, Mapping):
        return here
    if isinstance(here, type) and issubclass(here, BaseModel):
        return {name: _inner(each.annotation) for name, each in here.model_fields.items()}
    return {}


def _inner(annotation: Any) -> Any:
    """What a member's type leads to: a model, ``...`` for a dictionary or list, ``None`` for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    origin = typing.get_origin(annotation)
    if origin in {dict, tuple, list}:
        return ...
    if origin in {typing.Union, types.UnionType, Annotated}:
        found = [_inner(each) for each in typing.get_args(annotation) if each is not type(None)]
        return next((each for each in found if each is not None), None)
    return None


def _check_text(text: str) -> str:
    for place in _PLACE.findall(text):
        check_path(place)
    return text


Path = Annotated[str, AfterValidator(check_path)]


class Looked(Section):
    """A fact, translated."""

    from_: Annotated[Path, Field(alias="from")]
    map: dict[str, JsonValue] | None = None
    default: JsonValue = None


class Written(Section):
    """A text with facts in it; a fact that is not there is an empty text."""

    text: Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_check_text)]


class Fixed(Section):
    """Always the same."""

    value: JsonValue


Source = Path | Looked | Written | Fixed
Fields = dict[Annotated[str, Field(min_length=1, max_length=100)], Source]


def look_up(facts: Mapping[str, Any], path: str) -> Any:
    """The fact at ``path``, ``None`` when it is not there. Steps into lists are numbers."""
    here: Any = facts
    for step in path.split("."):
        if isinstance(here, Mapping):
            here = here.get(step)
        elif isinstance(here, list | tuple) and step.isdecimal() and int(step) < len(here):
            here = here[int(step)]
        else:
            return None
    return here


def resolve(source: Source, facts: Mapping[str, Any]) -> Any:
    """What ``source`` stands for."""
    match source:
        case str():
            return look_up(facts, source)
        case Looked():
            found = look_up(facts, source.from_)
            if source.map is not None:
                return source.map.get(_key(found), source.default)
            return source.default if found is None else found
        case Written():
            return _PLACE.sub(lambda place: _shown(look_up(facts, place.group(1))), source.text)[:MAX_TEXT]
        case Fixed():
            return source.value


def resolve_all(fields: Mapping[str, Source], facts: Mapping[str, Any]) -> dict[str, Any]:
    """All fields; those without a fact are left out. A dot in a name makes an inner object."""
    found: dict[str, Any] = {}
    for name, source in fields.items():
        value = resolve(source, facts)
        if value is None:
            continue
        *outer, last = name.split(".")
        here = found
        for step in outer:
            inner = here.setdefault(step, {})
            if not isinstance(inner, dict):
                inner = here[step] = {}
            here = inner
        here[last] = value
    return found


def paths_of(fields: Mapping[str, Source]) -> Iterator[str]:
    """The paths that ``fields`` look at."""
    for source in fields.values():
        match source:
            case str():
                yield source
            case Looked():
                yield source.from_
            case Written():
                yield from _PLACE.findall(source.text)
            case Fixed():
                pass


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(each) for each in value)
    return _key(value)
