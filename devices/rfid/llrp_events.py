"""Status codes and events of LLRP readers in words (LLRP 1.0.1, sections 13 and 14)."""

from __future__ import annotations

from collections.abc import Callable

from devices.rfid.dialog import Notice
from devices.rfid.llrp_parameters import Parameter

SUCCESS = 0

_STATUS = {
    SUCCESS: "done",
    100: "message: error in a parameter",
    101: "message: error in a field",
    102: "message: parameter not expected",
    103: "message: parameter missing",
    104: "message: parameter there twice",
    105: "message: too many parameters",
    106: "message: too many values in a field",
    107: "message: unknown parameter",
    108: "message: unknown field",
    109: "message not supported by this reader",
    110: "protocol version not supported by this reader",
    111: "message: parameter not supported by this reader",
    200: "parameter: error in a parameter of it",
    201: "parameter: error in a field of it",
    202: "parameter: parameter not expected",
    203: "parameter: parameter missing",
    204: "parameter: parameter there twice",
    205: "parameter: too many parameters",
    206: "parameter: too many values in a field",
    207: "parameter: unknown parameter",
    208: "parameter: unknown field",
    209: "parameter: parameter not supported by this reader",
    300: "value is invalid",
    301: "value is out of range",
    401: "reader has a fault",
}
_ATTEMPTS = {
    0: "reader took the connection",
    1: "reader refused the connection: it called another client itself",
    2: "reader refused the connection: another client has it",
    3: "reader refused the connection",
    4: "another client tries to connect to the reader",
}
_TAKEN = frozenset({0, 4})
ENDED = b"\x01"
"""First byte of a ROSpecEvent that tells an end."""
_RO_SPEC = {0: "inventory started", 1: "inventory ended", 2: "inventory pushed aside by another"}


def status_text(code: int) -> str:
    """Code of an LLRPStatus in words."""
    return _STATUS.get(code, f"unknown status {code}")


def event(kind: int, content: bytes) -> Notice | None:
    """An event of a reader; ``None`` for one that concerns nobody, such as a hop to the next channel."""
    tell = _EVENTS.get(kind)
    return None if tell is None else tell(content)


def _connection_attempt(content: bytes) -> Notice:
    status = int.from_bytes(content, "big")
    return Notice(_ATTEMPTS.get(status, f"connection attempt {status}"), trouble=status not in _TAKEN)


def _antenna(content: bytes) -> Notice:
    connected, antenna = content[:1] != b"\x00", int.from_bytes(content[1:3], "big")
    return Notice(
        f"antenna {antenna} is {'' if connected else 'not '}connected",
        trouble=not connected,
        about=f"antenna {antenna}",
    )


def _exception(content: bytes) -> Notice:
    length = int.from_bytes(content[:2], "big")
    return Notice(f"reader: {content[2 : 2 + length].decode('utf-8', 'replace')}", trouble=True)


def _ro_spec(content: bytes) -> Notice:
    what = int.from_bytes(content[:1], "big")
    return Notice(_RO_SPEC.get(what, f"inventory event {what}"))


_EVENTS: dict[int, Callable[[bytes], Notice]] = {
    Parameter.CONNECTION_ATTEMPT: _connection_attempt,
    Parameter.CONNECTION_CLOSE: lambda _: Notice("reader closes the connection", trouble=True),
    Parameter.ANTENNA_EVENT: _antenna,
    Parameter.READER_EXCEPTION: _exception,
    Parameter.BUFFER_OVERFLOW: lambda _: Notice("reader lost tags: its report buffer is full", trouble=True),
    Parameter.BUFFER_WARNING: lambda content: Notice(f"report buffer is {int.from_bytes(content[:1], 'big')} % full"),
    Parameter.RO_SPEC_EVENT: _ro_spec,
}
