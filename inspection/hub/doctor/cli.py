"""``hub_app.py doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from inspection.errors import InspectionError, PortBusy
from inspection.hub.commands import command
from inspection.hub.config import HubConfig, load_config
from inspection.hub.database import Database
from inspection.hub.doctor import inside, machine
from inspection.hub.doctor.findings import Finding, State, bad, examined, good, look
from inspection.hub.serving import open_database

ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]


def doctor(config: ConfigFile = Path("configs/hub.yaml")) -> None:
    """Look at everything a hub needs; a line each: good, look (judge yourself) or bad. Exit code 1 when one is bad."""
    with command():
        settings = load_config(config)
        worst = State.GOOD
        for finding in (good("configuration", f"{config} is understood"), *findings(settings)):
            typer.echo(finding.line())
            worst = State.BAD if State.BAD in (worst, finding.state) else worst
        if worst is State.BAD:
            raise typer.Exit(1)


def findings(config: HubConfig) -> Iterator[Finding]:
    """Everything, one after the other; what is wrong with one hides no other."""
    yield _port(config)
    yield examined("disk", partial(machine.disk, config))
    yield examined("store", partial(machine.store, config))
    yield examined("image key", partial(machine.image_key, config))
    yield examined("evidence key", partial(machine.evidence_key, config))
    try:
        with open_database(config) as (database, embedded):
            schema = examined("database", partial(inside.schema, database, embedded=embedded))
            yield schema
            if schema.state is State.GOOD:
                yield from _inside(database, config)
    except InspectionError as error:
        yield bad("database", error.one_line())


def _port(config: HubConfig) -> Finding:
    try:
        return machine.port(config)
    except PortBusy as error:
        return look("port", f"{error}: fine if that is this hub, which runs")


def _inside(database: Database, config: HubConfig) -> Iterator[Finding]:
    checks: dict[str, Callable[[Connection], Finding]] = {
        "clock": inside.clock,
        "workers": partial(inside.workers, config=config),
        "queue": inside.queue,
        "deliveries": inside.deliveries,
        "evidence": partial(inside.evidence, config=config),
        "retention": partial(inside.retention, config=config),
        "accounts": inside.administrators,
    }
    for about, check in checks.items():
        try:
            with database.transaction() as connection:
                yield check(connection)
        except sa.exc.SQLAlchemyError as error:
            yield bad(about, f"the database did not answer: {type(error).__name__}")
