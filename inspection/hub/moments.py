"""Points in time as clients write them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


def _written_out(value: Any) -> Any:
    """Only a date with a time (RFC 3339): a bare number could mean seconds or milliseconds, and nobody would notice."""
    if isinstance(value, int | float) or (isinstance(value, str) and "-" not in value.lstrip("-")):
        raise ValueError("write date, time and offset, as in 2026-11-20T10:00:00+08:00")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
"""A datetime with its offset from UTC, in RFC 3339."""
