"""What the ``@context`` of a document says: which prefixes stand for which namespaces (JSON-LD 1.1, 4.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inspection.epcis import CONTEXT

STANDARD_PREFIXES: Mapping[str, str] = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://gs1.org/voc/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""Prefixes that the EPCIS 2.0 JSON-LD context defines itself."""

_OURS = re.compile(r"\Ahttps?://(?:ref\.gs1\.org/standards/epcis/|gs1\.github\.io/EPCIS/)")
_SCHEMES = frozenset({"urn", "tag", "ni", "did", "doi", "geo", "mailto", "uuid"})


@dataclass(frozen=True, slots=True)
class Context:
    """A ``@context`` as it was given, and its namespaces.

    Attributes:
        value: the JSON value.
        namespaces: prefix to namespace, the standard's included.
        open: a context elsewhere on the web is named, which we do not fetch; any prefix may be defined there.
    """

    value: Any
    namespaces: Mapping[str, str]
    open: bool

    def knows(self, name: str) -> bool:
        """Whether the prefix of ``name`` is defined, or ``name`` is a whole URI."""
        prefix, colon, rest = name.partition(":")
        if not colon or self.open or prefix in self.namespaces:
            return True
        return rest.startswith("//") or prefix.lower() in _SCHEMES

    def own_prefixes(self) -> list[tuple[str, str]]:
        """Prefixes beyond the standard's, with their namespaces."""
        return [each for each in self.namespaces.items() if STANDARD_PREFIXES.get(each[0]) != each[1]]

    def expand(self, name: str) -> str:
        """``name`` with its prefix written out; unchanged when it has none that is defined."""
        prefix, colon, local = name.partition(":")
        return self.namespaces[prefix] + local if colon and prefix in self.namespaces else name


def read_context(*values: Any) -> Context:
    """The context that these values make, a later one over an earlier one; ``None`` says nothing."""
    given = [value for value in values if value is not None]
    namespaces = dict(STANDARD_PREFIXES)
    is_open = False
    for part in _parts(given):
        if isinstance(part, str):
            is_open = is_open or not _OURS.match(part)
        elif isinstance(part, Mapping):
            namespaces |= dict(_prefixes(part))
    value = given[0] if len(given) == 1 else list(_parts(given))
    return Context(value if given else CONTEXT, namespaces, is_open)


def merged(values: Iterable[Any]) -> Any | None:
    """One ``@context`` for a document of events that came with these; ``None`` when two give a prefix two meanings."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    if len(distinct) == 1:
        return distinct[0]
    parts: list[Any] = []
    meanings: dict[str, Any] = {}
    for part in _parts(distinct):
        said = part.items() if isinstance(part, Mapping) else ()
        if any(meanings.setdefault(name, meaning) != meaning for name, meaning in said):
            return None
        if part not in parts:
            parts.append(part)
    return parts or [CONTEXT]


def _parts(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, list):
            yield from value
        else:
            yield value


def _prefixes(part: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, meaning in part.items():
        if isinstance(meaning, Mapping):
            meaning = meaning.get("@id")  # noqa: PLW2901 - an expanded term definition
        if isinstance(meaning, str) and not name.startswith("@"):
            yield name, meaning
