"""How an LLRP reader is set up and asked for tags; see `devices.rfid.llrp`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

from devices.frames import FrameCounts
from devices.rfid import llrp, llrp_capabilities, llrp_messages
from devices.rfid.dialog import Answer, Message, Question, Refusal, TagRead
from devices.rfid.framed import MessageParser
from devices.rfid.llrp import MessageType
from devices.rfid.llrp_capabilities import Capabilities
from devices.rfid.settings import Mode, ReaderSettings
from inspection.errors import DeviceError, DeviceLost

ROSPEC_ID = 1
ANTENNAS = 64
KEEPALIVE_MS = 200
"""A word every 0.3 s is what the driver wants; so it also notices a cable that was cut without a farewell."""
MAX_NOISE = 1024
"""A TCP stream has no noise. So many bytes without a message between them: what speaks there is no LLRP reader."""


@dataclass(slots=True)
class LlrpDialog:
    """A `devices.rfid.dialog.Dialog`: one inventory of our own in place of all that the reader has.

    In a poll the inventory runs by itself and the reader is asked for what it gathered.
    """

    settings: ReaderSettings = field(default_factory=ReaderSettings)
    tells_end_of_round: bool = True
    _parser: MessageParser[llrp.Message] = field(default_factory=llrp.parser)
    _ids: Callable[[], int] = field(default_factory=lambda: count(1).__next__)
    _capabilities: Capabilities | None = None
    _running: bool = False
    _stops: int = 0
    _noise_before: int = 0
    _refused_before: int = 0

    @property
    def pending(self) -> int:
        return self._parser.pending

    @property
    def counts(self) -> FrameCounts:
        return self._parser.counts

    def questions(self) -> Sequence[Question]:
        ids = self._ids
        enable = llrp_messages.about_rospec(MessageType.ENABLE_ROSPEC, ids(), ROSPEC_ID)
        return [
            # Nothing is asked: a client waits until it is told that it may speak (LLRP 1.0.1, section 9.1).
            Question("connection", b"", MessageType.READER_EVENT_NOTIFICATION),
            self._delete(llrp_messages.ALL),
            Question(
                "identity",
                llrp_messages.get_capabilities(ids()),
                MessageType.GET_READER_CAPABILITIES,
                attempts=4,
                must_succeed=True,
                accepts=self._learn,
                identity=lambda _: self._capabilities.text if self._capabilities else "",
            ),
            Question("keep-alive", llrp_messages.set_config(ids(), KEEPALIVE_MS), MessageType.SET_READER_CONFIG),
            Question("inventory", b"", MessageType.ADD_ROSPEC, attempts=4, must_succeed=True, later=self._inventory),
            Question("inventory", enable, MessageType.ENABLE_ROSPEC, attempts=4, must_succeed=True),
        ]

    def poll(self) -> bytes:
        self._running = True
        return llrp_messages.get_report(self._ids())

    def start(self) -> bytes:
        self._running = True
        return llrp_messages.about_rospec(MessageType.START_ROSPEC, self._ids(), ROSPEC_ID)

    def stop(self) -> bytes:
        self._stops += 1
        return llrp_messages.about_rospec(MessageType.STOP_ROSPEC, self._ids(), ROSPEC_ID)

    def farewell(self) -> Question | None:
        """In both modes the inventory runs by itself, and it goes on when the connection is closed."""
        self._running = False
        return self._delete(ROSPEC_ID)

    def feed(self, data: bytes) -> list[Message]:
        """What was said.

        Raises:
            DeviceLost: another client has the reader, the reader says farewell or has no inventory of ours any more, or
                it is no LLRP reader at all.
        """
        return self._followed(self._parser.feed(data))

    def flush(self) -> list[Message]:
        return self._followed(self._parser.flush())

    def reply_to(self, message: Message, /) -> bytes:
        return llrp_messages.keepalive_ack(message.message_id) if isinstance(message, llrp.KeepAlive) else b""

    def reset(self) -> None:
        self._parser.reset()
        self._capabilities = None
        self._running = False
        self._stops = 0
        self._noise_before = self.counts.noise_bytes

    @property
    def _polls(self) -> bool:
        return self.settings.mode is Mode.POLL

    def _followed(self, messages: Iterable[llrp.Message]) -> list[Message]:
        """What concerns the driver: the last answer of a poll marked as such, a connection as an answer."""
        refused, self._refused_before = self.counts.refused - self._refused_before, self.counts.refused
        followed = [self._checked(message) for message in messages if not isinstance(message, llrp.Command)]
        if followed:
            self._noise_before = self.counts.noise_bytes
        if self._polls and (refused or any(isinstance(message, TagRead) for message in followed)):
            followed.append(Answer(MessageType.GET_REPORT, end_of_round=True))
        self._believe()
        return followed

    def _checked(self, message: Message) -> Message:
        """Keep-alives go on without an inventory; so its end must be noticed, or a deaf reader would seem to work."""
        match message:
            case llrp.Connection():
                return _accepted(message)
            case llrp.Farewell():
                raise DeviceLost(message.text)
            case llrp.InventoryEnded() if self._stops:
                self._stops -= 1
            case llrp.InventoryEnded() if self._running:
                raise DeviceLost("reader ended the inventory", hint="Let no other program work the reader.")
            case Refusal(to=MessageType.STOP_ROSPEC) if self._stops:
                self._stops -= 1
            case Refusal(to=MessageType.START_ROSPEC):
                raise DeviceLost(f"reader does not start the inventory: {message.text}")
        return message

    def _believe(self) -> None:
        if self.counts.noise_bytes - self._noise_before > MAX_NOISE:
            raise DeviceLost(
                "what comes is not LLRP", hint="Check host and port of the reader; LLRP is usually at port 5084."
            )

    def _learn(self, answer: Answer) -> bool:
        self._capabilities = llrp_capabilities.capabilities(answer.data)
        return self._capabilities is not None

    def _delete(self, rospec_id: int) -> Question:
        data = llrp_messages.about_rospec(MessageType.DELETE_ROSPEC, self._ids(), rospec_id)
        return Question("stop", data, MessageType.DELETE_ROSPEC)

    def _inventory(self) -> bytes:
        """The message that describes the inventory; the power's number is known once the reader told its table."""
        power_index = None
        channels = llrp_capabilities.HOPPING
        if self.settings.power_dbm is not None and self._capabilities is not None:
            power_index = _power_index(self._capabilities, self.settings.power_dbm)
            channels = self._capabilities.channels
        rospec = llrp_messages.RoSpec(
            ROSPEC_ID,
            antennas=self.settings.antennas,
            power_index=power_index,
            channels=channels,
            starts_itself=self._polls,
            report_each=not self._polls,
        )
        return llrp_messages.add_rospec(self._ids(), rospec)


def _accepted(connection: llrp.Connection) -> Answer:
    if not connection.accepted:
        raise DeviceLost(connection.text, hint="Close the other program that uses the reader.")
    return Answer(MessageType.READER_EVENT_NOTIFICATION)


def _power_index(capabilities: Capabilities, dbm: float) -> int:
    index = capabilities.power_index(dbm)
    if index is None:
        powers = sorted(capabilities.powers_dbm.values())
        can = f"{powers[0]} to {powers[-1]} dBm" if powers else "no power that it tells"
        raise DeviceError(f"reader can transmit {can}, not {dbm}", hint="Correct power_dbm in the configuration.")
    return index
