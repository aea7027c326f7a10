"""Transactions with revisions of the same inspection take turns; at their turn it is seen whom they came from."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from inspection.hub.accounts.remembered import LIVE, TOKENS
from inspection.hub.inspections.storing import Delivery

_TURN = sa.text(
    f"SELECT pg_advisory_xact_lock(key), ARRAY({LIVE}) AS live FROM unnest(:keys) AS key"  # noqa: S608 - our own text
).bindparams(TOKENS, sa.bindparam("keys", type_=ARRAY(sa.BigInteger)))


def enter_turn(connection: Connection, merchant_id: UUID, deliveries: Collection[Delivery]) -> set[UUID]:
    """Let one transaction with revisions of these inspections wait for another.

    Two revisions that arrive at once would not see each other; the later to come here sees both. In their order, so
    that two transactions with the same inspections cannot block each other.

    Returns:
        Tokens of those who brought them that let in at this moment.
    """
    keys = sorted({(merchant_id.int ^ each.report.inspection_id.int) & 0x7FFFFFFFFFFFFFFF for each in deliveries})
    tokens = list({each.caller.token_id for each in deliveries})
    if not keys:
        return set()
    rows = connection.execute(_TURN, {"keys": keys, "tokens": tokens}).all()
    return set(rows[0].live)
