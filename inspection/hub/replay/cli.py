"""``hub_app.py replay``: what if the last days had been judged with another model, or decided by other rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from inspection.errors import ConfigError
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.commands import command
from inspection.hub.config import load_config
from inspection.hub.hub import Hub
from inspection.hub.images.opening import open_images
from inspection.hub.metrics import Metrics
from inspection.hub.replay import asking, running
from inspection.hub.replay.asking import MOST, Question
from inspection.hub.replay.engines import ENGINES
from inspection.hub.serving import open_database


def replay(
    days: Annotated[float | None, typer.Option("--days", min=0.01, max=3650, help="Of the last so many days.")] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Received by the hub from then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="And before, UTC; now when not given.")] = None,
    bundle: Annotated[
        str | None, typer.Option("--bundle", help="Folder of a bundle, or id of one in the registry.")
    ] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="A policy file.")] = None,
    station: Annotated[str | None, typer.Option("--station", help="Of this station only.")] = None,
    most: Annotated[int, typer.Option("--most", min=1, max=MOST, help="The newest so many.")] = MOST,
    engine: Annotated[str, typer.Option("--engine", help="pool: processes of this machine; ray: Ray Data.")] = "pool",
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, max=512, help="Side by side; one a core when not given.")
    ] = None,
    resume: Annotated[UUID | None, typer.Option("--resume", help="Go on with this replay.")] = None,
    config: Annotated[Path, typer.Option("--config", help="The hub's configuration file.")] = Path("configs/hub.yaml"),
) -> None:
    """Judge and decide stored inspections again, and say what would change: verdicts, money, work for people.

    With rules alone no model runs. Stopped or killed, it goes on with --resume and the id it printed.
    """
    with _hub(config) as hub:
        with hub.database.transaction() as connection:
            merchant = merchant_id(connection)
        replay_id = resume or _ask(hub, merchant, _question(days, since, until, bundle, policy, station, most, engine))
        console = Console(stderr=True)
        console.print(f"replay {replay_id}")
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("inspections", total=None)
            found = running.run(
                hub,
                merchant,
                replay_id,
                processes=processes,
                told=lambda now: bar.update(task, total=now.total, completed=now.done),
            )
        if found.state != "done":
            console.print(f"{found.state} at {found.done} of {found.total}; go on with --resume {replay_id}")
            raise typer.Exit(1)
        with hub.database.transaction() as connection:
            row = asking.find(connection, merchant, replay_id)
        _show(row)


def _question(
    days: float | None,
    since: datetime | None,
    until: datetime | None,
    bundle: str | None,
    policy: Path | None,
    station: str | None,
    most: int,
    engine: str,
) -> Question:
    if (days is None) == (since is None):
        raise typer.BadParameter("give --days or --since")
    if bundle is None and policy is None:
        raise typer.BadParameter("give --bundle, --policy, or both")
    if engine not in ENGINES:
        raise typer.BadParameter(f"--engine is one of {', '.join(ENGINES)}")
    if days is not None:
        begin, end = asking.last_days(days)
    else:
        begin = (since or datetime.now(UTC)).replace(tzinfo=UTC)
        end = (until or datetime.now(UTC)).replace(tzinfo=UTC)
    if begin >= end:
        raise typer.BadParameter("--since lies after --until")
    rules = None if policy is None else _read(policy)
    folder = None if bundle is None else Path(bundle)
    named = str(folder.resolve()) if folder is not None and folder.is_dir() else bundle
    return Question(begin, end, named, rules, station, most, engine)


def _ask(hub: Hub, merchant: UUID, question: Question) -> UUID:
    with hub.database.transaction() as connection:
        return asking.ask(connection, merchant, question, "command line", job=False)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", hint="name a policy file with --policy") from error


def _show(row: Any) -> None:
    said = row.summary
    table = Table("", "before", "after", title=f"{said['items']} inspections, {said['changed']} would change")
    for name, key in (("on hold", "holds"), ("to be confirmed", "confirms"), ("as the person decided", "agree")):
        table.add_row(name, str(said[f"{key}_before"]), str(said[f"{key}_after"]))
    table.add_row("worth (minor units)", f"{said['worth_before']:.0f}", f"{said['worth_after']:.0f}")
    console = Console()
    console.print(table)
    for move, count in said["moves"].items():
        before, _, after = move.partition(">")
        if before != after:
            console.print(f"{before} -> {after}: {count}")
    for reason, count in said["skipped"].items():
        console.print(f"skipped, {reason}: {count}")
    if said["pictures"]:
        rate = said["pictures"] / row.busy_s if row.busy_s else 0.0
        console.print(f"{said['pictures']} pictures, {rate:.1f} a second")


@contextmanager
def _hub(config: Path) -> Iterator[Hub]:
    with command():
        settings = load_config(config)
        with open_database(settings) as (database, _):
            database.check()
            yield Hub(settings, database, open_images(settings, database), Metrics())
