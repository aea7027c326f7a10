"""``MATCH_…``: EPCs and classes, one by one or by pattern (EPCIS 2.0, 8.2.7.1.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import sqlalchemy as sa

from inspection.digital_link import RESOLVER, from_epc_uri
from inspection.hub.epcis.facts import identifier
from inspection.hub.epcis.tables import epcis_events as events

_PATTERN = re.compile(r"\Aurn:epc:(?P<kind>idpat|class):(?P<scheme>[a-z]+):(?P<body>.*\*)\Z")
_COMPANY = re.compile(r"\A(\d{6,12})(?:\.\*)+\Z")
_QUALIFIER = {"sgtin": "/21/", "itip": "/21/", "upui": "/235/", "cpi": "/8011/"}
_LEADING = {
    "sgtin": "01/_",
    "itip": "8006/_",
    "upui": "01/_",
    "sscc": "00/_",
    "grai": "8003/0",
    "giai": "8004/",
    "gdti": "253/",
    "sgcn": "255/",
    "gsrn": "8018/",
    "gsrnp": "8017/",
    "cpi": "8010/",
    "sgln": "414/",
    "pgln": "417/",
    "lgtin": "01/_",
}
_GTIN = re.compile(r"\Ahttps://id\.gs1\.org/01/\d{14}\Z")
_ROLES = {"anyEPC": ("epc", "parentID", "inputEPC", "outputEPC")}


def matches(role: str, values: Sequence[str]) -> tuple[sa.ColumnElement[bool], bool]:
    """Events that name one of ``values`` in ``role``; and whether an inverted index finds them.

    Args:
        role: what ``MATCH_`` is followed by.
        values: EPCs, classes, or patterns of them, as URNs or Digital Links.
    """
    exact = [identifier(value) for value in values]
    found: list[sa.ColumnElement[bool]] = []
    if role == "anyEPC":
        found.append(events.c.epcs.overlap(sa.cast(exact, events.c.epcs.type)))
    else:
        found += [events.c.facts.contains({role: [value]}) for value in dict.fromkeys(exact)]
    likes: list[sa.ColumnElement[bool]] = []
    for value, canonical in zip(values, exact, strict=True):
        by_index, by_text = _patterned(role, value, canonical)
        found += by_index
        likes += by_text
    return sa.or_(*found, *likes), not likes


_Conditions = list[sa.ColumnElement[bool]]


def _patterned(role: str, value: str, canonical: str) -> tuple[_Conditions, _Conditions]:
    """What an inverted index finds, and what takes a look at every event."""
    roles = _ROLES.get(role, (role,))
    is_class = role.endswith("Class")
    if _GTIN.match(canonical) and not is_class:
        return [events.c.facts.contains({f"{each} *": [f"{canonical}/21/"]}) for each in roles], []
    pattern = _PATTERN.match(value)
    if pattern is None:
        return [], []
    scheme, body = pattern["scheme"], pattern["body"]
    link = from_epc_uri(f"urn:epc:idpat:{'sgtin' if scheme == 'lgtin' else scheme}:{body}")
    if scheme == "lgtin" and link is not None:
        return [], [_like(each, f"{link}/10/%") for each in roles]
    if link is not None and not is_class:
        beginning = link + _QUALIFIER.get(scheme, "")
        return [events.c.facts.contains({f"{each} *": [beginning]}) for each in roles], []
    company = _COMPANY.match(body)
    if company is None or scheme not in _LEADING:
        return [], []
    return [], [_like(each, f"{RESOLVER}/{_LEADING[scheme]}{company[1]}%") for each in roles]


def _like(role: str, pattern: str) -> sa.ColumnElement[bool]:
    named = sa.func.jsonb_array_elements_text(events.c.facts[role]).table_valued("value").alias(f"named_{role}")
    return sa.exists(sa.select(sa.literal(1)).select_from(named).where(named.c.value.like(pattern)))
