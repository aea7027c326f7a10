"""``hub_app.py`` called within this process: a process of its own costs seconds before it does anything.

What depends on the process (standard output, signals, an environment without the hub) is tested in
:mod:`tests.hub.test_hub_app`.
"""

from __future__ import annotations

import logging

from typer.testing import CliRunner, Result

import hub_app
from inspection.hub import logs


def call(*arguments: str, dsn: str | None = None, typed: str = "", **environment: str) -> Result:
    """Run one command; an error that the program does not know is raised, not turned into exit code 1.

    Args:
        dsn: the database; the embedded one of the configuration when ``None``.
        typed: standard input.
    """
    try:
        settings = {"RETURNS_HUB_DSN": dsn, **environment}
        return CliRunner().invoke(hub_app.app, list(arguments), input=typed, env=settings, catch_exceptions=False)
    finally:
        logs.configure(logging.ERROR)  # a command logs to its own standard error, which is closed by now
