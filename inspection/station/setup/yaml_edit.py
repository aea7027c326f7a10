"""Small changes to a YAML file that a person wrote: comments, order and spelling of everything else stay as they are.

A change is made in the text, at the place where the parser says that the value lies. What comes out is read again and
must hold exactly the changed data. Where it does not, for a file written in a way that is not foreseen here, the whole
file is written anew: that loses its comments, never its data.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

KeyPath = tuple[str | int, ...]
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_WORDS = re.compile(r"(?i)y|n|yes|no|on|off|true|false|null|none|~")
_HEX_KEYS = frozenset({"vendor_id", "product_id"})
REWRITTEN = "# Written anew by the set-up page; the file with its comments was kept beside this one.\n"


@dataclass(frozen=True, slots=True)
class Put:
    """Give the value at ``path`` a new value, or add it to the mapping where it is missing."""

    path: KeyPath
    value: Any


@dataclass(frozen=True, slots=True)
class Append:
    """Add an element to the list at ``path``; a list that is missing or null is begun."""

    path: KeyPath
    value: Any


@dataclass(frozen=True, slots=True)
class Drop:
    """Take the element of a list away: the last of ``path`` is its index."""

    path: KeyPath


Change = Put | Append | Drop


def changed(text: str, data: Any, changes: Sequence[Change]) -> str:
    """``text`` with ``changes`` made, one after the other.

    Args:
        text: the file, whose data is ``data``.

    Raises:
        LookupError: a change names something that is not there.
    """
    for change in changes:
        wanted = _applied(copy.deepcopy(data), change)
        text, data = _in_text(text, change, wanted), wanted
    return text


def _in_text(text: str, change: Change, wanted: Any) -> str:
    try:
        edited = _edited(text, change)
        if _same(yaml.load(edited, Loader=yaml.CSafeLoader), wanted):
            return edited
    except (yaml.YAMLError, LookupError, ValueError):
        pass
    return REWRITTEN + yaml.safe_dump(wanted, allow_unicode=True, sort_keys=False, width=120)


def _applied(data: Any, change: Change) -> Any:
    if not change.path:
        raise KeyError("a change needs a path")
    if not isinstance(data, dict):
        raise KeyError("the file is no mapping")
    holder: Any = data
    for key in change.path[:-1]:
        holder = holder[key]
    last = change.path[-1]
    match change:
        case Put(value=value):
            if not isinstance(holder, dict) and not (isinstance(holder, list) and 0 <= int(last) < len(holder)):
                raise KeyError(change.path)
            holder[last] = value  # type: ignore[index]
        case Append(value=value):
            if not isinstance(holder, dict):
                raise KeyError(change.path)
            holder[last] = [*(holder.get(last) or []), value]
        case Drop():
            if not isinstance(holder, list) or not 0 <= int(last) < len(holder):
                raise KeyError(change.path)
            del holder[int(last)]
    return data


def _same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: ``1`` is not ``true``; keys are compared as text, as the station reads them."""
    if isinstance(one, dict) and isinstance(other, dict):
        left, right = ({str(key): value for key, value in each.items()} for each in (one, other))
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(a, b) for a, b in zip(one, other, strict=True))
    return type(one) is type(other) and one == other


# In the text ----------------------------------------------------------------------------------------------------


def _edited(text: str, change: Change) -> str:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    holder = _node(root, change.path[:-1])
    last = change.path[-1]
    found = _child(holder, last)
    match change:
        case Put(value=value):
            return _put(text, holder, last, found, value)
        case Append(value=value):
            if not isinstance(found, yaml.SequenceNode):
                return _put(text, holder, last, found, [value])
            return _append(text, found, value)
        case Drop():
            return _drop(text, holder, int(last))


def _put(text: str, holder: yaml.Node, key: str | int, found: yaml.Node | None, value: Any) -> str:
    if found is None:
        return _insert(text, holder, str(key), value)
    start, end = found.start_mark.index, _end(text, found)
    before = "" if start and text[start - 1].isspace() else " "
    return text[:start] + before + flow(value) + text[end:]


def _insert(text: str, mapping: yaml.Node, key: str, value: Any) -> str:
    if not isinstance(mapping, yaml.MappingNode):
        raise KeyError(key)
    entry = f"{flow(key)}: {flow(value)}"
    if mapping.flow_style:
        return _before_bracket(text, mapping, entry)
    return _line_after(text, mapping.value[-1][1], mapping.start_mark.column, entry, key=mapping.value[-1][0])


def _append(text: str, items: yaml.SequenceNode, value: Any) -> str:
    if items.flow_style or not items.value:
        return _before_bracket(text, items, flow(value))
    return _line_after(text, items.value[-1], items.start_mark.column, f"- {flow(value)}")


def _drop(text: str, items: yaml.Node, index: int) -> str:
    if not isinstance(items, yaml.SequenceNode):
        raise KeyError(index)
    if items.flow_style:
        kept = [_constructed(node) for place, node in enumerate(items.value) if place != index]
        return text[: items.start_mark.index] + flow(kept) + text[items.end_mark.index :]
    if len(items.value) == 1:
        start = items.start_mark.index
        indent = "  " if items.start_mark.column == 0 else ""
        return text[:start] + indent + "[]" + text[_end(text, items) :]
    item = items.value[index]
    dash = text.rindex("-", 0, item.start_mark.index)
    begin = text.rfind("\n", 0, dash) + 1
    end = text.find("\n", _end(text, item))
    return text[:begin] + (text[end + 1 :] if end >= 0 else "")


def _before_bracket(text: str, node: yaml.CollectionNode, entry: str) -> str:
    bracket = node.end_mark.index - 1
    inner = text[:bracket].rstrip()
    comma = "" if not node.value else " " if inner.endswith(",") else ", "
    return inner + comma + entry + text[len(inner) : bracket] + text[bracket:]


def _line_after(text: str, node: yaml.Node, column: int, entry: str, *, key: yaml.Node | None = None) -> str:
    """``entry`` on a line of its own behind ``node`` and the comment on its line."""
    at = max(_end(text, node), key.end_mark.index if key is not None else 0)
    end = text.find("\n", at)
    newline = "\r\n" if "\r\n" in text else "\n"
    line = " " * column + entry
    if end < 0:
        return text + newline + line + newline
    return text[: end + 1] + line + newline + text[end + 1 :]


def _end(text: str, node: yaml.Node) -> int:
    """Where the text of ``node`` ends; the parser counts what follows a block collection to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return max(_end(text, part) for part in (last if isinstance(last, tuple) else (last,)))
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    return start + len(text[start:end].rstrip())


def _node(node: yaml.Node | None, path: KeyPath) -> yaml.Node:
    for key in path:
        node = _child(node, key)
    if node is None:
        raise KeyError(path)
    return node


def _child(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode):
        items: list[yaml.Node] = node.value
        return items[int(key)]
    raise KeyError(key)


def _constructed(node: yaml.Node) -> Any:
    return yaml.load(yaml.serialize(node, Dumper=yaml.CSafeDumper), Loader=yaml.CSafeLoader)


def flow(value: Any, key: str = "") -> str:
    """``value`` on one line, as the example configuration writes it: ``{vendor_id: 0x0c2e, product_id: 0x0b6a}``."""
    match value:
        case dict():
            return "{" + ", ".join(f"{flow(name)}: {flow(held, name)}" for name, held in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(flow(held) for held in value) + "]"
        case int() if key in _HEX_KEYS and not isinstance(value, bool):
            return f"0x{value:04x}"
        case str():
            plain = _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value)
            return value if plain else json.dumps(value, ensure_ascii=False)
        case _:
            return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()
