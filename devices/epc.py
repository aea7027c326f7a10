"""What an RFID tag says about an item: EPC binary encodings to URN, GTIN and serial, and back; read with epcpy.

epcpy is wrapped because it takes an encoding of any length, raises whatever comes on bytes it does not know, and loses
the filter value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

import epcpy
from epcpy.epc_schemes import SGTIN
from epcpy.epc_schemes.sgtin import SGTINFilterValue

from devices.gs1 import check_gtin
from inspection.errors import IdentityError

SGTIN_96 = 0x30
SGTIN_198 = 0x36
MAX_SGTIN_96_SERIAL = (1 << 38) - 1
COMPANY_PREFIX_DIGITS = range(6, 13)
FILTER_VALUES = range(8)

_HEX = re.compile(r"\A(?:[0-9A-Fa-f]{4}){1,31}\Z")
_LIBRARY_ERRORS = (epcpy.ConvertException, ValueError, KeyError, IndexError)
_BITS = {SGTIN_96: 96, SGTIN_198: 198}


@dataclass(frozen=True, slots=True)
class Epc:
    """One EPC.

    Attributes:
        hex: as read, upper case.
        uri: pure-identity URN (``urn:epc:id:…``); ``None`` for what is not encoded after the Tag Data Standard, such as
            a tag as it left its factory.
        gtin: GTIN-14 of an SGTIN, otherwise ``None``.
        serial: serial number of an SGTIN, otherwise ``None``.
        filter_value: 0..7 of an SGTIN (1 point of sale item, 2 case, …), otherwise ``None``.
    """

    hex: str
    uri: str | None = None
    gtin: str | None = None
    serial: str | None = None
    filter_value: int | None = None

    @property
    def raw_uri(self) -> str:
        """``urn:epc:raw:<bits>.x<hex>`` (Tag Data Standard, 12.2), which every tag has."""
        return f"urn:epc:raw:{len(self.hex) * 4}.x{self.hex}"


def decode(epc_hex: str) -> Epc:
    """EPC from the hex of a tag's EPC memory.

    Raises:
        IdentityError: no whole 16-bit words of hex, or an SGTIN that breaks the Tag Data Standard (partition 7, a
            company prefix or item reference too large for its digits, bits after the end).
    """
    if not _HEX.match(epc_hex):
        raise IdentityError(f"{epc_hex[:64]!r} is not the hex of 1 to 31 16-bit words")
    epc_hex = epc_hex.upper()
    header = int(epc_hex[:2], 16)
    if header in _BITS:
        return _decode_sgtin(epc_hex, header)
    try:
        return Epc(epc_hex, uri=epcpy.hex_to_tag_encodable(epc_hex).epc_uri)
    except _LIBRARY_ERRORS:
        return Epc(epc_hex)


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
    if company_prefix_digits not in COMPANY_PREFIX_DIGITS or filter_value not in FILTER_VALUES:
        raise IdentityError(f"company prefix of {company_prefix_digits} digits or filter {filter_value} does not exist")
    if not re.fullmatch(r"0|[1-9][0-9]{0,11}", serial) or int(serial) > MAX_SGTIN_96_SERIAL:
        raise IdentityError(
            f"serial {serial!r} does not fit an SGTIN-96",
            hint="It takes 0 to 274877906943 without leading zeros; use an SGTIN-198.",
        )
    sgtin = SGTIN.from_gtin_plus_serial(check_gtin(gtin), serial, company_prefix_digits)
    encoded: str = sgtin.hex(
        binary_coding_scheme=SGTIN.BinaryCodingScheme.SGTIN_96, filter_value=SGTINFilterValue(str(filter_value))
    )
    return encoded.zfill(24)


def _decode_sgtin(epc_hex: str, header: int) -> Epc:
    bits, read = _BITS[header], len(epc_hex) * 4
    value = int(epc_hex, 16)
    # EPC memory comes in 16-bit words; what stands after the encoding must be zero and less than a word.
    if not bits <= read < bits + 16 or value & ((1 << (read - bits)) - 1):
        raise IdentityError(f"EPC {epc_hex} has the header of an SGTIN-{bits} and {read} bits")
    try:
        sgtin = SGTIN.from_hex(epc_hex)
        gtin = check_gtin(sgtin.gtin())
    except _LIBRARY_ERRORS as error:
        raise IdentityError(f"EPC {epc_hex} is no SGTIN: {error}", hint="The tag was written wrongly.") from error
    uri: str = sgtin.epc_uri
    serial = unquote(uri.split(".", maxsplit=2)[2])
    if header == SGTIN_198 and not _padded_with_zeros(value >> (read - bits), len(serial)):
        raise IdentityError(f"EPC {epc_hex} has characters after the end of its serial number")
    return Epc(epc_hex, uri, gtin, serial, filter_value=value >> (read - 11) & 0b111)


def _padded_with_zeros(value: int, characters: int) -> bool:
    """Whether the 140 serial bits of an SGTIN-198 are ``characters`` times 7 bits and zeros (TDS 14.4.2)."""
    return not value & ((1 << (140 - 7 * characters)) - 1)
