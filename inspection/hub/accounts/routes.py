"""``/v1``: stations' enrolment and credentials, staff, sessions, tokens, and the audit trail."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ValidationError

from inspection.hub.accounts import administration, audit, enrolment, schemas, sessions, sign_in, staff, throttle
from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.matrix import MATRIX, Role, may
from inspection.hub.accounts.roles import Permission, allowed, openly
from inspection.hub.accounts.tokens import Caller, merchant_id
from inspection.hub.hub import CurrentHub, Hub
from inspection.hub.problems import Problem, documented, faults
from inspection.hub.requests import json_body

router = APIRouter(prefix="/v1", tags=["accounts"])
OPEN = ("rate.limited", "database.unavailable", "internal")
GUARD = ("token.missing", "token.invalid", "token.scope", "session.csrf", "rate.limited")
"""What every route that asks for a token can answer."""
COMMON = (*GUARD, "request.invalid", "database.unavailable", "internal")
BODY = ("request.not_json", "request.truncated", "request.media_type", "request.too_large")
MAX_BODY_BYTES = 16_384
BODIES = (
    schemas.EnrolmentRequest,
    schemas.BadgeSignIn,
    schemas.PasswordChange,
    schemas.NewStaffMember,
    schemas.StaffChange,
    schemas.NewToken,
)
"""Bodies that routes read themselves, for the description of the interface."""

M = TypeVar("M", bound=BaseModel)
Myself = Annotated[Caller, Depends(allowed(Permission.SELF))]
StaffReader = Annotated[Caller, Depends(allowed(Permission.STAFF_READ))]
StaffManager = Annotated[Caller, Depends(allowed(Permission.STAFF_MANAGE))]
StationsReader = Annotated[Caller, Depends(allowed(Permission.STATIONS_READ))]
StationsManager = Annotated[Caller, Depends(allowed(Permission.STATIONS_MANAGE))]
TokensReader = Annotated[Caller, Depends(allowed(Permission.TOKENS_READ))]
TokensManager = Annotated[Caller, Depends(allowed(Permission.TOKENS_MANAGE))]
BadgeReader = Annotated[Caller, Depends(allowed(Permission.BADGE_SIGN_IN))]
Rotator = Annotated[Caller, Depends(allowed(Permission.CREDENTIAL_ROTATE))]
Auditor = Annotated[Caller, Depends(allowed(Permission.AUDIT_READ))]
StationId = Annotated[schemas.StationId, Path(examples=["station-07"])]


def origin(request: Request) -> Origin:
    """Where the request came from, for the audit trail."""
    return Origin.of(request)


From = Annotated[Origin, Depends(origin)]


def _sent(model: type[M]) -> Callable[[Request], Coroutine[Any, Any, M]]:
    async def read(request: Request) -> M:
        _, value = await json_body(request, MAX_BODY_BYTES)
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise Problem("request.invalid", "see errors", errors=faults(error)) from None

    return read


def _body(model: type[BaseModel]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
    return {"requestBody": {"required": True, "content": content}}


@router.post(
    "/enrolments",
    status_code=201,
    summary="Enrol a station with its one-time code",
    responses=documented(*OPEN, *BODY, "request.invalid", "enrolment.refused", "sign_in.locked"),
    openapi_extra=_body(schemas.EnrolmentRequest),
    dependencies=[openly("the code is what lets in")],
)
def post_enrolment(
    hub: CurrentHub, sent: Annotated[schemas.EnrolmentRequest, Depends(_sent(schemas.EnrolmentRequest))], came: From
) -> schemas.Credential:
    """The code is used up, and credentials that the station had are revoked. Keep the answer: it is given once."""
    with hub.database.transaction() as connection:
        default = merchant_id(connection)
    throttle.admit(hub.database, default, [throttle.place("enrolment", came.source or "", free=100)])
    with hub.database.transaction() as connection:
        made = enrolment.enrol(connection, sent.code, _life(hub), came)
    if made is None:
        raise Problem("enrolment.refused", "the code is unknown, used or over; have a new one made")
    return _credential(made)


@router.post(
    "/credential/rotation",
    status_code=201,
    summary="Rotate the station's own credential",
    responses=documented(*COMMON, "credential.fixed", "credential.replaced"),
)
def post_rotation(hub: CurrentHub, caller: Rotator, came: From) -> schemas.Credential:
    """The old one works a while longer, so that a lost answer costs nothing: ask again with the old one.

    Once the new one was used, asking with the old one is refused: somebody has a copy.
    """
    grace = timedelta(minutes=hub.config.access.credential_grace_min)
    with hub.database.transaction() as connection:
        return _credential(enrolment.rotate(connection, caller, _life(hub), grace, came))


@router.get("/stations", summary="List stations", responses=documented(*COMMON))
def get_stations(hub: CurrentHub, caller: StationsReader) -> schemas.Stations:
    """With what lets them in."""
    with hub.database.transaction() as connection:
        return schemas.Stations(stations=administration.all_stations(connection, caller.merchant_id))


@router.post(
    "/stations/{station_id}/enrolment-codes",
    status_code=201,
    summary="Make a one-time code for a station",
    responses=documented(*COMMON),
)
def post_enrolment_code(
    station_id: StationId, hub: CurrentHub, caller: StationsManager, came: From
) -> schemas.EnrolmentCode:
    """Codes made before for this station are good no longer."""
    code, expires_at = administration.make_code(hub, caller, station_id, came)
    return schemas.EnrolmentCode(station_id=station_id, code=code, expires_at=expires_at)


@router.delete("/stations/{station_id}/credentials", summary="Shut a station out", responses=documented(*COMMON))
def delete_station_credentials(
    station_id: StationId, hub: CurrentHub, caller: StationsManager, came: From
) -> schemas.Revoked:
    """Its credentials, tokens and codes, and sessions that badges opened there. What it reported stays."""
    with hub.database.transaction() as connection:
        return schemas.Revoked(revoked=enrolment.revoke_station(connection, caller, station_id, came))


@router.post(
    "/badge-sign-ins",
    status_code=201,
    summary="Sign in with badge and PIN at a station",
    responses=documented(*COMMON, *BODY, "sign_in.failed", "sign_in.locked"),
    openapi_extra=_body(schemas.BadgeSignIn),
)
def post_badge_sign_in(
    hub: CurrentHub,
    caller: BadgeReader,
    sent: Annotated[schemas.BadgeSignIn, Depends(_sent(schemas.BadgeSignIn))],
    came: From,
) -> schemas.SignedIn:
    """Five wrong PINs lock the badge for a minute, each further one for longer; a station may try 30 in 5 minutes."""
    badge, pin = sent.badge.get_secret_value(), sent.pin.get_secret_value()
    came_in = sign_in.by_badge(hub, caller, badge, pin, came)
    person = came_in.person
    return schemas.SignedIn(
        staff_id=person.id,
        name=person.name,
        role=person.role,
        language=person.language,
        permissions=sorted(MATRIX[Role(person.role)]),
        session=came_in.token,
        session_id=came_in.session.id,
        expires_at=came_in.session.expires_at,
    )


@router.get("/me", summary="Who asks", responses=documented(*COMMON))
def get_me(hub: CurrentHub, caller: Myself) -> schemas.Me:
    """Role and permissions of the token or session."""
    name = None
    if caller.staff_id is not None:
        with hub.database.transaction() as connection:
            name = staff.find(connection, caller.merchant_id, caller.staff_id).name
    return schemas.Me(
        role=caller.role,
        kind=caller.kind,
        staff_id=caller.staff_id,
        name=name,
        station_id=caller.station_id,
        permissions=sorted(MATRIX[caller.role]),
    )


@router.post(
    "/me/password",
    status_code=204,
    summary="Change one's own password",
    responses={204: {"description": "Changed"}, **documented(*COMMON, *BODY, "sign_in.failed", "staff.unknown")},
    openapi_extra=_body(schemas.PasswordChange),
)
def post_password(
    hub: CurrentHub,
    caller: Myself,
    sent: Annotated[schemas.PasswordChange, Depends(_sent(schemas.PasswordChange))],
    came: From,
) -> None:
    """Other sessions of the same person end."""
    old, new = sent.old.get_secret_value(), sent.new.get_secret_value()
    administration.change_own_password(hub, caller, old, new, came)


@router.get("/sessions", summary="List one's own sessions", responses=documented(*COMMON))
def get_sessions(hub: CurrentHub, caller: Myself) -> schemas.Sessions:
    """Those that let in now. A token has none."""
    if caller.staff_id is None:
        return schemas.Sessions(sessions=[])
    return _sessions(hub, caller, caller.staff_id)


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    summary="End one session",
    responses={204: {"description": "Ended"}, **documented(*COMMON, "session.unknown")},
)
def delete_session(session_id: UUID, hub: CurrentHub, caller: Myself, came: From) -> None:
    """One's own, or as administrator anybody's."""
    anybody = may(caller.role, Permission.STAFF_MANAGE)
    administration.end_session(hub, caller, session_id, came, anybody=anybody)


@router.get("/staff", summary="List staff", responses=documented(*COMMON))
def get_staff(hub: CurrentHub, caller: StaffReader) -> schemas.StaffMembers:
    """By sign-in name."""
    with hub.database.transaction() as connection:
        rows = staff.everybody(connection, caller.merchant_id)
    return schemas.StaffMembers(staff=[schemas.StaffMember.of(row) for row in rows])


@router.post(
    "/staff",
    status_code=201,
    summary="Add a member of staff",
    responses=documented(*COMMON, *BODY, "staff.conflict"),
    openapi_extra=_body(schemas.NewStaffMember),
)
def post_staff(
    hub: CurrentHub,
    caller: StaffManager,
    sent: Annotated[schemas.NewStaffMember, Depends(_sent(schemas.NewStaffMember))],
    came: From,
) -> schemas.StaffMember:
    """With a password for the console, badge and PIN for stations, an address for OIDC, or any of them."""
    return schemas.StaffMember.of(administration.add_staff(hub, caller, sent, came))


@router.get("/staff/{staff_id}", summary="Read a member of staff", responses=documented(*COMMON, "staff.unknown"))
def get_staff_member(staff_id: UUID, hub: CurrentHub, caller: StaffReader) -> schemas.StaffMember:
    """Of secrets only whether they are set."""
    with hub.database.transaction() as connection:
        return schemas.StaffMember.of(staff.find(connection, caller.merchant_id, staff_id))


@router.patch(
    "/staff/{staff_id}",
    summary="Change a member of staff",
    responses=documented(*COMMON, *BODY, "staff.unknown", "staff.conflict", "staff.last_admin"),
    openapi_extra=_body(schemas.StaffChange),
)
def patch_staff_member(
    staff_id: UUID,
    hub: CurrentHub,
    caller: StaffManager,
    sent: Annotated[schemas.StaffChange, Depends(_sent(schemas.StaffChange))],
    came: From,
) -> schemas.StaffMember:
    """A new secret, or `disabled`, ends the person's sessions; another role counts from the next request on."""
    return schemas.StaffMember.of(administration.change_staff(hub, caller, staff_id, sent, came))


