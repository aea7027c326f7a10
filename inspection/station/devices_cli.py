"""``station_app.py devices …``: what is attached, what speaks at a port, what devices say, recordings of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from devices.base import Device
from devices.camera.base import Camera
from devices.camera.stillness import StillnessSettings
from devices.camera.watchdog import WatchdogSettings
from devices.cli.label import label
from devices.serial_device import SerialDevice
from devices.tools import listing
from devices.tools.candidates import all_candidates, spoken_unasked
from devices.tools.monitor import Monitor
from devices.tools.picture_recording import PictureRecorder, found_words, judge_again
from devices.tools.player import Player
from devices.tools.probe import Found, listen, probe
from devices.tools.recording import Event, Recorder, read_header
from inspection.errors import ConfigError, DeviceError
from inspection.station.cli import command
from inspection.station.config import StationConfig, load_config

NOT_FOUND = 1

app = typer.Typer(no_args_is_help=True, help=__doc__)
app.command()(label)
ConfigFile = Annotated[Path, typer.Option("--config", help="The station's configuration file.")]
Names = Annotated[list[str] | None, typer.Argument(help="Devices and cameras by their ids; all when left out.")]
Seconds = Annotated[float | None, typer.Option("--seconds", min=0.1, help="End by itself after so long.")]
CONFIG = Path("configs/station.yaml")


@app.command("list")
def list_attached() -> None:
    """List what is attached, each with the line that a configuration needs to name it for good.

    Paste the lines under `devices` and `cameras`, and give each a name.
    """
    for title, found in (("devices", listing.serial_devices()), ("cameras", listing.cameras())):
        typer.echo(f"{title}:")
        for attached in found:
            typer.echo(f"  # {attached.path}: {attached.what}")
            if attached.remark:
                typer.echo(f"  # {attached.remark}")
            typer.echo(f"  {attached.config}")
        if not found:
            typer.echo("  # none found; check cable and power. Network devices are not looked for: name their address.")


@app.command("probe")
def probe_port(
    port: Annotated[str, typer.Argument(help="Port such as /dev/ttyUSB0, or socket://host:port.")],
    baudrate: Annotated[
        list[int] | None, typer.Option("--baudrate", help="Try only this speed; may be given more than once.")
    ] = None,
    listen_s: Annotated[
        float, typer.Option("--listen", min=0, help="Listen first for so many seconds: scan a code now.")
    ] = 0.0,
) -> None:
    """Find out which protocol and speed a device speaks, by asking politely. No question changes anything in it.

    A plain scanner answers no question: use --listen 10 and scan a code. Stop the station first, it holds the port.
    """
    with command(console=True):
        console = Console(stderr=True)
        found = _listen_first(port, baudrate, listen_s, console) or _ask_all(port, baudrate, console)
        if found is None:
            typer.echo(
                f"{port}: nothing answered. Check power and cable; for a scanner use --listen 10 and scan a code.",
                err=True,
            )
            raise typer.Exit(NOT_FOUND)
        typer.echo(f"# {found.detail}")
        typer.echo(found.config(port))


@app.command()
def monitor(names: Names = None, config: ConfigFile = CONFIG, seconds: Seconds = None) -> None:
    """Show live what the configured devices say, and how they are doing, until Ctrl-C. Stop the station first."""
    with command(console=True, quiet=True):
        devices, cameras = _chosen(load_config(config), names)
        shown = Monitor(devices, cameras, Console())
        with _until_signal(shown.stop):
            shown.run(seconds)


@app.command()
def record(
    device: Annotated[str, typer.Argument(help="The id of a device or camera in the configuration.")],
    file: Annotated[Path, typer.Argument(help="File to write, a folder for a camera; it must not exist.")],
    config: ConfigFile = CONFIG,
    seconds: Seconds = None,
) -> None:
    """Keep the raw bytes of one device, both ways and with times, until Ctrl-C; `replay` plays them back.

    Of a camera every picture is kept as it came, also those that are refused. The recording may hold what was scanned
    or who stood there: treat it as the goods' data.
    """
    with command(console=True, quiet=True):
        devices, cameras = _chosen(load_config(config), [device])
        if cameras:
            _record_pictures(cameras[0], file, seconds)
            return
        [made] = devices
        if not isinstance(made, SerialDevice):
            raise ConfigError(f"{device} has no serial line to record", hint="name a device with a port")
        line = made.port_settings
        with Recorder(file, device=device, port=str(line.port), baudrate=line.baudrate) as recorder:
            made.listen_in(recorder)
            shown = Monitor([made], [], Console(), notes=recorder)
            with _until_signal(shown.stop):
                shown.run(seconds)
        typer.echo(f"{file}: {recorder.bytes_in} bytes from {device}, {recorder.bytes_out} to it", err=True)


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording; of a camera it is a folder.")],
    link: Annotated[Path | None, typer.Option("--link", help="Where to put the port that programs open.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Let this configuration's driver read it, and show what it says.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0, max=1000, help="2 is twice as fast; 0 leaves out the waiting.")] = 1.0,
) -> None:
    """Play a recording back on a pseudo-terminal, byte by byte as it was, at the same distances in time.

    With --config the driver of the recorded device reads it, and its readings are shown. Otherwise point a station at
    the port that is named. The pictures of a camera are looked at again, and what is found is shown beside what was
    found then; a station shows them with `driver: replay` and the folder as `path`.
    """
    with command(console=True, quiet=True):
        if file.is_dir():
            _look_again(file)
            return
        header = read_header(file)
        place = link or Path(f"{file}.port")
        player = Player(file, place, speed=speed)
        typer.echo(
            f"{file}: {header.device} at {header.port}, {header.started}, {player.duration_s:.1f} s; port {place}",
            err=True,
        )
        with _until_signal(player.stop):
            try:
                if config is None:
                    _play(player, timeout_s=None)
                else:
                    _play_into_driver(player, _at_port(load_config(config), header.device, place))
            finally:
                player.close()


def _record_pictures(camera: Camera, folder: Path, seconds: float | None) -> None:
    with PictureRecorder(folder, camera=camera.camera_id, view=camera.view) as recorder:
        camera.tap = recorder
        shown = Monitor([], [camera], Console(), notes=recorder)
        with _until_signal(shown.stop):
            shown.run(seconds)
    left_out = f", {recorder.left_out} left out as the disk was too slow" if recorder.left_out else ""
    typer.echo(f"{folder}: {recorder.pictures} pictures of {camera.camera_id}{left_out}", err=True)


def _look_again(folder: Path) -> None:
    before = None
    for shown, problem, still in judge_again(folder, WatchdogSettings(), StillnessSettings()):
        now, then = found_words(problem, still=still), shown.words
        if (now, then) != before:
            typer.echo(f"{shown.t_s:10.3f}  {shown.file or '-':<12} {now}{'' if now == then else f' (then: {then})'}")
        before = (now, then)


def _listen_first(port: str, baudrate: list[int] | None, seconds: float, console: Console) -> Found | None:
    if seconds <= 0:
        return None
    speed = baudrate[0] if baudrate else 9600 if "://" not in port and "ttyS" in port else 115200
    console.print(f"listening at {speed} baud for {seconds:g} s: scan a code now")
    return listen(port, spoken_unasked(), speed, seconds)


def _ask_all(port: str, baudrate: list[int] | None, console: Console) -> Found | None:
    bar = Progress(TextColumn("{task.description:<28}"), BarColumn(), TimeRemainingColumn(), console=console)
    with bar:
        task = bar.add_task("asking", total=None)
        return probe(
            port,
            all_candidates(),
            speeds=baudrate,
            on_attempt=lambda attempt: bar.update(
                task,
                total=attempt.of,
                completed=attempt.number - 1,
                description=f"{attempt.driver} at {attempt.baudrate}",
            ),
        )


def _chosen(config: StationConfig, names: list[str] | None) -> tuple[list[Device], list[Camera]]:
    known = [*(device.id for device in config.devices), *(camera.id for camera in config.cameras)]
    if not known:
        raise ConfigError("the configuration names no device", hint="paste what `devices list` prints")
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ConfigError(f"no device is called {', '.join(unknown)}", hint=f"there are {', '.join(known)}")
    wanted = set(names or known)
    return (
        [device.build() for device in config.devices if device.id in wanted],
        [camera.build() for camera in config.cameras if camera.id in wanted],
    )


def _at_port(config: StationConfig, name: str, port: Path) -> Device:
    """The configured device, but at ``port``."""
    described = [device for device in config.devices if device.id == name]
    if not described:
        raise ConfigError(f"no device is called {name}", hint="the recording is of a device of another configuration")
    if "port" not in type(described[0]).model_fields:
        raise ConfigError(f"{name} has no serial line in this configuration")
    return described[0].model_copy(update={"port": str(port)}).build()


def _play_into_driver(player: Player, device: Device) -> None:
    shown = Monitor([device], [], Console())
    player.port.plug()
    reader = threading.Thread(target=shown.run, name="replay-driver", daemon=True)
    reader.start()
    try:
        _play(player, timeout_s=10.0)
        threading.Event().wait(1.0)  # the last bytes pass the driver's idle gap
    finally:
        shown.stop()
        reader.join()


def _play(player: Player, timeout_s: float | None) -> None:
    if not player.wait_for_listener(timeout_s):
        if timeout_s is not None:
            raise DeviceError("the driver did not open the port", hint="try again")
        return
    player.play(_say)
    if player.lost_bytes:
        typer.echo(f"{player.lost_bytes} bytes were lost: the port was not open", err=True)


def _say(event: Event) -> None:
    if event.direction == "note":
        typer.echo(f"{event.t_s:10.3f}  {event.data.decode()}", err=True)


@contextmanager
def _until_signal(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end what runs inside, cleanly."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
