"""How an R2000 reader that speaks A0 is set up and asked for tags; see `devices.rfid.r2000`.

The protocol has no inventory that goes on by itself: every round is asked for, and ends without being stopped. So there
is nothing to stop of a killed program, and `R2000Dialog.start` asks for one round, as `R2000Dialog.poll` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from devices.frames import FrameCounts
from devices.rfid import r2000, r2000_commands, r2000_forms
from devices.rfid.dialog import Answer, Message, Question
from devices.rfid.framed import MessageParser, Request
from devices.rfid.r2000_forms import Command
from devices.rfid.r2000_words import SUCCESS
from devices.rfid.settings import ReaderSettings, Region

REGIONS = {
    Region.US: r2000_forms.Region.US,
    Region.EUROPE: r2000_forms.Region.EUROPE,
    Region.CHINA_900: r2000_forms.Region.CHINA,
}
ANTENNAS = r2000_forms.ANTENNAS


@dataclass(slots=True)
class R2000Dialog:
    """A `devices.rfid.dialog.Dialog` with the reader of one address, or with whichever there is.

    Raises:
        ValueError: for a region that is not in `REGIONS`, and for a power that is not in whole dBm.
    """

    settings: ReaderSettings = field(default_factory=ReaderSettings)
    address: int = r2000.ANY_ADDRESS
    tells_end_of_round: bool = True
    _parser: MessageParser[r2000.Message] = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        if settings.region is not None and settings.region not in REGIONS:
            raise ValueError(f"an R2000 reader knows the regions {', '.join(REGIONS)}, not {settings.region}")
        if settings.power_dbm is not None and settings.power_dbm != round(settings.power_dbm):
            raise ValueError(f"an R2000 reader takes whole dBm, not {settings.power_dbm}")
        self._parser = r2000.parser(address=None if self.address == r2000.ANY_ADDRESS else self.address)

    @property
    def pending(self) -> int:
        return self._parser.pending

    @property
    def counts(self) -> FrameCounts:
        return self._parser.counts

    def questions(self) -> Sequence[Question]:
        settings, to = self.settings, self.address
        questions = [Question("identity", r2000_commands.get_firmware(to), Command.GET_FIRMWARE, identity=_firmware)]
        if settings.region is not None:
            data = r2000_commands.set_region(REGIONS[settings.region], to)
            questions.append(_setting("region", data, Command.SET_REGION))
        if settings.power_dbm is not None:
            data = r2000_commands.set_power(round(settings.power_dbm), to)
            questions.append(_setting("power", data, Command.SET_POWER))
        if len(settings.antennas) == 1:
            data = r2000_commands.set_antenna(settings.antennas[0], to)
            questions.append(_setting("antenna", data, Command.SET_ANTENNA))
        return questions

    def poll(self) -> bytes:
        antennas = self.settings.antennas
        if len(antennas) > 1:
            return r2000_commands.fast_switch_inventory(antennas, self.address)
        return r2000_commands.real_time_inventory(address=self.address)

    def start(self) -> bytes:
        return self.poll()

    def stop(self) -> bytes:
        return b""

    def farewell(self) -> Question | None:
        """A round that was asked for ends by itself."""
        return None

    def feed(self, data: bytes) -> list[Message]:
        return _of_inventory(self._parser.feed(data))

    def flush(self) -> list[Message]:
        return _of_inventory(self._parser.flush())

    def reply_to(self, _: Message, /) -> bytes:
        return b""

    def reset(self) -> None:
        self._parser.reset()


def _setting(name: str, data: bytes, command: Command) -> Question:
    return Question(name, data, command, attempts=4, must_succeed=True, accepts=_is_done)


def _is_done(answer: Answer) -> bool:
    return answer.data == bytes([SUCCESS])


def _firmware(answer: Answer) -> str:
    major, minor = answer.data
    return f"R2000 reader {major}.{minor}"


def _of_inventory(messages: Iterable[r2000.Message]) -> list[Message]:
    """Without what nobody asked for here: accesses to memory, and requests."""
    return [message for message in messages if not isinstance(message, Request | r2000.TagAccess)]
