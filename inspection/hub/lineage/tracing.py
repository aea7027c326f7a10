"""Puts the lineage of one inspection together from the tables of other capabilities; nothing is stored for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.hub.datasets.tables import members as dataset_members
from inspection.hub.datasets.tables import versions as dataset_versions
from inspection.hub.evidence.tables import checkpoints, entries
from inspection.hub.images.tables import image_keys, images
from inspection.hub.inspections.tables import inspections
from inspection.hub.lineage import sources
from inspection.hub.lineage.schemas import (
    BundleTrace,
    DatasetTrace,
    DataTrace,
    LabelTrace,
    LedgerTrace,
    LineageTrace,
    PersonTrace,
    PictureTrace,
    PolicyTrace,
    RevisionTrace,
)
from inspection.hub.lineage.sources import Known
from inspection.hub.problems import Problem
from inspection.hub.review.tables import accepted

Ledger = Mapping[str, LedgerTrace]


def trace(connection: Connection, merchant_id: UUID, inspection_id: UUID) -> LineageTrace:
    """Everything the verdicts of an inspection stand on.

    Raises:
        Problem: ``inspection.unknown``.
    """
    mine = sa.and_(inspections.c.merchant_id == merchant_id, inspections.c.inspection_id == inspection_id)
    rows = connection.execute(sa.select(inspections).where(mine).order_by(inspections.c.revision.desc())).all()
    if not rows:
        raise Problem("inspection.unknown", "the hub has no report of this inspection")
    newest = rows[0].report
    subjects = [f"verdict/{inspection_id}/{row.revision}" for row in rows]
    subjects += [f"picture/{picture['sha256']}" for picture in newest["pictures"]]
    ledger = _ledger(connection, merchant_id, subjects)
    bundle_id = _bundle_of(newest)
    return LineageTrace(
        inspection_id=inspection_id,
        station_id=rows[0].station_id,
        gtin=rows[0].gtin,
        serial=rows[0].serial,
        revisions=[_revision(row, ledger, _is_published(connection, merchant_id, row)) for row in rows],
        pictures=_pictures(connection, merchant_id, newest, ledger),
        bundles=[] if bundle_id is None else _bundles(connection, merchant_id, bundle_id),
    )


def _bundle_of(report: Mapping[str, Any]) -> str | None:
    """The bundle that judged; what the assessment says counts before what the station had loaded."""
    assessment = report.get("assessment")
    found: str | None = assessment["bundle_id"] if assessment else report["versions"].get("bundle")
    return found


def _ledger(connection: Connection, merchant_id: UUID, subjects: Sequence[str]) -> dict[str, LedgerTrace]:
    covering = (
        sa.select(sa.func.min(checkpoints.c.size))
        .where(checkpoints.c.merchant_id == merchant_id, checkpoints.c.size > entries.c.leaf_index)
        .scalar_subquery()
    )
    query = sa.select(entries.c.subject, entries.c.leaf_hash, entries.c.leaf_index, covering.label("checkpoint")).where(
        entries.c.merchant_id == merchant_id, entries.c.subject.in_(subjects)
    )
    return {
        row.subject: LedgerTrace(
            leaf_hash=bytes(row.leaf_hash).hex(), leaf_index=row.leaf_index, checkpoint=row.checkpoint
        )
        for row in connection.execute(query)
    }


def _is_published(connection: Connection, merchant_id: UUID, row: Row[Any]) -> bool:
    said = row.report.get("policy")
    return said is not None and sources.published_policy(connection, merchant_id, said["policy_version"])


def _revision(row: Row[Any], ledger: Ledger, published: bool) -> RevisionTrace:
    report = row.report
    return RevisionTrace(
        revision=row.revision,
        disposition=row.disposition,
        grade=row.grade,
        decided_by=row.decided_by,
        person=_person(report.get("person")),
        policy=_policy(report, published),
        software=report["versions"]["software"],
        bundle_id=_bundle_of(report),
        confirmed_at=row.confirmed_at,
        received_at=row.received_at,
        evidence_hash=row.evidence_hash,
        ledger=ledger.get(f"verdict/{row.inspection_id}/{row.revision}"),
    )


def _person(said: Mapping[str, Any] | None) -> PersonTrace | None:
    if said is None:
        return None
    return PersonTrace(
        who=said["who"],
        at=said["at"],
        disposition=said["disposition"],
        overrides=said["overrides"],
        reason_code=said.get("reason_code"),
        approved_by=said.get("approved_by"),
    )


def _policy(report: Mapping[str, Any], published: bool) -> PolicyTrace | None:
    said = report.get("policy")
    if said is None:
        return None
    return PolicyTrace(
        version=said["policy_version"],
        products=report["versions"]["products"],
        rule_id=said["rule_id"],
        disposition=said["disposition"],
        reason=said["reason"],
        published=published,
    )


def _pictures(
    connection: Connection, merchant_id: UUID, report: Mapping[str, Any], ledger: Ledger
) -> list[PictureTrace]:
    hashes = [picture["sha256"] for picture in report["pictures"]]
    held = set(_of(connection, merchant_id, images, hashes))
    erased = set(_of(connection, merchant_id, image_keys, hashes, image_keys.c.destroyed_at.is_not(None)))
    labels = _labels(connection, merchant_id, hashes)
    calibration = report["versions"].get("calibration", {})
    return [
        PictureTrace(
            view=picture["view"],
            sha256=picture["sha256"],
            captured_at=picture.get("captured_at"),
            camera_id=picture.get("camera_id"),
            calibration=calibration.get(picture["view"]),
            held=picture["sha256"] in held,
            erased=picture["sha256"] in erased,
            ledger=ledger.get(f"picture/{picture['sha256']}"),
            label=labels.get(picture["sha256"]),
        )
        for picture in report["pictures"]
    ]


def _labels(connection: Connection, merchant_id: UUID, hashes: Sequence[str]) -> dict[str, LabelTrace]:
    """The label that counts of each picture."""
    table = accepted
    query = sa.select(table).where(
        table.c.merchant_id == merchant_id, table.c.image_sha256.in_(hashes), table.c.withdrawn_at.is_(None)
    )
    return {
        row.image_sha256: LabelTrace(
            label_id=row.id,
            condition=row.condition,
            defects=row.defects,
            useless=row.useless,
            labellers=row.labellers,
            at=row.at,
            source=row.source,
        )
        for row in connection.execute(query)
    }


def _of(
    connection: Connection, merchant_id: UUID, table: sa.Table, hashes: Sequence[str], *which: sa.ColumnElement[bool]
) -> list[str]:
    query = sa.select(table.c.sha256).where(table.c.merchant_id == merchant_id, table.c.sha256.in_(hashes), *which)
    return list(connection.execute(query).scalars())


def _bundles(connection: Connection, merchant_id: UUID, bundle_id: str) -> list[BundleTrace]:
    found = []
    for each in sources.chain(connection, merchant_id, bundle_id):
        datasets = [] if isinstance(each, str) else _datasets(connection, merchant_id, each)
        found.append(_bundle(each, datasets))
    return found


def _datasets(connection: Connection, merchant_id: UUID, known: Known) -> list[DatasetTrace]:
    """Data versions of this hub that a bundle was trained on: named by its training, or by the digests of its sets."""
    named = str(known.config.get("dataset") or "")
    table = dataset_versions
    query = sa.select(table).where(
        table.c.merchant_id == merchant_id,
        sa.or_(table.c.id == named, table.c.digests.overlap(list(known.data.values()))),
    )
    rows = connection.execute(query.order_by(table.c.made_at.desc()).limit(20)).all()
    found = [_dataset(connection, merchant_id, row) for row in rows]
    if named and named not in {each.version_id for each in found}:
        found.append(DatasetTrace(version_id=named, made_at=None, pictures=0, known=False, labels=0, labellers=[]))
    return found


def _dataset(connection: Connection, merchant_id: UUID, row: Row[Any]) -> DatasetTrace:
    of = sa.and_(
        accepted.c.merchant_id == dataset_members.c.merchant_id, accepted.c.image_sha256 == dataset_members.c.sha256
    )
    # What was accepted until the version was made is what it was made of, even where it was withdrawn since.
    query = (
        sa.select(accepted.c.image_sha256, accepted.c.labellers)
        .join(dataset_members, of)
        .where(
            dataset_members.c.merchant_id == merchant_id,
            dataset_members.c.version == row.id,
            accepted.c.at <= row.made_at,
            sa.or_(accepted.c.withdrawn_at.is_(None), accepted.c.withdrawn_at > row.made_at),
        )
    )
    labelled = connection.execute(query).all()
    return DatasetTrace(
        version_id=row.id,
        made_at=row.made_at,
        pictures=row.pictures,
        known=True,
        labels=len({each.image_sha256 for each in labelled}),
        labellers=sorted({who for each in labelled for who in each.labellers}),
    )


def _bundle(known: Known | str, datasets: list[DatasetTrace]) -> BundleTrace:
    if isinstance(known, str):
        return BundleTrace(
            bundle_id=known,
            known="no",
            signers=[],
            code=None,
            made_at=None,
            published_by=None,
            parent=None,
            data=[],
            datasets=[],
        )
    return BundleTrace(
        bundle_id=known.bundle_id,
        known=known.source,
        signers=list(known.signers),
        code=known.code or None,
        made_at=known.made_at,
        published_by=known.published_by,
        parent=known.parent,
        data=[
            DataTrace(name=name, sha256=sha256, pictures=known.pictures.get(name))
            for name, sha256 in sorted(known.data.items())
        ],
        datasets=datasets,
    )
