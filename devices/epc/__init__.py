"""What an RFID tag says about an item: EPC binary encodings to URN, GTIN and serial, and back.

SGTIN, SSCC, GRAI and GIAI are our own, after the Tag Data Standard; epcpy reads the other schemes. Of the four it takes
an encoding of any length, serial numbers with bits after their end and reserved bits that are set, and it loses the
filter value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import epcpy

from devices.epc.binary import BY_HEADER, CODINGS, FILTER_VALUES, Coding, decode_binary, encode, partition_of, tag_uri
from devices.epc.errors import EpcError
from devices.epc.identities import COMPANY_PREFIX_DIGITS, PureIdentity, Scheme
from devices.gs1.gtin import check_gtin

__all__ = [
    "COMPANY_PREFIX_DIGITS",
    "FILTER_VALUES",
    "MAX_SGTIN_96_SERIAL",
    "Epc",
    "EpcError",
    "PureIdentity",
    "Scheme",
    "decode",
    "encode_sgtin_96",
]

MAX_SGTIN_96_SERIAL = (1 << 38) - 1

_HEX = re.compile(r"\A[0-9A-Fa-f]{4,124}\Z")
_HEX_DIGITS_OF_A_WORD = 4


@dataclass(frozen=True, slots=True)
class Epc:
    """One EPC as a tag has it.

    Attributes:
        hex: as read, upper case.
        uri: pure-identity URN (``urn:epc:id:…``); ``None`` for what is not encoded after the Tag Data Standard, such as
            a tag as it left its factory.
        identity: the parts of an SGTIN, SSCC, GRAI or GIAI; ``None`` for other schemes.
        coding: binary encoding of these four, otherwise ``None``.
        filter_value: 0..7 of these four (SGTIN: 1 point of sale item, 2 case, …), otherwise ``None``.
        reason: why there is no URN, otherwise empty.
    """

    hex: str
    uri: str | None = None
    identity: PureIdentity | None = None
    coding: Coding | None = None
    filter_value: int | None = None
    reason: str = ""

    @property
    def gtin(self) -> str | None:
        """GTIN-14 of an SGTIN, otherwise ``None``."""
        return self.identity.gtin if self.identity else None

    @property
    def serial(self) -> str | None:
        """Serial number of an SGTIN, otherwise ``None``."""
        return self.identity.serial if self.identity and self.identity.scheme is Scheme.SGTIN else None

    @property
    def partition(self) -> int | None:
        """Partition value 0..6, which tells how long the company prefix is."""
        return partition_of(self.identity) if self.identity else None

    @property
    def tag_uri(self) -> str | None:
        """``urn:epc:tag:…``, with coding and filter value."""
        if self.identity is None or self.coding is None or self.filter_value is None:
            return None
        return tag_uri(self.identity, self.coding, self.filter_value)

    @property
    def raw_uri(self) -> str:
        """``urn:epc:raw:<bits>.x<hex>`` (Tag Data Standard, 12.2), which every tag has."""
        return f"urn:epc:raw:{len(self.hex) * 4}.x{self.hex}"


def decode(epc_hex: str) -> Epc:
    """EPC from the hex of a tag's EPC memory.

    Raises:
        EpcError: no whole 16-bit words of hex (or just the bytes or digits that an encoding fills, as papers print it),
            or an SGTIN, SSCC, GRAI or GIAI that breaks the Tag Data Standard (partition 7, a number too large for its
            digits, bits after the end).
    """
    if not _HEX.match(epc_hex):
        raise EpcError("syntax", f"{epc_hex[:64]!r} is not the hex of 1 to 31 16-bit words")
    epc_hex = epc_hex.upper()
    coding = BY_HEADER.get(int(epc_hex[:2], 16))
    if coding is None:
        if len(epc_hex) % _HEX_DIGITS_OF_A_WORD:
            raise EpcError("syntax", f"{epc_hex!r} is not the hex of whole 16-bit words")
        return _decode_other(epc_hex)
    identity, filter_value = decode_binary(epc_hex, coding)
    return Epc(epc_hex, identity.uri, identity, coding, filter_value)


def encode_sgtin_96(gtin: str, serial: str, *, company_prefix_digits: int, filter_value: int = 1) -> str:
    """Hex of an SGTIN-96 (24 digits).

    Args:
        gtin: 8, 12, 13 or 14 digits with check digit.
        serial: decimal, 0..274877906943 without leading zeros; others need an SGTIN-198.
        company_prefix_digits: 6..12, as GS1 assigned the prefix to its holder.
        filter_value: 0..7.

    Raises:
        IdentityError: anything of that is not so.
    """
    if company_prefix_digits not in COMPANY_PREFIX_DIGITS:
        raise EpcError("company_prefix", f"a company prefix has 6 to 12 digits, not {company_prefix_digits}")
    number = check_gtin(gtin)
    reference = number[0] + number[company_prefix_digits + 1 : -1]
    identity = PureIdentity(Scheme.SGTIN, number[1 : company_prefix_digits + 1], reference, serial)
    return encode(identity, CODINGS[0], filter_value)


_OTHER_HEADERS = {
    0x00: "it was never written: header 00",
    0xE2: "header E2 is that of tag identification (TID), not of an EPC; factories fill empty tags with it",
}


def _decode_other(epc_hex: str) -> Epc:
    header = int(epc_hex[:2], 16)
    reason = _OTHER_HEADERS.get(header, f"header {header:02X} is none that we read as a GS1 EPC")
    try:
        return Epc(epc_hex, uri=epcpy.hex_to_tag_encodable(epc_hex).epc_uri)
    except (epcpy.ConvertException, ValueError, KeyError, IndexError):
        return Epc(epc_hex, reason=reason)
