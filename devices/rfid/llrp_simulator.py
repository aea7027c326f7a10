"""An LLRP reader on a TCP port of this machine: answers the real messages, and has switches for faults."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count

from devices.rfid import llrp, llrp_events, llrp_messages, llrp_parameters
from devices.rfid.llrp import MessageType
from devices.rfid.llrp_parameters import Parameter
from devices.rfid.simulator import SimulatedReader, SimulatedTag
from devices.simulated_line import SimulatedLine

_FOR_EVER = 1 << 62
_POWERS_CDBM = tuple(range(1000, 3001, 25))
_PORTS = 4
_TAKEN_BY_ANOTHER = 2
_FIELD_ERROR = 101
_UNSUPPORTED = 109
_STATES = frozenset({MessageType.ENABLE_ROSPEC, MessageType.DISABLE_ROSPEC})


def spoil(message: bytes) -> bytes:
    """A message of a version that nobody speaks; there is no checksum to be wrong."""
    return bytes([message[0] | 0x1C]) + message[1:]


@dataclass(slots=True)
class _RoSpec:
    """What of an inventory matters here."""

    rospec_id: int
    antennas: tuple[int, ...]
    power_index: int | None
    starts_itself: bool
    report_each: bool


class SimulatedLlrp(SimulatedReader):
    """The reader's side of `devices.rfid.llrp`: four antennas, one inventory at a time.

    Attributes:
        busy: another client has the reader.
        acknowledged: keep-alives that the client answered.
    """

    def __init__(self, *, seed: int = 1) -> None:
        self.busy = False
        self.acknowledged = 0
        self._parser = llrp.parser()
        self._ids = count(1)
        self._rospec: _RoSpec | None = None
        self._enabled = False
        self._keepalive_s = 0.0
        self._next_keepalive = 0.0
        self._told_missing: frozenset[int] = frozenset()
        self._gathered: list[bytes] = []
        super().__init__(None, antennas=range(1, _PORTS + 1), spoil=spoil, seed=seed)
        self._line = SimulatedLine(self.port, spoil=spoil, on_reset=self._crashed, seed=seed)

    def opened(self) -> None:
        self._parser.reset()
        self._keepalive_s = 0.0
        self._told_missing = frozenset()
        status = _TAKEN_BY_ANOTHER if self.busy else 0
        self._tell(Parameter.CONNECTION_ATTEMPT, status.to_bytes(2, "big"))

    def restarted(self) -> None:
        super().restarted()
        self._rospec = None
        self._enabled = False
        self._gathered = []

    def end_inventory(self) -> None:
        """End what runs, as a person does at the reader's own page."""
        was_running = self.running
        self.stop_rounds()
        if was_running and self._rospec is not None and self._keepalive_s:
            numbers = self._rospec.rospec_id.to_bytes(4, "big") + bytes(4)
            self._tell(Parameter.RO_SPEC_EVENT, llrp_events.ENDED + numbers)

    def say_farewell(self) -> None:
        """Tell the client that the connection is closed, as a reader does that is started anew."""
        self._tell(Parameter.CONNECTION_CLOSE, b"")

    def obey(self, data: bytes) -> None:
        for message in self._parser.feed(data):
            if isinstance(message, llrp.Command) and not self.busy:
                self._obey(message)

    def alive(self) -> None:
        now = time.monotonic()
        if self._keepalive_s and now >= self._next_keepalive:
            self._next_keepalive = now + self._keepalive_s
            self.transmit(llrp_messages.encode(MessageType.KEEPALIVE, next(self._ids)))
        missing = self.missing_antennas  # whoever plugs them may do so again before this is told
        if self._keepalive_s and self._told_missing != missing:
            for antenna in self._told_missing ^ missing:
                self._tell(Parameter.ANTENNA_EVENT, bytes([antenna not in missing]) + antenna.to_bytes(2, "big"))
            self._told_missing = missing

    def tell_round(self, heard: tuple[SimulatedTag, ...]) -> None:
        reports = [
            llrp_messages.tag_report_data(tag.memory, tag.rssi_dbm, tag.antenna, time.time_ns() // 1000)
            for tag in heard
        ]
        if self._rospec is not None and not self._rospec.report_each:
            self._gathered = reports
        elif reports:
            self.transmit(llrp_messages.report(next(self._ids), reports))

    def _obey(self, command: llrp.Command) -> None:
        match command.type:
            case MessageType.KEEPALIVE_ACK:
                self.acknowledged += 1
            case MessageType.GET_READER_CAPABILITIES:
                told = llrp_messages.capabilities_content(_POWERS_CDBM, _PORTS, "5.14.0.240")
                self._answer(command, more=told)
            case MessageType.SET_READER_CONFIG:
                self._configure(command)
            case MessageType.ADD_ROSPEC:
                self._add(command)
            case MessageType.DELETE_ROSPEC:
                self.end_inventory()
                self.restarted()
                self._answer(command)
            case MessageType.GET_REPORT:
                gathered, self._gathered = self._gathered, []
                self.transmit(llrp_messages.report(command.message_id, gathered))
            case _:
                self._run(command)

    def _run(self, command: llrp.Command) -> None:
        """Enable, disable, start or stop the inventory, when it is the one that is there."""
        rospec = self._rospec
        if command.type not in _STATES | {MessageType.START_ROSPEC, MessageType.STOP_ROSPEC}:
            self._answer(command, _UNSUPPORTED)
        elif rospec is None or int.from_bytes(command.body, "big") != rospec.rospec_id:
            self._answer(command, _FIELD_ERROR, "no such ROSpec")
        elif command.type is MessageType.START_ROSPEC and not self._enabled:
            self._answer(command, _FIELD_ERROR, "ROSpec is disabled")
        else:
            if command.type in _STATES:
                self._enabled = command.type is MessageType.ENABLE_ROSPEC
            starts = command.type is MessageType.START_ROSPEC or (self._enabled and rospec.starts_itself)
            self._answer(command)
            if starts:
                self.start_rounds(_FOR_EVER)
            else:
                self.end_inventory()

    def _crashed(self) -> None:
        """The reader starts over: its connections are gone."""
        self.restarted()
        self.port.unplug()
        self.port.plug()

    def _configure(self, command: llrp.Command) -> None:
        for kind, content in llrp_parameters.split(command.body[1:]) or ():
            if kind == Parameter.KEEPALIVE_SPEC:
                self._keepalive_s = int.from_bytes(content[1:5], "big") / 1000 if content[0] else 0.0
        self._answer(command)

    def _add(self, command: llrp.Command) -> None:
        if self._rospec is not None:
            self._answer(command, _FIELD_ERROR, "there is a ROSpec already")
            return
        rospec = _read_rospec(command.body)
        known = set(range(1, _PORTS + 1))
        if not set(rospec.antennas) <= known:
            self._answer(command, _FIELD_ERROR, "no such antenna")
        elif rospec.power_index is not None and not 1 <= rospec.power_index <= len(_POWERS_CDBM):
            self._answer(command, _FIELD_ERROR, "no such power")
        else:
            self._rospec = rospec
            self.antennas = rospec.antennas or tuple(sorted(known))
            if rospec.power_index is not None:
                self.power_cdbm = _POWERS_CDBM[rospec.power_index - 1]
            self._answer(command)

    def _answer(self, command: llrp.Command, code: int = 0, description: str = "", more: bytes = b"") -> None:
        answer = llrp_messages.response(command.type, command.message_id, code=code, description=description, more=more)
        self.transmit(answer)

    def _tell(self, kind: Parameter, content: bytes) -> None:
        at_us = time.time_ns() // 1000
        self.transmit(llrp_messages.event_notification(next(self._ids), kind, content, at_us))


def _read_rospec(body: bytes) -> _RoSpec:
    """What `llrp_messages.add_rospec` wrote; any sound ROSpec will do."""
    rospec = _child(body, Parameter.RO_SPEC)
    inventory = _child(rospec[6:], Parameter.AI_SPEC)
    antenna_count = int.from_bytes(inventory[:2], "big")
    numbers = [int.from_bytes(inventory[at : at + 2], "big") for at in range(2, 2 + 2 * antenna_count, 2)]
    specification = _child(inventory[2 + 2 * antenna_count :], Parameter.INVENTORY_SPEC)
    transmitter = _child(_child(specification[3:], Parameter.ANTENNA_CONFIGURATION)[2:], Parameter.RF_TRANSMITTER)
    start = _child(_child(rospec[6:], Parameter.RO_BOUNDARY), Parameter.RO_START_TRIGGER)
    return _RoSpec(
        rospec_id=int.from_bytes(rospec[:4], "big"),
        antennas=tuple(number for number in numbers if number != llrp_messages.ALL),
        power_index=int.from_bytes(transmitter[4:6], "big") if transmitter else None,
        starts_itself=start[:1] == b"\x01",
        report_each=_child(rospec[6:], Parameter.RO_REPORT_SPEC)[:1] != b"\x00",
    )


def _child(content: bytes, kind: Parameter) -> bytes:
    """Content of the first parameter of one type; empty when there is none."""
    return next((inner for found, inner in llrp_parameters.split(content) or () if found == kind), b"")
