"""GS1 identifiers as Digital Link URIs: canonical form, one identifier a thing.

Sources: GS1 Digital Link Standard: URI Syntax 1.2 (4.11 canonical form), EPC Tag Data Standard 2.0 (section 7, the EPC
URIs and the keys they stand for).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import quote

RESOLVER = "https://id.gs1.org"
MAX_SERIAL = 20
CSET_82 = re.compile(r"\A[!\"%-?A-Z_a-z]{1,20}\Z")
"""GS1 AI encodable character set 82, as much as a serial number or a lot may have of it."""

_KEYS = "00|01|253|255|401|402|414|417|8003|8004|8006|8010|8017|8018"
_QUALIFIERS = {"01": ("21", "235", "10"), "414": ("254",), "8006": ("21", "10"), "8010": ("8011",)}
_SHORT_NAMES = {
    "gtin": "01",
    "itip": "8006",
    "cpid": "8010",
    "gln": "414",
    "party": "417",
    "gsrnp": "8017",
    "gsrn": "8018",
    "gcn": "255",
    "sscc": "00",
    "gdti": "253",
    "ginc": "401",
    "gsin": "402",
    "grai": "8003",
    "giai": "8004",
    "cpv": "22",
    "lot": "10",
    "ser": "21",
}
_SHAPE = {
    "00": r"\d{18}",
    "01": r"\d{14}",
    "253": r"\d{13}[^/]{0,60}",
    "255": r"\d{13}\d{0,12}",
    "401": r"[^/]{1,90}",
    "402": r"\d{17}",
    "414": r"\d{13}",
    "417": r"\d{13}",
    "8003": r"\d{14}[^/]{0,48}",
    "8004": r"\d{4}[^/]{0,90}",
    "8006": r"\d{18}",
    "8010": r"[^/]{1,90}",
    "8017": r"\d{18}",
    "8018": r"\d{18}",
}
_ALSO_ENCODED = {ord(character): f"%{ord(character):02X}" for character in "!()*+,:"}
_DIGITAL_LINK = re.compile(rf"\Ahttps?://[^/?#]+(?:/[^?#]*?)?/((?:{_KEYS}|{'|'.join(_SHORT_NAMES)})/\d{{4}}[^?#]*)")


def check_digit(digits: str) -> str:
    """The check digit that follows ``digits`` (GS1 General Specifications, 7.9.1)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def instance_uri(gtin: str, serial: str) -> str | None:
    """Digital Link of one unit; ``None`` when ``serial`` is not one that GS1 allows (AI 21)."""
    return f"{RESOLVER}/01/{gtin}/21/{_encode(serial)}" if CSET_82.match(serial) else None


def class_uri(gtin: str, lot: str | None = None) -> str:
    """Digital Link of a product, or of one of its lots (AI 10); a lot that GS1 does not allow is left out."""
    qualifier = f"/10/{_encode(lot)}" if lot and CSET_82.match(lot) else ""
    return f"{RESOLVER}/01/{gtin}{qualifier}"


def location_uri(gln: str) -> str:
    """Digital Link of a physical location (AI 414)."""
    return f"{RESOLVER}/414/{gln}"


def from_epc_uri(uri: str) -> str | None:
    """Digital Link that means the same as an EPC pure-identity, class or pattern URN; ``None`` when there is none."""
    kind, _, rest = uri.removeprefix("urn:epc:").partition(":")
    scheme, _, body = rest.partition(":")
    rule = _EPC_RULES.get(scheme) if kind in {"id", "idpat"} or (kind, scheme) == ("class", "lgtin") else None
    if rule is None or not uri.startswith("urn:epc:"):
        return None
    parts = body.split(".")
    if kind == "idpat":
        if parts[-1] != "*":
            return None
        parts[-1] = ""
    try:
        made = f"{RESOLVER}/{rule(parts)}"
    except (ValueError, IndexError):
        return None
    return made.removesuffix("/21/").removesuffix("/235/").removesuffix("/8011/")


