"""Reading a YAML file a person wrote: bounded, safe, no duplicate keys, and every value knows its line and column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inspection.errors import InspectionError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value begins: line and column from 1, index in the text from 0, and its YAML style (``|``, ``"``, …)."""

    line: int
    column: int
    index: int = 0
    style: str = ""


@dataclass(frozen=True, slots=True)
class YamlSource:
    """One YAML file.

    Attributes:
        path: the file.
        raw: its exact bytes; the version of what it holds is hashed from them.
        text: the same, decoded, without a byte-order mark.
        data: mappings with text keys, lists, text, numbers, booleans, dates and ``None``.
        places: where each value begins, by its keys from the top.
    """

    path: Path
    raw: bytes
    text: str
    data: Any
    places: Mapping[KeyPath, Place]

    def place(self, keys: KeyPath) -> Place:
        """The place of ``keys`` or of its nearest enclosing value."""
        while keys and keys not in self.places:
            keys = keys[:-1]
        return self.places.get(keys, Place(1, 1))

    def place_in(self, keys: KeyPath, value: str, offset: int) -> Place:
        """The place of character ``offset`` of the text ``value`` that stands at ``keys``.

        Folding and indentation change only white space, so the same count of other characters leads there.
        """
        start = self.places[keys]
        index = start.index
        if start.style in ("|", ">"):
            index = self.text.index("\n", index)
        elif start.style:
            index += 1
        wanted = sum(not character.isspace() for character in value[: min(offset, len(value.rstrip()))])
        while index < len(self.text) and (self.text[index].isspace() or wanted):
            wanted -= not self.text[index].isspace()
            index += 1
            if not wanted and offset >= len(value.rstrip()):
                break
        line_start = self.text.rfind("\n", 0, index) + 1
        return Place(self.text.count("\n", 0, index) + 1, index - line_start + 1, index)


def read_yaml(path: Path, error: type[InspectionError]) -> YamlSource:
    """Read ``path``.

    Raises:
        error: the file is missing, larger than 1 MB, not UTF-8, not YAML, has a duplicate key, an alias, a key that is
            not text, or nests deeper than 20; the message names file, line and column.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as problem:
        raise error(
            f"{path}: cannot be read: {problem.strerror}", hint="check the path and its permissions"
        ) from problem
    if len(raw) > MAX_BYTES:
        raise error(f"{path}: larger than {MAX_BYTES} bytes", hint="this is not a configuration file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{path}: byte {problem.start} is not UTF-8", hint="save the file as UTF-8") from problem
    loader = yaml.CSafeLoader(text)
    try:
        _refuse_aliases(path, text, error)
        node = loader.get_single_node()
        places: dict[KeyPath, Place] = {}
        data = _construct(loader, node, (), places, _Mistake(path, error)) if node is not None else None
    except yaml.MarkedYAMLError as problem:
        raise _syntax(path, problem, error) from problem
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        raise error(f"{path}: not YAML: {problem}", hint="check the file with a YAML editor") from problem
    finally:
        loader.dispose()
    return YamlSource(path, raw, text, data, places)


@dataclass(frozen=True, slots=True)
class _Mistake:
    path: Path
    error: type[InspectionError]

    def at(self, node: yaml.Node, message: str, hint: str) -> InspectionError:
        return self.error(f"{self.path}: {_at(node.start_mark)}: {message}", hint=hint)


def _at(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"


def _syntax(path: Path, problem: yaml.MarkedYAMLError, error: type[InspectionError]) -> InspectionError:
    mark = problem.problem_mark or problem.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
    return error(
        f"{path}: {where}: not YAML: {problem.problem or problem.context}", hint="check indentation and quotes"
    )


def _refuse_aliases(path: Path, text: str, error: type[InspectionError]) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
            what = f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else "an alias (*) is not allowed"
            raise error(f"{path}: {_at(event.start_mark)}: {what}", hint="write the value out")


def _construct(
    loader: yaml.CSafeLoader, node: yaml.Node, keys: KeyPath, places: dict[KeyPath, Place], mistake: _Mistake
) -> Any:
    mark = node.start_mark
    places[keys] = Place(mark.line + 1, mark.column + 1, mark.index, getattr(node, "style", None) or "")
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:int"):
                raise mistake.at(key_node, "a key must be text", "put the key in quotes")
            key = str(key_node.value)
            if key in result:
                raise mistake.at(key_node, f"key {key!r} appears twice", "remove one of the two")
            result[key] = _construct(loader, value_node, (*keys, key), places, mistake)
        return result
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, child, (*keys, index), places, mistake) for index, child in enumerate(node.value)]
    try:
        value = loader.construct_object(node)
    except (ValueError, OverflowError) as problem:  # a date such as 2026-13-01
        raise mistake.at(node, f"{keys[-1] if keys else 'the file'}: {problem}", "correct the value") from problem
    if isinstance(value, float) and not math.isfinite(value):
        raise mistake.at(node, "a number must be finite", "write an ordinary number")
    return value
