"""Error codes of the A0 protocol in words ("UHF RFID Reader Serial Interface Protocol" V3.7, chapter 3)."""

from __future__ import annotations

SUCCESS = 0x10
FAIL = 0x11
ANTENNA_MISSING = 0x22
NO_TAG = 0x36
BUFFER_EMPTY = 0x38
NOTHING_THERE = frozenset({NO_TAG, BUFFER_EMPTY})
"""Codes that only say that nobody was heard."""

ERRORS = {
    FAIL: "command failed",
    0x20: "the reader's processor was reset",
    0x21: "carrier could not be switched on",
    ANTENNA_MISSING: "antenna missing",
    0x23: "writing to flash failed",
    0x24: "reading from flash failed",
    0x25: "output power could not be set",
    0x31: "inventory failed",
    0x32: "reading a tag failed",
    0x33: "writing a tag failed",
    0x34: "locking a tag failed",
    0x35: "killing a tag failed",
    NO_TAG: "no tag in the field",
    0x37: "tag was heard, but access failed",
    BUFFER_EMPTY: "buffer is empty",
    0x3C: "custom command of an NXP tag failed",
    0x40: "access failed or wrong password",
    0x41: "bad parameter",
    0x42: "word count too long",
    0x43: "no such memory bank",
    0x44: "no such region to lock",
    0x45: "no such lock action",
    0x46: "bad reader address",
    0x47: "no such antenna",
    0x48: "output power out of range",
    0x49: "no such frequency region",
    0x4A: "no such baud rate",
    0x4B: "no such beeper mode",
    0x4C: "EPC to match is too long",
    0x4D: "EPC to match has a wrong length",
    0x4E: "no such mode of EPC match",
    0x4F: "bad frequency range",
    0x50: "tag did not answer with RN16",
    0x51: "no such dense-reader mode",
    0x52: "PLL does not lock",
    0x53: "RF chip does not answer",
    0x54: "output power is not reached",
    0x55: "firmware is not authenticated",
    0x56: "spectrum regulation is set wrong",
    0x57: "output power is too low",
    0xEE: "return loss could not be measured",
}


def error_text(code: int) -> str:
    """An error code in words."""
    return ERRORS.get(code, f"unknown error {code:02X}")
