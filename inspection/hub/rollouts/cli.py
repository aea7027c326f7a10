"""``hub_app.py rollout``: start, status, promote, pause and take back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from sqlalchemy.engine import Connection

from inspection.errors import ConfigError
from inspection.hub.accounts.audit import Actor
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.commands import command
from inspection.hub.config import load_config
from inspection.hub.rollouts import reading, service
from inspection.hub.rollouts.plan import Plan
from inspection.hub.rollouts.schemas import Rollout
from inspection.hub.serving import open_database
from inspection.yaml_source import read_yaml

BY = "command line"
app = typer.Typer(no_args_is_help=True, help="Bring a published bundle to the stations step by step, or take it back.")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
CONFIG = Path("configs/hub.yaml")
RolloutId = Annotated[UUID, typer.Argument(metavar="ID", help="As the command status shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept with the step.")]


@app.command()
def start(
    bundle_id: Annotated[str, typer.Argument(metavar="BUNDLE", help="Id of a published bundle, policy or references.")],
    plan: Annotated[Path | None, typer.Option("--plan", help="YAML with stations, shares and limits.")] = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Begin with its shadow: the candidate is asked, its word does not count.

    Example: python hub_app.py rollout start default@4+0123456789ab
    """
    with _opened(config) as (connection, who):
        typer.echo(str(service.start(connection, who, bundle_id, _plan(plan))))


@app.command()
def status(config: ConfigFile = CONFIG) -> None:
    """Print the newest rollouts, and the figures of the one under way."""
    with _opened(config) as (connection, who):
        merchant = who.merchant_id
        page = reading.page(connection, merchant)
        table = Table("id", "candidate", "instead of", "state", "since (UTC)")
        for each in page.rollouts:
            state = f"{each.state} (held)" if each.paused else each.state
            since = f"{each.ended_at or each.stage_at:%Y-%m-%d %H:%M}"
            table.add_row(str(each.id), each.candidate_id, each.champion_id or "as configured", state, since)
        Console().print(table)
        live = next((each for each in page.rollouts if each.ended_at is None), None)
        if live is not None:
            _print_figures(reading.one(connection, merchant, live.id))


@app.command()
def promote(rollout_id: RolloutId, reason: Reason, config: ConfigFile = CONFIG) -> None:
    """One stage on, whatever the figures say."""
    with _opened(config) as (connection, who):
        typer.echo(service.promote(connection, who, rollout_id, reason))


@app.command()
def rollback(rollout_id: RolloutId, reason: Reason, config: ConfigFile = CONFIG) -> None:
    """Take the candidate back, also when it runs everywhere already."""
    with _opened(config) as (connection, who):
        service.roll_back(connection, who, rollout_id, reason)
        typer.echo("taken back")


@app.command()
def pause(
    rollout_id: RolloutId,
    reason: Reason,
    resume: Annotated[bool, typer.Option("--resume", help="Let it go on by itself again.")] = False,
    config: ConfigFile = CONFIG,
) -> None:
    """Let it not go on by itself; harm takes its candidate back in any case."""
    with _opened(config) as (connection, who):
        service.pause(connection, who, rollout_id, reason, paused=not resume)


@contextmanager
def _opened(config: Path) -> Iterator[tuple[Connection, Actor]]:
    with command(), open_database(load_config(config)) as (database, _), database.transaction() as connection:
        yield connection, Actor(merchant_id(connection), BY)


def _plan(file: Path | None) -> Plan:
    if file is None:
        return Plan()
    try:
        return Plan.model_validate(read_yaml(file, ConfigError).data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"{file}: {where}: {first['msg']}", hint="see docs/how-to/rollouts.md") from error


def _print_figures(found: Rollout) -> None:
    figures = found.figures
    items, hours = f"{figures.items} of {figures.min_items} items", f"{figures.hours:.1f} of {figures.min_hours} h"
    typer.echo(f"{found.state}: {items}, {hours}")
    table = Table("watched", "value", "surely between", "harm above", "fine below", "says")
    for each in figures.weighed:
        between = f"{each.low:+.3f} … {each.high:+.3f}"
        table.add_row(each.name, f"{each.value:+.3f}", between, f"{each.harm}", f"{each.fine}", each.word)
    Console().print(table)
