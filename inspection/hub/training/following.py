"""Server-sent events of a training: its state whenever it changes, and the points of its curves as they come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from inspection.hub.hub import Hub
from inspection.hub.training import service
from inspection.hub.training.schemas import TrainingJob, TrainingPoint, TrainingPoints

LOOK_S, ALIVE_S, LASTS_S = 1.0, 15.0, 600.0
"""How often it looks; how often it says that it lives; after how long a browser comes again, so that none is kept."""


async def follow(request: Request, hub: Hub, merchant_id: UUID, job: UUID, after: int) -> AsyncIterator[str]:
    """Events from the point ``after`` on, until the training has ended or the reader is gone.

    ``state`` carries a training, ``points`` points; the id of an event is the number of the last point sent. ``end``
    says that nothing more will come.
    """
    changed, begun, said = -1, time.monotonic(), time.monotonic()

    def look() -> tuple[TrainingJob, list[TrainingPoint]]:
        with hub.database.transaction() as connection:
            row = service.find(connection, merchant_id, job)
            rows = service.points_of(connection, merchant_id, job, after) if row.changed != changed else []
        return TrainingJob.model_validate(row), [TrainingPoint.model_validate(each) for each in rows]

    while time.monotonic() - begun < LASTS_S and not await request.is_disconnected():
        state, points = await run_in_threadpool(look)
        if state.changed != changed:
            if points:
                after = points[-1].seq
                yield _event("points", TrainingPoints(points=points).model_dump_json(), after)
            yield _event("state", state.model_dump_json(), after)
            changed, said = state.changed, time.monotonic()
        if state.state in service.ENDED and not points:
            yield _event("end", "{}", after)
            return
        if time.monotonic() - said > ALIVE_S:
            said = time.monotonic()
            yield ": alive\n\n"
        await asyncio.sleep(0 if points else LOOK_S)


def _event(name: str, data: str, number: int) -> str:
    return f"event: {name}\nid: {number}\ndata: {data}\n\n"
