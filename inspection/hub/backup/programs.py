"""``pg_dump`` and ``pg_restore``: those of the wheel, which are of one version with the embedded server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import sqlalchemy as sa

from inspection.hub.backup.manifest import BackupError
from inspection.hub.database import VECTOR
from inspection.hub.postgres_place import client_program

LAST_WORDS = 600


def dump(dsn: str, snapshot: str, target: Path) -> None:
    """Write the database, as ``snapshot`` sees it, to ``target`` in PostgreSQL's custom format.

    Raises:
        BackupError: with the program's own words.
    """
    # Only a superuser may make the extension, so it is there before what uses it is restored.
    options = ["--format=custom", "--no-owner", "--no-privileges", f"--exclude-extension={VECTOR}"]
    options.append(f"--snapshot={snapshot}")
    _run("pg_dump", dsn, [*options, f"--file={target}"])


def restore(dsn: str, source: Path) -> None:
    """Bring a dump into an empty database, whole or not at all.

    Raises:
        BackupError: with the program's own words.
    """
    _run("pg_restore", dsn, ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(source)])


def _run(name: str, dsn: str, options: list[str]) -> None:
    # The password, if there is one, goes through the environment: arguments are seen by everybody on the machine.
    url = sa.make_url(dsn).set(drivername="postgresql")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
        url = url.set(password=None)
    command = [str(client_program(name)), f"--dbname={url.render_as_string()}", *options]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
    except OSError as error:
        raise BackupError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())[-LAST_WORDS:]
        raise BackupError(f"{name} failed: {words}")
