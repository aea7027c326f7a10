"""Pictures in ZPL: the ``^GF`` command with the hexadecimal compression of the ZPL II Programming Guide.

``G`` to ``Y`` repeat the next digit 1 to 19 times, ``g`` to ``z`` 20 to 400 times; ``,`` fills a row with white,
``!`` with black, ``:`` repeats the row before.
"""

from __future__ import annotations

import re

import numpy as np

from devices.printer.font import Dots

_RUN = re.compile(r"(.)\1*")
_ONES = "GHIJKLMNOPQRSTUVWXY"
_TWENTIES = "ghijklmnopqrstuvwxyz"


def graphic_field(dots: Dots) -> str:
    """``^GFA`` of a black and white picture."""
    packed = np.packbits(dots, axis=1)
    height, row_bytes = packed.shape
    rows = [row.tobytes().hex().upper() for row in packed]
    data = "".join(_row(row, before) for before, row in zip(["", *rows], rows, strict=False))
    return f"^GFA,{height * row_bytes},{height * row_bytes},{row_bytes},{data}"


def dots_of(field: str) -> Dots:
    """The picture of a ``^GFA`` command, for simulators and tests; the row bytes' unused bits are white.

    Raises:
        ValueError: when it is none.
    """
    form, total, _, row_bytes, data = field.removeprefix("^GF").split(",", 4)
    if form != "A":
        raise ValueError(f"graphic of form {form!r}, expected A")
    digits = 2 * int(row_bytes)
    rows = _rows(data, digits)
    if len(rows) * int(row_bytes) != int(total):
        raise ValueError(f"{len(rows)} rows of {row_bytes} bytes, told were {total} bytes")
    packed = np.array([list(bytes.fromhex(row)) for row in rows], np.uint8)
    return np.unpackbits(packed, axis=1).astype(np.bool_)


def _row(row: str, before: str) -> str:
    if row == before:
        return ":"
    for filler, sign in (("0", ","), ("F", "!")):
        short = row.rstrip(filler)
        if len(short) < len(row):
            return _squeezed(short) + sign
    return _squeezed(row)


def _squeezed(digits: str) -> str:
    return "".join(_run(run.group(1), len(run.group())) for run in _RUN.finditer(digits))


def _run(digit: str, count: int) -> str:
    if count < len("GG"):
        return digit
    most = "z" * (count // 400)
    twenties, ones = divmod(count % 400, 20)
    return most + (_TWENTIES[twenties - 1] if twenties else "") + (_ONES[ones - 1] if ones else "") + digit


def _rows(data: str, digits: int) -> list[str]:
    rows: list[str] = []
    row, count = "", 0
    for sign in data:
        if sign in _ONES:
            count += _ONES.index(sign) + 1
            continue
        if sign in _TWENTIES:
            count += 20 * (_TWENTIES.index(sign) + 1)
            continue
        if sign in ",!":
            row = row.ljust(digits, "0" if sign == "," else "F")
        elif sign == ":":
            row = rows[-1]
        else:
            row += sign * max(1, count)
        count = 0
        if len(row) == digits:
            rows.append(row)
            row = ""
    return rows
