"""Measures each inspection once: what its report says, and light, contrast and sharpness of the deciding picture."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import cv2
import numpy as np
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Row

from inspection.frame import Pixels
from inspection.hub.accounts import clock
from inspection.hub.drift import figures
from inspection.hub.drift.figures import Measured
from inspection.hub.drift.settings import DriftSection
from inspection.hub.drift.tables import observations
from inspection.hub.hub import Hub
from inspection.hub.images.picture_header import NotAPicture, read_header
from inspection.hub.images.service import row_of
from inspection.hub.images.tables import image_keys
from inspection.hub.inspections.tables import inspections
from inspection.hub.problems import Problem

AT_ONCE = 200
LOOKS_BACK = timedelta(days=7)
"""A report that came in so long ago and was never measured is left."""


def observe(hub: Hub, merchant_id: UUID, section: DriftSection, *, most: int = AT_ONCE) -> int:
    """Measure inspections that nobody has measured, the oldest first; how many.

    One whose picture is on its way waits for it a while. Twice does no harm.

    Raises:
        Problem: ``store.unavailable``.
    """
    with hub.database.transaction() as connection:
        now = clock.now(connection)
        waiting = _unmeasured(connection, merchant_id, now, most)
    measured = [row for row in waiting if _measure(hub, merchant_id, row, now, section)]
    return len(measured)


def _unmeasured(connection: sa.Connection, merchant_id: UUID, now: datetime, most: int) -> list[Row[Any]]:
    table = inspections
    known = sa.exists().where(
        observations.c.merchant_id == table.c.merchant_id, observations.c.inspection_id == table.c.inspection_id
    )
    query = sa.select(table.c.inspection_id, table.c.station_id, table.c.received_at, table.c.report).where(
        table.c.merchant_id == merchant_id, table.c.revision == 1, table.c.received_at > now - LOOKS_BACK, ~known
    )
    return list(connection.execute(query.order_by(table.c.received_at, table.c.inspection_id).limit(most)))


def _measure(hub: Hub, merchant_id: UUID, row: Row[Any], now: datetime, section: DriftSection) -> bool:
    """Write one observation down, unless its picture is to be waited for."""
    report: Mapping[str, Any] = row.report
    found = figures.of_report(report)
    picture = figures.deciding(report)
    sha256 = None
    if picture is not None:
        late = now - row.received_at > timedelta(minutes=section.picture_wait_min)
        state, pixels = _pixels(hub, merchant_id, picture["sha256"])
        if state == "coming" and not late:
            return False
        if pixels is not None:
            found |= figures.of_picture(pixels, figures.basis_of(report, picture))
            sha256 = picture["sha256"]
    _keep(hub, merchant_id, row, found, sha256)
    return True


def _keep(hub: Hub, merchant_id: UUID, row: Row[Any], found: Measured, sha256: str | None) -> None:
    values = {
        "merchant_id": merchant_id,
        "inspection_id": row.inspection_id,
        "station_id": row.station_id,
        "goods": figures.goods_of(row.report),
        "day": row.received_at.date(),
        "figures": {name: list(value) for name, value in found.items()},
        "sha256": sha256,
    }
    with hub.database.transaction() as connection:
        connection.execute(postgresql.insert(observations).values(values).on_conflict_do_nothing())


def _pixels(hub: Hub, merchant_id: UUID, sha256: str) -> tuple[str, Pixels | None]:
    """``coming``, ``gone`` or ``there``, with the pixels."""
    with hub.database.transaction() as connection:
        row = row_of(connection, merchant_id, sha256)
        destroyed = sa.select(image_keys.c.destroyed_at).where(
            image_keys.c.merchant_id == merchant_id, image_keys.c.sha256 == sha256
        )
        erased = connection.execute(destroyed).scalar_one_or_none() is not None
    if erased:
        return "gone", None
    if row is None:
        return "coming", None
    try:
        content = hub.images.get(merchant_id, sha256)
        header = read_header(content)
    except NotAPicture:
        return "gone", None
    except Problem as problem:
        if problem.code == "image.erased":
            return "gone", None
        raise
    if header.width * header.height > figures.MOST_PIXELS or min(header.width, header.height) < 64:  # noqa: PLR2004
        return "gone", None
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    return ("gone", None) if pixels is None else ("there", np.asarray(pixels, np.uint8))
