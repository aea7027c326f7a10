"""CAS indicators: the 22-byte format, and the 18-byte one they share with A&D (CI-600D p. 74, CI-400 p. 104).

    ST,GS,<id><lamp>,000013.5 kg CR LF    state, gross or net, device number, lamps, 8 characters, blank, unit
    ST,GS,+  4.876kg CR LF                state, gross or net, 8 characters, unit

Every character has its column, so a lost byte is always noticed. Device number and lamps may be any byte, also CR or
LF; that is why this is cut by columns and not by lines.
"""

from __future__ import annotations

import re
from decimal import Decimal

from devices.frames import NO_FRAME, FrameParser
from devices.scale.dialog import Dialog
from devices.scale.weight import Answer, Command, Message, Mode, Refusal, Weight, in_grams

END = b"\r\n"
SHORT, LONG = 18, 22
HEADER = 6
LAMP_COMMA = 8

# Lamp byte; bit 5 is 0 on a CI-600D and 1 on a CI-400. A byte without bit 7 is no lamp byte.
LAMPS = 0x80
STABLE = 0x40
HOLD = 0x10
GROSS = 0x04
TARE = 0x02
ZERO = 0x01

_HEADER = re.compile(rb"(?P<state>ST|US|OL),(?P<mode>GS|NT|TR),")
_NUMBER = re.compile(rb" *[+-]? *\d{1,8}(?:\.\d{1,6})? *\Z")
_MODES = {b"GS": Mode.GROSS, b"NT": Mode.NET, b"TR": Mode.TARE}
_COMMAND = re.compile(rb"(?P<number>\d\d)(?P<name>RW|MZ|MT)\r\n")
_NAMES = {"MZ": "zero", "MT": "tare"}
_REFUSED = {
    b"!\r\n": "the scale could not carry out the command",
    b"?\r\n": "the scale does not know the command",
}
_REPLY = 6
_DIGITS = frozenset(bytes([byte]) for byte in b"0123456789.+-")


class _Shape:
    """Frames of both lengths, and the short replies of the command mode."""

    starts = b"SUO!?0123456789"
    max_size = LONG
    head = LAMP_COMMA + 1

    def size(self, front: bytes) -> int | None:
        if front[:1] in (b"!", b"?"):
            return len(b"!\r\n")
        if front[:1].isdigit():
            return _REPLY
        if not _may_begin(front[:HEADER]):
            return NO_FRAME
        if len(front) <= LAMP_COMMA:
            return None
        return LONG if front[LAMP_COMMA] == ord(",") else SHORT

    def frame(self, raw: bytes) -> Message | None:
        return _message(raw)


def parser() -> FrameParser[Message]:
    """A parser of both directions."""
    return FrameParser(_Shape())


def dialog(device_number: int = 1) -> Dialog:
    """The commands of mode 1 for the indicator with this number, 0..99 (CI-400 p. 106)."""
    number = b"%02d" % device_number
    return Dialog("CAS", parser, poll=number + b"RW\r\n", tare=number + b"MT\r\n", zero=number + b"MZ\r\n")


def short_frame(number: Decimal, unit: str = "kg", *, stable: bool = True, mode: Mode = Mode.GROSS) -> bytes:
    """18 bytes of an indicator that shows ``number``."""
    sign = "-" if number < 0 else "+"
    return f"{_header(stable=stable, mode=mode)}{sign}{abs(number):>7}{unit:>2}\r\n".encode("ascii")


def long_frame(
    number: Decimal, unit: str = "kg", *, stable: bool = True, mode: Mode = Mode.GROSS, device_number: int = 0x31
) -> bytes:
    """22 bytes of an indicator that shows ``number``."""
    lamp = LAMPS | STABLE * stable | GROSS * (mode is Mode.GROSS) | TARE * (mode is Mode.NET) | ZERO * (number == 0)
    digits = f"{'-' if number < 0 else '0'}{abs(number):0>7}"
    header = _header(stable=stable, mode=mode).encode("ascii")
    return header + bytes([device_number, lamp]) + f",{digits} {unit:>2}\r\n".encode("ascii")


def overload_frame() -> bytes:
    """18 bytes of an indicator that carries too much."""
    return b"OL,GS," + b" " * 8 + b"kg" + END


def _header(*, stable: bool, mode: Mode) -> str:
    return f"{'ST' if stable else 'US'},{'NT' if mode is Mode.NET else 'GS'},"


def _may_begin(front: bytes) -> bool:
    """Whether a weight can go on from these first bytes."""
    if len(front) < HEADER:
        return any((state + b"," + mode + b",").startswith(front) for state in (b"ST", b"US", b"OL") for mode in _MODES)
    return _HEADER.match(front) is not None


def _message(raw: bytes) -> Message | None:
    if raw in _REFUSED:
        return Refusal("", _REFUSED[raw], raw)
    command = _COMMAND.fullmatch(raw)
    if command is not None:
        name = command["name"].decode("ascii")
        # An indicator says back what it carried out; only the direction tells the two apart.
        return Answer(_NAMES[name], "done", raw) if name in _NAMES else Command(name, raw)
    header = _HEADER.match(raw)
    return None if header is None or not raw.endswith(END) else _weight(header, raw)


def _weight(header: re.Match[bytes], raw: bytes) -> Weight | None:
    at = HEADER if len(raw) == SHORT else LAMP_COMMA + 1
    field, between, unit = raw[at : at + 8], raw[at + 8 : -4], raw[-4:-2]
    lamp = raw[HEADER + 1] if len(raw) == LONG else 0
    lit = lamp if lamp & LAMPS else 0
    mode = _MODES[header["mode"]]
    if header["state"] == b"OL":
        under = b"-" in field
        return Weight(None, stable=False, raw=raw, mode=mode, overload=not under, underload=under)
    # Some models put the state of their relays where the others have a blank.
    if _NUMBER.match(field) is None or between in _DIGITS or not unit.isascii():
        return None
    grams = in_grams(field.decode("ascii"), unit.decode("ascii").strip())
    if grams is None:
        return None
    return Weight(
        grams[0],
        stable=header["state"] == b"ST",
        raw=raw,
        mode=mode,
        zero=bool(lit & ZERO) if lit else None,
        held=bool(lit & HOLD),
        step_g=grams[1],
    )
