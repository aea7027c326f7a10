"""``python -m calibration`` within this process, as starting a program takes longer than most commands."""

from __future__ import annotations

from typer.testing import CliRunner

from calibration.__main__ import app


def call(*words: object) -> tuple[int, str]:
    """Exit code, and what a command prints to standard output; what would be a traceback is raised."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout
