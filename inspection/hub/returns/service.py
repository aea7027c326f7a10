"""Importing returns and looking them up."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from inspection.evidence import canonical_json, sha256_hex
from inspection.hub.events import EventKind, record
from inspection.hub.inspections.reading import of_return
from inspection.hub.problems import Problem
from inspection.hub.returns.schemas import NewReturn, ReturnView, StoredLine, StoredReturn
from inspection.hub.returns.tables import return_lines, returns


def create(connection: Connection, merchant_id: UUID, new: NewReturn) -> tuple[StoredReturn, bool]:
    """Import one return; says whether it is new.

    Raises:
        Problem: ``return.conflict`` when the RMA number holds another return.
    """
    content = sha256_hex(canonical_json(new.model_dump(mode="json")))
    row = {
        "merchant_id": merchant_id,
        "rma": new.rma,
        "order_ref": new.order_ref,
        "opened_at": new.opened_at,
        "content_sha256": content,
    }
    insert = postgresql.insert(returns).values(row).on_conflict_do_nothing().returning(returns.c.rma)
    if connection.execute(insert).one_or_none() is None:
        mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma == new.rma)
        if connection.execute(sa.select(returns.c.content_sha256).where(mine)).scalar_one() != content:
            raise Problem("return.conflict", f"{new.rma} is another return; nothing was changed")
        return _known(connection, merchant_id, new.rma), False
    rows = [
        {"merchant_id": merchant_id, "rma": new.rma, "line_no": number, **line.model_dump(mode="json")}
        for number, line in enumerate(new.lines, start=1)
    ]
    connection.execute(return_lines.insert(), rows)
    payload = {"order_ref": new.order_ref, "lines": len(new.lines)}
    record(connection, merchant_id, EventKind.RETURN_CREATED, new.rma, payload)
    return _known(connection, merchant_id, new.rma), True


def view(connection: Connection, merchant_id: UUID, rma: str) -> ReturnView:
    """Everything under one RMA number, also when only inspections name it.

    Raises:
        Problem: ``return.unknown`` when nothing does.
    """
    stored = _find(connection, merchant_id, rma)
    found = of_return(connection, merchant_id, rma)
    if stored is None and not found:
        raise Problem("return.unknown", "neither a return nor an inspection has this RMA number")
    return ReturnView(rma=rma, known=stored is not None, case=stored, inspections=found)


def _known(connection: Connection, merchant_id: UUID, rma: str) -> StoredReturn:
    stored = _find(connection, merchant_id, rma)
    if stored is None:
        raise LookupError(rma)
    return stored


def _find(connection: Connection, merchant_id: UUID, rma: str) -> StoredReturn | None:
    mine = sa.and_(returns.c.merchant_id == merchant_id, returns.c.rma == rma)
    row = connection.execute(sa.select(returns).where(mine)).one_or_none()
    if row is None:
        return None
    its = sa.and_(return_lines.c.merchant_id == merchant_id, return_lines.c.rma == rma)
    lines = connection.execute(sa.select(return_lines).where(its).order_by(return_lines.c.line_no))
    names = StoredLine.model_fields
    return StoredReturn(
        rma=row.rma,
        order_ref=row.order_ref,
        opened_at=row.opened_at,
        created_at=row.created_at,
        lines=[StoredLine(**{name: getattr(line, name) for name in names}) for line in lines],
    )