@router.get(
    "/staff/{staff_id}/sessions", summary="List somebody's sessions", responses=documented(*COMMON, "staff.unknown")
)
def get_staff_sessions(staff_id: UUID, hub: CurrentHub, caller: StaffReader) -> schemas.Sessions:
    """Those that let in now."""
    with hub.database.transaction() as connection:
        staff.find(connection, caller.merchant_id, staff_id)
    return _sessions(hub, caller, staff_id)


@router.delete(
    "/staff/{staff_id}/sessions",
    summary="End all of somebody's sessions",
    responses=documented(*COMMON, "staff.unknown"),
)
def delete_staff_sessions(staff_id: UUID, hub: CurrentHub, caller: StaffManager, came: From) -> schemas.Revoked:
    """They may sign in again; to shut somebody out, disable the account."""
    return schemas.Revoked(revoked=administration.end_sessions(hub, caller, staff_id, came))


@router.get("/tokens", summary="List tokens and credentials", responses=documented(*COMMON))
def get_tokens(hub: CurrentHub, caller: TokensReader) -> schemas.Tokens:
    """Those that let in now; never the secrets."""
    with hub.database.transaction() as connection:
        rows = administration.live_tokens(connection, caller.merchant_id)
    return schemas.Tokens(tokens=[schemas.Token(**_token(row)) for row in rows])


