"""``python -m devices epc``: one EPC in every form it has."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from devices.cli.answer import answer, refuse
from devices.epc import Epc, PureIdentity, Scheme
from devices.epc.identities import key_among
from devices.epc.reading import Reading, read
from devices.gs1.digital_link import build_uri
from devices.gs1.elements import bracketed, value_of
from inspection.errors import IdentityError

FILTER_MEANINGS = {
    Scheme.SGTIN: {
        0: "all others",
        1: "point of sale item",
        2: "full case",
        4: "inner pack",
        6: "unit load",
        7: "unit inside an item",
    },
    Scheme.SSCC: {0: "all others", 2: "full case", 6: "unit load"},
    Scheme.GRAI: {0: "all others"},
    Scheme.GIAI: {0: "all others", 1: "rail vehicle"},
}
"""Filter values of the Tag Data Standard 1.13, section 10; those that are not here are reserved."""
_REFERENCES = {
    Scheme.SGTIN: "item_reference",
    Scheme.SSCC: "serial_reference",
    Scheme.GRAI: "asset_type",
    Scheme.GIAI: "asset_reference",
}

_KEYS = {Scheme.SGTIN: "gtin", Scheme.SSCC: "sscc", Scheme.GRAI: "grai", Scheme.GIAI: "giai"}


def epc(
    text: Annotated[str, typer.Argument(metavar="HEX|URN|URI", help="What a tag or a label says.", show_default=False)],
    filter_value: Annotated[
        int | None,
        typer.Option(
            "--filter", min=0, max=7, help="Filter value of the tag, where TEXT has none.", show_default=False
        ),
    ] = None,
    company_prefix_length: Annotated[
        int | None,
        typer.Option(
            min=6, max=12, help="Digits of the company prefix, where TEXT does not tell (a URI).", show_default=False
        ),
    ] = None,
) -> None:
    """Show an EPC in every form.

    HEX is the EPC memory of a tag, as readers show it. URN is a pure identity, tag or raw URN. URI is a GS1 Digital
    Link; elements in brackets do as well. SGTIN, SSCC, GRAI and GIAI are taken apart and written; of other schemes the
    URN is told; what is no EPC at all, such as a tag as it left its factory, is "raw" with the reason in "notes".

    Examples:

    \b
      python -m devices epc 3034257BF7194E4000001A85
      python -m devices epc urn:epc:id:sgtin:0614141.812345.6789 --filter 3
      python -m devices epc urn:epc:tag:sscc-96:0.0614141.1234567890
      python -m devices epc https://id.gs1.org/01/80614141123458/21/6789 --company-prefix-length 7
      python -m devices epc "(8004)0614141A/7"

    The answer is one JSON object. When TEXT breaks the standard it is {"error": code, "message": …}, and the exit code
    is 2.
    """
    try:
        answer(described(read(text, filter_value=filter_value, company_prefix_digits=company_prefix_length)))
    except IdentityError as error:
        refuse(error)


def described(reading: Reading) -> dict[str, Any]:
    """``reading`` as the command prints it; what is not known is ``None``, what does not exist is left out."""
    found: dict[str, Any] = {"form": reading.form, "scheme": _scheme(reading)}
    found |= _bits(reading.epc) if reading.epc else {"hex": None}
    if reading.identity:
        found |= _parts(reading.identity)
    elif reading.elements:
        scheme, key = key_among(reading.elements)
        found |= {_KEYS[scheme]: key, "serial": value_of(reading.elements, "21")}
    found["pure_identity"] = reading.uri
    found["tag_uri"] = reading.epc.tag_uri if reading.epc else None
    if reading.epc:
        found["raw_uri"] = reading.epc.raw_uri
    found["digital_link"] = reading.digital_link
    if reading.identity:
        found["element_string"] = reading.identity.element_string
    elif reading.elements:
        found |= {"digital_link": build_uri(reading.elements), "element_string": bracketed(reading.elements)}
    if reading.notes:
        found["notes"] = list(reading.notes)
    return found


def _scheme(reading: Reading) -> str | None:
    """``sgtin-96`` of a tag, ``sgtin`` of an identity without one, ``raw`` of what is no EPC."""
    if reading.epc and reading.epc.coding:
        return reading.epc.coding.name
    if reading.identity:
        return reading.identity.scheme.label
    if reading.elements:
        return key_among(reading.elements)[0].label
    if reading.uri:
        return reading.uri.split(":")[3]
    return "raw" if reading.epc else None


def _bits(epc: Epc) -> dict[str, Any]:
    bits = epc.coding.bits if epc.coding else len(epc.hex) * 4
    found: dict[str, Any] = {
        "hex": epc.hex,
        "bits": bits,
        "binary": f"{int(epc.hex, 16):0{len(epc.hex) * 4}b}"[:bits],
        "header": int(epc.hex[:2], 16),
    }
    if epc.identity:
        meanings = FILTER_MEANINGS[epc.identity.scheme]
        found |= {
            "filter": epc.filter_value,
            "filter_meaning": meanings.get(epc.filter_value or 0, "reserved"),
            "partition": epc.partition,
        }
    return found


def _parts(identity: PureIdentity) -> dict[str, Any]:
    found: dict[str, Any] = {
        "company_prefix": identity.company_prefix,
        _REFERENCES[identity.scheme]: identity.reference,
    }
    match identity.scheme:
        case Scheme.SGTIN:
            gtin = identity.key
            return found | {
                "item_ref_with_indicator": identity.reference,
                "indicator": identity.reference[0],
                "serial": identity.serial,
                "gtin": gtin,
                "gtin14": gtin,
            }
        case Scheme.SSCC:
            return found | {"extension_digit": identity.reference[0], "sscc": identity.key}
        case Scheme.GRAI:
            return found | {"serial": identity.serial, "grai": identity.key}
        case Scheme.GIAI:
            return found | {"giai": identity.key}
