"""Erasing one person's data: asked once, done by a job that may be killed anywhere, proven by a signed certificate.

Pictures are shredded: their keys are destroyed, which reaches back-ups too. What the ledger says of them is forgotten
the way the ledger forgets, so that every proof of everything else still verifies. Reports stay: they name a case by its
number, and nothing here tells any more whose case it was.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.engine import Connection

from inspection.evidence import canonical_json
from inspection.hub.connectors.tables import attempts, deliveries
from inspection.hub.database import Database
from inspection.hub.datasets import erasing as datasets
from inspection.hub.events import EventKind, record
from inspection.hub.evidence import entering
from inspection.hub.evidence.log import open_log
from inspection.hub.hub import Hub
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import image_keys, image_pieces, images
from inspection.hub.items.tables import item_matches
from inspection.hub.jobs.enqueue import enqueue
from inspection.hub.people import cases as known
from inspection.hub.people.tables import erasures, legal_holds
from inspection.hub.precheck import keeping
from inspection.hub.problems import Problem
from inspection.hub.returns.tables import returns
from inspection.hub.review import forgetting
from inspection.ledger.keys import public_bytes

TASK = "people.erase"
BATCH = 100
ERASED = "erased"
METHOD = "keys of pictures destroyed, ledger entries erased, links to the person overwritten"
log = structlog.get_logger()


def ask(connection: Connection, merchant_id: UUID, cases: list[str], reason: str, who: str) -> UUID:
    """Have the data of ``cases`` erased; returns the erasure's id. The job is added in the same transaction.

    Raises:
        Problem: ``person.held`` when a legal hold keeps one of them; nothing is erased then.
    """
    held = known.holds_on(connection, merchant_id, cases)
    if held:
        raise Problem("person.held", f"a legal hold keeps {', '.join(held[:10])}; nothing was erased", cases=held)
    row = {"merchant_id": merchant_id, "cases": cases, "reason": reason, "asked_by": who}
    found: UUID = connection.execute(erasures.insert().values(row).returning(erasures.c.id)).scalar_one()
    enqueue(connection, TASK, {"erasure": str(found)}, merchant_id=merchant_id, lock=f"erasure/{found}")
    return found


def carry_out(hub: Hub, merchant_id: UUID, erasure: UUID) -> dict[str, Any]:
    """Erase what was asked for; a second time finds it done and changes nothing.

    Returns:
        The certificate.

    Raises:
        Problem: ``erasure.unknown``; ``person.held`` for a hold that came since; ``store.unavailable``.
    """
    with hub.database.transaction() as connection:
        row = _row(connection, merchant_id, erasure)
        if row.certificate is not None:
            return dict(row.certificate)
        held = known.holds_on(connection, merchant_id, row.cases)
        if held:
            connection.execute(_this(merchant_id, erasure).values(failure="a legal hold came in between"))
    if held:
        raise Problem("person.held", "a legal hold came in between; nothing was erased", cases=held)
    with hub.database.transaction() as connection:
        of = known.inspections_of(connection, merchant_id, row.cases)
        alone, shared = known.pictures_of(connection, merchant_id, of)
        keeping.end_uploads(connection, merchant_id, row.cases)
        sent = keeping.objects_of(connection, merchant_id, row.cases)
    shredded = shred(hub.database, hub.images, merchant_id, alone | sent)
    with hub.database.transaction() as connection:
        row = _row(connection, merchant_id, erasure)  # locked: of two workers, one certifies
        if row.certificate is not None:
            return dict(row.certificate)
        counts = forget(connection, merchant_id, row.cases)
        counts |= {"pictures": len(alone), "pictures_shared_with_other_cases": len(shared), "inspections": len(of)}
        counts["files_of_the_customer"] = len(sent)
        certificate = _certificate(hub, merchant_id, row, counts)
        done = {"certificate": certificate, "done_at": sa.func.now(), "failure": None, "reason": ERASED}
        connection.execute(_this(merchant_id, erasure).values(done))
        record(connection, merchant_id, EventKind.PERSON_ERASED, str(erasure), {"cases": len(row.cases)})
    log.info("person_erased", erasure=str(erasure), pictures=shredded)
    return certificate


def shred(database: Database, store: ImageStore, merchant_id: UUID, hashes: Collection[str]) -> int:
    """Destroy the keys of these pictures, then remove what they opened; returns how many keys were destroyed now.

    From the moment a batch commits no copy of its pictures can be read, whatever becomes of the objects.

    Raises:
        Problem: ``store.unavailable`` when an object cannot be removed; run it again.
    """
    destroyed = 0
    ordered = sorted(hashes)
    for start in range(0, len(ordered), BATCH):
        part = ordered[start : start + BATCH]
        with database.transaction() as connection:
            for sha256 in part:
                destroyed += _destroy(connection, merchant_id, sha256)
                entering.erase(connection, merchant_id, f"picture/{sha256}")
            for table in (images, image_pieces):
                mine = sa.and_(table.c.merchant_id == merchant_id, table.c.sha256.in_(part))
                connection.execute(table.delete().where(mine))
        for sha256 in part:
            store.delete(merchant_id, sha256)
    return destroyed


def forget(connection: Connection, merchant_id: UUID, cases: list[str]) -> dict[str, int]:
    """Overwrite what links these cases to a person; returns how many rows each capability overwrote."""
    return {kind: overwrite(connection, merchant_id, cases) for kind, overwrite in FORGETTERS.items()}


def _destroy(connection: Connection, merchant_id: UUID, sha256: str) -> int:
    """Also a picture that came before encryption, or not yet, gets a destroyed key: it will not be taken again."""
    mine = sa.and_(image_keys.c.merchant_id == merchant_id, image_keys.c.sha256 == sha256)
    gone = {"wrapped": None, "destroyed_at": sa.func.now()}
    update = image_keys.update().where(mine, image_keys.c.wrapped.is_not(None)).values(gone)
    if connection.execute(update).rowcount:
        return 1
    if connection.execute(sa.select(image_keys.c.sha256).where(mine)).scalar() is None:
        connection.execute(image_keys.insert().values(merchant_id=merchant_id, sha256=sha256, **gone))
        return 1
    return 0


def _forget_returns(connection: Connection, merchant_id: UUID, cases: list[str]) -> int:
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma.in_(cases))
    # The hash of a short order number could be tried out; of an erased case nothing is compared any more.
    blank = {"order_ref": None, "opened_at": None, "content_sha256": sa.func.encode(sa.func.sha256(_random()), "hex")}
    return connection.execute(returns.update().where(mine).values(blank)).rowcount


def _forget_matches(connection: Connection, merchant_id: UUID, cases: list[str]) -> int:
    of = known.inspections_of(connection, merchant_id, cases)
    mine = sa.and_(item_matches.c.merchant_id == merchant_id, item_matches.c.inspection_id.in_(of))
    return connection.execute(item_matches.update().where(mine).values(reason=ERASED)).rowcount


def _forget_holds(connection: Connection, merchant_id: UUID, cases: list[str]) -> int:
    mine = sa.and_(legal_holds.c.merchant_id == merchant_id, legal_holds.c.rma.in_(cases))
    return connection.execute(legal_holds.update().where(mine).values(reason=ERASED)).rowcount


def _forget_answers(connection: Connection, merchant_id: UUID, cases: list[str]) -> int:
    subjects = [*cases, *map(str, known.inspections_of(connection, merchant_id, cases))]
    of = sa.select(deliveries.c.delivery_id).where(
        deliveries.c.merchant_id == merchant_id, deliveries.c.subject.in_(subjects)
    )
    mine = sa.and_(attempts.c.merchant_id == merchant_id, attempts.c.delivery_id.in_(of))
    return connection.execute(attempts.update().where(mine).values(response="")).rowcount


FORGETTERS: dict[str, Callable[[Connection, UUID, list[str]], int]] = {
    "returns": _forget_returns,
    "matches": _forget_matches,
    "holds": _forget_holds,
    "answers_of_other_systems": _forget_answers,
    "prechecks": keeping.forget,
    "labels": forgetting.forget,
    "pictures_of_data_versions": datasets.forget,
}
"""What each capability does for an erased case, by the name under which the certificate counts it. A capability that
keeps something of a customer adds itself here and to the register."""


def _certificate(hub: Hub, merchant_id: UUID, row: sa.Row[Any], counts: dict[str, int]) -> dict[str, Any]:
    """What was erased, signed with the key of the evidence log; names the cases by their hash only."""
    facts = {
        "kind": "erasure certificate",
        "erasure": str(row.id),
        "merchant": str(merchant_id),
        "cases_sha256": sorted(hashlib.sha256(f"{row.id}/{case}".encode()).hexdigest() for case in row.cases),
        "asked_at": row.asked_at.astimezone(UTC).isoformat(),
        "done_at": datetime.now(UTC).isoformat(),
        "method": METHOD,
        "counts": counts,
    }
    key: Ed25519PrivateKey = open_log(hub.config).private
    signature = key.sign(canonical_json(facts))
    return facts | {
        "public_key": b64encode(public_bytes(key)).decode(),
        "signature": b64encode(signature).decode(),
    }


def _row(connection: Connection, merchant_id: UUID, erasure: UUID) -> sa.Row[Any]:
    mine = sa.and_(erasures.c.merchant_id == merchant_id, erasures.c.id == erasure)
    row = connection.execute(sa.select(erasures).where(mine).with_for_update()).one_or_none()
    if row is None:
        raise Problem("erasure.unknown", "no erasure has this id")
    return row


def _this(merchant_id: UUID, erasure: UUID) -> sa.Update:
    return erasures.update().where(erasures.c.merchant_id == merchant_id, erasures.c.id == erasure)


def _random() -> sa.ColumnElement[bytes]:
    return sa.func.uuid_send(sa.func.gen_random_uuid())
