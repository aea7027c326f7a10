"""EPC binary encodings: the bits of a tag's EPC memory.

Source: GS1 EPC Tag Data Standard 1.13, section 14 (headers, partition tables, coding tables).

    8 header | 3 filter | 3 partition | company prefix | reference | serial number, or zeros that are reserved
"""

from __future__ import annotations

from dataclasses import dataclass

from devices.epc.characters import from_bits, to_bits
from devices.epc.errors import EpcError
from devices.epc.identities import PureIdentity, Scheme, parse_body
from devices.gs1.check_digits import is_digits

FILTER_VALUES = range(8)
TAG_PREFIX = "urn:epc:tag:"
NIBBLE, BYTE, WORD = 4, 8, 16
_PARTITION_COMPANY_BITS = (40, 37, 34, 30, 27, 24, 20)
_LONGEST_COMPANY_PREFIX = 12


@dataclass(frozen=True, slots=True)
class Coding:
    """One binary encoding of a scheme.

    Attributes:
        name: as in tag URIs, e.g. ``sgtin-96``.
        header: first eight bits.
        bits: all of them.
        reference_bits: company prefix and reference together.
        text: whether the serial number (of a GIAI the reference) is text, and not a number.
    """

    name: str
    scheme: Scheme
    header: int
    bits: int
    reference_bits: int
    text: bool = False

    @property
    def serial_bits(self) -> int:
        """Bits after the reference."""
        return self.bits - 14 - self.reference_bits


CODINGS = (
    Coding("sgtin-96", Scheme.SGTIN, 0x30, 96, 44),
    Coding("sgtin-198", Scheme.SGTIN, 0x36, 198, 44, text=True),
    Coding("sscc-96", Scheme.SSCC, 0x31, 96, 58),
    Coding("grai-96", Scheme.GRAI, 0x33, 96, 44),
    Coding("grai-170", Scheme.GRAI, 0x37, 170, 44, text=True),
    Coding("giai-96", Scheme.GIAI, 0x34, 96, 82),
    Coding("giai-202", Scheme.GIAI, 0x38, 202, 188, text=True),
)
BY_HEADER = {coding.header: coding for coding in CODINGS}


def partition_of(identity: PureIdentity) -> int:
    """Partition value, 0 for a company prefix of 12 digits to 6 for one of 6."""
    return _LONGEST_COMPANY_PREFIX - len(identity.company_prefix)


def coding_of(identity: PureIdentity) -> Coding:
    """The shortest coding that holds ``identity``.

    Raises:
        EpcError: none does.
    """
    refusal: EpcError | None = None
    for coding in (each for each in CODINGS if each.scheme is identity.scheme):
        try:
            _body(identity, coding)
        except EpcError as error:
            refusal = error
        else:
            return coding
    raise refusal or EpcError("scheme", f"{identity.uri} has no binary encoding")


def encode(identity: PureIdentity, coding: Coding, filter_value: int) -> str:
    """Hex of EPC memory: whole words of 16 bits, filled up with zeros.

    Raises:
        EpcError: the coding is of another scheme or does not hold this serial number, or there is no such filter.
    """
    if filter_value not in FILTER_VALUES:
        raise EpcError("filter", f"filter values are 0 to 7, not {filter_value}")
    value = (coding.header << 3 | filter_value) << (coding.bits - 11) | _body(identity, coding)
    padding = -coding.bits % WORD
    return f"{value << padding:0{(coding.bits + padding) // 4}X}"


