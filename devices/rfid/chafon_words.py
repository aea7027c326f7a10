"""Status bytes of the Chafon protocol in words ("UHFReader18 User's Manual" V2.0, chapter 5; "UR-series" v1.14)."""

from __future__ import annotations

OK = 0x00
DONE = 0x01
TIMED_OUT = 0x02
MORE_FOLLOWS = 0x03
BUFFER_FULL = 0x04
STATISTICS = 0x26
HEARTBEAT = 0x28
ANTENNA_ERROR = 0xF8
NO_TAG = 0xFB
NOT_UNDERSTOOD = 0xFE

TAG_STATUSES = {
    0x05: "access password refused",
    0x09: "kill password refused",
    0x0A: "kill password must not be zero",
    0x0B: "the tag does not know this command",
    0x0C: "access password must not be zero",
    0x0D: "the tag is protected already",
    0x0E: "the tag is not protected",
    0x10: "some bytes are locked, writing failed",
    0x11: "could not be locked",
    0x12: "locked already",
    0x15: "inventory ended early",
    0x16: "inventory ran out of time",
    0x17: "more data follow",
    0x18: "the reader's memory is full",
    0x19: "not supported, or access password is zero",
    0x1A: "custom function of the tag failed",
    0xFA: "a tag is there, but communication is poor",
    NO_TAG: "no tag in the field",
    0xFC: "the tag returned an error",
}
"""What comes of a command to tags."""

SETTING_STATUSES = {
    0x13: "setting works now, but could not be saved",
    0x14: "cannot be adjusted",
}
"""What comes of a command to the reader itself."""

COMMON_STATUSES = {
    ANTENNA_ERROR: "antenna error: it may be disconnected",
    0xF9: "command failed",
    0xFD: "wrong length of command",
    NOT_UNDERSTOOD: "unknown command, or its CRC was wrong",
    0xFF: "bad parameter",
}

_ROUND_STATUSES = {
    OK: "done",
    DONE: "inventory done",
    TIMED_OUT: "inventory ran out of time",
    MORE_FOLLOWS: "more tags follow",
    BUFFER_FULL: "more tags than the reader's memory holds",
    STATISTICS: "statistics of an inventory",
    HEARTBEAT: "heartbeat, no tag in the field",
}

STATUSES = _ROUND_STATUSES | TAG_STATUSES | SETTING_STATUSES | COMMON_STATUSES


def status_text(status: int) -> str:
    """A status byte in words."""
    return STATUSES.get(status, f"unknown status {status:02X}")
