"""GS1 Digital Link URIs: to elements and from elements.

Source: GS1 Digital Link Standard: URI Syntax 1.2 to 1.6; where it leaves a choice, as the GS1 Barcode Syntax Engine
decides. biip's reader takes qualifiers in the query, values of unassigned AIs and characters that no URI may have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from devices.gs1.application_identifiers import ApplicationIdentifier, find, unassigned
from devices.gs1.check_digits import is_digits
from devices.gs1.content import check_value
from devices.gs1.elements import Element
from devices.gs1.errors import Gs1Error

RESOLVER = "https://id.gs1.org"
SHORT_NAMES = {
    "cpid": "8010",
    "cpsn": "8011",
    "cpv": "22",
    "gcn": "255",
    "gdti": "253",
    "giai": "8004",
    "ginc": "401",
    "gln": "414",
    "glnx": "254",
    "gmn": "8013",
    "grai": "8003",
    "gsin": "402",
    "gsrn": "8018",
    "gsrnp": "8017",
    "gtin": "01",
    "itip": "8006",
    "lot": "10",
    "party": "417",
    "refno": "8020",
    "ser": "21",
    "srin": "8019",
    "sscc": "00",
}
"""Names that version 1.0 of the standard allowed for AIs in the path; deprecated, but printed."""
QUALIFIERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "01": (("22", "10", "21"), ("235",)),
    "414": (("254",), ("7040",)),
    "415": (("8020",),),
    "417": (("7040",),),
    "8004": (("7040",),),
    "8006": (("22", "10", "21"),),
    "8010": (("8011",),),
    "8017": (("8019",),),
    "8018": (("8019",),),
    **dict.fromkeys(("00", "253", "255", "401", "402", "8003", "8013"), ((),)),
}
"""Keys a Digital Link can have, with their qualifiers in order; of two alternatives only one may be used."""
GTIN_LENGTHS = {8, 12, 13}

_URI_CHARACTERS = re.compile(r"[-A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%]*")
_SCHEME = re.compile(r"https://|HTTPS://|http://|HTTP://")
_HOST = re.compile(r"[-A-Za-z0-9.:\[\]]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """What a Digital Link says.

    Attributes:
        elements: those of the path, key first, then those of the query in their order.
        in_path: how many of them stood in the path.
        stem: what stands before the key, without the last slash.
        ignored: parameters of the query that are none of GS1's.
    """

    elements: tuple[Element, ...]
    in_path: int
    stem: str
    ignored: tuple[str, ...] = ()


def is_web_uri(text: str) -> bool:
    """Whether ``text`` begins as a Digital Link does."""
    return _SCHEME.match(text) is not None


def parse_uri(uri: str, *, short_names: bool = True, short_gtins: bool = True, unknown_ais: bool = True) -> DigitalLink:
    """Elements of a Digital Link.

    Args:
        uri: with scheme http or https.
        short_names: take ``gtin``, ``ser`` … for ``01``, ``21`` … in the path.
        short_gtins: fill up a GTIN-8, -12 or -13 with zeros to 14 digits.
        unknown_ais: keep query parameters that may become AIs one day, instead of refusing them.

    Raises:
        Gs1Error: no key in the path, qualifiers out of order or in the query, an AI twice, or an element that is not
            what its AI asks for.
    """
    if not _URI_CHARACTERS.fullmatch(uri):
        raise Gs1Error("uri", "there are characters that no URI has; they must be percent-encoded")
    scheme = _SCHEME.match(uri)
    if not scheme:
        raise Gs1Error("uri", "expected http:// or https://")
    host, slash, rest = uri[scheme.end() :].partition("/")
    if not slash or not _HOST.fullmatch(host):
        raise Gs1Error("uri", "expected a host and a path, such as https://id.gs1.org/01/09521234543213")
    path, _, query = rest.partition("#")[0].partition("?")
    segments = path.split("/")
    start = _start_of_key(segments, short_names=short_names)
    stem = "/".join([f"{scheme[0]}{host}", *segments[:start]])
    elements: list[Element] = []
    for name, text in zip(segments[start::2], segments[start + 1 :: 2], strict=True):
        ai = _path_ai(name, short_names=short_names)
        if ai is None or not text:
            raise Gs1Error("uri", f"/{name} in the path has no value")
        elements.append(_element(ai, text, short_gtins=short_gtins))
    in_path = len(elements)
    attributes, ignored = _attributes(query, short_gtins=short_gtins, unknown_ais=unknown_ais)
    _check_order([element.code for element in elements], attributes)
    return DigitalLink((*elements, *attributes), in_path, stem, ignored)


def build_uri(elements: Sequence[Element], *, stem: str = RESOLVER, in_path: int = 0) -> str:
    """Digital Link of ``elements``: the first key among them, its qualifiers as far as there are, the rest as query.

    Args:
        elements: of two with one AI the first counts. In the query those of predefined length come first.
        stem: resolver and path before the key.
        in_path: so many elements, in this order, are the path; 0 lets this function choose.

    Raises:
        Gs1Error: no element is a key of Digital Links, or one can stand neither in the path nor in the query.
    """
    first: dict[str, Element] = {}
    for element in elements:
        first.setdefault(element.code, element)
    path = [element.code for element in elements[:in_path]] or _choose_path(list(first))
    attributes = [element for code, element in first.items() if code not in path]
    for element in attributes:
        _check_attribute(element.ai)
    attributes.sort(key=lambda element: element.ai.length is None)
    query = "&".join(f"{element.code}={_escaped(element.value)}" for element in attributes)
    parts = [stem.removesuffix("/"), *(f"{code}/{_escaped(first[code].value)}" for code in path)]
    return "/".join(parts) + (f"?{query}" if query else "")


def _start_of_key(segments: list[str], *, short_names: bool) -> int:
    """Index of the rightmost key from which on the path is AIs and values only."""
    for at in range(len(segments) - 2, -1, -2):
        ai = _path_ai(segments[at], short_names=short_names)
        if ai is None:
            break
        if ai.code in QUALIFIERS:
            return at
    raise Gs1Error("uri", "the path has no GS1 key, such as /01/ and a GTIN")


def _path_ai(name: str, *, short_names: bool) -> ApplicationIdentifier | None:
    return find(SHORT_NAMES.get(name, name) if short_names else name)


def _attributes(query: str, *, short_gtins: bool, unknown_ais: bool) -> tuple[list[Element], tuple[str, ...]]:
    elements: list[Element] = []
    ignored: list[str] = []
    for parameter in filter(None, query.split("&")):
        name, equals, text = parameter.partition("=")
        if not equals or not is_digits(name):
            ignored.append(parameter)
            continue
        ai = find(name) or (unassigned(name) if unknown_ais else None)
        if ai is None:
            raise Gs1Error("unknown_ai", f"{name[:20]} in the query is no GS1 application identifier")
        if not text:
            raise Gs1Error("uri", f"{name} in the query has no value")
        elements.append(_element(ai, text.replace("+", " "), short_gtins=short_gtins))
    return elements, tuple(ignored)


def _element(ai: ApplicationIdentifier, text: str, *, short_gtins: bool) -> Element:
    value = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    if short_gtins and ai.code == "01" and len(value) in GTIN_LENGTHS:
        value = value.zfill(14)
    check_value(ai, value)
    return Element(ai, value)


def _check_order(path: list[str], attributes: Sequence[Element]) -> None:
    key, *qualifiers = path
    if not _in_order(key, qualifiers):
        raise Gs1Error("uri", f"({key}) in the path cannot be qualified by {', '.join(qualifiers)} in this order")
    seen = set(path)
    for element in attributes:
        if element.code in seen:
            raise Gs1Error("conflict", f"({element.code}) stands twice")
        seen.add(element.code)
        _check_attribute(element.ai)
        for at in range(len(qualifiers) + 1):
            if _in_order(key, [*qualifiers[:at], element.code, *qualifiers[at:]]):
                raise Gs1Error("uri", f"({element.code}) must stand in the path, after ({key}), not in the query")


def _check_attribute(ai: ApplicationIdentifier) -> None:
    if not ai.attribute:
        raise Gs1Error("uri", f"({ai.code}) must not stand in the query of a Digital Link")


def _in_order(key: str, qualifiers: Sequence[str]) -> bool:
    """Whether ``qualifiers`` are some of one alternative, in its order."""
    for alternative in QUALIFIERS[key]:
        left = iter(alternative)
        if all(qualifier in left for qualifier in qualifiers):
            return True
    return False


def _choose_path(codes: Sequence[str]) -> list[str]:
    key = next((code for code in codes if code in QUALIFIERS), None)
    if key is None:
        raise Gs1Error("uri", "none of these elements is a key of Digital Links, such as a GTIN (01)")
    choices = [[code for code in alternative if code in codes] for alternative in QUALIFIERS[key]]
    return [key, *max(choices, key=len)]


def _escaped(value: str) -> str:
    return quote(value, safe="")
