"""What a command prints: one JSON object, for people indented, for programs on one line."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

import typer

from inspection.errors import InspectionError

REFUSED = 2
"""Exit code when it cannot be done; the object then has ``error`` and ``message``."""


def answer(found: dict[str, Any]) -> None:
    """Print ``found``."""
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def refuse(error: InspectionError) -> NoReturn:
    """Print what is wrong, and leave with exit code 2."""
    refusal = {"error": error.code, "message": str(error)}
    answer(refusal | {"hint": error.hint} if error.hint else refusal)
    raise typer.Exit(REFUSED)
