"""The database as the hub sees it: short transactions over a bounded pool, and one way to update the schema."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection

from inspection.hub.errors import DatabaseUnavailable, ExtensionMissing, SchemaOutdated
from inspection.hub.jsonb import to_jsonb

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x72657475726E73  # "returns"; any number will do, as long as every hub takes the same
POOL_WAIT_S = 5
VECTOR = "vector"
"""The extension pgvector: finds look-alike pictures."""
FRESH_S = 1.0
"""A connection that was used so recently is used without asking whether the server still knows it."""


class Database:
    """A pool of connections to one PostgreSQL database.

    Args:
        dsn: ``postgresql://…`` URL.
        pool_size: connections kept open; as many again may be opened for a peak.
        statement_timeout_s: a statement that takes longer is ended.
    """

    def __init__(self, dsn: str, *, pool_size: int = 10, statement_timeout_s: float = 10.0) -> None:
        try:
            url = sa.make_url(dsn)
        except sa.exc.ArgumentError:
            raise DatabaseUnavailable("the database's address is not a URL", hint="see RETURNS_HUB_DSN") from None
        if url.get_backend_name() not in {"postgresql", "postgres"}:
            raise DatabaseUnavailable(
                "the database's address must begin with postgresql://", hint="see RETURNS_HUB_DSN"
            )
        options = f"-c statement_timeout={int(statement_timeout_s * 1000)} -c timezone=UTC"
        self._engine = sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=POOL_WAIT_S,
            json_serializer=to_jsonb,
            hide_parameters=True,  # what a person wrote never reaches a log through an error message
            connect_args={"connect_timeout": 5, "options": options, "application_name": "returns-hub"},
        )
        self._glancing = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        _ask_whether_idle_connections_live(self._engine)

    @property
    def dsn(self) -> str:
        """The address as ``postgresql://…``, with its password: for another pool, not to be shown."""
        return self._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back when anything is raised."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """A connection whose every statement is a transaction: one way there and back for who has only one."""
        with self._glancing.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Connection, str]]:
        """One moment of the database, however long it is looked at, and the name under which others may share it."""
        with self._engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            connection.execute(sa.text("SET TRANSACTION READ ONLY"))
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            yield connection, connection.execute(sa.select(sa.func.pg_export_snapshot())).scalar_one()

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """One connection for several transactions in a row, each a ``with connection.begin()``."""
        with self._engine.connect() as connection:
            yield connection

    def require_vector(self) -> None:
        """See that the database has pgvector; makes it when this role may.

        Raises:
            ExtensionMissing: it is not there, and cannot be made from here.
        """
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.text(f"CREATE EXTENSION IF NOT EXISTS {VECTOR}"))
        except (sa.exc.ProgrammingError, sa.exc.NotSupportedError, sa.exc.IntegrityError) as error:
            with self._engine.begin() as connection:  # another process may have made it meanwhile
                there = sa.text("SELECT 1 FROM pg_extension WHERE extname = :name")
                if connection.execute(there, {"name": VECTOR}).scalar() is None:
                    hint = f"install pgvector for that server, then let its superuser run: CREATE EXTENSION {VECTOR}"
                    raise ExtensionMissing(f"the database has no {VECTOR}: {_brief(error)}", hint=hint) from error

    def migrate(self) -> str:
        """Bring the schema up to date; safe to call from several processes at once. Returns the revision.

        Raises:
            DatabaseUnavailable: when the database does not answer.
            ExtensionMissing: pgvector is not there.
        """
        try:
            self.require_vector()
            with self._engine.connect() as connection:
                connection.execute(sa.text("SET statement_timeout = 0"))
                connection.execute(sa.select(sa.func.pg_advisory_lock(MIGRATION_LOCK)))
                connection.commit()
                try:
                    config = _alembic()
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
                    connection.commit()
                finally:
                    connection.rollback()
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(MIGRATION_LOCK)))
                    connection.execute(sa.text("RESET statement_timeout"))
                    connection.commit()
        except sa.exc.OperationalError as error:
            raise DatabaseUnavailable(f"the database does not answer: {_brief(error)}") from error
        return head_revision()

    def check(self) -> None:
        """Whether the database answers and has the schema of this program.

        Raises:
            DatabaseUnavailable: when it does not answer.
            SchemaOutdated: when its schema is another.
        """
        try:
            with self._engine.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
        except sa.exc.SQLAlchemyError as error:
            raise DatabaseUnavailable(f"the database does not answer: {_brief(error)}") from error
        wanted = head_revision()
        if found != wanted:
            message = f"the database has schema {found or 'none'}, this program needs {wanted}"
            raise SchemaOutdated(message, hint="run: python hub_app.py migrate")

    def close(self) -> None:
        """Close every idle connection."""
        self._engine.dispose()


def _ask_whether_idle_connections_live(engine: sa.Engine) -> None:
    """Ask before a connection is used that nobody used for :data:`FRESH_S`; one that died takes the others with it."""

    def keep_time(_: object, record: sa.pool.ConnectionPoolEntry) -> None:
        record.info["idle_since_s"] = time.monotonic()

    def ask(dbapi_connection: Any, record: sa.pool.ConnectionPoolEntry, _: object) -> None:
        since_s = record.info.get("idle_since_s")
        if since_s is None or time.monotonic() - since_s < FRESH_S:
            return
        try:
            engine.dialect.do_ping(dbapi_connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.InvalidatePoolError from error

    sa.event.listen(engine, "checkin", keep_time)
    sa.event.listen(engine, "checkout", ask)


def head_revision() -> str:
    """The schema revision that this program was written for."""
    return ScriptDirectory.from_config(_alembic()).get_current_head() or ""


def known_revisions() -> frozenset[str]:
    """Every schema revision from which this program can migrate."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(_alembic()).walk_revisions())


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _brief(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split())[:300]
