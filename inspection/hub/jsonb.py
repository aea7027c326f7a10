"""Writing JSON for PostgreSQL so that numbers come back as what they were.

``jsonb`` holds numbers as decimals: ``6.02e+23`` would come back as an integer of 24 digits, which is another number
than the double that was sent. As ``602000000000000000000000.0`` it keeps its point (PostgreSQL manual, 8.14: trailing
fractional zeroes are kept) and is read as the same double.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

_EXPONENT = "e+"
"""What Python writes in every double that has no point otherwise: those from 1e16 on."""


def to_jsonb(value: Any) -> str:
    """``value`` as JSON text for a ``jsonb`` column."""
    text = json.dumps(value)
    return _written(value) if _EXPONENT in text else text


def _written(value: Any) -> str:
    if isinstance(value, float):
        text = json.dumps(value)
        return f"{Decimal(text):f}.0" if _EXPONENT in text else text
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(name))}: {_written(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value)
