"""Run by alembic: applies the steps over the connection that the hub hands in."""

from __future__ import annotations

from alembic import context

from inspection.hub.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
