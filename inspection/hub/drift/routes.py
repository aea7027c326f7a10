"""``/v1/drift``: what is watched, alarms, and taking a change as the new normal."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.drift import reading, watching
from inspection.hub.drift.schemas import Alarm, AlarmList, Standings
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented

router = APIRouter(prefix="/v1/drift", tags=["quality"])
Reader = Annotated[Caller, Depends(allowed(Permission.DRIFT_READ))]
Manager = Annotated[Caller, Depends(allowed(Permission.DRIFT_MANAGE))]
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")


@router.get("/streams", summary="How every figure stands", responses=documented(*COMMON))
def list_streams(hub: CurrentHub, caller: Reader) -> Standings:
    """Per station and kind of goods: whether its reference is being learnt, it is watched, or there is an alarm."""
    with hub.database.transaction() as connection:
        return Standings(streams=reading.standings(connection, caller.merchant_id))


@router.get("/alarms", summary="Alarms, newest first", responses=documented(*COMMON))
def list_alarms(
    hub: CurrentHub,
    caller: Reader,
    is_open: Annotated[bool | None, Query(alias="open", description="only open or only closed ones")] = None,
) -> AlarmList:
    """At most 200, each with the pictures behind it and what is proposed."""
    with hub.database.transaction() as connection:
        return AlarmList(alarms=reading.newest(connection, caller.merchant_id, is_open=is_open))


@router.post(
    "/alarms/{alarm_id}/accept",
    summary="Take a change as the new normal",
    responses=documented(*COMMON, "drift.unknown", "drift.closed"),
)
def post_accept(alarm_id: UUID, hub: CurrentHub, caller: Manager) -> Alarm:
    """The alarm is closed, and the figure's reference is learnt anew."""
    return accept(hub, caller, alarm_id)


def accept(hub: Hub, caller: Caller, alarm_id: UUID) -> Alarm:
    """See :func:`post_accept`.

    Raises:
        Problem: ``drift.unknown``; ``drift.closed``.
    """
    with hub.database.transaction() as connection:
        row = reading.find(connection, caller.merchant_id, alarm_id)
        if row.closed_at is not None:
            raise Problem("drift.closed", f"it was closed already: {row.closed_by}")
        watching.accept(connection, caller.merchant_id, row, str(caller.staff_id or caller.token_id))
        row = reading.find(connection, caller.merchant_id, alarm_id)
    return Alarm.model_validate(row, from_attributes=True)
