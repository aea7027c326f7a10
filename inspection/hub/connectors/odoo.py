"""Destination ``odoo``: records of Odoo (repairs, scrap orders, returns) over JSON-RPC.

Source: Odoo 14 to 21, "External RPC API": ``/jsonrpc``, services ``common`` and ``object``; deprecated since 19, to be
removed with 22. Faults come inside answers of status 200.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, MutableMapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from inspection.hub.config import Section
from inspection.hub.connectors.contract import (
    Again,
    Conversation,
    Message,
    Refused,
    Request,
    Response,
    Skipped,
    Unusable,
    check,
    excerpt,
    json_body,
)
from inspection.hub.connectors.mapping import Fields, Source, Written, resolve, resolve_all
from inspection.hub.connectors.secret import Secret
from inspection.hub.connectors.sections import DestinationSection
from inspection.verdict import Disposition

ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
MethodName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

TO_BE_REPEATED = (
    "SerializationFailure",
    "DeadlockDetected",
    "LockNotAvailable",
    "OperationalError",
    "ConcurrencyError",
)
SESSION_EXPIRED = 100
PLACEHOLDER_ID = 0


class Find(Section):
    """A record that another one refers to.

    Attributes:
        model: where it is looked for.
        by: its field, and what it must be; all must fit.
        required: whether a message without it goes to a person; otherwise the field is left out.
    """

    model: ModelName
    by: Annotated[dict[FieldName, Source], Field(min_length=1)]
    required: bool = True


class Call(Section):
    """A method called on the record, such as ``action_validate``.

    Attributes:
        unless: fields and values of the record with which it was called already.
    """

    method: MethodName
    unless: dict[FieldName, str | int | bool] = {}  # noqa: RUF012 - pydantic copies it


class Action(Section):
    """What a disposition means in Odoo: one record, found by its key or created, then methods called on it.

    Attributes:
        model: e.g. ``repair.order``, ``stock.scrap``, ``stock.return.picking``.
        key: the field that holds ``key_value``, by which the record is found again; it makes a repetition harmless.
        key_value: what stands for this inspection.
        find: records that its fields refer to, by field.
        fields: its other fields.
        update: whether a record that is there gets the fields again, as after a correction.
        then: methods, in order.
    """

    model: ModelName
    key: FieldName = "origin"
    key_value: Source = Written(text="inspection {inspection.inspection_id}")
    find: dict[FieldName, Find] = {}  # noqa: RUF012 - pydantic copies it
    fields: Fields = {}  # noqa: RUF012 - pydantic copies it
    update: bool = True
    then: tuple[Call, ...] = ()


class OdooSection(DestinationSection):
    """A database of Odoo.

    Attributes:
        url: of the server; ``/jsonrpc`` is added.
        database: its name.
        login: the user's login name.
        api_key: the user's API key, or password.
        actions: by disposition; one that is missing is not told.
        context: sent with every call, e.g. ``{lang: en_US}``.
    """

    kind: Literal["odoo"]
    database: Annotated[str, Field(min_length=1, max_length=63)]
    login: Annotated[str, Field(min_length=1, max_length=200)]
    api_key: Secret
    actions: Annotated[dict[Disposition, Action], Field(min_length=1)]
    context: dict[str, str | int | bool] = {}  # noqa: RUF012 - pydantic copies it

    @field_validator("actions")
    @classmethod
    def _final(cls, value: dict[Disposition, Action]) -> dict[Disposition, Action]:
        if Disposition.HOLD in value:
            raise ValueError("hold is no final disposition")
        return value

    def connector(self) -> Odoo:
        return Odoo(self)


Calls = Generator[Request, Response, Any]


class Odoo:
    """Signs in, finds what is referred to, finds or creates the record, calls methods on it."""

    tells_states = True

    def __init__(self, section: OdooSection) -> None:
        self._section = section

    def requests(self, message: Message) -> list[Request]:
        action = self._action(message)
        values = resolve_all(action.fields, message.facts)
        key = self._key(action, message)
        found = [self._sign_in()]
        found += [self._lookup(each, message) for each in action.find.values()]
        found.append(self._execute(PLACEHOLDER_ID, action.model, "search", [[[action.key, "=", key]]], {"limit": 2}))
        referred = dict.fromkeys(action.find, PLACEHOLDER_ID)
        found.append(self._execute(PLACEHOLDER_ID, action.model, "create", [{action.key: key, **values, **referred}]))
        found += [self._execute(PLACEHOLDER_ID, action.model, each.method, [[PLACEHOLDER_ID]]) for each in action.then]
        return found

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        action = self._action(message)
        key = self._key(action, message)
        uid = yield from self._call(self._sign_in(), "authenticate")
        if not isinstance(uid, int) or isinstance(uid, bool):
            raise Unusable("Odoo does not know this login and key", hint="check database, login and api_key")
        values = resolve_all(action.fields, message.facts)
        for field, each in action.find.items():
            values |= yield from self._referred(uid, field, each, message)
        record = yield from self._record(uid, action, key, values, notes)
        for call in action.then:
            if f"called {call.method}" in notes or (yield from self._is_done(uid, action.model, record, call)):
                continue
            yield from self._call(self._execute(uid, action.model, call.method, [[record]]), call.method)
            notes[f"called {call.method}"] = True

    def _record(
        self, uid: int, action: Action, key: str, values: dict[str, Any], notes: MutableMapping[str, Any]
    ) -> Calls:
        """The id of the record, found, updated or created."""
        search = self._execute(uid, action.model, "search", [[[action.key, "=", key]]], {"limit": 2})
        found = yield from self._call(search, "search")
        if isinstance(found, list) and len(found) > 1:
            raise Refused(f"several {action.model} have {action.key} = {key}")
        if found:
            (record,) = found
            if action.update and values and "written" not in notes:
                yield from self._call(self._execute(uid, action.model, "write", [[record], values]), "write")
        else:
            create = self._execute(uid, action.model, "create", [{action.key: key, **values}])
            record = yield from self._call(create, "create")
        if not isinstance(record, int):
            raise Again(f"{action.model}: the answer holds no id")
        notes["written"] = True
        return record

    def _referred(self, uid: int, field: str, find: Find, message: Message) -> Calls:
        request = self._lookup(find, message, uid)
        ids = yield from self._call(request, f"search {find.model}")
        if isinstance(ids, list) and len(ids) == 1:
            return {field: ids[0]}
        if not find.required and not ids:
            return {}
        number = len(ids) if isinstance(ids, list) else 0
        raise Refused(f"{field}: {'several' if number > 1 else 'no'} {find.model} fit", hint="see by: in the action")

    def _is_done(self, uid: int, model: str, record: int, call: Call) -> Calls:
        """Whether the record shows that the method was called: our earlier call's answer may have been lost."""
        if not call.unless:
            return False
        read = self._execute(uid, model, "read", [[record], list(call.unless)])
        rows = yield from self._call(read, "read")
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], Mapping) else {}
        return all(row.get(name) == value for name, value in call.unless.items())

    def _call(self, request: Request, what: str) -> Calls:
        response = yield request
        return _result(response, what)

    def _action(self, message: Message) -> Action:
        disposition = message.report.verdict.disposition
        action = self._section.actions.get(disposition)
        if action is None:
            raise Skipped(f"{disposition} is not told here")
        return action

    def _key(self, action: Action, message: Message) -> str:
        key = resolve(action.key_value, message.facts)
        if not key:
            raise Refused(f"{action.model}: key_value is empty for this inspection")
        return str(key)

    def _lookup(self, find: Find, message: Message, uid: int = PLACEHOLDER_ID) -> Request:
        domain = [[name, "=", resolve(source, message.facts)] for name, source in find.by.items()]
        if any(value is None for _, _, value in domain) and find.required:
            names = ", ".join(name for name, _, value in domain if value is None)
            raise Refused(f"{find.model}: nothing is known to look up by {names}")
        return self._execute(uid, find.model, "search", [domain], {"limit": 2})

    def _sign_in(self) -> Request:
        section = self._section
        return self._rpc("common", "authenticate", [section.database, section.login], [section.api_key.read(), {}])

    def _execute(
        self, uid: int, model: str, method: str, arguments: list[Any], options: dict[str, Any] | None = None
    ) -> Request:
        section = self._section
        keywords = dict(options or {})
        if section.context:
            keywords["context"] = section.context
        rest = [section.api_key.read(), model, method, arguments, keywords]
        return self._rpc("object", "execute_kw", [section.database, uid], rest)

    def _rpc(self, service: str, method: str, before: list[Any], secret_and_after: list[Any]) -> Request:
        def body(arguments: list[Any]) -> bytes:
            params = {"service": service, "method": method, "args": arguments}
            return json_body({"jsonrpc": "2.0", "method": "call", "params": params, "id": 1})

        _, *after = secret_and_after
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        url = f"{self._section.url.rstrip('/')}/jsonrpc"
        return Request(
            "POST",
            url,
            headers,
            body([*before, *secret_and_after]),
            secret_body=True,
            shown=body([*before, "(secret)", *after]),
        )


def _result(response: Response, what: str) -> Any:
    """The result of a call.

    Raises:
        DeliveryProblem: for a fault, by the name of the exception in Odoo; its trace is never quoted.
    """
    if response.status == HTTPStatus.NOT_FOUND:
        raise Unusable("there is no /jsonrpc here", hint="is the URL that of the server, and its version below 22?")
    body = check(response, what).json()
    if not isinstance(body, Mapping) or ("result" not in body and "error" not in body):
        raise Again(f"{what}: no JSON-RPC answer: {excerpt(response.body)}")
    error = body.get("error")
    if error is None:
        return body.get("result")
    details = error if isinstance(error, Mapping) else {}
    data = details.get("data")
    data = data if isinstance(data, Mapping) else {}
    name = str(data.get("name") or details.get("message") or "fault")
    said = f"{what}: {name}: {excerpt(str(data.get('message', '')).encode())}"
    if name.endswith("AccessDenied"):
        raise Unusable(said, hint="check login and api_key")
    if details.get("code") == SESSION_EXPIRED or name.endswith(TO_BE_REPEATED):
        raise Again(said)
    raise Refused(said)
