"""Destination ``shopify``: dispositions of returned units over the GraphQL Admin API.

Source: Shopify GraphQL Admin API 2026-10: ``reverseFulfillmentOrderDispose``, ``returnProcess``,
``ReverseFulfillmentOrderDisposeInput``, ``ReturnErrorCode``; rate limits by calculated query cost.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from inspection.hub.connectors import shopify_graphql as graphql
from inspection.hub.connectors.contract import (
    Again,
    Conversation,
    Message,
    Refused,
    Request,
    Skipped,
    json_body,
)
from inspection.hub.connectors.mapping import Source, resolve
from inspection.hub.connectors.outcomes import Outcomes, outcome
from inspection.hub.connectors.secret import Secret
from inspection.hub.connectors.sections import DestinationSection

TYPES = ("RESTOCKED", "PROCESSING_REQUIRED", "NOT_RESTOCKED", "MISSING")
OUTCOMES: dict[str, str | None] = {
    "resell": "RESTOCKED",
    "repair": "PROCESSING_REQUIRED",
    "scrap": "NOT_RESTOCKED",
}
RETRYABLE_USER_ERRORS = {"INTERNAL_ERROR"}
LOOKED_UP = "(looked up by order and return)"


class ShopifySection(DestinationSection):
    """A shop.

    Attributes:
        url: ``https://<shop>.myshopify.com/admin/api/<version>/graphql.json``.
        access_token: sent as ``X-Shopify-Access-Token``; needs ``write_returns``.
        location_id: ``gid://shopify/Location/…`` that restocked units go to.
        outcomes: what a verdict is called as ``dispositionType``.
        order: where the order's name is found, for looking up lines that are not referenced.
        return_name: where the return's name at the shop is found; of an order with one return it may be missing.
        process: use ``returnProcess``, which also confirms the unit's return, instead of
            ``reverseFulfillmentOrderDispose``; refunds nothing.
    """

    kind: Literal["shopify"]
    access_token: Secret
    location_id: Annotated[str, Field(pattern=r"^gid://shopify/Location/\d+$")] | None = None
    outcomes: Outcomes = OUTCOMES
    order: Source = "return.order_ref"
    return_name: Source = "inspection.rma"
    process: bool = False

    @field_validator("outcomes")
    @classmethod
    def _known(cls, value: dict[str, str | None]) -> dict[str, str | None]:
        unknown = sorted({each for each in value.values() if each is not None and each not in TYPES})
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: expected one of {', '.join(TYPES)}")
        return value

    @model_validator(mode="after")
    def _place(self) -> ShopifySection:
        if self.location_id is None and "RESTOCKED" in self.outcomes.values():
            raise ValueError("location_id is needed for RESTOCKED")
        return self

    def connector(self) -> Shopify:
        return Shopify(self)


class Shopify:
    """Finds the unit's line, looks at what is disposed of already, disposes of one unit.

    The mutation has no idempotency key. What the shop had disposed of before our first attempt is therefore noted
    before it is sent; a later attempt that finds one more of the type knows that the earlier one arrived.
    """

    tells_states = True

    def __init__(self, section: ShopifySection) -> None:
        self._section = section

    def requests(self, message: Message) -> list[Request]:
        kind = self._kind(message)
        known = _referenced(message.facts)
        first = [] if known else [self._look_up(message)]
        line = known or {"line": LOOKED_UP, "return": LOOKED_UP, "return_line": LOOKED_UP}
        return [*first, self._state(line["line"]), self._dispose(line, kind)]

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        kind = self._kind(message)
        line = notes.get("_line") or _referenced(message.facts)
        if not line:
            response = yield self._look_up(message)
            line = graphql.find_line(graphql.data(response), message.facts, self._return_name(message))
        notes["_line"] = dict(line)
        response = yield self._state(line["line"])
        state = graphql.line_state(graphql.data(response))
        of_kind = state.disposed.get(kind, 0)
        before = int(notes.setdefault("_before", of_kind))
        if of_kind > before:
            return  # an earlier attempt arrived, though its answer did not
        if sum(state.disposed.values()) >= state.total:
            told = ", ".join(f"{number} {name}" for name, number in sorted(state.disposed.items()))
            raise Refused(f"no unit of this line is left at the shop ({told})", hint="correct it at the shop by hand")
        response = yield self._dispose(line, kind)
        _check_user_errors(graphql.data(response), "returnProcess" if self._section.process else "dispose")

    def _kind(self, message: Message) -> str:
        kind = outcome(self._section.outcomes, message.report)
        if kind is None:
            raise Skipped(f"{message.report.verdict.disposition} is not told here")
        return kind

    def _look_up(self, message: Message) -> Request:
        order = resolve(self._section.order, message.facts)
        if not order:
            raise Refused(
                "neither the line at the shop nor the order is known",
                hint="import the return, or put the line with PUT /v1/connectors/{name}/references/{rma}",
            )
        name = str(order).replace("\\", "\\\\").replace('"', '\\"')
        return self._post(graphql.LOOK_UP, {"query": f'name:"{name}"'})

    def _return_name(self, message: Message) -> str:
        return str(resolve(self._section.return_name, message.facts) or "")

    def _state(self, line: str) -> Request:
        return self._post(graphql.STATE, {"id": line})

    def _dispose(self, line: Mapping[str, str], kind: str) -> Request:
        disposition: dict[str, Any] = {
            "reverseFulfillmentOrderLineItemId": line["line"],
            "quantity": 1,
            "dispositionType": kind,
        }
        if kind == "RESTOCKED":
            disposition["locationId"] = self._section.location_id
        if not self._section.process:
            return self._post(graphql.DISPOSE, {"dispositionInputs": [disposition]})
        if not line.get("return") or not line.get("return_line"):
            raise Refused("returnProcess needs the references return_id and return_line_item_id")
        unit = {"id": line["return_line"], "quantity": 1, "dispositions": [disposition]}
        return self._post(graphql.PROCESS, {"input": {"returnId": line["return"], "returnLineItems": [unit]}})

    def _post(self, query: str, variables: dict[str, Any]) -> Request:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        secret = {"X-Shopify-Access-Token": self._section.access_token.read()}
        body = json_body({"query": query, "variables": variables})
        return Request("POST", self._section.url, headers, body, secret_headers=secret)


def _referenced(facts: Mapping[str, Any]) -> dict[str, str]:
    """The line at the shop as somebody told us; empty when nobody did."""
    ids = facts.get("references") or {}
    line = str(ids.get("reverse_fulfillment_order_line_item_id") or "")
    if not line:
        return {}
    return {
        "line": line,
        "return": str(ids.get("return_id", "")),
        "return_line": str(ids.get("return_line_item_id", "")),
    }


def _check_user_errors(data: Mapping[str, Any], what: str) -> None:
    for payload in data.values():
        errors = payload.get("userErrors") if isinstance(payload, Mapping) else None
        if errors is None:
            raise Again(f"{what}: the answer holds no userErrors")
        if not errors:
            continue
        said = "; ".join(f"{each.get('code') or ''} {each.get('message', '')}".strip() for each in errors[:3])
        if any(each.get("code") in RETRYABLE_USER_ERRORS for each in errors):
            raise Again(f"{what}: {said}")
        raise Refused(f"{what}: {said}")
