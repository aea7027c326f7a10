"""The inspection station: ``python station_app.py run|check|support|devices|demo``. It wires and runs; no logic."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from inspection.errors import ConfigError
from inspection.station import credential, devices_cli, launch
from inspection.station.cli import command, write_file
from inspection.station.config import StationConfig, load_config
from inspection.station.guide import Guide
from inspection.station.web.languages import Languages

LOOK_S = 3.0  # how long the demo's worker looks at a verdict when somebody may be watching

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(devices_cli.app, name="devices")
ConfigFile = Annotated[Path, typer.Option("--config", help="The station's configuration file.")]


class SymbolName(StrEnum):
    """What the commands can be printed as."""

    CODE128 = "code128"
    DATAMATRIX = "datamatrix"


Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port of the screen; 0 is any free one.")]
Console = Annotated[bool, typer.Option("--console/--json", help="Logs for a person, or one JSON object a line.")]


@app.command()
def run(config: ConfigFile = Path("configs/station.yaml"), port: Port = None, console: Console = False) -> None:
    """Run the station with its screen until SIGTERM or Ctrl-C."""
    with command(console=console):
        launch.serve(_with_port(load_config(config), port), ready=_say_ready, file=config)


@app.command()
def check(config: ConfigFile = Path("configs/station.yaml")) -> None:
    """Check configuration, policy, products and model without starting anything."""
    with command(console=True):
        settings = load_config(config)
        versions = launch.load_bench(settings).versions
        typer.echo(f"configuration {config}: good")
        typer.echo(f"policy {versions.policy}, products {versions.products}, model {versions.bundle or 'none'}: good")


@app.command()
def support(
    out: Annotated[Path, typer.Option("--out", help="The zip file to write.")],
    config: ConfigFile = Path("configs/station.yaml"),
    data: Annotated[
        Path | None, typer.Option(help="The station's data folder, where the configuration cannot be read.")
    ] = None,
) -> None:
    """Collect what support needs: logs, versions, counts, self-check; nothing about people or goods, and no picture.

    Works beside a running station and beside one that does not start.
    """
    from inspection.station.setup.support import make_bundle  # noqa: PLC0415 - only this command collects

    with command(console=True):
        bundle = make_bundle(config, data)
        write_file(out, bundle)
        typer.echo(f"{out}: {len(bundle) / 1e3:.0f} kB")


@app.command("setup-pin")
def setup_pin(config: ConfigFile = Path("configs/station.yaml")) -> None:
    """Set the PIN of the set-up page; it is asked for, and a forgotten one is replaced."""
    from inspection.station.setup.access import PinFile  # noqa: PLC0415 - only this command sets it

    with command(console=True):
        settings = load_config(config)
        pin = typer.prompt("PIN, 4 to 12 digits", hide_input=True, confirmation_prompt=True)
        PinFile(settings.data / launch.PIN).set(pin)
        typer.echo("the PIN is set")


@app.command()
def enrol(
    code: Annotated[str, typer.Argument(help="The one-time code that an administrator made at the hub.")],
    config: ConfigFile = Path("configs/station.yaml"),
) -> None:
    """Enrol this station at its hub and keep the credential in `hub.token_file`."""
    with command(console=True):
        settings = load_config(config)
        if settings.hub is None or settings.hub.token_file is None:
            raise ConfigError(f"{config}: hub.token_file names no file", hint="name one; the credential is kept there")
        hub = settings.hub
        credential.enrol(hub.url, code, settings.hub.token_file, settings.station_id, proxy=hub.proxy)
        typer.echo(f"{settings.station_id} is enrolled at {hub.url}")


@app.command()
def commands(
    out: Annotated[Path, typer.Option("--out", help="The PDF to write.")],
    config: ConfigFile = Path("configs/station.yaml"),
    symbol: Annotated[SymbolName, typer.Option(help="Kind of code; any scanner reads code128.")] = SymbolName.CODE128,
) -> None:
    """Write the sheet of command codes, ready to print on A4: commands, reasons of an override, answers."""
    from inspection.station import command_sheet  # noqa: PLC0415 - only this command draws

    with command(console=True):
        settings = load_config(config)
        guide = Guide.load(settings.guide) if settings.guide is not None else Guide()
        tiles = command_sheet.tiles(settings.session.reasons, guide, Languages.load(settings.web.language))
        drawn = command_sheet.pages(tiles, symbol.value)
        write_file(out, command_sheet.pdf(drawn, f"Commands of {settings.station_id}"))
        typer.echo(f"{out}: {len(tiles)} codes on {len(drawn)} page{'s' if len(drawn) > 1 else ''}")


@app.command()
def demo(
    items: Annotated[int | None, typer.Option(min=1, help="Stop after so many items; without it, at Ctrl-C.")] = None,
    headless: Annotated[
        bool, typer.Option("--headless", help="Do not wait for anybody to look: as fast as the station goes.")
    ] = False,
    manual: Annotated[
        bool, typer.Option("--manual", help="You confirm every verdict on the screen (Enter, or the buttons).")
    ] = False,
    images: Annotated[
        Path | None, typer.Option(help="Your own pictures: a folder, with or without a manifest.csv.")
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Folder of journal, pictures, database and logs; the demo goes on from it.")
    ] = Path(".data/demo"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the screen; 0 is any free one.")] = 8480,
    hub_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the hub; 0 is any free one.")] = 8400,
    seed: Annotated[int, typer.Option(help="Order of the goods.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Also write the inspections to this file.")] = None,
) -> None:
    """Inspect goods with simulated devices: a hub, this station, its screen, and a simulated worker.

    Goods are the photographs of ../shared/datasets where they lie beside the project, otherwise its own renders, unless
    --images names others. With --items the exit code is 0 only when the hub holds every item with its pictures.
    """
    from inspection.station.demo.run import DemoOptions, run_demo  # noqa: PLC0415 - simulators stay out of a station

    with command(console=True):
        look_s = 0.0 if headless else LOOK_S
        options = DemoOptions(items, headless, data, images, port, hub_port, seed, manual, look_s, json_file)
        raise typer.Exit(run_demo(options))


def _with_port(config: StationConfig, port: int | None) -> StationConfig:
    return config if port is None else config.model_copy(update={"web": config.web.model_copy(update={"port": port})})


def _say_ready(url: str) -> None:
    typer.echo(f"ready: {url}")
    sys.stdout.flush()


if __name__ == "__main__":
    app()
