"""MT-SICS of Mettler-Toledo balances and scales, levels 0 and 1 (Reference Manual MT-SICS, 11780711).

    S CR LF     a stable weight -> ``S S     100.00 g``, ``S I`` when it cannot, ``S +``/``S -`` out of range
    SI CR LF    the weight at once -> the same, or ``S D     100.00 g`` while it moves; SIR repeats it
    Z, T        zero -> ``Z A``; tare -> ``T S     100.00 g``

A weight is right-aligned in ten characters on most models; others differ, so blanks are counted nowhere.
"""

from __future__ import annotations

import re
from decimal import Decimal

from devices.scale.dialog import Dialog
from devices.scale.lines import Line, LineParser
from devices.scale.weight import Answer, Command, Message, Refusal, Weight, in_grams

_VALUE = rb" {1,12}(?P<number>-?\d{1,10}(?:\.\d{1,7})?) (?P<unit>[A-Za-z]{1,4}) *\Z"
_WEIGHT = re.compile(rb"(?<![!-~])S (?P<state>[SD])" + _VALUE)
_TARE = re.compile(rb"(?P<command>TI?|TAC?) [SDA]" + _VALUE)
_STATE = re.compile(rb"(?P<command>@|[A-Z]{1,3}[0-9]{0,2}) (?P<state>[-+ADILS])(?: (?P<text>[ -~]+))? *\Z")
_ERROR = re.compile(rb"S [SD] {1,8}(?P<text>Error [0-9A-Za-z]{1,8}) *\Z")
_GENERAL = {
    b"ES": "the scale does not know the command",
    b"ET": "the scale received the command garbled",
    b"EL": "the scale cannot carry out the command as it was given",
}
_REASONS = {
    b"I": "the scale is busy, or did not come to rest in time",
    b"L": "the scale was given a wrong parameter",
    b"+": "above the range in which the scale can do it",
    b"-": "below the range in which the scale can do it",
}
_NAMES = {b"Z": "zero", b"ZI": "zero", b"T": "tare", b"TI": "tare", b"TA": "tare value", b"TAC": "tare cleared"}
_COMMANDS = frozenset({b"S", b"SI", b"SIR", b"SR", b"SU", b"SIU", b"Z", b"ZI", b"T", b"TI", b"TA", b"TAC", b"@"}) | {
    b"I%d" % number for number in range(6)
}


def parser() -> LineParser:
    """A parser of both directions."""
    return LineParser(_meaning)


DIALOG = Dialog("MT-SICS", parser, poll=b"SI\r\n", tare=b"T\r\n", zero=b"Z\r\n", start=b"SIR\r\n")


def weight_line(number: Decimal, unit: str = "g", *, stable: bool = True) -> bytes:
    """What a scale sends that shows ``number``."""
    return f"S {'S' if stable else 'D'} {number:>10} {unit}\r\n".encode("ascii")


def _meaning(line: Line) -> Message | None:
    # A weight that follows noise in the same line is whole: its first letters and its line end are there.
    weight = _WEIGHT.search(line.body)
    if weight is not None:
        return _weight(weight, line.raw)
    return _reply(line.body.strip(b" "), line.raw)


def _weight(found: re.Match[bytes], raw: bytes) -> Weight | None:
    grams = in_grams(found["number"].decode("ascii"), found["unit"].decode("ascii"))
    if grams is None:
        return None
    return Weight(grams[0], found["state"] == b"S", raw[found.start() :], step_g=grams[1])


def _reply(body: bytes, raw: bytes) -> Message | None:
    if body in _COMMANDS:
        return Command(body.decode("ascii"), raw)
    if body in _GENERAL:
        return Refusal("", _GENERAL[body], raw)
    if (error := _ERROR.match(body)) is not None:
        return Refusal("S", f"the scale reports {error['text'].decode('ascii')}", raw)
    if (tare := _TARE.match(body)) is not None:
        return Answer(_NAMES[tare["command"]], body.decode("ascii"), raw)
    state = _STATE.match(body)
    return None if state is None else _state(state, raw)


def _state(found: re.Match[bytes], raw: bytes) -> Message | None:
    command, state = found["command"], found["state"]
    name = _NAMES.get(command, command.decode("ascii"))
    if command == b"S":
        if found["text"] is not None or state not in b"+-I":
            return None
        if state != b"I":
            return Weight(None, stable=False, raw=raw, overload=state == b"+", underload=state == b"-")
    if state in _REASONS:
        return Refusal(name, _REASONS[state], raw)
    return Answer(name, (found["text"] or b"").decode("ascii"), raw)
