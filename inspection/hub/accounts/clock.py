"""The one clock of accounts: the database's, which all processes of a hub share."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def sql() -> sa.ColumnElement[datetime]:
    """The moment, as an expression; not the transaction's beginning, which may be long ago after a wait."""
    return sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


def now(connection: Connection) -> datetime:
    """The moment by the database's clock, UTC."""
    moment: datetime = connection.execute(sa.select(sql())).scalar_one()
    return moment
