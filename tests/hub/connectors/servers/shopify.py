"""A shop as Shopify's GraphQL Admin API shows it: cost buckets, user errors, and one state that mutations change."""

from __future__ import annotations

import re
from typing import Any

from tests.hub.connectors.servers.faulty import Answer, Got

TOKEN = "shpat_0123456789abcdef"
TYPES = {"RESTOCKED", "PROCESSING_REQUIRED", "NOT_RESTOCKED", "MISSING"}
QUERY_COST, MUTATION_COST = 12, 10
LINE = "gid://shopify/ReverseFulfillmentOrderLineItem/{}"


class Shop:
    """Orders with one return each, whose lines have units to dispose of."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.available = 1000.0
        self.maximum = 1000.0

    def add_return(self, order: str, name: str, units: dict[str, int], number: int = 1) -> list[str]:
        """An order with a return of these units by barcode; returns the lines' ids."""
        ids = []
        for offset, (barcode, quantity) in enumerate(units.items()):
            line = LINE.format(number * 100 + offset)
            unit = {"lineItem": {"sku": f"SKU-{barcode}", "variant": {"barcode": barcode}}}
            self.lines[line] = {"id": line, "totalQuantity": quantity, "dispositions": [], "fulfillmentLineItem": unit}
            ids.append(line)
        case = {"id": f"gid://shopify/Return/{number}", "name": name, "lines": ids}
        self.orders.setdefault(order, {"name": order, "returns": []})["returns"].append(case)
        return ids

    def disposed(self, line: str) -> list[tuple[str, int]]:
        return [(each["type"], each["quantity"]) for each in self.lines[line]["dispositions"]]

    def __call__(self, got: Got) -> Answer:
        if got.headers.get("x-shopify-access-token") != TOKEN:
            return Answer(
                401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}
            )
        asked = got.json()
        query, variables = asked["query"], asked["variables"]
        cost = MUTATION_COST if query.startswith("mutation") else QUERY_COST
        if cost > self.available:
            errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
            return Answer(200, {"errors": errors, "extensions": {"cost": self._cost(cost, None)}})
        self.available -= cost
        data = self._answer(query, variables)
        body = {"data": data, "extensions": {"cost": self._cost(cost, cost)}}
        if "errors" in data:
            body = {"errors": data["errors"], "extensions": body["extensions"]}
        return Answer(200, body)

    def _cost(self, asked: int, actual: int | None) -> dict[str, Any]:
        status = {"maximumAvailable": self.maximum, "currentlyAvailable": self.available, "restoreRate": 50.0}
        return {"requestedQueryCost": asked, "actualQueryCost": actual, "throttleStatus": status}

    def _answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "reverseFulfillmentOrderDispose" in query:
            inputs = variables["dispositionInputs"]
            errors = [error for each in inputs for error in self._dispose(each)]
            lines = None if errors else [{"id": each["reverseFulfillmentOrderLineItemId"]} for each in inputs]
            payload = {"reverseFulfillmentOrderLineItems": lines, "userErrors": errors}
            return {"reverseFulfillmentOrderDispose": payload}
        if "returnProcess" in query:
            unit = variables["input"]["returnLineItems"][0]
            errors = [error for each in unit["dispositions"] for error in self._dispose(each)]
            return {"returnProcess": {"return": {"id": variables["input"]["returnId"]}, "userErrors": errors}}
        if "node(id:" in query:
            line = self.lines.get(variables["id"])
            return {"node": line and {name: line[name] for name in ("id", "totalQuantity", "dispositions")}}
        return {"orders": {"nodes": self._orders(variables["query"])}}

    def _dispose(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        line = self.lines.get(given["reverseFulfillmentOrderLineItemId"])
        if line is None:
            return [{"code": "NOT_FOUND", "field": ["dispositionInputs"], "message": "Line item does not exist."}]
        assert given["dispositionType"] in TYPES
        if given["dispositionType"] == "RESTOCKED" and not given.get("locationId"):
            return [{"code": "BLANK", "field": ["locationId"], "message": "Location can't be blank."}]
        left = line["totalQuantity"] - sum(each["quantity"] for each in line["dispositions"])
        if given["quantity"] > left:
            return [{"code": "INVALID", "field": ["quantity"], "message": "Quantity is more than what is left."}]
        line["dispositions"].append({"type": given["dispositionType"], "quantity": given["quantity"]})
        return []

    def _orders(self, query: str) -> list[dict[str, Any]]:
        match = re.fullmatch(r'name:"(.*)"', query)
        order = self.orders.get(match.group(1)) if match else None
        if order is None:
            return []
        returns = [
            {
                "id": case["id"],
                "name": case["name"],
                "returnLineItems": {
                    "nodes": [
                        {
                            "id": f"{case['id']}/line/{number}",
                            "fulfillmentLineItem": self.lines[line]["fulfillmentLineItem"],
                        }
                        for number, line in enumerate(case["lines"])
                    ]
                },
                "reverseFulfillmentOrders": {
                    "nodes": [{"lineItems": {"nodes": [self.lines[line] for line in case["lines"]]}}]
                },
            }
            for case in order["returns"]
        ]
        return [{"name": order["name"], "returns": {"nodes": returns}}]
