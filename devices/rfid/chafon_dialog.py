"""How a Chafon reader is set up and asked for tags; see `devices.rfid.chafon`.

Every round is asked for. The automatic mode in which these readers push tags is kept in flash and heartbeats come at an
interval that nobody knows here, so it is never switched on, only off; tags that are pushed nevertheless are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from devices.frames import FrameCounts
from devices.rfid import chafon, chafon_commands
from devices.rfid.chafon_forms import Command, Dialect
from devices.rfid.dialog import Answer, Message, Question, Refusal
from devices.rfid.framed import MessageParser, Request
from devices.rfid.settings import ReaderSettings, Region

REGIONS = {
    Region.CHINA_900: chafon_commands.Region.CHINA_900,
    Region.US: chafon_commands.Region.US,
    Region.KOREA: chafon_commands.Region.KOREA,
    Region.EUROPE: chafon_commands.Region.EUROPE,
    Region.CHINA_800: chafon_commands.Region.CHINA_800,
}
ANTENNAS = 8
"""Most antennas of a UHFReader288 that its answers can tell apart."""

SCAN_MS = 300
"""Longest time of a round, the shortest that these readers take; it ends before when all tags are read."""


@dataclass(slots=True)
class ChafonDialog:
    """A `devices.rfid.dialog.Dialog` with the reader of one address, or with whichever there is.

    A UHFReader288 asks its antennas in turn, one each round; without any it asks antenna 1.

    Raises:
        ValueError: for a region that is not in `REGIONS`, and for a power that is not in whole dBm.
    """

    dialect: Dialect
    settings: ReaderSettings = field(default_factory=ReaderSettings)
    address: int = chafon.ANY_ADDRESS
    rssi_offset_db: float = chafon.RSSI_OFFSET_DB
    tells_end_of_round: bool = True
    _parser: MessageParser[chafon.Message] = field(init=False)
    _rounds: int = 0

    def __post_init__(self) -> None:
        settings = self.settings
        if settings.region is not None and settings.region not in REGIONS:
            raise ValueError(f"a Chafon reader knows the regions {', '.join(REGIONS)}, not {settings.region}")
        if settings.power_dbm is not None and settings.power_dbm != round(settings.power_dbm):
            raise ValueError(f"a Chafon reader takes whole dBm, not {settings.power_dbm}")
        only = None if self.address == chafon.ANY_ADDRESS else self.address
        self._parser = chafon.parser(self.dialect, address=only, rssi_offset_db=self.rssi_offset_db)

    @property
    def pending(self) -> int:
        return self._parser.pending

    @property
    def counts(self) -> FrameCounts:
        return self._parser.counts

    def questions(self) -> Sequence[Question]:
        settings, to = self.settings, self.address
        is_18 = self.dialect is Dialect.UHF18
        stop = Command.SET_MODE_18 if is_18 else Command.SET_MODE_288
        questions = [
            Question("stop", self.stop(), stop, attempts=1),
            Question(
                "identity",
                chafon_commands.get_info(to),
                Command.GET_INFO,
                attempts=4,
                must_succeed=True,
                identity=_identity,
            ),
        ]
        if is_18:
            data = chafon_commands.set_scan_time(SCAN_MS, to)
            questions.append(Question("scan time", data, Command.SET_SCAN_TIME))
        if settings.region is not None:
            data = chafon_commands.set_region(REGIONS[settings.region], to)
            questions.append(_setting("region", data, Command.SET_REGION))
        if settings.power_dbm is not None:
            data = chafon_commands.set_power(round(settings.power_dbm), to)
            questions.append(_setting("power", data, Command.SET_POWER))
        return questions

    def poll(self) -> bytes:
        if self.dialect is Dialect.UHF18:
            return chafon_commands.inventory_18(self.address)
        antennas = self.settings.antennas or (1,)
        self._rounds += 1
        antenna = antennas[self._rounds % len(antennas)]
        return chafon_commands.inventory_288(antenna=antenna, scan_ms=SCAN_MS, address=self.address)

    def start(self) -> bytes:
        return self.poll()

    def stop(self) -> bytes:
        return chafon_commands.set_answer_mode(self.dialect, self.address)

    def farewell(self) -> Question | None:
        """A round that was asked for ends by itself within `SCAN_MS`."""
        return None

    def feed(self, data: bytes) -> list[Message]:
        return self._told(self._parser.feed(data))

    def flush(self) -> list[Message]:
        return self._told(self._parser.flush())

    def reply_to(self, _: Message, /) -> bytes:
        return b""

    def reset(self) -> None:
        self._parser.reset()

    def _told(self, messages: Iterable[chafon.Message]) -> list[Message]:
        told = [message for message in messages if not isinstance(message, Request)]
        return [self._checked(message) for message in told]

    def _checked(self, message: Message) -> Message:
        """A reader that lists tags in the other dialect would be taken for one that never hears any."""
        if not isinstance(message, Answer) or message.to != Command.GET_INFO:
            return message
        info = chafon_commands.reader_info(message.data)
        if info.dialect in {None, self.dialect}:
            return message
        return Refusal(message.to, 0, f"it is a {info.model}, which the driver rfid.{info.dialect.value} is for")


def _setting(name: str, data: bytes, command: Command) -> Question:
    return Question(name, data, command, attempts=4, must_succeed=True)


def _identity(answer: Answer) -> str:
    info = chafon_commands.reader_info(answer.data)
    return f"{info.model} {info.version}"