def canonical(uri: str) -> str | None:
    """Constrained canonical form of a Digital Link or EPC URN; ``None`` when ``uri`` is neither.

    As the CBV 2.0 event hash wants it: resolver ``id.gs1.org``, no query, only the finest key qualifier.
    """
    return _remembered(uri) if len(uri) <= _WORTH_REMEMBERING else _canonical(uri)


def _canonical(uri: str) -> str | None:
    if uri.startswith("urn:epc:"):
        return from_epc_uri(uri)
    match = _DIGITAL_LINK.match(uri)
    if match is None:
        return None
    parts = match[1].rstrip("/").split("/")
    if len(parts) % 2:
        return None
    pairs = [(_SHORT_NAMES.get(key, key), value) for key, value in zip(parts[::2], parts[1::2], strict=True)]
    key, value = pairs[0]
    if key == "01" and value.isdecimal():
        value = value.zfill(14)
    if not re.fullmatch(_SHAPE[key], value):
        return None
    given = dict(pairs[1:])
    finest = next((name for name in _QUALIFIERS.get(key, ()) if name in given), None)
    return f"{RESOLVER}/{key}/{value}" + (f"/{finest}/{given[finest]}" if finest else "")


_remembered = lru_cache(maxsize=8192)(_canonical)  # the events of one inspection name the same things again and again
_WORTH_REMEMBERING = 500


def _encode(text: str) -> str:
    return quote(text, safe="")


def _tail(text: str) -> str:
    """A serial of an EPC URN, which is encoded already, with what Digital Link wants encoded besides."""
    return text.translate(_ALSO_ENCODED)


def _key(length: int, company: str, reference: str) -> str:
    digits = company + reference
    if not digits.isdecimal() or len(digits) != length:
        raise ValueError(digits)
    return digits + check_digit(digits)


def _gtin(company: str, item: str) -> str:
    return _key(13, item[:1] + company, item[1:])


def _serialised(key: str, qualifier: str, serial: str) -> str:
    return f"{key}/{qualifier}/{_tail(serial)}"


def _sgln(parts: list[str]) -> str:
    key = f"414/{_key(12, parts[0], parts[1])}"
    return key if parts[2] == "0" else _serialised(key, "254", parts[2])


def _itip(parts: list[str]) -> str:
    return _serialised(f"8006/{_gtin(parts[0], parts[1])}{parts[2]}{parts[3]}", "21", ".".join(parts[4:]))


_EPC_RULES: dict[str, Callable[[list[str]], str]] = {
    "sgtin": lambda p: _serialised(f"01/{_gtin(p[0], p[1])}", "21", ".".join(p[2:])),
    "lgtin": lambda p: _serialised(f"01/{_gtin(p[0], p[1])}", "10", ".".join(p[2:])),
    "upui": lambda p: _serialised(f"01/{_gtin(p[0], p[1])}", "235", ".".join(p[2:])),
    "sscc": lambda p: f"00/{_key(17, p[1][:1] + p[0], p[1][1:])}",
    "sgln": lambda p: _sgln([p[0], p[1], ".".join(p[2:])]),
    "grai": lambda p: f"8003/{_key(13, '0' + p[0], p[1])}{_tail('.'.join(p[2:]))}",
    "giai": lambda p: f"8004/{p[0]}{_tail('.'.join(p[1:]))}",
    "gsrn": lambda p: f"8018/{_key(17, p[0], p[1])}",
    "gsrnp": lambda p: f"8017/{_key(17, p[0], p[1])}",
    "gdti": lambda p: f"253/{_key(12, p[0], p[1])}{_tail('.'.join(p[2:]))}",
    "sgcn": lambda p: f"255/{_key(12, p[0], p[1])}{p[2]}",
    "pgln": lambda p: f"417/{_key(12, p[0], p[1])}",
    "ginc": lambda p: f"401/{p[0]}{_tail('.'.join(p[1:]))}",
    "gsin": lambda p: f"402/{_key(16, p[0], p[1])}",
    "cpi": lambda p: _serialised(f"8010/{p[0]}{_tail(p[1])}", "8011", p[2]),
    "itip": _itip,
}
