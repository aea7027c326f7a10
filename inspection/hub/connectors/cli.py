"""``hub_app.py connectors …``: check the file, see what would be sent, list, send again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import sqlalchemy as sa
import typer
from sqlalchemy.engine import Connection

from inspection.epcis import Names
from inspection.errors import InspectionError
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.commands import command
from inspection.hub.config import HubConfig, load_config
from inspection.hub.connectors import facts, service
from inspection.hub.connectors.config import ConnectorsConfig, Destination, load_connectors
from inspection.hub.connectors.contract import Message, Request
from inspection.hub.connectors.queue import State
from inspection.hub.connectors.sections import VERDICTS
from inspection.hub.connectors.sending import without_query
from inspection.hub.serving import open_database
from inspection.hub.tables import events


class CommandRefused(InspectionError):
    """There is nothing of the name that was given."""

    code = "connectors.refused"


app = typer.Typer(no_args_is_help=True, help="The systems around the hub: check, try, list, send again.")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
Name = Annotated[str, typer.Argument(help="Name of the destination.")]
CONFIG = Path("configs/hub.yaml")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The file of destinations.")],
) -> None:
    """Read a file of destinations; say the first things that are wrong, and which secrets are not there yet."""
    with command():
        config = load_connectors(file)
        for name, section in config.destinations.items():
            config.guard.check_url(section.url)
            typer.echo(f"{name}: {section.kind}, {', '.join(section.events)}")
        typer.echo(f"{file}: good")


@app.command("try")
def try_(
    name: Name,
    event: Annotated[str, typer.Option("--event", help="Number of an event, or id of an inspection.")],
    config: ConfigFile = CONFIG,
) -> None:
    """Print the requests that an event would cause, secrets left out; sends nothing, needs no worker."""
    with command():
        settings = load_config(config)
        section = _section(load_connectors(settings.connectors.file), name)
        with _transaction(settings) as connection:
            message = _message(connection, settings, name, event)
        for request in section.connector().requests(message):
            typer.echo(shown(request))


@app.command("list")
def list_(config: ConfigFile = CONFIG) -> None:
    """Print every destination: what waits, what is dead, whether it is reached."""
    with command(), _transaction(load_config(config)) as connection:
        for each in service.list_destinations(connection, merchant_id(connection)):
            state = "shut" if each.shut else "open" if each.enabled else "not configured"
            why = f" ({each.reason})" if each.reason else ""
            typer.echo(f"{each.name}\t{each.kind}\t{state}\twaiting {each.waiting}\tdead {each.dead}{why}")


@app.command()
def dead(name: Name, config: ConfigFile = CONFIG) -> None:
    """Print the dead letters of a destination, each with its reason."""
    with command(), _transaction(load_config(config)) as connection:
        chosen = service.Chosen(State.DEAD)
        for row in service.list_deliveries(connection, merchant_id(connection), name, chosen, 200):
            typer.echo(f"{row.delivery_id}\t{row.kind}\t{row.subject}\t{row.reason}")


@app.command()
def send(
    name: Name,
    delivery: Annotated[UUID | None, typer.Argument(help="One delivery; without it all dead letters.")] = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Send a delivery, or all dead letters, again; a worker does it."""
    with command(), _transaction(load_config(config)) as connection:
        merchant, count = merchant_id(connection), 1
        if delivery is None:
            count = service.send_all_again(connection, merchant, name, State.DEAD, None)
        else:
            service.send_again(connection, merchant, name, delivery)
        typer.echo(f"{count} to be sent again")


@app.command()
def resume(name: Name, config: ConfigFile = CONFIG) -> None:
    """Send again to a destination that was paused, or whose circuit breaker is open."""
    with command(), _transaction(load_config(config)) as connection:
        service.resume(connection, merchant_id(connection), name)
        typer.echo(f"{name}: resumed")


def shown(request: Request) -> str:
    """``request`` as text, without secrets; a JSON body is laid out."""
    lines = [f"{request.method} {without_query(request.url)}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    lines += [f"{name}: (secret)" for name in request.secret_headers]
    body = request.shown if request.secret_body else request.body
    try:
        text = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    except ValueError:
        text = body.decode("utf-8", "replace")
    return "\n".join([*lines, "", text, ""])


def _section(config: ConnectorsConfig, name: str) -> Destination:
    section = config.destinations.get(name)
    if section is None:
        known = ", ".join(config.destinations) or "none"
        raise CommandRefused(f"no destination is called {name}", hint=f"configured are: {known}")
    return section


def _message(connection: Connection, settings: HubConfig, name: str, wanted: str) -> Message:
    """The message of an event, given by its number, or of the newest verdict of an inspection."""
    merchant = merchant_id(connection)
    query = sa.select(events.c.id).where(events.c.merchant_id == merchant).order_by(events.c.id.desc()).limit(1)
    if wanted.isdecimal():
        query = query.where(events.c.id == int(wanted[:18]))
    else:
        kinds = [each.value for each in VERDICTS]
        query = query.where(events.c.subject == wanted, events.c.kind.in_(kinds))
    event_id: Any = connection.execute(query).scalar_one_or_none()
    if event_id is None:
        raise CommandRefused(f"there is no event {wanted}", hint="give an event's number, or an inspection's id")
    names = Names(base_uri=settings.epcis.base_uri, gln=settings.epcis.gln)
    return facts.message(connection, facts.Occasion(merchant, name, event_id, uuid4()), names)


@contextmanager
def _transaction(settings: HubConfig) -> Iterator[Connection]:
    with open_database(settings) as (database, _):
        database.check()
        with database.transaction() as connection:
            yield connection
