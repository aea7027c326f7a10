"""Labels that count, for data sets and trainings: one a picture, the newest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from inspection.finding import Condition, Defect
from inspection.hub.images.tables import images
from inspection.hub.review.opinions import LabelBox, boxes_of
from inspection.hub.review.tables import accepted as kept
from inspection.hub.review.tables import items

Box = LabelBox
MANIFEST = ("file", "set", "goods", "defects", "condition", "group", "capture", "licence", "note")
SET, CAPTURE, LICENCE = "reviewed", "fixed", "own photographs of the merchant, not for publication"
SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}
PAGE = 500


@dataclass(frozen=True, slots=True)
class AcceptedLabel:
    """What counts for one picture.

    Attributes:
        label_id: of this label; another one of the same picture has another.
        image_sha256: name of the picture in the hub's store.
        inspection_id: where it was taken; ``None`` for a picture that was brought in by itself.
        item_key: the unit; pictures of one unit never stand on both sides of a split.
        station_id: where it was taken.
        customer_key: random; the same for all pictures of one order; ``None`` where no case is known.
        captured_at: by the station's clock, UTC.
        goods: kind of goods, ``unknown`` for an article that is not in the catalogue.
        view: camera position.
        condition: of what is to be seen; ``None`` exactly when ``useless``.
        defects: all that are to be seen.
        boxes: where, in pixels of the stored picture.
        useless: nothing can be said of this picture.
        labellers: ids of those who said so, and of who decided between them.
        at: when it was accepted.
        source: ``person``; ``override`` or ``model`` for a proposal that a person took as it stood; ``adjudicated``;
            ``suspect`` for a label that was looked at again because models doubted it.
        media_type: of the picture.
        width, height: of the picture, pixels.
    """

    label_id: UUID
    image_sha256: str
    inspection_id: UUID | None
    item_key: str
    station_id: str
    customer_key: str | None
    captured_at: datetime
    goods: str
    view: str
    condition: Condition | None
    defects: tuple[Defect, ...]
    boxes: tuple[Box, ...]
    useless: bool
    labellers: tuple[str, ...]
    at: datetime
    source: str
    media_type: str
    width: int
    height: int


def accepted(connection: Connection, merchant_id: UUID, *, since: datetime | None = None) -> Iterator[AcceptedLabel]:
    """The labels that count now, the oldest first; of pictures that the hub still holds.

    Args:
        connection: a transaction; it is read page by page.
        merchant_id: whose.
        since: only those accepted at this time or later.
    """
    after: tuple[datetime, UUID] | None = None
    while True:
        rows = connection.execute(_query(merchant_id, since, after)).all()
        yield from map(_label, rows)
        if len(rows) < PAGE:
            return
        after = rows[-1].at, rows[-1].label_id


def manifest(labels: Iterator[AcceptedLabel]) -> Iterator[str]:
    """``manifest.csv`` of :mod:`datasets.manifest`, line by line; pictures that are of no use are left out.

    A picture's file is ``<sha256>.jpg`` or ``.png`` beside the manifest; its group is the unit.
    """
    yield _line(MANIFEST)
    for label in labels:
        if label.useless or label.condition is None:
            continue
        defects = ";".join(map(str, label.defects))
        group = label.item_key
        yield _line(
            (file_of(label), SET, label.goods, defects, label.condition, group, CAPTURE, LICENCE, str(label.label_id))
        )


def file_of(label: AcceptedLabel) -> str:
    """The name of a label's picture beside its manifest."""
    return f"{label.image_sha256}.{SUFFIXES.get(label.media_type, 'jpg')}"


def _query(merchant_id: UUID, since: datetime | None, after: tuple[datetime, UUID] | None) -> sa.Select[Any]:
    of = sa.and_(items.c.merchant_id == kept.c.merchant_id, items.c.id == kept.c.item_id)
    held = sa.and_(images.c.merchant_id == kept.c.merchant_id, images.c.sha256 == kept.c.image_sha256)
    said = [kept.c[name] for name in ("image_sha256", "condition", "defects", "boxes", "useless", "labellers")]
    about = [items.c[name] for name in ("inspection_id", "item_key", "station_id", "customer_key", "captured_at")]
    picture = images.c.media_type, images.c.width, images.c.height
    columns = [kept.c.id.label("label_id"), kept.c.at, kept.c.source, *said, *about, *picture]
    query = sa.select(*columns, items.c.goods, items.c.view).join(items, of).join(images, held)
    query = query.where(kept.c.merchant_id == merchant_id, kept.c.withdrawn_at.is_(None))
    if since is not None:
        query = query.where(kept.c.at >= since)
    if after is not None:
        query = query.where(sa.tuple_(kept.c.at, kept.c.id) > sa.tuple_(*map(sa.literal, after)))
    return query.order_by(kept.c.at, kept.c.id).limit(PAGE)


def _label(row: Row[Any]) -> AcceptedLabel:
    told = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return AcceptedLabel(
        **told
        | {
            "customer_key": None if row.customer_key is None else str(row.customer_key),
            "condition": None if row.condition is None else Condition(row.condition),
            "defects": tuple(map(Defect, row.defects)),
            "boxes": boxes_of(row.boxes),
            "labellers": tuple(row.labellers),
        }
    )


def _line(values: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()
