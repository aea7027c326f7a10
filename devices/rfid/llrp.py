"""Low Level Reader Protocol over TCP 5084 (LLRP 1.0.1 and 1.1, EPCglobal): Impinj, Zebra and other fixed readers.

A message is reserved (3 bits), version (3), type (10), length with these ten bytes (32), identifier (32), then fields
and parameters of its type. There is no checksum, so a message whose parameters do not fill it to the byte is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from devices.frames import NO_FRAME, FrameParser
from devices.rfid import llrp_events, llrp_parameters
from devices.rfid.dialog import Answer, Notice, Refusal, TagRead
from devices.rfid.framed import MessageParser
from devices.rfid.llrp_parameters import Parameter

HEAD = 10
MAX_MESSAGE = 1 << 18
"""Longest message that is believed; a reader that batches a thousand tags stays below."""


class MessageType(IntEnum):
    """Types of messages."""

    GET_READER_CAPABILITIES = 1
    GET_READER_CONFIG = 2
    SET_READER_CONFIG = 3
    CLOSE_CONNECTION_RESPONSE = 4
    GET_READER_CAPABILITIES_RESPONSE = 11
    GET_READER_CONFIG_RESPONSE = 12
    SET_READER_CONFIG_RESPONSE = 13
    CLOSE_CONNECTION = 14
    ADD_ROSPEC = 20
    DELETE_ROSPEC = 21
    START_ROSPEC = 22
    STOP_ROSPEC = 23
    ENABLE_ROSPEC = 24
    DISABLE_ROSPEC = 25
    GET_ROSPECS = 26
    ADD_ROSPEC_RESPONSE = 30
    DELETE_ROSPEC_RESPONSE = 31
    START_ROSPEC_RESPONSE = 32
    STOP_ROSPEC_RESPONSE = 33
    ENABLE_ROSPEC_RESPONSE = 34
    DISABLE_ROSPEC_RESPONSE = 35
    GET_ROSPECS_RESPONSE = 36
    ADD_ACCESSSPEC = 40
    DELETE_ACCESSSPEC = 41
    ENABLE_ACCESSSPEC = 42
    DISABLE_ACCESSSPEC = 43
    GET_ACCESSSPECS = 44
    GET_SUPPORTED_VERSION = 46
    SET_PROTOCOL_VERSION = 47
    ADD_ACCESSSPEC_RESPONSE = 50
    DELETE_ACCESSSPEC_RESPONSE = 51
    ENABLE_ACCESSSPEC_RESPONSE = 52
    DISABLE_ACCESSSPEC_RESPONSE = 53
    GET_ACCESSSPECS_RESPONSE = 54
    GET_SUPPORTED_VERSION_RESPONSE = 56
    SET_PROTOCOL_VERSION_RESPONSE = 57
    GET_REPORT = 60
    RO_ACCESS_REPORT = 61
    KEEPALIVE = 62
    READER_EVENT_NOTIFICATION = 63
    ENABLE_EVENTS_AND_REPORTS = 64
    KEEPALIVE_ACK = 72
    ERROR_MESSAGE = 100
    CUSTOM_MESSAGE = 1023


_T = MessageType
REQUEST_OF = {
    _T.CLOSE_CONNECTION_RESPONSE: _T.CLOSE_CONNECTION,
    _T.GET_READER_CAPABILITIES_RESPONSE: _T.GET_READER_CAPABILITIES,
    _T.GET_READER_CONFIG_RESPONSE: _T.GET_READER_CONFIG,
    _T.SET_READER_CONFIG_RESPONSE: _T.SET_READER_CONFIG,
    **{_T(number + 10): _T(number) for number in (*range(20, 27), *range(40, 45), 46, 47)},
}
"""Response to request."""

_FIELDS = dict.fromkeys((*range(21, 26), *range(41, 44)), 4) | {
    _T.GET_READER_CAPABILITIES: 1,
    _T.GET_READER_CONFIG: 7,
    _T.SET_READER_CONFIG: 1,
    _T.SET_PROTOCOL_VERSION: 1,
    _T.GET_SUPPORTED_VERSION_RESPONSE: 2,
    _T.CUSTOM_MESSAGE: 5,
}
"""Bytes of fields before the parameters; none in the other messages."""

_BARE = frozenset({_T.CLOSE_CONNECTION, _T.GET_ROSPECS, _T.GET_ACCESSSPECS, _T.GET_SUPPORTED_VERSION, _T.GET_REPORT})
_BARE |= {_T.KEEPALIVE, _T.KEEPALIVE_ACK, _T.ENABLE_EVENTS_AND_REPORTS, _T.SET_PROTOCOL_VERSION}
_BARE |= {_T(number) for number in (*range(21, 26), *range(41, 44))}
"""Messages without parameters."""

_BEGINS_WITH: dict[int, frozenset[int]] = {
    **dict.fromkeys(REQUEST_OF, frozenset({Parameter.STATUS})),
    _T.ERROR_MESSAGE: frozenset({Parameter.STATUS}),
    _T.RO_ACCESS_REPORT: frozenset({Parameter.TAG_REPORT, Parameter.SURVEY_REPORT, Parameter.CUSTOM}),
    _T.READER_EVENT_NOTIFICATION: frozenset({Parameter.EVENT_DATA}),
    _T.ADD_ROSPEC: frozenset({Parameter.RO_SPEC}),
}
"""First parameter of a message, where it is always one of these; told early, a false start is soon forgotten."""

_TYPES = {(version << 10 | kind).to_bytes(2, "big"): kind for version in (1, 2) for kind in MessageType}


@dataclass(frozen=True, slots=True)
class Command:
    """A client's message."""

    type: MessageType
    message_id: int
    body: bytes
    raw: bytes


