"""The inspection station: ``python station_app.py run|check``. Reads configuration, wires, runs; no logic."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from inspection.errors import InspectionError
from inspection.station import launch, logs
from inspection.station.config import StationConfig, load_config

CANNOT_START = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
ConfigFile = Annotated[Path, typer.Option("--config", help="The station's configuration file.")]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the screen; 0 is any free one.")]
Console = Annotated[bool, typer.Option("--console/--json", help="Logs for a person, or one JSON object a line.")]


@app.command()
def run(config: ConfigFile = Path("configs/station.yaml"), port: Port = None, console: Console = False) -> None:
    """Run the station with its screen until SIGTERM or Ctrl-C."""
    with _command(console=console):
        launch.serve(_with_port(load_config(config), port), ready=_say_ready)


@app.command()
def check(config: ConfigFile = Path("configs/station.yaml")) -> None:
    """Check configuration, policy, products and model without starting anything."""
    with _command(console=True):
        settings = load_config(config)
        versions = launch.load_bench(settings).versions
        typer.echo(f"configuration {config}: good")
        typer.echo(f"policy {versions.policy}, products {versions.products}, model {versions.bundle or 'none'}: good")


def _with_port(config: StationConfig, port: int | None) -> StationConfig:
    return config if port is None else config.model_copy(update={"web": config.web.model_copy(update={"port": port})})


def _say_ready(url: str) -> None:
    typer.echo(f"ready: {url}")
    sys.stdout.flush()


@contextmanager
def _command(*, console: bool) -> Iterator[None]:
    """Logs to standard error; an error we know is one line there and exit code 2."""
    logs.configure(console=console)
    try:
        yield
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
        raise typer.Exit(CANNOT_START) from error


if __name__ == "__main__":
    app()
