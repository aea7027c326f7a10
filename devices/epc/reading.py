"""Everything that one EPC says, whichever of its forms it is given in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from biip import ParseError
from biip.gs1_prefixes import GS1CompanyPrefix

from devices.epc import Epc, decode
from devices.epc.binary import TAG_PREFIX, coding_of, encode, parse_tag_uri
from devices.epc.errors import EpcError
from devices.epc.identities import (
    COMPANY_PREFIX_DIGITS,
    PREFIX,
    PureIdentity,
    Scheme,
    identity_of_elements,
    key_among,
    parse_pure_identity,
)
from devices.gs1.digital_link import is_web_uri, parse_uri
from devices.gs1.elements import Element, check_together, parse_bracketed
from inspection.digital_link import from_epc_uri

USUAL_FILTERS = {Scheme.SGTIN: 1, Scheme.SSCC: 0, Scheme.GRAI: 0, Scheme.GIAI: 0}
"""Filter value of a tag when nobody says which: point of sale item for trade items, otherwise "all others"."""

_RAW = re.compile(r"urn:epc:raw:([0-9]{1,4})\.x([0-9A-F]+)")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an EPC says.

    Attributes:
        form: what it was given as: ``hex``, ``raw``, ``tag``, ``pure identity``, ``Digital Link`` or ``elements``.
        epc: its bits; ``None`` where they cannot be known.
        identity: its parts, of an SGTIN, SSCC, GRAI or GIAI whose company prefix is known.
        elements: the GS1 elements that it was given as.
        uri: pure-identity URN; ``None`` where it cannot be known.
        digital_link: ``None`` where there is none.
        notes: what was assumed, and why something is missing.
    """

    form: str
    epc: Epc | None = None
    identity: PureIdentity | None = None
    elements: tuple[Element, ...] = ()
    uri: str | None = None
    digital_link: str | None = None
    notes: tuple[str, ...] = ()


def read(text: str, *, filter_value: int | None = None, company_prefix_digits: int | None = None) -> Reading:
    """Read hex, an EPC URN (``id``, ``tag`` or ``raw``), a Digital Link or elements in brackets.

    Args:
        text: one of these.
        filter_value: to write into the tag, where ``text`` has none.
        company_prefix_digits: 6 to 12, where ``text`` does not tell how long the company prefix is.

    Raises:
        IdentityError: it is none of these, or breaks its standard.
    """
    text = text.strip()
    if text.startswith("urn:epc:raw:"):
        return _of_tag("raw", decode(_raw_hex(text)))
    if text.startswith(TAG_PREFIX):
        identity, coding, tag_filter = parse_tag_uri(text)
        return _of_tag("tag", decode(encode(identity, coding, tag_filter)))
    if text.startswith("urn:"):
        return _of_urn(text, filter_value)
    if is_web_uri(text):
        return _of_elements("Digital Link", parse_uri(text).elements, filter_value, company_prefix_digits)
    if text.startswith("("):
        return _of_elements("elements", parse_bracketed(text), filter_value, company_prefix_digits)
    if re.fullmatch(r"(?:0[xX])?[0-9A-Fa-f\s:-]+", text):
        return _of_tag("hex", decode(re.sub(r"\A0[xX]|[\s:-]", "", text)))
    raise EpcError(
        "syntax",
        f"{text[:60]!r} is neither hex nor a URN nor a URI of an EPC",
        hint="Expected e.g. 3034257BF7194E4000001A85, urn:epc:id:sgtin:0614141.812345.6789 or https://id.gs1.org/01/….",
    )


def _of_tag(form: str, epc: Epc) -> Reading:
    identity = epc.identity
    link = identity.digital_link if identity else from_epc_uri(epc.uri) if epc.uri else None
    return Reading(form, epc, identity, uri=epc.uri, digital_link=link, notes=(epc.reason,) if epc.reason else ())


def _of_urn(text: str, filter_value: int | None) -> Reading:
    label = text.removeprefix(PREFIX).partition(":")[0]
    if text.startswith(PREFIX) and label in {scheme.label for scheme in Scheme}:
        return _of_identity("pure identity", parse_pure_identity(text), filter_value)
    link = from_epc_uri(text)
    if link is None:
        raise EpcError("scheme", f"{text[:60]!r} is no EPC that we know")
    if not text.startswith(PREFIX):
        return Reading("class", digital_link=link, notes=("it names a class of things, which no tag has",))
    return Reading("pure identity", uri=text, digital_link=link, notes=(f"we write no tags of scheme {label}",))


def _of_identity(
    form: str, identity: PureIdentity, filter_value: int | None, *notes: str, elements: tuple[Element, ...] = ()
) -> Reading:
    epc = None
    try:
        coding = coding_of(identity)
    except EpcError as error:
        notes = (*notes, f"no tag: {error}")
    else:
        chosen = USUAL_FILTERS[identity.scheme] if filter_value is None else filter_value
        epc = decode(encode(identity, coding, chosen))
        if filter_value is None:
            notes = (*notes, f"filter value {chosen} is assumed; this form of an EPC has none")
    return Reading(form, epc, identity, elements, identity.uri, identity.digital_link, notes)


def _of_elements(
    form: str, elements: tuple[Element, ...], filter_value: int | None, company_prefix_digits: int | None
) -> Reading:
    check_together(elements)
    scheme, key = key_among(elements)
    notes: tuple[str, ...] = ()
    digits = company_prefix_digits
    if digits is None:
        digits = _listed_prefix_digits(key if scheme is Scheme.GIAI else key[1:])
        notes = (f"a company prefix of {digits} digits is assumed, after GS1's list of prefixes",)
    if digits is None:
        reason = "GS1's list does not tell how long the company prefix is; without it there is neither URN nor tag"
        return Reading(form, elements=elements, notes=(reason,))
    return _of_identity(form, identity_of_elements(elements, digits), filter_value, *notes, elements=elements)


def _listed_prefix_digits(key: str) -> int | None:
    """Digits of the company prefix with which ``key`` begins, after the list that GS1 publishes; biip carries it."""
    try:
        found = GS1CompanyPrefix.extract(re.sub(r"[^0-9].*", "", key))
    except ParseError:
        return None
    return len(found.value) if found and len(found.value) in COMPANY_PREFIX_DIGITS else None


def _raw_hex(uri: str) -> str:
    found = _RAW.fullmatch(uri)
    if not found:
        raise EpcError("syntax", f"expected urn:epc:raw:96.x and 24 hex digits in upper case, found {uri[:60]!r}")
    bits, digits = int(found[1]), found[2]
    if len(digits) != -(-bits // 4):
        raise EpcError("length", f"{bits} bits are {-(-bits // 4)} hex digits, found {len(digits)}")
    # Bits that do not fill their last digit stand at its end (TDS 12.2); in memory they stand at its beginning.
    return f"{int(digits, 16) << (-bits % 4):0{len(digits)}X}" + "0" * (-len(digits) % 4)
