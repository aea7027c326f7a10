"""Files on their way in: begun, appended to from where they stand, whole; within quotas, and never lost once whole.

Modelled on tus 1.0.0 (creation, checksum, expiration) with SHA-256: the sender asks for the offset with HEAD and
appends with PATCH. Pieces lie in the database, where every process of the hub sees them.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.accounts import clock
from inspection.hub.events import EventKind, record
from inspection.hub.hub import Hub
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.precheck import cases, keeping, results
from inspection.hub.precheck.cases import State
from inspection.hub.precheck.decoder import MAX_BYTES
from inspection.hub.precheck.kinds import container_of
from inspection.hub.precheck.settings import PrecheckSection
from inspection.hub.precheck.tables import pieces, uploads
from inspection.hub.precheck.video import MAX_VIDEO_BYTES
from inspection.hub.problems import Problem

TASK, QUEUE = "precheck.look", "precheck"
STEPS = ("whole", "damage", "label", "video", "challenge", "other")
MAX_PIECES = 4000
HOUR = timedelta(hours=1)
FIRST_DUE = datetime(2026, 1, 1, tzinfo=UTC)
HIGHEST = 2_000_000_000

_FORGOTTEN = sa.text("""
    SELECT upload.merchant_id, upload.id FROM precheck_uploads upload
    WHERE upload.state = 'waiting' AND upload.due_at < now() - interval '1 minute' AND NOT EXISTS (
        SELECT 1 FROM jobs.procrastinate_jobs job
        WHERE job.lock = 'precheck/' || upload.id AND job.status IN ('todo', 'doing')
    ) ORDER BY upload.due_at LIMIT 100
""")
"""Of all merchants: each job carries its own."""


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What a sender says of a file before it comes.

    Attributes:
        step: one of `STEPS`: what the customer was asked to show.
        size_bytes: of the whole file.
        sha256: of the whole file in hex, when the sender knows it.
        place_hmac: keyed hash of the sender's address.
        mark: by which the sender finds the file again, e.g. a hash of its size, beginning and end.
    """

    step: str
    size_bytes: int
    sha256: str | None
    place_hmac: str
    mark: str | None = None


GOES_ON = ("receiving", "waiting", "answered")
"""States of a file that the sender need not send anew. One that was refused, or is to be taken again, is sent anew."""


def most_bytes(step: str) -> int:
    """How large a file of this step may be."""
    return MAX_VIDEO_BYTES if step in {"video", "other"} else MAX_BYTES


def known(connection: Connection, case: Row[Any], new: NewUpload) -> Row[Any] | None:
    """The upload of this file that was begun before, e.g. before the page was reloaded or the phone restarted."""
    if new.mark is None:
        return None
    mine = sa.and_(uploads.c.merchant_id == case.merchant_id, uploads.c.case_id == case.id)
    same = sa.and_(mine, uploads.c.mark == new.mark, uploads.c.step == new.step, uploads.c.size_bytes == new.size_bytes)
    query = sa.select(uploads).where(same, uploads.c.state.in_(GOES_ON))
    return connection.execute(query.order_by(uploads.c.started_at.desc()).limit(1)).one_or_none()


def begin(connection: Connection, case: Row[Any], new: NewUpload, limits: PrecheckSection) -> UUID:
    """Make room for a file.

    Raises:
        Problem: ``request.too_large``; ``precheck.quota``; ``precheck.decided``.
    """
    if new.size_bytes > most_bytes(new.step):
        most = most_bytes(new.step)
        raise Problem("request.too_large", f"at most {most} bytes are taken", max_bytes=most)
    row = cases.locked(connection, case.merchant_id, case.id)
    if row.state == State.DECIDED:
        raise Problem("precheck.decided", "a person has decided; ask them")
    mine = uploads.c.merchant_id == case.merchant_id
    _demand_room(connection, sa.and_(mine, uploads.c.case_id == case.id), new, limits.case_uploads, limits.case_bytes)
    since = clock.now(connection) - HOUR
    there = sa.and_(mine, uploads.c.place_hmac == new.place_hmac, uploads.c.started_at > since)
    _demand_room(connection, there, new, limits.address_uploads, limits.address_bytes)
    values = {"merchant_id": case.merchant_id, "case_id": case.id, "step": new.step, "size_bytes": new.size_bytes}
    values |= {"sha256": new.sha256, "place_hmac": new.place_hmac, "mark": new.mark}
    upload_id: UUID = connection.execute(uploads.insert().values(values).returning(uploads.c.id)).scalar_one()
    return upload_id


