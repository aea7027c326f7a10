"""``hub_app.py datasets``: bring versions of a folder in, take them out, make one of the labels there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from datasets.versions.store import VersionStore, hashes_of
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.commands import command
from inspection.hub.config import load_config
from inspection.hub.datasets import service
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from inspection.hub.serving import open_database

BY = "command line"
CONFIG = Path("configs/hub.yaml")
app = typer.Typer(no_args_is_help=True, help="Data versions: what models are trained on.")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
Store = Annotated[Path, typer.Option("--store", help="Folder of python -m datasets version.")]
Id = Annotated[str, typer.Argument(metavar="VERSION", help="Its id.")]


@app.command("list")
def list_all(config: ConfigFile = CONFIG) -> None:
    """Name all versions, newest first."""
    with _hub(config) as (hub, merchant), hub.database.transaction() as connection:
        for row in service.listed(connection, merchant):
            typer.echo(f"{row.id}  {row.pictures} pictures  {row.reason}  {row.made_at:%Y-%m-%d %H:%M}")


@app.command("import")
def import_version(version: Id, store: Store, config: ConfigFile = CONFIG) -> None:
    """Bring a version and its pictures in from a folder.

    Example: python hub_app.py datasets import returns --store .data/datasets
    """
    with _hub(config) as (hub, merchant):
        there = VersionStore(store)
        row = service.bring_in(hub, merchant, there, there.read(version), BY)
        typer.echo(f"{row.id}: {row.pictures} pictures")


@app.command()
def export(version: Id, store: Store, config: ConfigFile = CONFIG) -> None:
    """Write a version and its pictures into a folder, for python -m datasets version export and others."""
    with _hub(config) as (hub, merchant):
        with hub.database.transaction() as connection:
            row = service.find(connection, merchant, version)
        found, here = service.read(hub, merchant, row), VersionStore(store)
        for sha256 in hashes_of(found):
            here.put(service.picture(hub, merchant, sha256)[0])
        typer.echo(str(here.write(found)))


@app.command()
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the data set.")],
    base: Annotated[str | None, typer.Option(help="Id of the version to build on.")] = None,
    exam_share: Annotated[float | None, typer.Option(min=0, max=0.9)] = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Make a version of all accepted labels."""
    with _hub(config) as (hub, merchant):
        made = service.make(hub, merchant, name, base, exam_share, BY)
        left = f"; left out: {made.useless} useless, {made.contradicting} contradicting, {made.erased} erased"
        typer.echo(f"{made.row.id}: {made.row.pictures} pictures{left}")


@contextmanager
def _hub(config: Path) -> Iterator[tuple[Hub, UUID]]:
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, embedded):
            if embedded:
                database.migrate()
            database.check()
            with database.transaction() as connection:
                merchant = merchant_id(connection)
            yield Hub(settings, database, open_images(settings, database), Metrics()), merchant