def decode_binary(epc_hex: str, coding: Coding) -> tuple[PureIdentity, int]:
    """Identity and filter value of EPC memory.

    Args:
        epc_hex: whole words, or just the bytes or digits that the encoding fills; after it zeros.
        coding: the one whose header it has.

    Raises:
        EpcError: the bits break the standard.
    """
    read = len(epc_hex) * 4
    if read not in {coding.bits + -coding.bits % unit for unit in (NIBBLE, BYTE, WORD)}:
        raise EpcError("length", f"EPC {epc_hex} has the header of {coding.name} and {read} bits, not {coding.bits}")
    value, after = divmod(int(epc_hex, 16), 1 << (read - coding.bits))
    if after:
        raise EpcError("padding", f"EPC {epc_hex} has bits set after the {coding.bits} of {coding.name}")
    partition = _field(value, coding, 11, 3)
    if partition >= len(_PARTITION_COMPANY_BITS):
        raise EpcError("partition", f"EPC {epc_hex} has partition {partition}; there are 0 to 6")
    company_bits = _PARTITION_COMPANY_BITS[partition]
    digits = _LONGEST_COMPANY_PREFIX - partition
    company = _number(_field(value, coding, 14, company_bits), digits, "company prefix")
    reference_bits = coding.reference_bits - company_bits
    raw_reference = _field(value, coding, 14 + company_bits, reference_bits)
    raw_serial = _field(value, coding, 14 + coding.reference_bits, coding.serial_bits)
    filter_value = _field(value, coding, 8, 3)
    if coding.scheme is Scheme.GIAI:
        reference = from_bits(raw_reference, reference_bits) if coding.text else str(raw_reference)
        return PureIdentity(Scheme.GIAI, company, reference), filter_value
    reference = _number(raw_reference, coding.scheme.digits - digits, "reference")
    if not coding.scheme.serial_length:
        if raw_serial:
            raise EpcError("padding", f"EPC {epc_hex} has reserved bits set, the last {coding.serial_bits}")
        return PureIdentity(coding.scheme, company, reference), filter_value
    serial = from_bits(raw_serial, coding.serial_bits) if coding.text else str(raw_serial)
    return PureIdentity(coding.scheme, company, reference, serial), filter_value


def tag_uri(identity: PureIdentity, coding: Coding, filter_value: int) -> str:
    """``urn:epc:tag:sgtin-96:3.0614141.812345.6789`` (TDS 12.3)."""
    return f"{TAG_PREFIX}{coding.name}:{filter_value}.{identity.body}"


def parse_tag_uri(uri: str) -> tuple[PureIdentity, Coding, int]:
    """What an EPC tag URI says.

    Raises:
        EpcError: another coding, or parts that it does not allow.
    """
    name, colon, rest = uri.removeprefix(TAG_PREFIX).partition(":")
    coding = next((each for each in CODINGS if each.name == name), None)
    if coding is None or not colon or not uri.startswith(TAG_PREFIX):
        known = ", ".join(each.name for each in CODINGS)
        raise EpcError("scheme", f"{name[:40]!r} is no coding that we know; we know {known}")
    filter_text, dot, body = rest.partition(".")
    if not dot or filter_text not in map(str, FILTER_VALUES):
        raise EpcError("filter", f"a tag URI has a filter value 0 to 7 and a dot after {name}:, found {rest[:20]!r}")
    identity = parse_body(coding.scheme, body)
    _body(identity, coding)
    return identity, coding, int(filter_text)


def _body(identity: PureIdentity, coding: Coding) -> int:
    """The bits after header and filter value."""
    if coding.scheme is not identity.scheme:
        raise EpcError("scheme", f"{coding.name} cannot hold {identity.uri}")
    partition = partition_of(identity)
    company_bits = _PARTITION_COMPANY_BITS[partition]
    reference_bits = coding.reference_bits - company_bits
    if identity.scheme is Scheme.GIAI:
        reference = _serial(identity.reference, reference_bits, coding)
    else:
        reference = int(identity.reference or "0")
    serial = _serial(identity.serial, coding.serial_bits, coding) if identity.scheme.serial_length else 0
    value = partition << company_bits | int(identity.company_prefix)
    return (value << reference_bits | reference) << coding.serial_bits | serial


def _serial(text: str, bits: int, coding: Coding) -> int:
    if coding.text:
        return to_bits(text, bits)
    if not is_digits(text) or (text != "0" and text.startswith("0")) or int(text) >= 1 << bits:
        raise EpcError(
            "serial",
            f"serial {text!r} does not fit {coding.name.upper()}",
            hint=f"It takes 0 to {(1 << bits) - 1} without leading zeros.",
        )
    return int(text)


def _field(value: int, coding: Coding, start: int, bits: int) -> int:
    """``bits`` bits of ``value`` from bit ``start`` on, 0 being the most significant of the coding."""
    return value >> (coding.bits - start - bits) & ((1 << bits) - 1)


def _number(value: int, digits: int, what: str) -> str:
    if value >= 10**digits:
        raise EpcError("digits", f"the {what} on the tag, {value}, has more than {digits} digits")
    return f"{value:0{digits}}" if digits else ""
