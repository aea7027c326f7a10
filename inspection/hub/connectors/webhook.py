"""Destination ``webhook``: any URL, after the Standard Webhooks specification 1.0.0."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, MutableMapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from inspection.hub.connectors.contract import (
    Conversation,
    Gone,
    Message,
    Request,
    Response,
    Unusable,
    check,
    json_body,
)
from inspection.hub.connectors.mapping import Fields, Source, resolve_all
from inspection.hub.connectors.secret import Secret
from inspection.hub.connectors.sections import DestinationSection
from inspection.hub.connectors.signing import headers

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]

USUAL: dict[str, Source] = {
    "rma": "event.payload.rma",
    "inspection_id": "inspection.inspection_id",
    "revision": "inspection.revision",
    "station_id": "inspection.station_id",
    "gtin": "inspection.item.gtin",
    "serial": "inspection.item.serial",
    "epc": "inspection.item.epc_uri",
    "disposition": "inspection.verdict.disposition",
    "grade": "inspection.verdict.grade",
    "decided_by": "inspection.verdict.decided_by",
    "reason_codes": "reasons",
    "confirmed_at": "inspection.confirmed_at",
    "evidence_hash": "inspection.evidence_hash",
}
"""What an inspection's event says unless ``fields`` says otherwise; nothing that points to a person."""


class WebhookSection(DestinationSection):
    """Events as they are, or as ``fields`` picks them.

    Attributes:
        secrets: ``whsec_…`` or ``whsk_…``, at least one; every one signs. To replace one, add the new one, let the
            receiver trust it, then take the old one away.
        headers: further headers with secrets, e.g. ``Authorization``.
    """

    kind: Literal["webhook"]
    secrets: Annotated[tuple[Secret, ...], Field(min_length=1, max_length=5)]
    headers: Annotated[dict[HeaderName, Secret], Field(max_length=10, default_factory=dict)]
    fields: Fields | None = None

    def connector(self) -> Webhook:
        return Webhook(self)


class Webhook:
    """See the module's text.

    Args:
        clock: seconds since the epoch; signed with each attempt.
    """

    tells_states = False

    def __init__(self, section: WebhookSection, clock: Callable[[], float] = time.time) -> None:
        self._section = section
        self._clock = clock

    def requests(self, message: Message) -> list[Request]:
        body = json_body(
            {
                "type": message.kind.replace("_", ".", 1),
                "timestamp": message.occurred_at.isoformat().replace("+00:00", "Z"),
                "data": self._data(message),
            }
        )
        signed = self._signed(f"msg_{message.delivery_id.hex}", body)
        secret = {name: each.read() for name, each in self._section.headers.items()}
        shown = {"Content-Type": "application/json", **signed}
        return [Request("POST", self._section.url, shown, body, secret_headers=secret)]

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:  # noqa: ARG002
        for request in self.requests(message):
            response = yield request
            _check(response)

    def _data(self, message: Message) -> dict[str, Any]:
        if self._section.fields is not None:
            return resolve_all(self._section.fields, message.facts)
        event = message.facts["event"]
        said = resolve_all(USUAL, message.facts) if message.reports else dict(event["payload"])
        return {"subject": event["subject"], **said}

    def _signed(self, message_id: str, body: bytes) -> dict[str, str]:
        try:
            return headers(self._keys(), message_id, int(self._clock()), body)
        except ValueError as error:
            raise Unusable(f"a secret cannot sign: {error}") from None

    def _keys(self) -> Iterator[str]:
        for each in self._section.secrets:
            yield each.read()


def _check(response: Response) -> None:
    if response.status == HTTPStatus.GONE:
        raise Gone("410: the receiver wants no more messages")
    check(response, "webhook")