def find(connection: Connection, case: Row[Any], upload_id: UUID) -> Row[Any]:
    """The upload's row, when it is of this case.

    Raises:
        Problem: ``upload.unknown``.
    """
    mine = sa.and_(uploads.c.merchant_id == case.merchant_id, uploads.c.case_id == case.id)
    row = connection.execute(sa.select(uploads).where(mine, uploads.c.id == upload_id)).one_or_none()
    if row is None:
        raise Problem("upload.unknown", "no upload of this id; it may be over")
    return row


def offset(connection: Connection, upload: Row[Any]) -> int:
    """How many bytes are here."""
    if upload.state != "receiving":
        return int(upload.size_bytes)
    total = sa.func.coalesce(sa.func.sum(sa.func.length(pieces.c.data)), 0)
    return int(connection.execute(sa.select(total).where(_pieces(upload))).scalar_one())


def append(connection: Connection, upload: Row[Any], start: int, data: bytes, digest: bytes | None) -> int:
    """Keep ``data``, which begins at byte ``start``; returns how many bytes are here now.

    Raises:
        Problem: ``upload.offset`` with where to go on; ``upload.checksum`` when ``digest`` is not the SHA-256 of
            ``data``; ``upload.whole``; ``request.too_large`` beyond the size that was said.
    """
    row = _locked(connection, upload)
    if row.state != "receiving":
        raise Problem("upload.whole", "the file is here already")
    there = offset(connection, row)
    if there != start:
        raise elsewhere(there)
    if digest is not None and not hmac.compare_digest(digest, hashlib.sha256(data).digest()):
        raise Problem("upload.checksum", "send this piece again", headers={"Upload-Offset": str(there)})
    if there + len(data) > row.size_bytes:
        raise Problem("request.too_large", f"{row.size_bytes} bytes were announced", max_bytes=row.size_bytes)
    if data:
        count = sa.select(sa.func.count()).select_from(pieces).where(_pieces(row))
        if connection.execute(count).scalar_one() >= MAX_PIECES:
            connection.execute(pieces.delete().where(_pieces(row)))
            raise elsewhere(0)
        values = {"merchant_id": row.merchant_id, "upload_id": row.id, "start": start, "data": data}
        connection.execute(pieces.insert().values(values))
    return there + len(data)


def finish(hub: Hub, upload: Row[Any]) -> bytes:
    """Keep the file, now that all of it is here, and have it looked at; returns it. A second time changes nothing.

    Raises:
        Problem: ``upload.checksum``: the file is not the one that was announced; it begins anew. What the picture
            store raises; then nothing is lost, and the sender asks again.
    """
    with hub.database.transaction() as connection:
        query = sa.select(pieces.c.data).where(_pieces(upload)).order_by(pieces.c.start)
        content = b"".join(bytes(data) for data in connection.execute(query).scalars())
        if upload.sha256 is not None and upload.sha256 != hashlib.sha256(content).hexdigest():
            connection.execute(pieces.delete().where(_pieces(upload)))
            content = b""
    if len(content) != upload.size_bytes:
        raise Problem("upload.checksum", "the file is not the one announced", headers={"Upload-Offset": "0"})
    keep(hub, upload, content)
    return content


def keep(hub: Hub, upload: Row[Any], content: bytes) -> None:
    """Store a whole file encrypted, and leave the job of looking at it behind in the transaction that says so.

    Raises:
        Problem: ``upload.unknown`` when its case was erased meanwhile; nothing of it is kept then.
    """
    kept = keeping.put(hub.images, upload.merchant_id, upload.id, keeping.Role.ORIGINAL, content)
    try:
        _enter(hub, upload, kept, content)
    except Problem:
        results.shred_late(hub, upload.merchant_id, upload.id, [kept])
        raise


