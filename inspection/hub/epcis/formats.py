"""Identifiers as Digital Links or as EPC URNs, whichever a reader asked for (``GS1-EPC-Format``).

A URN says where the company prefix ends, a Digital Link does not. So a Digital Link becomes a URN only when exactly one
company prefix that is known fits; otherwise it stays what it is. Source: EPC Tag Data Standard 2.0, section 7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import unquote

from inspection.digital_link import canonical, from_epc_uri

Event = dict[str, Any]


class EpcFormat(StrEnum):
    """How identifiers are written in an answer."""

    NO_PREFERENCE = "No_Preference"
    DIGITAL_LINK = "Always_GS1_Digital_Link"
    URN = "Always_EPC_URN"
    NEVER = "Never_Translates"


_URN = re.compile(r"\Aurn:epc:(?:id|idpat|class):[a-z]+:(\d{6,12})\.")
_LINK = re.compile(r"\Ahttps://id\.gs1\.org/(\d{2,4})/([^/]+)(?:/(\d{2,4})/([^/]+))?\Z")
_LITERAL = "!'()*+,-.:;=_$@"
_URI_LISTS = {"epcList", "childEPCs", "inputEPCList", "outputEPCList"}
_OBJECT_LISTS = {
    **dict.fromkeys(("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), "epcClass"),
    "bizTransactionList": "bizTransaction",
    "sourceList": "source",
    "destinationList": "destination",
}


def company_prefix(uri: str) -> str | None:
    """The company prefix that an EPC URN shows."""
    found = _URN.match(uri)
    return found[1] if found else None


def translated(event: Event, wanted: EpcFormat, prefixes: Collection[str]) -> Event:
    """``event`` with its identifiers as ``wanted``; everything else is untouched."""
    if wanted not in {EpcFormat.DIGITAL_LINK, EpcFormat.URN}:
        return event

    def write(uri: str) -> str:
        return as_link(uri) if wanted is EpcFormat.DIGITAL_LINK else as_urn(uri, prefixes)

    made = dict(event)
    for name in made.keys() & _URI_LISTS:
        made[name] = [write(uri) for uri in made[name]]
    for name in made.keys() & {"parentID", "transformationID"}:
        made[name] = write(made[name])
    for name in made.keys() & {"readPoint", "bizLocation"}:
        made[name] = made[name] | {"id": write(made[name]["id"])}
    for name in made.keys() & _OBJECT_LISTS.keys():
        member = _OBJECT_LISTS[name]
        made[name] = [each | {member: write(each[member])} for each in made[name]]
    return made


def as_link(uri: str) -> str:
    """The Digital Link that means the same; ``uri`` itself when there is none, or when it is one already."""
    return from_epc_uri(uri) or uri


def as_urn(uri: str, prefixes: Collection[str]) -> str:
    """The EPC URN that means the same as a Digital Link; ``uri`` itself when no company prefix settles it.

    Args:
        uri: any URI.
        prefixes: company prefixes that are known, 6 to 12 digits.
    """
    link = canonical(uri)
    found = _LINK.match(link) if link is not None and not uri.startswith("urn:") else None
    if found is None:
        return uri
    rule = _RULES.get((found[1], found[3]))
    if rule is None:
        return uri
    made = set()
    for prefix in prefixes:
        urn = rule(prefix, found[2], _component(found[4] or ""))
        if urn is not None and canonical(urn) == link:
            made.add(urn)
    return made.pop() if len(made) == 1 else uri


def _component(text: str) -> str:
    """A serial or lot as a URN writes it: only what a URN must not hold is encoded (TDS 2.0, table A-1)."""
    plain = unquote(text)
    return "".join(each if each.isalnum() or each in _LITERAL else f"%{ord(each):02X}" for each in plain)


def _after(prefix: str, digits: str) -> str | None:
    return digits.removeprefix(prefix) if digits.startswith(prefix) else None


def _indicated(scheme: str, kind: str = "id") -> Callable[[str, str, str], str | None]:
    """Keys whose first digit is an indicator or extension that a URN moves behind the company prefix."""

    def write(prefix: str, key: str, tail: str) -> str | None:
        rest = _after(prefix, key[1:-1])
        if rest is None:
            return None
        return f"urn:epc:{kind}:{scheme}:{prefix}.{key[0]}{rest}" + (f".{tail}" if tail else "")

    return write


def _checked(scheme: str, length: int, *, filler: str = "") -> Callable[[str, str, str], str | None]:
    """Keys that end in a check digit at ``length``; what follows it is a serial."""

    def write(prefix: str, key: str, tail: str) -> str | None:
        digits, serial = key[: length - 1], key[length:]
        rest = _after(prefix, digits.removeprefix(filler) if filler else digits)
        if rest is None:
            return None
        behind = tail or _component(serial)
        return f"urn:epc:id:{scheme}:{prefix}.{rest}" + (f".{behind}" if behind else "")

    return write


def _location(prefix: str, key: str, tail: str) -> str | None:
    return _checked("sgln", 13)(prefix, key, tail or "0")


def _asset(prefix: str, key: str, _: str) -> str | None:
    rest = _after(prefix, key)
    return f"urn:epc:id:giai:{prefix}.{_component(rest)}" if rest else None


def _class(prefix: str, key: str, _: str) -> str | None:
    return _indicated("sgtin", "idpat")(prefix, key, "*")


_RULES: Mapping[tuple[str, str | None], Callable[[str, str, str], str | None]] = {
    ("01", "21"): _indicated("sgtin"),
    ("01", "10"): _indicated("lgtin", "class"),
    ("01", "235"): _indicated("upui"),
    ("01", None): _class,
    ("00", None): _indicated("sscc"),
    ("414", None): _location,
    ("414", "254"): _location,
    ("417", None): _checked("pgln", 13),
    ("253", None): _checked("gdti", 13),
    ("255", None): _checked("sgcn", 13),
    ("8003", None): _checked("grai", 14, filler="0"),
    ("8004", None): _asset,
    ("8018", None): _checked("gsrn", 18),
    ("8017", None): _checked("gsrnp", 18),
}
