"""Readings and events in words, for terminals and recordings."""

from __future__ import annotations

from devices import epc, gs1
from devices.base import DeviceEvent
from inspection.errors import InspectionError
from inspection.reading import BarcodeReading, Reading, TagReading, WeightReading


def event_words(event: DeviceEvent) -> str:
    """A device came or went."""
    return f"{'connected' if event.connected else 'LOST'}: {event.detail}"


def reading_words(reading: Reading) -> str:
    """What a reading says, and what it means where it means something in GS1's words."""
    match reading:
        case TagReading():
            return _tag(reading)
        case BarcodeReading():
            meaning = _meaning_of_text(reading)
            return " ".join(part for part in ("code", reading.aim, shown(reading.text), meaning) if part)
        case WeightReading():
            return _weight(reading)
        case _:
            return f"bytes {reading.raw.hex().upper()}"


def shown(text: str) -> str:
    """Text of a scan with its control characters made visible; FNC1 is shown as ``␝``."""
    return "".join(char if char.isprintable() else _picture(char) for char in text)


def _picture(char: str) -> str:
    """The Unicode control picture of an ASCII control character, the replacement character for all others."""
    if char == "\x7f":
        return "␡"
    return chr(0x2400 + ord(char)) if char < " " else "\ufffd"


def _tag(reading: TagReading) -> str:
    parts = [f"tag {reading.epc}"]
    if reading.rssi_dbm is not None:
        parts.append(f"{reading.rssi_dbm:.0f} dBm")
    if reading.antenna is not None:
        parts.append(f"antenna {reading.antenna}")
    if reading.tag_crc_ok is None:
        parts.append("tag CRC not sent")
    if reading.neighbour is not None:
        parts.append(f"A NEIGHBOUR'S, not taken: {reading.neighbour.replace('_', ' ')}")
    try:
        meaning = epc.decode(reading.epc).uri
    except InspectionError as error:
        meaning = str(error)
    return f"{', '.join(parts)} = {meaning or 'no EPC of the Tag Data Standard'}"


def _weight(reading: WeightReading) -> str:
    if reading.grams is None:
        return (
            "weight: too heavy"
            if reading.overload
            else "weight: the pan is off"
            if reading.underload
            else "weight: none"
        )
    return f"weight {reading.grams.normalize():f} g, {'stable' if reading.stable else 'moving'}"


def _meaning_of_text(reading: BarcodeReading) -> str:
    try:
        said = gs1.parse(reading.text, reading.aim)
    except InspectionError:
        return ""
    named = {"GTIN": said.gtin, "serial": said.serial, "lot": said.lot, "expiry": said.expiry}
    return "= " + ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)
