"""What all commands of the station share: where logs go, and how an error we know leaves the program."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from inspection.errors import ConfigError, InspectionError
from inspection.station import logs
from inspection.station.serving import StationFailed

CANNOT_START = 2
FAILED = 1


@contextmanager
def command(*, console: bool, quiet: bool = False) -> Iterator[None]:
    """Logs to standard error; an error we know is one line there, exit code 2 at the start and 1 later.

    Args:
        console: logs for a person, not one JSON object a line.
        quiet: only warnings and worse, for a command that shows the rest itself.
    """
    logs.configure(console=console, level=logging.WARNING if quiet else logging.INFO)
    try:
        yield
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
        raise typer.Exit(FAILED if isinstance(error, StationFailed) else CANNOT_START) from error


def write_file(path: Path, data: bytes) -> None:
    """Write what a command made.

    Raises:
        ConfigError: when it cannot be written there.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}", hint="name another place") from error
