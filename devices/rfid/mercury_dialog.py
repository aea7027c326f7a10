"""How a Mercury reader is set up and asked for tags; see `devices.rfid.mercury`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from devices.frames import FrameCounts
from devices.rfid import mercury, mercury_commands
from devices.rfid.dialog import Answer, Message, Question, Refusal
from devices.rfid.framed import MessageParser
from devices.rfid.mercury import Opcode
from devices.rfid.settings import Mode, ReaderSettings, Region

REGIONS = {
    Region.CHINA_900: mercury.Region.CHINA,
    Region.US: mercury.Region.NORTH_AMERICA,
    Region.EUROPE: mercury.Region.EUROPE,
    Region.KOREA: mercury.Region.KOREA,
    Region.JAPAN: mercury.Region.JAPAN,
    Region.INDIA: mercury.Region.INDIA,
    Region.AUSTRALIA: mercury.Region.AUSTRALIA,
    Region.NEW_ZEALAND: mercury.Region.NEW_ZEALAND,
}
ANTENNAS = 16
SEARCH_MS = 100
"""How long one search of a poll lasts; in much less a tag is easily missed."""
CYCLE_MS = 200
"""A streaming reader that hears nobody says so after each cycle; the driver wants a word every 0.3 s."""


@dataclass(slots=True)
class MercuryDialog:
    """A `devices.rfid.dialog.Dialog`.

    A poll is a chain: the buffer is cleared, the search fills it, and what is in it is fetched frame by frame. Each
    answer makes the next step due (`reply_to`), and the last one ends the round.

    Raises:
        ValueError: for a region that is not in `REGIONS`.
    """

    settings: ReaderSettings = field(default_factory=ReaderSettings)
    tells_end_of_round: bool = True
    _parser: MessageParser[mercury.Message] = field(default_factory=mercury.parser)
    _polling: bool = False
    _waiting: int = 0

    def __post_init__(self) -> None:
        if self.settings.region is not None and self.settings.region not in REGIONS:
            raise ValueError(f"a Mercury reader knows the regions {', '.join(REGIONS)}, not {self.settings.region}")

    @property
    def pending(self) -> int:
        return self._parser.pending

    @property
    def counts(self) -> FrameCounts:
        return self._parser.counts

    def questions(self) -> Sequence[Question]:
        settings = self.settings
        # After power-up a module knows neither protocol nor antennas.
        antennas = mercury_commands.set_antenna_list(settings.antennas or (1,))
        questions = [
            Question("stop", self.stop(), Opcode.MULTI_PROTOCOL),
            Question(
                "identity",
                mercury_commands.get_version(),
                Opcode.VERSION,
                attempts=3,
                identity=lambda answer: mercury_commands.version_text(answer.data),
            ),
        ]
        if settings.region is not None:
            questions.append(_setting("region", mercury_commands.set_region(REGIONS[settings.region])))
        questions.append(_setting("protocol", mercury_commands.set_protocol_gen2()))
        questions.append(_setting("antenna", antennas))
        if settings.power_dbm is not None:
            questions.append(_setting("power", mercury_commands.set_read_power(settings.power_dbm)))
        # Without it a tag that stays is streamed once, and would seem to have left.
        no_filter = mercury_commands.set_read_filter(on=False)
        questions.append(Question("read filter", no_filter, Opcode.SET_OPTIONAL_PARAMETER))
        return questions

    def poll(self) -> bytes:
        self._polling, self._waiting = True, 0
        return mercury_commands.clear_tag_buffer()

    def start(self) -> bytes:
        return mercury_commands.start_reading(CYCLE_MS)

    def stop(self) -> bytes:
        return mercury_commands.stop_reading()

    def farewell(self) -> Question | None:
        continuous = self.settings.mode is Mode.CONTINUOUS
        return Question("stop", self.stop(), Opcode.MULTI_PROTOCOL) if continuous else None

    def feed(self, data: bytes) -> list[Message]:
        return self._followed(self._parser.feed(data))

    def flush(self) -> list[Message]:
        return self._followed(self._parser.flush())

    def reply_to(self, message: Message, /) -> bytes:
        """The next step of a poll."""
        if not self._polling or not isinstance(message, Answer):
            return b""
        if message.to == Opcode.CLEAR_TAG_BUFFER:
            return mercury_commands.read_multiple(SEARCH_MS)
        if message.to in {Opcode.READ_TAG_MULTIPLE, Opcode.GET_TAG_BUFFER} and not message.end_of_round:
            return mercury_commands.get_tag_buffer()
        return b""

    def reset(self) -> None:
        self._parser.reset()
        self._polling = False

    def _followed(self, messages: Iterable[mercury.Message]) -> list[Message]:
        """What the reader said, the last answer of a poll marked as such."""
        return [self._marked(message) for message in messages if not isinstance(message, mercury.Command)]

    def _marked(self, message: Message) -> Message:
        if self._polling and isinstance(message, mercury.Alarm):
            return Refusal(Opcode.READ_TAG_MULTIPLE, message.status, message.text)
        if not self._polling or not isinstance(message, Answer):
            return message
        if message.to == Opcode.READ_TAG_MULTIPLE:
            self._waiting = mercury_commands.tags_waiting(message.data) or 0
        elif message.to == Opcode.GET_TAG_BUFFER:
            given = mercury_commands.tags_given(message.data)
            self._waiting = self._waiting - given if given else 0
        else:
            return message
        return replace(message, end_of_round=self._waiting <= 0)


def _setting(name: str, data: bytes) -> Question:
    """A command that the reader must obey; its opcode is the third byte."""
    return Question(name, data, data[2], attempts=4, must_succeed=True)
