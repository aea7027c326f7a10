"""How a reader with an M100, Q100, YRM100 or R200 module is set up and asked for tags; see `devices.rfid.m100`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from devices.frames import FrameCounts, FrameParser
from devices.rfid import m100
from devices.rfid.dialog import Answer, Message, Question
from devices.rfid.settings import Mode, ReaderSettings, Region

REGIONS = {
    Region.CHINA_900: m100.Region.CHINA_900,
    Region.US: m100.Region.US,
    Region.EUROPE: m100.Region.EUROPE,
    Region.CHINA_800: m100.Region.CHINA_800,
    Region.KOREA: m100.Region.KOREA,
}


@dataclass(slots=True)
class M100Dialog:
    """A `devices.rfid.dialog.Dialog`. The module has one antenna and tells when a round heard nobody, but no other end.

    Raises:
        ValueError: for a region that is not in `REGIONS`.
    """

    settings: ReaderSettings = field(default_factory=ReaderSettings)
    dialect: m100.Dialect = m100.BB_7E
    tells_end_of_round: bool = False
    _parser: FrameParser[m100.Message] = field(init=False)

    def __post_init__(self) -> None:
        if self.settings.region is not None and self.settings.region not in REGIONS:
            raise ValueError(f"an M100 knows the regions {', '.join(REGIONS)}, not {self.settings.region}")
        self._parser = m100.parser(self.dialect)

    @property
    def pending(self) -> int:
        return self._parser.pending

    @property
    def counts(self) -> FrameCounts:
        return self._parser.counts

    def questions(self) -> Sequence[Question]:
        settings, dialect = self.settings, self.dialect
        questions = [
            self._stop(),
            self._identity(m100.Info.HARDWARE, attempts=2),
            self._identity(m100.Info.SOFTWARE, attempts=1),
        ]
        if settings.region is not None:
            data = m100.set_region(REGIONS[settings.region], dialect)
            questions.append(_setting("region", data, m100.Command.SET_REGION))
        if settings.power_dbm is not None:
            data = m100.set_power(settings.power_dbm, dialect)
            questions.append(_setting("power", data, m100.Command.SET_POWER))
        return questions

    def poll(self) -> bytes:
        return m100.single_inventory(self.dialect)

    def start(self) -> bytes:
        return m100.start_inventory(dialect=self.dialect)

    def stop(self) -> bytes:
        return m100.stop_inventory(self.dialect)

    def farewell(self) -> Question | None:
        return self._stop() if self.settings.mode is Mode.CONTINUOUS else None

    def feed(self, data: bytes) -> list[Message]:
        return _from_reader(self._parser.feed(data))

    def flush(self) -> list[Message]:
        return _from_reader(self._parser.flush())

    def reply_to(self, _: Message, /) -> bytes:
        return b""

    def reset(self) -> None:
        self._parser.reset()

    def _stop(self) -> Question:
        return Question("stop", self.stop(), m100.Command.STOP, attempts=1)

    def _identity(self, info: m100.Info, attempts: int) -> Question:
        return Question(
            "identity",
            m100.get_info(info, self.dialect),
            m100.Command.INFO,
            attempts=attempts,
            accepts=lambda answer: answer.data[:1] == bytes([info]),
            identity=lambda answer: answer.data[1:].decode("ascii", "replace"),
        )


def _setting(name: str, data: bytes, command: m100.Command) -> Question:
    return Question(name, data, command, attempts=4, must_succeed=True, accepts=_is_done)


def _is_done(answer: Answer) -> bool:
    return answer.data == b"\x00"


def _from_reader(messages: Iterable[m100.Message]) -> list[Message]:
    """Without commands: whatever echoes them, the reader did not say them."""
    return [message for message in messages if not isinstance(message, m100.Frame)]
