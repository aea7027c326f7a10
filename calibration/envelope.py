"""The bytes of a stored record: one line of canonical JSON that says when it is whole."""

from __future__ import annotations

import json
from typing import Any

from pydantic import AwareDatetime, Field, ValidationError

from calibration.record import CalibrationRecord, Part
from inspection.errors import CalibrationError
from inspection.evidence import canonical_json, sha256_hex

FORMAT = 1
MAX_BYTES = 64_000_000
END = b"}\n"
_EXACT_DIGITS = 15
AGAIN = "take the last version back, or calibrate this view again"


class Saved(Part):
    """A record and how it came to the disk.

    Attributes:
        version: counts up per view.
        previous: version it replaced.
        by: badge id of who saved it.
        at: when, timezone-aware.
        software: version that saved it.
    """

    version: int = Field(ge=1)
    previous: int | None = Field(ge=1)
    by: str = Field(max_length=64)
    at: AwareDatetime
    software: str = Field(max_length=64)
    record: CalibrationRecord


def sealed(saved: Saved) -> bytes:
    """The file's bytes, with the SHA-256 of everything else in it."""
    plain: dict[str, Any] = {"format": FORMAT, **saved.model_dump(mode="json")}
    return canonical_json({**plain, "sha256": sha256_hex(canonical_json(plain))}) + b"\n"


def open_envelope(data: bytes, name: str) -> Saved:
    """The record in the bytes of a file; ``name`` is for the message.

    Raises:
        CalibrationError: ``calibration.half_written``, ``.corrupted``, ``.newer_format``.
    """
    if len(data) > MAX_BYTES:
        raise _corrupted(name, f"{len(data)} bytes are too many")
    if not data.endswith(END):
        raise CalibrationError(
            f"{name} was not written to its end ({len(data)} bytes are there)", code="half_written", hint=AGAIN
        )
    try:
        plain = json.loads(data, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise _corrupted(name, "it is no JSON") from error
    if not isinstance(plain, dict):
        raise _corrupted(name, "it is no JSON object")
    if isinstance(plain.get("format"), int) and plain["format"] > FORMAT:
        raise CalibrationError(
            f"{name} has format {plain['format']}, this software knows up to {FORMAT}",
            code="newer_format",
            hint="update the software of this station",
        )
    _check_sum(plain, name)
    try:
        return Saved.model_validate({key: value for key, value in plain.items() if key not in {"format", "sha256"}})
    except ValidationError as error:
        first = error.errors()[0]
        raise _corrupted(name, f"{'.'.join(str(key) for key in first['loc'])}: {first['msg']}") from error


def _check_sum(plain: dict[str, Any], name: str) -> None:
    try:
        found = sha256_hex(canonical_json({key: value for key, value in plain.items() if key != "sha256"}))
    except ValueError as error:  # numbers that canonical JSON does not have
        raise _corrupted(name, str(error)) from error
    if found != plain.get("sha256"):
        raise _corrupted(name, "its checksum is wrong: bytes have changed, or somebody edited it by hand")


def _number(text: str) -> int | float:
    """A float without fraction looks like an integer, of which canonical JSON has only small ones."""
    return int(text) if len(text) <= _EXACT_DIGITS else float(text)


def _corrupted(name: str, why: str) -> CalibrationError:
    return CalibrationError(f"{name} is corrupted: {why}", code="corrupted", hint=AGAIN)
