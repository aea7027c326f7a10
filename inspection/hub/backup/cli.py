"""``hub_app.py backup`` and ``hub_app.py restore``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inspection.hub.backup import manifest
from inspection.hub.backup.making import Progress as Told
from inspection.hub.backup.making import back_up, keep_newest
from inspection.hub.backup.manifest import BackupError
from inspection.hub.backup.restoring import check_files
from inspection.hub.backup.restoring import restore as restore_all
from inspection.hub.commands import command
from inspection.hub.config import HubConfig, load_config
from inspection.hub.images.opening import open_images
from inspection.hub.serving import open_database

CONFIG = Path("configs/hub.yaml")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Data folder, in place of the configuration's `data_dir`.")
]


def add_to(app: typer.Typer) -> None:
    """The two commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    to: Annotated[Path, typer.Option("--to", help="Back-up folder; pictures in it are shared by all back-ups.")],
    keep: Annotated[int | None, typer.Option("--keep", min=1, help="Keep so many, remove older ones.")] = None,
    config: ConfigFile = CONFIG,
    data: DataFolder = None,
) -> None:
    """Back up database and pictures, while the hub runs.

    Keys are not in it: keep `images.key` and `evidence.key` elsewhere, under lock. Without the first, no picture of the
    back-up can be read; without the second, the log goes on under another name.
    """
    with command():
        settings = _settings(config, data)
        with open_database(settings) as (database, _), _shown("pictures") as told:
            made = back_up(database, open_images(settings, database), to, progress=told)
        found = manifest.read_manifest(made)
        typer.echo(f"{made}: {sum(found.rows.values())} rows, {found.pictures} pictures")
        if keep is not None:
            for old in keep_newest(to, keep):
                typer.echo(f"removed {old}")


def restore(
    source: Annotated[Path, typer.Argument(help="A dated folder, or the back-up folder for its newest.")],
    check: Annotated[bool, typer.Option("--check", help="Only say whether the back-up's own files are whole.")] = False,
    config: ConfigFile = CONFIG,
    data: DataFolder = None,
) -> None:
    """Restore a back-up into a hub that holds nothing yet, and compare every count."""
    with command():
        folder = _newest(source)
        if check:
            found = check_files(folder)
            typer.echo(f"{folder}: whole, made {found.made_at.isoformat()}, schema {found.schema_revision}")
            return
        settings = _settings(config, data)
        with open_database(settings) as (database, _), _shown("pictures") as told:
            found = restore_all(database, open_images(settings, database), folder, progress=told)
        typer.echo(f"restored {folder}: {sum(found.rows.values())} rows, {found.pictures} pictures")


def _newest(source: Path) -> Path:
    if (source / manifest.MANIFEST).exists():
        return source
    found = manifest.dated(source)
    if not found:
        raise BackupError(f"{source} holds no back-up", hint="make one with: hub_app.py backup --to FOLDER")
    return found[-1]


def _settings(config: Path, data: Path | None) -> HubConfig:
    settings = load_config(config)
    return settings if data is None else settings.model_copy(update={"data_dir": data})


@contextmanager
def _shown(what: str) -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def told(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield told
