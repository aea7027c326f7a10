"""The hub: ``serve``, ``worker``, ``migrate``, ``demo`` and the rest. Reads settings, wires, runs; no logic."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import structlog
import typer

from inspection.hub.accounts import cli as account_commands
from inspection.hub.accounts.tokens import Scope
from inspection.hub.backup import cli as backup_commands
from inspection.hub.bundles.cli import app as bundle_commands
from inspection.hub.commands import command
from inspection.hub.config import ConnectorsSection, HubConfig, ListenSection, load_config
from inspection.hub.connectors.cli import app as connector_commands
from inspection.hub.datasets.cli import app as dataset_commands
from inspection.hub.doctor import cli as doctor_commands
from inspection.hub.evidence.cli import app as evidence_commands
from inspection.hub.people.cli import app as people_commands
from inspection.hub.processes import inherited, look_after
from inspection.hub.replay import cli as replay_commands
from inspection.hub.rollouts.cli import app as rollout_commands
from inspection.hub.serving import ensure_token, listen, open_database, run_worker, url_of
from inspection.hub.serving import serve as serve_until_stopped
from inspection.hub.training.service import QUEUE as TRAINING

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(evidence_commands, name="evidence")
app.add_typer(connector_commands, name="connectors")
app.add_typer(people_commands, name="people")
app.add_typer(bundle_commands, name="bundle")
app.add_typer(dataset_commands, name="datasets")
app.add_typer(rollout_commands, name="rollout")
app.add_typer(account_commands.admin, name="admin")
app.command("roles")(account_commands.roles)
app.command("enrol-code")(account_commands.enrol_code)
app.command("token")(account_commands.token)
app.command("doctor")(doctor_commands.doctor)
app.command("replay")(replay_commands.replay)
backup_commands.add_to(app)
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the API; 0 is any that is free.")]


@app.command()
def serve(
    config: ConfigFile = Path("configs/hub.yaml"),
    port: Port = None,
    processes: Annotated[int, typer.Option("--processes", min=1, max=64, help="API processes on one port.")] = 1,
    inherit: Annotated[str | None, typer.Option("--inherit", hidden=True)] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    with command():
        settings = _with_port(load_config(config), port)
        here = listen(settings.listen.host, settings.listen.port) if inherit is None else inherited(inherit)
        with here as listening, open_database(settings) as (database, embedded):
            if embedded:
                database.migrate()
            database.check()
            if processes > 1:
                _log().info("serving", url=url_of(listening), processes=processes)
                again = [sys.executable, str(Path(__file__).resolve()), "serve", "--config", str(config)]
                look_after(again, listening, processes)
            else:
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
def trainer(config: ConfigFile = Path("configs/hub.yaml")) -> None:
    """Run trainings only, until SIGTERM or Ctrl-C, on a machine with torch; see training.in_worker."""
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, embedded):
            if embedded:
                database.migrate()
            database.check()
            run_worker(settings, database, ready=lambda: _log().info("ready"), queue=TRAINING)


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


def _with_port(config: HubConfig, port: int | None) -> HubConfig:
    if port is None:
        return config
    return config.model_copy(update={"listen": config.listen.model_copy(update={"port": port})})


def _log() -> structlog.typing.FilteringBoundLogger:
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger("hub")
    return logger


if __name__ == "__main__":
    app()
