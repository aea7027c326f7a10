"""``hub_app.py roles``, ``token``, ``enrol-code`` and ``admin create``."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from inspection.errors import InspectionError
from inspection.hub.accounts import administration
from inspection.hub.accounts.audit import Actor, Origin
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.schemas import NewStaffMember, NewToken
from inspection.hub.accounts.tokens import merchant_id
from inspection.hub.accounts.walk import accesses, table
from inspection.hub.app import routed
from inspection.hub.commands import command
from inspection.hub.config import HubConfig, load_config
from inspection.hub.database import Database
from inspection.hub.problems import Problem, faults
from inspection.hub.serving import open_database

CONFIG = Path("configs/hub.yaml")
ConfigFile = Annotated[Path, typer.Option("--config", help="The hub's configuration file.")]
admin = typer.Typer(no_args_is_help=True, help="Administrators.")


class AccountRefused(InspectionError):
    """What was asked for cannot be done; says why."""

    code = "account.refused"


@dataclass(frozen=True, slots=True)
class Opened:
    """A hub of which only the database is open."""

    config: HubConfig
    database: Database


def roles() -> None:
    """Print every route and which role may call it."""
    typer.echo(table(accesses(routed())))


def enrol_code(
    station: Annotated[str, typer.Argument(help="Id of the station that is to come in.")], config: ConfigFile = CONFIG
) -> None:
    """Make a one-time code with which a station enrols, and print it."""
    with _hub(config) as (hub, actor):
        code, expires_at = administration.make_code(hub, actor, station, Origin())
        typer.echo(f"{code} enrols {station} once, until {expires_at:%Y-%m-%d %H:%M} UTC")


def token(
    scope: Annotated[Role, typer.Option("--scope", help="What the token is for.")],
    label: Annotated[str, typer.Option("--label", help="Whose it is, for the list of tokens.")],
    station: Annotated[str | None, typer.Option("--station", help="The only station it may report for.")] = None,
    days: Annotated[int | None, typer.Option("--days", help="How long it is good; for ever by default.")] = None,
    config: ConfigFile = CONFIG,
) -> None:
    """Make a token and print it once; only its hash is stored. The audit trail says that it was made."""
    with _hub(config) as (hub, actor):
        try:
            wanted = {"role": scope, "label": label, "station_id": station, "expires_in_days": days}
            secret, _ = administration.make_token(hub, actor, NewToken.model_validate(wanted), Origin())
        except ValidationError as error:
            raise _refused(error) from None
        typer.echo(secret)


@admin.command("create")
def create(
    login: Annotated[str, typer.Argument(help="Sign-in name: lower-case letters, digits and . _ @ + -")],
    name: Annotated[str | None, typer.Option("--name", help="Name to show; the sign-in name by default.")] = None,
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it once.")] = False,
    config: ConfigFile = CONFIG,
) -> None:
    """Add an administrator. The password is asked for, or read as one line from standard input."""
    with _hub(config) as (hub, actor):
        password = secrets.token_urlsafe(15) if generate else _password()
        try:
            new = NewStaffMember.model_validate(
                {"login": login, "name": name or login, "role": Role.ADMIN, "password": password}
            )
            administration.add_staff(hub, actor, new, Origin())
        except ValidationError as error:
            raise _refused(error) from None
        typer.echo(f"{login} is administrator" + (f"; password: {password}" if generate else ""))


def _refused(error: ValidationError) -> AccountRefused:
    return AccountRefused("; ".join(f"{each['pointer'].lstrip('/')}: {each['message']}" for each in faults(error)))


def _password() -> str:
    if sys.stdin.isatty():
        given: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return given
    return sys.stdin.readline().rstrip("\r\n")


@contextmanager
def _hub(path: Path) -> Iterator[tuple[Opened, Actor]]:
    with command():
        config = load_config(path)
        with open_database(config) as (database, _):
            database.check()
            with database.transaction() as connection:
                actor = Actor(merchant_id(connection), "command line")
            try:
                yield Opened(config, database), actor
            except Problem as problem:
                raise AccountRefused(problem.detail) from None
