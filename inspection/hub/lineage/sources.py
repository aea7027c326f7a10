"""Where a bundle is known from: the registry, or the software itself, which ships one."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.engine import Connection

from inspection.hub.bundles import registry
from inspection.hub.bundles.registry import BundleRow
from inspection.hub.bundles.tables import bundles
from inspection.hub.problems import Problem
from inspection.ledger.notes import Note, NoteError
from models import runtime
from models.bundle import SIGNATURES, SPEC
from models.contract import BundleSpec

SHIPPED = Path(runtime.__file__).with_name("bundles") / "default"
MOST_PARENTS = 50


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a bundle.

    Attributes:
        data: digest of the samples of each set; pictures: how many, where that is said.
        config: options of the training run.
    """

    bundle_id: str
    source: Literal["registry", "shipped"]
    signers: tuple[str, ...]
    parent: str | None
    code: str
    made_at: datetime | None
    published_by: str | None
    data: dict[str, str]
    pictures: dict[str, int]
    config: dict[str, object]


def chain(connection: Connection, merchant_id: UUID, bundle_id: str) -> list[Known | str]:
    """A bundle and its parents, the newest first; the last is an id alone where nobody here knows it."""
    found: list[Known | str] = []
    seen: set[str] = set()
    wanted: str | None = bundle_id
    while wanted is not None and wanted not in seen and len(found) < MOST_PARENTS:
        seen.add(wanted)
        known = find(connection, merchant_id, wanted)
        found.append(wanted if known is None else known)
        wanted = known.parent if known is not None else None
    return found


def find(connection: Connection, merchant_id: UUID, bundle_id: str) -> Known | None:
    """What is known of one bundle; what the registry says counts first."""
    try:
        return _published(registry.get(connection, merchant_id, bundle_id))
    except Problem:
        ours = shipped()
        return ours if ours is not None and ours.bundle_id == bundle_id else None


def published_policy(connection: Connection, merchant_id: UUID, version: str) -> bool:
    """Whether a policy of this version (``<version>+<12 hex digits>``) lies in the registry."""
    table = bundles
    query = sa.select(table.c.bundle_id).where(
        table.c.merchant_id == merchant_id,
        table.c.kind == "policy",
        table.c.bundle_id.endswith(f"@{version}", autoescape=True),
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def _published(row: BundleRow) -> Known:
    lineage = row.lineage
    return Known(
        bundle_id=row.bundle_id,
        source="registry",
        signers=row.signers,
        parent=row.parent,
        code=str(lineage.get("code", "")),
        made_at=row.published_at,
        published_by=row.published_by,
        data=dict(row.data),
        pictures={},
        config=dict(lineage.get("config", {})),
    )


@functools.cache
def shipped(folder: Path = SHIPPED) -> Known | None:
    """The bundle that comes with the software; ``None`` when it was taken out or cannot be read."""
    try:
        text = (folder / SPEC).read_bytes()
        spec = BundleSpec.model_validate_json(text)
    except (OSError, ValidationError):
        return None
    lineage = spec.lineage
    return Known(
        bundle_id=f"{spec.name}@{spec.version}+{hashlib.sha256(text).hexdigest()[:12]}",
        source="shipped",
        signers=_signers(folder / SIGNATURES),
        parent=None if lineage is None else lineage.parent,
        code="" if lineage is None else lineage.code,
        made_at=datetime.fromisoformat(spec.created).replace(tzinfo=UTC),
        published_by=None,
        data={} if lineage is None else dict(lineage.data),
        pictures=dict(spec.data.sets),
        config={} if lineage is None else dict(lineage.config),
    )


def _signers(path: Path) -> tuple[str, ...]:
    """Names on the signatures; whether they are trusted is asked where a bundle is run."""
    try:
        note = Note.parse(path.read_bytes())
    except (OSError, NoteError):
        return ()
    return tuple(signature.name for signature in note.signatures)
