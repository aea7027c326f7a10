"""``hub_app.py bundle``: publish, list, export, withdraw and sign what stations are given to run."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from inspection.errors import ConfigError
from inspection.hub.accounts import audit
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.bundles import registry, trial
from inspection.hub.bundles.identity import Kind, identify, kind_of, text_to_sign
from inspection.hub.commands import command
from inspection.hub.config import load_config
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from inspection.hub.serving import open_database
from models import signing
from models.bundle import SIGNATURES

BY = "command line"
app = typer.Typer(no_args_is_help=True, help="Bundles, policies and reference banks that stations are given to run.")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
CONFIG = Path("configs/hub.yaml")
Id = Annotated[str, typer.Argument(metavar="ID", help="As the command list shows it.")]


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A bundle, a policy's .yaml, .ref files, or a zip.")],
    config: ConfigFile = CONFIG,
) -> None:
    """Check it, store it and make it known; publishing gives it to no station.

    Example: python hub_app.py bundle publish models/bundles/default
    """
    with _hub(config) as (hub, merchant):
        ready = _prepared(hub, merchant, folder)
        with hub.database.transaction() as connection:
            is_new = not registry.is_known(connection, merchant, ready.identity.bundle_id)
            row = registry.enter(connection, merchant, ready, BY)
            if is_new:
                actor = audit.Actor(merchant, BY)
                audit.note(connection, actor, audit.Act.BUNDLE_PUBLISHED, f"bundle/{row.bundle_id}")
        signed = f", signed by {', '.join(row.signers)}" if row.signers else ""
        typer.echo(f"{'published' if is_new else 'already there'}: {row.bundle_id}{signed}")


@app.command("list")
def list_all(
    kind: Annotated[Kind | None, typer.Option("--kind", help="Only these.")] = None, config: ConfigFile = CONFIG
) -> None:
    """Print what was published, newest first."""
    with _hub(config) as (hub, merchant):
        with hub.database.transaction() as connection:
            rows = registry.list(connection, merchant, kind)
        table = Table("id", "kind", "state", "signed by", "made from", "bytes", "published")
        for row in rows:
            at = f"{row.published_at:%Y-%m-%d %H:%M}"
            signers = ", ".join(row.signers) or "–"
            table.add_row(row.bundle_id, row.kind, row.state, signers, row.parent or "–", str(row.archive_bytes), at)
        Console().print(table)


@app.command()
def export(
    bundle_id: Id,
    out: Annotated[Path, typer.Option("--out", help="Zip to write; must not exist.")],
    config: ConfigFile = CONFIG,
) -> None:
    """Write the zip that stations fetch."""
    with _hub(config) as (hub, merchant):
        with hub.database.transaction() as connection:
            row = registry.get(connection, merchant, bundle_id)
        try:
            with out.open("xb") as file:
                file.write(registry.zipped(hub, merchant, row))
        except OSError as error:
            raise ConfigError(f"{out}: {error.strerror}", hint="name a new file with --out") from error
        typer.echo(f"{out}: {row.bundle_id}, {row.archive_bytes} bytes, SHA-256 {row.archive_sha256}")


@app.command()
def withdraw(bundle_id: Id, config: ConfigFile = CONFIG) -> None:
    """Let no station be given it any more."""
    with _hub(config) as (hub, merchant):
        with hub.database.transaction() as connection:
            row = registry.withdraw(connection, merchant, bundle_id, BY)
            audit.note(connection, audit.Actor(merchant, BY), audit.Act.BUNDLE_WITHDRAWN, f"bundle/{row.bundle_id}")
        typer.echo(f"withdrawn: {row.bundle_id}")


@app.command()
def sign(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of one policy's .yaml, or of .ref files.")],
    name: Annotated[str, typer.Option("--name", help="Name of the key, e.g. qa.example.com.")],
    key: Annotated[Path | None, typer.Option("--key", help="File of the private key (PEM).")] = None,
    key_env: Annotated[
        str | None, typer.Option("--key-env", help="Environment variable that holds it instead.")
    ] = None,
) -> None:
    """Sign a policy or reference banks; signatures by other keys stay. A bundle: python -m models sign."""
    with command():
        if kind_of(folder) is Kind.BUNDLE:
            raise ConfigError(f"{folder} is a model bundle", hint="python -m models sign")
        signer = signing.signer(name, signing.private_key(key, key_env))
        place = folder / SIGNATURES
        before = place.read_bytes() if place.is_file() else None
        found = identify(folder, banks_of=trial.try_out(folder).get("banks_of"), with_signature=False)
        try:
            place.write_bytes(signing.signed(text_to_sign(folder, found), signer, before))
        except OSError as error:
            raise ConfigError(f"{place}: {error.strerror}", hint="sign where the files can be written to") from error
        typer.echo(f"signed: {found.bundle_id} by {signer.verifier}")


def _prepared(hub: Hub, merchant: UUID, place: Path) -> registry.Ready:
    if place.is_file() and zipfile.is_zipfile(place):
        return registry.prepare_archive(hub, merchant, place.read_bytes())
    if not place.is_dir():
        raise ConfigError(f"{place} is neither a folder nor a zip", hint="name the folder that holds the files")
    return registry.prepare(hub, merchant, place)


@contextmanager
def _hub(config: Path) -> Iterator[tuple[Hub, UUID]]:
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, embedded):
            if embedded:
                database.migrate()
            database.check()
            hub = Hub(settings, database, open_images(settings, database), Metrics())
            with database.transaction() as connection:
                merchant = merchant_id(connection)
            yield hub, merchant
