"""Code types of Zebra SSI: what the scanner calls a symbology, and its AIM identifier where the type tells one.

Source: Simple Serial Interface Programmer's Guide (72E-40451), table of bar code types, and the type list of Zebra's
scanner SDK, which has the newer ones.
"""

from __future__ import annotations

from collections.abc import Mapping

SYMBOLOGIES: Mapping[int, tuple[str, str]] = {
    0x01: ("Code 39", "]A0"),
    0x02: ("Codabar", "]F0"),
    0x03: ("Code 128", "]C0"),
    0x04: ("Discrete 2 of 5", "]S0"),
    0x05: ("IATA 2 of 5", "]R0"),
    0x06: ("Interleaved 2 of 5", "]I0"),
    0x07: ("Code 93", "]G0"),
    0x08: ("UPC-A", "]E0"),
    0x09: ("UPC-E0", "]E0"),
    0x0A: ("EAN-8", "]E4"),
    0x0B: ("EAN-13", "]E0"),
    0x0C: ("Code 11", "]H0"),
    0x0D: ("Code 49", "]T0"),
    0x0E: ("MSI", "]M0"),
    0x0F: ("GS1-128", "]C1"),
    0x10: ("UPC-E1", "]X0"),
    0x11: ("PDF417", "]L0"),
    0x12: ("Code 16K", "]K0"),
    0x13: ("Code 39 full ASCII", "]A4"),
    0x14: ("UPC-D", ""),
    0x15: ("Trioptic Code 39", "]X0"),
    0x16: ("Bookland", "]X0"),
    0x17: ("Coupon code", ""),
    0x18: ("NW-7", "]F0"),
    0x19: ("ISBT 128", "]C0"),
    0x1A: ("MicroPDF417", ""),
    0x1B: ("DataMatrix", "]d1"),
    0x1C: ("QR code", "]Q1"),
    0x1D: ("MicroPDF417 CCA", ""),
    0x1E: ("US Postnet", "]X0"),
    0x1F: ("US Planet", "]X0"),
    0x20: ("Code 32", ""),
    0x21: ("ISBT 128 concatenated", "]C4"),
    0x22: ("Japan Postal", "]X0"),
    0x23: ("Australia Post", "]X0"),
    0x24: ("Netherlands KIX", "]X0"),
    0x25: ("MaxiCode", "]U0"),
    0x26: ("Canada Postal", "]X0"),
    0x27: ("UK Postal", "]X0"),
    0x28: ("Macro PDF417", ""),
    0x29: ("Macro QR code", ""),
    0x2C: ("Micro QR code", "]Q1"),
    0x2D: ("Aztec", "]z0"),
    0x2E: ("Aztec rune", "]zC"),
    0x30: ("GS1 DataBar", "]e0"),
    0x31: ("GS1 DataBar Limited", "]e0"),
    0x32: ("GS1 DataBar Expanded", "]e0"),
    0x33: ("Parameter (FNC3)", ""),
    0x34: ("USPS 4CB", "]X0"),
    0x35: ("UPU FICS Postal", "]X0"),
    0x36: ("ISSN", "]X0"),
    0x37: ("Scanlet", ""),
    0x38: ("CueCode", ""),
    0x39: ("Matrix 2 of 5", "]X0"),
    0x48: ("UPC-A + 2", "]E3"),
    0x49: ("UPC-E0 + 2", "]E3"),
    0x4A: ("EAN-8 + 2", ""),
    0x4B: ("EAN-13 + 2", "]E3"),
    0x50: ("UPC-E1 + 2", ""),
    0x51: ("Composite CC-A + GS1-128", "]e0"),
    0x52: ("Composite CC-A + EAN-13", ""),
    0x53: ("Composite CC-A + EAN-8", ""),
    0x54: ("Composite CC-A + GS1 DataBar Expanded", "]e0"),
    0x55: ("Composite CC-A + GS1 DataBar Limited", "]e0"),
    0x56: ("Composite CC-A + GS1 DataBar", "]e0"),
    0x57: ("Composite CC-A + UPC-A", ""),
    0x58: ("Composite CC-A + UPC-E", ""),
    0x59: ("Composite CC-C + GS1-128", "]e0"),
    0x5A: ("TLC-39", ""),
    0x61: ("Composite CC-B + GS1-128", "]e0"),
    0x62: ("Composite CC-B + EAN-13", ""),
    0x63: ("Composite CC-B + EAN-8", ""),
    0x64: ("Composite CC-B + GS1 DataBar Expanded", "]e0"),
    0x65: ("Composite CC-B + GS1 DataBar Limited", "]e0"),
    0x66: ("Composite CC-B + GS1 DataBar", "]e0"),
    0x67: ("Composite CC-B + UPC-A", ""),
    0x68: ("Composite CC-B + UPC-E", ""),
    0x69: ("Signature capture", ""),
    0x71: ("Matrix 2 of 5", "]X0"),
    0x72: ("Chinese 2 of 5", "]X0"),
    0x73: ("Korean 3 of 5", "]X0"),
    0x88: ("UPC-A + 5", "]E3"),
    0x89: ("UPC-E0 + 5", "]E3"),
    0x8A: ("EAN-8 + 5", ""),
    0x8B: ("EAN-13 + 5", "]E3"),
    0x90: ("UPC-E1 + 5", ""),
    0x9A: ("Macro MicroPDF417", ""),
    0xA0: ("OCR-B", "]o2"),
    0xA1: ("OCR-A", "]o1"),
    0xB4: ("GS1 DataBar coupon", ""),
    0xB7: ("Han Xin", "]h0"),
    0xC1: ("GS1 DataMatrix", "]d2"),
    0xC2: ("GS1 QR code", "]Q3"),
    0xC3: ("Mailmark", ""),
    0xC4: ("DotCode", "]J0"),
    0xC8: ("Grid Matrix", "]g0"),
}
"""Name and AIM identifier by code type; ``""`` where the type alone does not tell the identifier."""

NO_ITEM = frozenset({0x33, 0x69})
"""Types whose data are no scan of an item: a parameter of the scanner, a picture of a signature."""


def symbology(code_type: int) -> str:
    """Name of a code type; its number in hex when it is unknown."""
    return SYMBOLOGIES[code_type][0] if code_type in SYMBOLOGIES else f"type {code_type:02X}"


def aim_of(code_type: int) -> str:
    """AIM identifier of a code type, or ``""``."""
    return SYMBOLOGIES[code_type][1] if code_type in SYMBOLOGIES else ""
