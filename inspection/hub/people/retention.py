"""How long each kind of data is kept, and removing what is over its time. A legal hold keeps a case at any age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, Field
from sqlalchemy.engine import Connection

from inspection.hub.accounts.tables import access_tokens, sign_in_attempts
from inspection.hub.connectors.tables import attempts
from inspection.hub.datasets import erasing as datasets
from inspection.hub.hub import Hub
from inspection.hub.images.tables import image_pieces, images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.people.erasing import shred
from inspection.hub.people.tables import legal_holds
from inspection.hub.precheck import keeping
from inspection.hub.tables import merchants

TASK = "people.retention"
BATCH = 500
EVERY = timedelta(hours=6)
log = structlog.get_logger()


class Swept(BaseModel):
    """What one run removed."""

    pictures: int = Field(description="shredded, as they were older than `retention.pictures_days`")
    pieces: int = Field(description="beginnings of pictures that never became whole")
    files: int = Field(description="that customers sent, shredded as they were older than `retention.pictures_days`")
    unfinished: int = Field(description="beginnings of customers' files that never became whole")
    answers: int = Field(description="answers of other systems, emptied")
    sessions: int = Field(description="network addresses of sessions that are over")
    attempts: int = Field(description="counts of failed sign-ins")


def sweep(hub: Hub, merchant_id: UUID, now: datetime | None = None) -> Swept:
    """Remove what is over its time; killed anywhere, the next run goes on.

    Raises:
        Problem: ``store.unavailable``.
    """
    now = now or datetime.now(UTC)
    section = hub.config.retention
    pictures, files = 0, _shred_files(hub, merchant_id, now)
    while section.pictures_days is not None:
        with hub.database.transaction() as connection:
            old = _old_pictures(connection, merchant_id, now - timedelta(days=section.pictures_days))
        if not old:
            break
        pictures += shred(hub.database, hub.images, merchant_id, old)
    with hub.database.transaction() as connection:
        swept = Swept(
            pictures=pictures,
            files=files,
            unfinished=keeping.drop_unfinished(connection, merchant_id, now),
            pieces=_delete(connection, image_pieces, merchant_id, image_pieces.c.received_at < now - timedelta(days=1)),
            answers=_empty_answers(connection, merchant_id, now - timedelta(days=section.answers_days)),
            sessions=_forget_addresses(connection, merchant_id, now - timedelta(days=section.addresses_days)),
            attempts=_delete(
                connection,
                sign_in_attempts,
                merchant_id,
                sa.func.coalesce(sign_in_attempts.c.locked_until, sign_in_attempts.c.started_at)
                < now - timedelta(days=section.addresses_days),
            ),
        )
        datasets.forget(connection, merchant_id, [])  # also what a run before this one shredded and was killed
    log.info("retention_swept", **swept.model_dump())
    return swept


def keep_sweeping(connection: Connection, now: datetime | None = None) -> None:
    """Make sure that a run waits for every merchant; harmless when one does."""
    at = (now or datetime.now(UTC)) + EVERY
    for merchant_id in connection.execute(sa.select(merchants.c.id)).scalars():
        enqueue(connection, TASK, {}, merchant_id=merchant_id, lock=f"retention/{merchant_id}", at=at, once=True)


def _old_pictures(connection: Connection, merchant_id: UUID, before: datetime) -> list[str]:
    """Pictures that came before, and that no case under a legal hold names; the oldest first."""
    named, cases, holds = inspection_images, inspections, legal_holds
    held = sa.exists().where(
        named.c.merchant_id == images.c.merchant_id,
        named.c.sha256 == images.c.sha256,
        cases.c.merchant_id == named.c.merchant_id,
        cases.c.inspection_id == named.c.inspection_id,
        cases.c.revision == named.c.revision,
        holds.c.merchant_id == cases.c.merchant_id,
        holds.c.rma == cases.c.rma,
        holds.c.released_at.is_(None),
    )
    mine = sa.and_(images.c.merchant_id == merchant_id, images.c.received_at < before, ~held)
    query = sa.select(images.c.sha256).where(mine).order_by(images.c.received_at).limit(BATCH)
    return list(connection.execute(query).scalars())


def _shred_files(hub: Hub, merchant_id: UUID, now: datetime) -> int:
    """What customers sent goes when pictures of its age go."""
    days, count = hub.config.retention.pictures_days, 0
    while days is not None:
        with hub.database.transaction() as connection:
            old = keeping.old_objects(connection, merchant_id, now - timedelta(days=days), BATCH)
        if not old:
            break
        count += shred(hub.database, hub.images, merchant_id, old)
        with hub.database.transaction() as connection:
            keeping.drop(connection, merchant_id, old)
    return count


def _empty_answers(connection: Connection, merchant_id: UUID, before: datetime) -> int:
    mine = sa.and_(attempts.c.merchant_id == merchant_id, attempts.c.at < before, attempts.c.response != "")
    return connection.execute(attempts.update().where(mine).values(response="")).rowcount


def _forget_addresses(connection: Connection, merchant_id: UUID, before: datetime) -> int:
    table = access_tokens
    over = sa.or_(table.c.revoked_at < before, table.c.expires_at < before)
    mine = sa.and_(table.c.merchant_id == merchant_id, table.c.source.is_not(None), over)
    return connection.execute(table.update().where(mine).values(source=None)).rowcount


def _delete(connection: Connection, table: sa.Table, merchant_id: UUID, which: sa.ColumnElement[bool]) -> int:
    return connection.execute(table.delete().where(table.c.merchant_id == merchant_id, which)).rowcount