@router.post(
    "/tokens",
    status_code=201,
    summary="Make a token for a program",
    responses=documented(*COMMON, *BODY),
    openapi_extra=_body(schemas.NewToken),
)
def post_token(
    hub: CurrentHub,
    caller: TokensManager,
    sent: Annotated[schemas.NewToken, Depends(_sent(schemas.NewToken))],
    came: From,
) -> schemas.MadeToken:
    """Keep the answer: only the token's hash is stored."""
    secret, row = administration.make_token(hub, caller, sent, came)
    return schemas.MadeToken(token=secret, **_token(row))


@router.delete(
    "/tokens/{token_id}",
    status_code=204,
    summary="Revoke a token or credential",
    responses={204: {"description": "Revoked"}, **documented(*COMMON, "token.unknown")},
)
def delete_token(token_id: UUID, hub: CurrentHub, caller: TokensManager, came: From) -> None:
    """At once, in every process."""
    administration.revoke_token(hub, caller, token_id, came)


@router.get("/audit", summary="Read the audit trail, newest first", responses=documented(*COMMON))
def get_audit(
    hub: CurrentHub,
    caller: Auditor,
    *,
    act: Annotated[str | None, Query(pattern=r"^[a-z_.]{1,60}$", examples=["staff.change"])] = None,
    actor_id: Annotated[UUID | None, Query(description="of a staff account or token")] = None,
    subject: Annotated[str | None, Query(pattern=r"^[^\x00]{1,300}$", examples=["station/station-07"])] = None,
    since: Annotated[datetime | None, Query(description="from this moment on")] = None,
    until: Annotated[datetime | None, Query(description="before this moment")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next_cursor` of the page before")
    ] = None,
) -> schemas.AuditPage:
    """Who did what, when, from where, on what; reading it is entered as well."""
    wanted = audit.Wanted(act, str(actor_id) if actor_id else None, subject, _moment(since), _moment(until))
    with hub.database.transaction() as connection:
        rows = audit.page(connection, caller.merchant_id, wanted, limit, int(cursor) if cursor else None)
    shown = [schemas.AuditEntry(**_part(row, schemas.AuditEntry)) for row in rows[:limit]]
    return schemas.AuditPage(entries=shown, next_cursor=str(shown[-1].id) if len(rows) > limit else None)


def _life(hub: Hub) -> timedelta:
    return timedelta(days=hub.config.access.credential_days)


def _credential(made: enrolment.Credential) -> schemas.Credential:
    return schemas.Credential(
        station_id=made.station_id, credential=made.token, expires_at=made.expires_at, rotate_after=made.rotate_after
    )


def _sessions(hub: Hub, caller: Caller, staff_id: UUID) -> schemas.Sessions:
    with hub.database.transaction() as connection:
        rows = sessions.listed(connection, caller.merchant_id, staff_id)
    found = [_part(row, schemas.Session) | {"current": row.id == caller.token_id} for row in rows]
    return schemas.Sessions(sessions=[schemas.Session(**each) for each in found])


def _token(row: Any) -> dict[str, Any]:
    return _part(row, schemas.Token) | {"role": row.scope}


def _part(row: Any, model: type[BaseModel]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in model.model_fields if hasattr(row, name)}


def _moment(given: datetime | None) -> datetime | None:
    if given is not None and given.tzinfo is None:
        message = "must name its time zone, such as Z"
        raise Problem("request.invalid", message, errors=[{"pointer": "/query", "message": message}])
    return given