def _enter(hub: Hub, upload: Row[Any], kept: keeping.Kept, content: bytes) -> None:
    with hub.database.transaction() as connection:
        case = cases.locked(connection, upload.merchant_id, upload.case_id)
        row = _locked(connection, upload)
        if row.state != "receiving":
            return
        keeping.enter(connection, row.merchant_id, row.id, kept)
        kind = "video" if container_of(content) is not None else "image"
        whole = {"state": "waiting", "kind": kind, "sha256": hashlib.sha256(content).hexdigest()}
        connection.execute(_this(row).values(received_at=sa.func.clock_timestamp(), **whole))
        connection.execute(pieces.delete().where(_pieces(row)))
        wait(connection, case, row.id, hub.config.precheck)
        payload = {"rma": case.rma, "upload": str(row.id), "step": row.step, "kind": kind}
        record(connection, row.merchant_id, EventKind.PRECHECK_RECEIVED, case.rma, payload)


def wait(connection: Connection, case: Row[Any], upload_id: UUID, settings: PrecheckSection) -> None:
    """Queue an upload of a locked case: what is due first is looked at first."""
    due = clock.now(connection) + timedelta(seconds=settings.promise_s / (case.tier + 1))
    if case.answer_by is not None:
        due = min(due, case.answer_by)
    mine = sa.and_(uploads.c.merchant_id == case.merchant_id, uploads.c.id == upload_id)
    connection.execute(uploads.update().where(mine).values(due_at=due))
    priority = HIGHEST - int((max(due, FIRST_DUE) - FIRST_DUE).total_seconds())
    args, lock = {"upload": str(upload_id)}, f"precheck/{upload_id}"
    enqueue(connection, TASK, args, merchant_id=case.merchant_id, lock=lock, queue=QUEUE, once=True, priority=priority)
    cases.move(connection, case, State.CHECKING)


def wake(connection: Connection) -> int:
    """Leave a job behind for uploads that wait though none is on its way any more, as it failed too often while the
    picture store or the database was away; returns how many there were."""
    row = connection.execute(_FORGOTTEN).all()
    for each in row:
        args, lock = {"upload": str(each.id)}, f"precheck/{each.id}"
        enqueue(connection, TASK, args, merchant_id=each.merchant_id, lock=lock, queue=QUEUE, once=True)
    return len(row)


def send_anyway(hub: Hub, case: Row[Any], upload_id: UUID) -> None:
    """Have a picture judged that is not good, as the customer has no better; a second time changes nothing.

    Raises:
        Problem: ``upload.unknown``.
    """
    with hub.database.transaction() as connection:
        row = cases.locked(connection, case.merchant_id, case.id)
        upload = find(connection, row, upload_id)
        if upload.state != "retake":
            return
        connection.execute(_this(upload).values(state="waiting", sent_anyway=True, attempts=0, done_at=None))
        wait(connection, row, upload.id, hub.config.precheck)


def elsewhere(there: int) -> Problem:
    """The upload stands at another byte than the sender thinks."""
    headers = {"Upload-Offset": str(there)}
    return Problem("upload.offset", f"{there} bytes are here; go on from there", headers=headers, offset=there)


def _demand_room(
    connection: Connection, which: sa.ColumnElement[bool], new: NewUpload, most: int, most_total: int
) -> None:
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(uploads.c.size_bytes), 0))
    count, total = connection.execute(sums.where(which)).one()
    if count >= most or total + new.size_bytes > most_total:
        raise Problem("precheck.quota", "enough was sent; a person will look", headers={"Retry-After": "3600"})


def _locked(connection: Connection, upload: Row[Any]) -> Row[Any]:
    mine = sa.and_(uploads.c.merchant_id == upload.merchant_id, uploads.c.id == upload.id)
    row = connection.execute(sa.select(uploads).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise Problem("upload.unknown", "the upload is over")
    return row


def _this(upload: Row[Any]) -> sa.Update:
    return uploads.update().where(uploads.c.merchant_id == upload.merchant_id, uploads.c.id == upload.id)


def _pieces(upload: Row[Any]) -> sa.ColumnElement[bool]:
    return sa.and_(pieces.c.merchant_id == upload.merchant_id, pieces.c.upload_id == upload.id)
