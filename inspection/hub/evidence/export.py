"""Taking one inspection out of the hub as a bundle that anybody can verify without it."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from inspection.errors import InspectionError
from inspection.evidence import sha256_hex
from inspection.hub.evidence import tree, witnesses
from inspection.hub.evidence.entering import Entry, find
from inspection.hub.evidence.log import EvidenceLog
from inspection.hub.images.store import ImageStore
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.problems import Problem
from inspection.ledger import proof_file
from inspection.ledger.bundle import Manifest, Proof


class NotExportable(InspectionError):
    """There is no such inspection, or its evidence is erased or damaged; says what."""

    code = "evidence.not_exportable"


def export(
    connection: Connection, merchant_id: UUID, log: EvidenceLog, store: ImageStore, inspection_id: UUID
) -> dict[str, bytes]:
    """The files of a bundle, by name; see :mod:`inspection.ledger.bundle`. The log must have been sequenced.

    Raises:
        NotExportable: see there; also when the picture store fails.
    """
    newest = witnesses.checkpoint(connection, merchant_id)
    if newest is None:
        raise NotExportable("the log has no checkpoint yet")
    size, note = newest
    files = {"checkpoint": note.encode()}
    for revision, text in _reports(connection, merchant_id, inspection_id):
        files[f"reports/{revision}.json"] = text.encode()
        subject = f"verdict/{inspection_id}/{revision}"
        files[f"proofs/report-{revision}.json"] = _proof(connection, merchant_id, subject, size)
    named, held = _pictures(connection, merchant_id, inspection_id)
    missing = set()
    for sha256 in sorted(named):
        subject = f"picture/{sha256}"
        if sha256 not in held or find(connection, merchant_id, subject) is None:
            missing.add(sha256)
            continue
        try:
            content = store.get(merchant_id, sha256)
        except Problem as problem:
            raise NotExportable(f"picture {sha256}: {problem.detail}") from None
        if sha256_hex(content) != sha256:
            raise NotExportable(f"the stored bytes of picture {sha256} are not those that were received")
        files[f"pictures/{sha256}"] = content
        files[f"proofs/picture-{sha256}.json"] = _proof(connection, merchant_id, subject, size)
    _, log_key = log.open(merchant_id, note)
    witness_keys = [log.witness(each.name, each.key_id) for each in note.signatures[1:]]
    manifest = Manifest(
        inspection_id=str(inspection_id),
        log_key=str(log_key),
        witness_keys=[str(key) for key in witness_keys if key is not None],
        pictures_missing=sorted(missing),
    )
    return files | {"bundle.json": manifest.encode()}


def _reports(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> list[tuple[int, str]]:
    query = sa.select(inspections.c.revision, sa.cast(inspections.c.report, sa.Text).label("text")).where(
        inspections.c.merchant_id == merchant_id, inspections.c.inspection_id == inspection_id
    )
    rows = connection.execute(query.order_by(inspections.c.revision)).all()
    if not rows:
        raise NotExportable(f"the hub has no report of inspection {inspection_id}")
    return [(row.revision, row.text) for row in rows]


def _pictures(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> tuple[set[str], set[str]]:
    """Hashes that the inspection's reports name, and which of them the hub holds."""
    of_inspection = sa.and_(
        inspection_images.c.merchant_id == merchant_id, inspection_images.c.inspection_id == inspection_id
    )
    named = set(connection.execute(sa.select(inspection_images.c.sha256).where(of_inspection)).scalars())
    there = sa.select(images.c.sha256).where(images.c.merchant_id == merchant_id, images.c.sha256.in_(named))
    return named, set(connection.execute(there).scalars())


def _proof(connection: Connection, merchant_id: UUID, subject: str, size: int) -> bytes:
    entry: Entry | None = find(connection, merchant_id, subject)
    if entry is None or entry.leaf is None:
        raise NotExportable(f"the log has no entry {subject}; it was erased or never made")
    if entry.index is None or entry.index >= size:
        raise NotExportable(f"entry {subject} has no place yet", hint="try again in a second")
    proof, root = tree.inclusion(connection, merchant_id, entry.index, size)
    members = proof_file.inclusion(entry.index, size, entry.hash, proof, root)
    return Proof(leaf=entry.leaf.text, salt=proof_file.encode(entry.leaf.salt), **members).encode()
