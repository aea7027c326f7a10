"""The standard format of A&D balances and indicators (A&D FX-i/FZ-i manual, "Data format" and "Commands").

    Q CR LF                 the weight at once
    ST,+00456.89  g CR LF   stable; ``US`` moving, ``OL`` out of range, ``QT`` a count
    ST,GS,+  4.876kg CR LF  the 18-byte form of A&D indicators, which CAS indicators know as well
    ACK CR LF, EC,E11       a command was taken; or not, with the reason

Number and unit have different widths on different models, so blanks are counted nowhere; the sign is always there.
"""

from __future__ import annotations

import re
from decimal import Decimal

from devices.scale.dialog import Dialog
from devices.scale.lines import Line, LineParser
from devices.scale.weight import Answer, Command, Message, Mode, Refusal, Weight, in_grams

ACK = b"\x06"

_WEIGHT = re.compile(
    rb"(?<![!-~])(?P<state>ST|US),(?:(?P<mode>GS|NT|TR),)?"
    rb"(?P<number>[+-] {0,10}\d{1,10}(?:\.\d{1,7})?) {0,4}(?P<unit>[A-Za-z]{1,3}) *\Z"
)
_OUT_OF_RANGE = re.compile(rb"(?<![!-~])OL,(?:(?P<mode>GS|NT|TR),)?(?P<sign>[+-])?[ -~]{0,20}\Z")
_ERROR = re.compile(rb"EC,(?P<code>E\d\d)\Z")
_MODES = {b"GS": Mode.GROSS, b"NT": Mode.NET, b"TR": Mode.TARE}
_ERRORS = {
    "E00": "the line is disturbed",
    "E01": "the scale does not know the command",
    "E02": "the scale is not ready",
    "E03": "the command took too long to arrive",
    "E04": "the command is too long",
    "E06": "the command has a wrong form",
    "E07": "a number is out of its range",
    "E11": "the scale does not come to rest",
}
_COMMANDS = {b"Q", b"S", b"SI", b"SIR", b"C", b"Z", b"R", b"T", b"ON", b"OFF", b"P", b"?ID", b"?SN", b"?TN"}


def parser() -> LineParser:
    """A parser of both directions."""
    return LineParser(_meaning)


DIALOG = Dialog("A&D", parser, poll=b"Q\r\n", tare=b"T\r\n", zero=b"Z\r\n", start=b"SIR\r\n")


def weight_line(number: Decimal, unit: str = "g", *, stable: bool = True) -> bytes:
    """What a balance sends that shows ``number``."""
    sign = "-" if number < 0 else "+"
    return f"{'ST' if stable else 'US'},{sign}{abs(number):0>8}{unit:>3}\r\n".encode("ascii")


def overload_line(*, under: bool = False) -> bytes:
    """What a balance sends that is out of its range."""
    return b"OL,%c9999999E+19\r\n" % (b"-" if under else b"+")


def _meaning(line: Line) -> Message | None:
    weight = _WEIGHT.search(line.body)
    if weight is not None:
        return _weight(weight, line.raw)
    out = _OUT_OF_RANGE.search(line.body)
    if out is not None:
        under = out["sign"] == b"-"
        raw = line.raw[out.start() :]
        return Weight(None, stable=False, raw=raw, mode=_MODES.get(out["mode"]), overload=not under, underload=under)
    return _reply(line.body.strip(b" "), line.raw)


def _weight(found: re.Match[bytes], raw: bytes) -> Weight | None:
    grams = in_grams(found["number"].decode("ascii"), found["unit"].decode("ascii"))
    if grams is None:
        return None
    stable, mode = found["state"] == b"ST", _MODES.get(found["mode"])
    return Weight(grams[0], stable, raw[found.start() :], mode=mode, step_g=grams[1])


def _reply(body: bytes, raw: bytes) -> Message | None:
    if raw == ACK + b"\r\n":  # one byte is not much to go by, so the line end must be whole
        return Answer("", "done", raw)
    if body in _COMMANDS:
        return Command(body.decode("ascii"), raw)
    error = _ERROR.match(body)
    if error is not None:
        code = error["code"].decode("ascii")
        return Refusal("", f"{_ERRORS.get(code, 'the scale reports an error')} ({code})", raw)
    return None
