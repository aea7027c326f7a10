"""What every command of ``hub_app.py`` does around its work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from inspection.errors import InspectionError
from inspection.hub import logs
from inspection.hub.problems import Problem
from inspection.hub.serving import ended_by_signals


@contextmanager
def command() -> Iterator[None]:
    """Logs to standard error; signals end it cleanly; an error we know is one line and exit code 1."""
    logs.configure()
    try:
        with ended_by_signals():
            yield
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
        raise typer.Exit(1) from error
    except Problem as problem:
        typer.echo(f"{problem.code}: {problem.detail}", err=True)
        raise typer.Exit(1) from problem
