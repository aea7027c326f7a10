"""The hub: ``serve``, ``worker``, ``migrate``, ``demo`` and the rest. Reads settings, wires, runs; no logic."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from inspection.hub.accounts import cli as account_commands
from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.backup import cli as backup_commands
from inspection.hub.commands import command
from inspection.hub.config import ConnectorsSection, HubConfig, ListenSection, load_config
from inspection.hub.connectors.cli import app as connector_commands
from inspection.hub.evidence.cli import app as evidence_commands
from inspection.hub.people.cli import app as people_commands
from inspection.hub.serving import ensure_token, listen, open_database, run_worker
from inspection.hub.serving import serve as serve_until_stopped

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(evidence_commands, name="evidence")
app.add_typer(connector_commands, name="connectors")
app.add_typer(people_commands, name="people")
app.add_typer(account_commands.admin, name="admin")
app.command("roles")(account_commands.roles)
app.command("enrol-code")(account_commands.enrol_code)
backup_commands.add_to(app)
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the API; 0 is any that is free.")]


@app.command()
def serve(config: ConfigFile = Path("configs/hub.yaml"), port: Port = None) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    with command():
        settings = _with_port(load_config(config), port)
        with (
            listen(settings.listen.host, settings.listen.port) as listening,
            open_database(settings) as (database, embedded),
        ):
            if embedded:
                database.migrate()
            database.check()
            serve_until_stopped(settings, database, listening, ready=lambda url: _log().info("ready", url=url))


@app.command()
def worker(config: ConfigFile = Path("configs/hub.yaml")) -> None:
    """Run background jobs until SIGTERM or Ctrl-C; several may run on one database."""
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, embedded):
            if embedded:
                database.migrate()
            database.check()
            run_worker(settings, database, ready=lambda: _log().info("ready"))


@app.command()
def migrate(config: ConfigFile = Path("configs/hub.yaml")) -> None:
    """Bring the database's schema up to date."""
    with command(), open_database(load_config(config)) as (database, _):
        typer.echo(f"schema {database.migrate()}")


@app.command()
def demo(
    data: Annotated[Path, typer.Option("--data", help="Folder for database, pictures and tokens.")],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of the API; 0 is any that is free.")] = 0,
) -> None:
    """Migrate, serve and run jobs on an embedded database; print one JSON line with URL and tokens once ready.

    Destinations that are told of events are read from DATA/connectors.yaml, when it is there.
    """
    with command():
        file = data / "connectors.yaml"
        connectors = ConnectorsSection(file=file if file.exists() else None)
        settings = HubConfig(data_dir=data, listen=ListenSection(port=port), connectors=connectors)
        with (
            listen(settings.listen.host, settings.listen.port) as listening,
            open_database(settings) as (database, _),
        ):
            database.migrate()
            line = {
                "admin_token": ensure_token(settings, database, Scope.ADMIN, "admin"),
                "station_token": ensure_token(settings, database, Scope.STATION, "station"),
            }

            def ready(url: str) -> None:
                typer.echo(json.dumps({"url": url, **line}))
                sys.stdout.flush()

            serve_until_stopped(settings, database, listening, ready=ready, with_worker=True)


@app.command()
def token(
    scope: Annotated[Scope, typer.Option("--scope", help="What the token is for.")],
    label: Annotated[str, typer.Option("--label", help="Whose it is, for the list of tokens.")],
    station: Annotated[str | None, typer.Option("--station", help="The only station it may report for.")] = None,
    config: ConfigFile = Path("configs/hub.yaml"),
) -> None:
    """Make a token and print it once; only its hash is stored."""
    with command(), open_database(load_config(config)) as (database, _):
        database.check()
        fresh = new_token(scope)
        with database.transaction() as connection:
            grant(connection, merchant_id(connection), fresh, scope, label, station_id=station)
        typer.echo(fresh)


@app.command()
def doctor(config: ConfigFile = Path("configs/hub.yaml")) -> None:
    """Check configuration, port, database and schema; say the first thing that is wrong."""
    with command():
        settings = load_config(config)
        typer.echo(f"configuration {config}: good")
        with listen(settings.listen.host, settings.listen.port):
            typer.echo(f"port {settings.listen.port}: free")
        with open_database(settings) as (database, embedded):
            database.check()
            typer.echo(f"database {'embedded' if embedded else 'elsewhere'}: answers, schema is right")


def _with_port(config: HubConfig, port: int | None) -> HubConfig:
    if port is None:
        return config
    return config.model_copy(update={"listen": config.listen.model_copy(update={"port": port})})


def _log() -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger("hub")
    return logger


if __name__ == "__main__":
    app()
