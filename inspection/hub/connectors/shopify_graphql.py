"""Shopify's GraphQL: the queries and mutations, and what its answers mean, throttling by cost included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from inspection.hub.connectors.contract import Again, Busy, Refused, Response, Unusable, check, excerpt

LOOK_UP = """\
query ReturnsOfOrder($query: String!) {
  orders(first: 2, query: $query) {
    nodes {
      name
      returns(first: 20) {
        nodes {
          id
          name
          returnLineItems(first: 50) {
            nodes { id ... on ReturnLineItem { fulfillmentLineItem { lineItem { sku variant { barcode } } } } }
          }
          reverseFulfillmentOrders(first: 10) {
            nodes {
              lineItems(first: 50) {
                nodes {
                  id
                  totalQuantity
                  dispositions { type quantity }
                  fulfillmentLineItem { lineItem { sku variant { barcode } } }
                }
              }
            }
          }
        }
      }
    }
  }
}"""
STATE = """\
query LineState($id: ID!) {
  node(id: $id) { ... on ReverseFulfillmentOrderLineItem { id totalQuantity dispositions { type quantity } } }
}"""
DISPOSE = """\
mutation Dispose($dispositionInputs: [ReverseFulfillmentOrderDisposeInput!]!) {
  reverseFulfillmentOrderDispose(dispositionInputs: $dispositionInputs) {
    reverseFulfillmentOrderLineItems { id }
    userErrors { code field message }
  }
}"""
PROCESS = """\
mutation Process($input: ReturnProcessInput!) {
  returnProcess(input: $input) { return { id } userErrors { code field message } }
}"""

BUSY_STATUS = 430
UNUSABLE_STATUSES = {HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND, HTTPStatus.LOCKED}
UNUSABLE_CODES = {"ACCESS_DENIED", "SHOP_INACTIVE"}
USUAL_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class LineState:
    """How many units a line has, and how many were disposed of, by type."""

    total: int
    disposed: Mapping[str, int]


def data(response: Response) -> Mapping[str, Any]:
    """What an answer holds under ``data``.

    Raises:
        Busy: throttled, by status or by cost; says for how long.
        Again, Unusable, Refused: for what ``errors`` say.
    """
    if response.status == BUSY_STATUS:
        raise Busy(f"430 {excerpt(response.body)}", after_s=USUAL_PAUSE_S)
    if response.status in UNUSABLE_STATUSES:
        raise Unusable(f"{response.status} {excerpt(response.body)}", hint="is the shop active, and the URL right?")
    body = response.json()
    errors = body.get("errors") if isinstance(body, Mapping) else None
    if isinstance(errors, list) and errors:
        _raise(errors, body)
    check(response, "shop")
    found = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(found, Mapping):
        raise Again(f"the answer holds no data: {excerpt(response.body)}")
    return found


def line_state(found: Mapping[str, Any]) -> LineState:
    """The state of a line from the answer to :data:`STATE`.

    Raises:
        Refused: when the shop has no such line.
    """
    node = found.get("node")
    if not isinstance(node, Mapping) or "totalQuantity" not in node:
        raise Refused("the shop has no such line")
    return _state(node)


def find_line(found: Mapping[str, Any], facts: Mapping[str, Any], return_name: str) -> dict[str, str]:
    """The line of the item among the returns of its order, from the answer to :data:`LOOK_UP`.

    Raises:
        Refused: when order, return or line is not there, or not the only one.
    """
    orders = _nodes(found.get("orders"))
    if len(orders) != 1:
        raise Refused(f"the shop has {len(orders)} orders of this name")
    returns = _nodes(orders[0].get("returns"))
    named = [each for each in returns if each.get("name") == return_name]
    chosen = named or returns
    if len(chosen) != 1:
        raise Refused(f"the order has {len(returns)} returns, and none is called {return_name!r}")
    (case,) = chosen
    lines = [line for each in _nodes(case.get("reverseFulfillmentOrders")) for line in _nodes(each.get("lineItems"))]
    fitting = [line for line in lines if _fits(line, facts)] or (lines if len(lines) == 1 else [])
    open_lines = [line for line in fitting if _left(line) > 0] or fitting
    if not open_lines:
        raise Refused(f"none of the {len(lines)} lines of the return has the item's GTIN or SKU")
    line = open_lines[0]
    of_return = [each for each in _nodes(case.get("returnLineItems")) if _fits(each, facts)]
    return {
        "line": str(line["id"]),
        "return": str(case.get("id", "")),
        "return_line": str(of_return[0]["id"]) if of_return else "",
    }


def _raise(errors: list[Any], body: Mapping[str, Any]) -> None:
    codes = list(_codes(errors))
    said = "; ".join(str(each.get("message", "")) for each in errors[:3] if isinstance(each, Mapping))[:300]
    if "THROTTLED" in codes:
        raise Busy(f"throttled: {said}", after_s=_until_restored(body))
    if UNUSABLE_CODES & set(codes):
        raise Unusable(said, hint="does the token have the scope write_returns?")
    if "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
        raise Again(said)
    raise Refused(said)


def _codes(errors: list[Any]) -> Iterator[str]:
    for each in errors:
        extensions = each.get("extensions") if isinstance(each, Mapping) else None
        if isinstance(extensions, Mapping):
            yield str(extensions.get("code", ""))


def _until_restored(body: Mapping[str, Any]) -> float:
    """Seconds until the bucket holds the query's cost again."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        return max(missing / float(status["restoreRate"]), 0.1)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return USUAL_PAUSE_S


def _nodes(connection: Any) -> list[Mapping[str, Any]]:
    nodes = connection.get("nodes") if isinstance(connection, Mapping) else None
    return [each for each in nodes if isinstance(each, Mapping)] if isinstance(nodes, list) else []


def _state(node: Mapping[str, Any]) -> LineState:
    disposed: Counter[str] = Counter()
    for each in node.get("dispositions") or []:
        disposed[str(each.get("type"))] += int(each.get("quantity") or 0)
    return LineState(int(node.get("totalQuantity") or 0), disposed)


def _left(node: Mapping[str, Any]) -> int:
    state = _state(node)
    return state.total - sum(state.disposed.values())


def _fits(node: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a line is of the item's product: by barcode (GTIN, leading zeros aside) or by SKU."""
    unit = ((node.get("fulfillmentLineItem") or {}).get("lineItem")) or {}
    barcode = str(((unit.get("variant") or {}).get("barcode")) or "").lstrip("0")
    item = (facts.get("inspection") or {}).get("item") or {}
    gtin = str(item.get("gtin") or "").lstrip("0")
    sku = str((facts.get("line") or {}).get("sku") or "")
    return bool((gtin and barcode == gtin) or (sku and unit.get("sku") == sku))
