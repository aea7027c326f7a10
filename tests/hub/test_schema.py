"""The schema is the sum of its migrations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from inspection.hub.database import Database, head_revision
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.errors import DatabaseUnavailable, SchemaOutdated
from inspection.hub.schema import METADATA


def test_the_migrations_make_exactly_the_tables_of_the_code(database: Database) -> None:
    options = {"compare_type": True, "compare_server_default": True}
    with database.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_every_row_of_a_merchant_carries_its_id() -> None:
    without = {table.name for table in METADATA.tables.values() if "merchant_id" not in table.c}
    assert without == {"merchants"}


def test_constraints_of_the_code_and_of_the_database_have_the_same_names(database: Database) -> None:
    ours = {str(each.name) for table in METADATA.tables.values() for each in table.constraints if each.name}
    with database.transaction() as connection:
        query = "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
        theirs = set(connection.execute(sa.text(query)).scalars())
    assert theirs - {"alembic_version_pkc"} == ours


def test_several_processes_may_migrate_at_once(postgres: EmbeddedPostgres) -> None:
    postgres.ensure_database("test_migrate_race")
    databases = [Database(postgres.dsn("test_migrate_race")) for _ in range(4)]
    with pytest.raises(SchemaOutdated, match="none"):
        databases[0].check()
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(Database.migrate, databases)) == {head_revision()}
    databases[0].check()
    for each in databases:
        each.close()


def test_a_database_that_does_not_answer_is_said_in_one_line() -> None:
    database = Database("postgresql://hub@127.0.0.1:1/hub?password=not-to-be-shown")
    with pytest.raises(DatabaseUnavailable) as caught:
        database.check()
    assert "not-to-be-shown" not in caught.value.one_line()