@dataclass(frozen=True, slots=True)
class KeepAlive(Notice):
    """The reader asks whether the client lives; it wants `llrp_messages.keepalive_ack` with this identifier."""

    message_id: int = 0


@dataclass(frozen=True, slots=True)
class Connection(Notice):
    """What became of the connection just made; ``accepted`` is false when another client has the reader."""

    accepted: bool = True


@dataclass(frozen=True, slots=True)
class Farewell(Notice):
    """The reader closes the connection."""


@dataclass(frozen=True, slots=True)
class InventoryEnded(Notice):
    """An inventory is over, whoever ended it."""


Message = TagRead | Answer | Refusal | Notice | Command


def parser() -> MessageParser[Message]:
    """A parser of readers' and clients' messages. Tags that contradict themselves never come out."""
    return MessageParser(FrameParser(LlrpShape()))


@dataclass(frozen=True, slots=True)
class LlrpShape:
    """What the messages of readers and clients look like."""

    max_size: int = MAX_MESSAGE
    starts: bytes = bytes(range(1 << 2, 3 << 2))
    head: int = HEAD + llrp_parameters.TLV_HEAD

    def size(self, front: bytes) -> int | None:
        kind = _TYPES.get(front[:2])
        if kind is None:
            return NO_FRAME if len(front) > 1 else None
        if len(front) < HEAD:
            return None
        size = int.from_bytes(front[2:6], "big")
        at = HEAD + _FIELDS.get(kind, 0)
        if size < at or (kind in _BARE and size > at):
            return NO_FRAME
        first = _BEGINS_WITH.get(kind)
        if first is None or at > HEAD or size == HEAD:
            return size
        if len(front) < self.head:
            return None
        return size if front[10] << 8 | front[11] in first else NO_FRAME

    def frame(self, raw: bytes) -> tuple[Message, ...] | None:
        kind, message_id, body = _TYPES[raw[:2]], int.from_bytes(raw[6:10], "big"), raw[HEAD:]
        if kind is _T.CUSTOM_MESSAGE:
            return (Notice(f"message {body[4]} of maker {int.from_bytes(body[:4], 'big')}"),)
        parameters = llrp_parameters.split(body[_FIELDS.get(kind, 0) :])
        return None if parameters is None else _interpret(Command(kind, message_id, body, raw), parameters)


def _interpret(message: Command, parameters: list[tuple[int, bytes]]) -> tuple[Message, ...] | None:
    """What ``message`` says; a client's is passed on as it is. ``None`` when its parameters do not fit its type."""
    match message.type:
        case _T.RO_ACCESS_REPORT:
            return _report(parameters, message.raw)
        case _T.READER_EVENT_NOTIFICATION:
            return _events(parameters)
        case _T.KEEPALIVE:
            return (KeepAlive("reader is alive", message_id=message.message_id),)
        case kind if kind in REQUEST_OF or kind is _T.ERROR_MESSAGE:
            return _response(kind, message.body, parameters)
        case _:
            return (message,)


def _response(kind: MessageType, body: bytes, parameters: list[tuple[int, bytes]]) -> tuple[Message, ...] | None:
    """An answer or a refusal; an error message refuses without saying what."""
    status = llrp_parameters.status(parameters[0][1]) if parameters and parameters[0][0] == Parameter.STATUS else None
    if status is None:
        return None
    to = REQUEST_OF.get(kind)
    code, description = status
    if code:
        text = llrp_events.status_text(code)
        return (Refusal(to, code, f"{text}: {description}" if description else text),)
    return () if to is None else (Answer(to, body),)


def _report(parameters: list[tuple[int, bytes]], raw: bytes) -> tuple[Message, ...] | None:
    """Tags of a report; ``None`` when one is not well formed or none of them is sound. An empty report ends a round."""
    reports = [llrp_parameters.tag_report(content) for kind, content in parameters if kind == Parameter.TAG_REPORT]
    if not reports:
        return (Answer(_T.GET_REPORT, end_of_round=True),)
    reads: list[Message] = []
    for report in reports:
        if report is None:
            return None
        if report.sound:
            reads.append(_read(report, raw))
    return tuple(reads) or None


def _read(report: llrp_parameters.TagReport, raw: bytes) -> TagRead:
    return TagRead(
        epc=report.epc.hex().upper(),
        pc=report.pc,
        rssi_dbm=None if report.rssi_dbm is None else float(report.rssi_dbm),
        antenna=report.antenna,
        tag_crc_ok=True if report.pc is not None and report.crc is not None else None,
        raw=raw,
    )


def _events(parameters: list[tuple[int, bytes]]) -> tuple[Message, ...] | None:
    """Events that a person may want to know; ``None`` when the message is no notification."""
    if len(parameters) != 1:
        return None
    events = llrp_parameters.split(parameters[0][1])
    if not events or events[0][0] not in (Parameter.UTC_TIMESTAMP, Parameter.UPTIME):
        return None
    told: list[Message] = []
    for kind, content in events[1:]:
        event = llrp_events.event(kind, content)
        if event is None:
            continue
        if kind == Parameter.CONNECTION_ATTEMPT:
            event = Connection(event.text, event.trouble, accepted=not event.trouble)
        elif kind == Parameter.CONNECTION_CLOSE:
            event = Farewell(event.text, event.trouble)
        elif kind == Parameter.RO_SPEC_EVENT and content[:1] == llrp_events.ENDED:
            event = InventoryEnded(event.text)
        told.append(event)
    return tuple(told)
