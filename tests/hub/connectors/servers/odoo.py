"""Odoo's ``/jsonrpc``: services common and object on a small database; faults inside answers of status 200."""

from __future__ import annotations

from typing import Any

from tests.hub.connectors.servers.faulty import Answer, Got

DATABASE, LOGIN, KEY, UID = "shop", "bot@example.com", "odoo-key-1", 7


class OdooServer:
    """Records by model; ``fails`` are exceptions that the next calls of a method raise."""

    def __init__(self) -> None:
        self.records: dict[str, dict[int, dict[str, Any]]] = {
            "product.product": {11: {"barcode": "04012345111118", "active": True}},
            "stock.scrap": {},
            "repair.order": {},
        }
        self.fails: dict[str, list[tuple[str, str]]] = {}
        self.called: list[tuple[str, str, int]] = []

    def __call__(self, got: Got) -> Answer:
        if got.path != "/jsonrpc":
            return Answer(404, b"<h1>Not Found</h1>")
        params = got.json()["params"]
        if params["service"] == "common":
            database, login, key, _ = params["args"]
            return _result(UID if (database, login, key) == (DATABASE, LOGIN, KEY) else False)
        database, uid, key, model, method, arguments, keywords = params["args"]
        if (database, uid, key) != (DATABASE, UID, KEY):
            return fault("odoo.exceptions.AccessDenied", "Access Denied")
        if self.fails.get(method):
            return fault(*self.fails[method].pop(0))
        if model not in self.records:
            return fault("builtins.KeyError", model)
        return self._object(model, method, arguments, keywords)

    def _object(self, model: str, method: str, arguments: list[Any], keywords: dict[str, Any]) -> Answer:
        table = self.records[model]
        if method == "search":
            fits = [number for number, row in table.items() if all(row.get(f) == v for f, _, v in arguments[0])]
            return _result(fits[: keywords.get("limit")])
        if method == "create":
            number = 100 + len(table)
            table[number] = {"state": "draft", **arguments[0]}
            return _result(number)
        if method == "read":
            ids, fields = arguments
            return _result([{"id": number, **{f: table[number].get(f) for f in fields}} for number in ids])
        row = table[arguments[0][0]]
        if method == "write":
            row |= arguments[1]
        elif row["state"] == "done":
            return fault("odoo.exceptions.UserError", "You cannot validate a scrap order twice.")
        else:
            row["state"] = "done"
            self.called.append((model, method, arguments[0][0]))
        return _result(value=True)


def fault(name: str, message: str) -> Answer:
    data = {"name": name, "debug": "Traceback: /opt/odoo/secret/path", "message": message, "arguments": [message]}
    error = {"code": 200, "message": "Odoo Server Error", "data": data}
    return Answer(200, {"jsonrpc": "2.0", "id": 1, "error": error})


def _result(value: Any) -> Answer:
    return Answer(200, {"jsonrpc": "2.0", "id": 1, "result": value})
