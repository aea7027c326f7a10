"""``hub_app.py evidence …``: export, verify, check, and the keys of stations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
import typer

from inspection.errors import InspectionError
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.commands import command
from inspection.hub.config import HubConfig, load_config
from inspection.hub.database import Database
from inspection.hub.evidence import checking, station_keys
from inspection.hub.evidence.export import export as export_files
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.evidence.station_keys import KeyState
from inspection.hub.images.opening import open_images
from inspection.hub.serving import open_database
from inspection.hub.tables import merchants
from inspection.ledger.bundle import Check
from inspection.ledger.bundle import verify as verify_files
from inspection.ledger.container import MAX_BYTES, ContainerError, pack, unpack
from inspection.ledger.notes import MAX_NOTE_BYTES, Note

MAX_FINDINGS = 200


class CommandRefused(InspectionError):
    """A file cannot be read or written, or there is nothing of the name that was given."""

    code = "evidence.refused"


app = typer.Typer(no_args_is_help=True, help="The evidence ledger: export, verify, check.")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
CONFIG = Path("configs/hub.yaml")
Station = Annotated[str, typer.Argument(help="Id of the station.")]
Key = Annotated[str, typer.Argument(help="Its public key in Base64, as `evidence keys` prints it.")]


@app.command()
def export(
    inspection: Annotated[UUID, typer.Argument(help="Id of the inspection.")],
    out: Annotated[Path, typer.Option("--out", help="File to write, a ZIP; must not exist.")],
    config: ConfigFile = CONFIG,
) -> None:
    """Write one inspection with pictures, proofs and checkpoint into a bundle that anybody can verify."""
    with _database(config) as (settings, database):
        log, store = open_log(settings), open_images(settings, database)
        sequence_all(database, log)
        with _one_moment(database) as connection:
            files = export_files(connection, merchant_id(connection), log, store, inspection)
        try:
            with out.open("xb") as file:
                file.write(pack(files))
        except OSError as error:
            raise CommandRefused(f"{out}: {error.strerror}") from error
        typer.echo(f"{out}: {len(files)} files")


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="A bundle, or a folder with its files.")],
    log_key: Annotated[
        str | None, typer.Option("--log-key", help="The log's verifier key, from a source other than the bundle.")
    ] = None,
) -> None:
    """Check a bundle without the hub: one line a thing; exit code 1 when anything is not as it was."""
    with command():
        checks = _verified(bundle, log_key)
        for check in checks:
            typer.echo(check.line())
        failed = sum(not check.ok for check in checks)
        typer.echo(f"{len(checks)} things checked, {failed} FAILED" if failed else f"all {len(checks)} things are good")
        if failed:
            raise typer.Exit(1)


@app.command("check")
def check_all(
    config: ConfigFile = CONFIG,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="A checkpoint kept elsewhere, to compare the log with.")
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Also read every picture.")] = True,
) -> None:
    """Walk the whole log against rows and pictures; name everything that was changed; exit code 1 if anything was."""
    with _database(config) as (settings, database):
        log = open_log(settings)
        store = open_images(settings, database) if pictures else None
        found = 0
        with _one_moment(database) as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            known = connection.execute(sa.select(merchants.c.id).order_by(merchants.c.id)).scalars().all()
            walks = [checking.Walk(each) for each in known]
            findings: list[Iterator[checking.Finding]] = [checking.orphans(connection)]
            findings += [checking.check(connection, walk, log, store) for walk in walks]
            for finding in (each for stream in findings for each in stream):
                found += 1
                if found <= MAX_FINDINGS:
                    typer.echo(f"CHANGED {finding.line()}")
            for path in checkpoint or []:
                problem = checking.against_any(connection, known, log, _read_note(path))
                found += bool(problem)
                typer.echo(f"CHANGED since {path}: {problem}" if problem else f"ok {path}: the log contains it")
        if found > MAX_FINDINGS:
            typer.echo(f"… and {found - MAX_FINDINGS} more")
        for walk in walks:
            entries = f"{walk.leaves} leaves, {walk.pending} waiting, {len(walk.erased)} erased"
            typer.echo(f"merchant {walk.merchant_id}: {entries}; {walk.nodes} nodes, {walk.checkpoints} checkpoints")
        typer.echo(f"{found} FINDINGS" if found else "nothing was changed")
        if found:
            raise typer.Exit(1)


@app.command()
def keys(config: ConfigFile = CONFIG) -> None:
    """The log's verifier keys, and every key with which a station signed."""
    with _database(config) as (settings, database):
        log = open_log(settings)
        with database.transaction() as connection:
            merchant = merchant_id(connection)
            for key in log.verifiers(merchant):
                typer.echo(f"log {key}")
            for witness in log.witnesses:
                typer.echo(f"witness {witness}")
            for (station, public), state in sorted(station_keys.known(connection, merchant).items()):
                typer.echo(f"station {station} {public} {state}")


@app.command("trust-key")
def trust_key(station: Station, key: Key, config: ConfigFile = CONFIG) -> None:
    """Trust a key for a station from now on; compare it with the one the station shows."""
    _decide(config, station, key, KeyState.TRUSTED)


@app.command("revoke-key")
def revoke_key(station: Station, key: Key, config: ConfigFile = CONFIG) -> None:
    """Never trust a key for a station again; what it signed before stays as it was entered."""
    _decide(config, station, key, KeyState.REVOKED)


def _decide(config: Path, station: str, key: str, state: KeyState) -> None:
    with _database(config) as (_, database), database.transaction() as connection:
        merchant = merchant_id(connection)
        if (station, key) not in station_keys.known(connection, merchant, station):
            raise CommandRefused(f"station {station} never signed with key {key}", hint="see evidence keys")
        station_keys.decide(connection, merchant, station, key, state)
        typer.echo(f"station {station} {key} {state}")


def _verified(bundle: Path, log_key: str | None) -> list[Check]:
    try:
        files, container = _opened(bundle)
    except ContainerError as error:
        return [Check(False, "container", str(error))]
    except OSError as error:
        raise CommandRefused(f"{bundle}: {error.strerror}") from error
    return [*container, *verify_files(files, log_key)]


def _opened(bundle: Path) -> tuple[dict[str, bytes], list[Check]]:
    """The files of a bundle, a folder or a container, and what is to be said of the container."""
    if bundle.is_dir():
        found = sorted(path for path in bundle.rglob("*") if path.is_file())
        _demand_room(sum(path.stat().st_size for path in found))
        return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in found}, []
    _demand_room(bundle.stat().st_size)
    files, damage = unpack(bundle.read_bytes())
    return files, [Check(not damage, "container", damage or f"{len(files)} files, every byte in its place")]


def _demand_room(size_bytes: int) -> None:
    if size_bytes > MAX_BYTES:
        raise ContainerError("is larger than a bundle can be (4 GiB)")


def _read_note(path: Path) -> Note:
    try:
        with path.open("rb") as file:
            return Note.parse(file.read(MAX_NOTE_BYTES + 1))
    except OSError as error:
        raise CommandRefused(f"{path}: {error.strerror}") from error


@contextmanager
def _one_moment(database: Database) -> Iterator[sa.Connection]:
    """A transaction that sees one moment of the database, however long it takes."""
    with database.transaction() as connection:
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        yield connection


@contextmanager
def _database(config: Path) -> Iterator[tuple[HubConfig, Database]]:
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, _):
            database.check()
            yield settings, database
