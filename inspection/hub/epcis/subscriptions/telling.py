"""A subscription as a destination of the connectors: a webhook that gets EPCIS query documents, signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from pydantic import Field, SecretStr
from sqlalchemy.engine import Connection

from inspection.hub.connectors.contract import (
    Conversation,
    Gone,
    Message,
    Request,
    Skipped,
    Unusable,
    check,
    json_body,
)
from inspection.hub.connectors.sections import DestinationSection
from inspection.hub.epcis import reading
from inspection.hub.epcis.formats import EpcFormat
from inspection.hub.epcis.subscriptions import service
from inspection.hub.epcis.subscriptions.tables import subscriptions
from inspection.hub.images.vault import MasterKey

BATCH = 100
"""Events of one message; fewer when the receiver says that it is too large."""


class SubscriptionSection(DestinationSection):
    """What a subscription asks for, as the connectors configure a destination.

    Attributes:
        token: what messages are signed with.
    """

    kind: Literal["epcis-subscription"] = "epcis-subscription"
    merchant_id: UUID
    subscription_id: UUID
    query_name: str
    epc_format: EpcFormat
    report_if_empty: bool
    token: SecretStr | None = Field(None, repr=False)

    def connector(self) -> Subscriber:
        return Subscriber(self)


class Subscriptions:
    """Finds the section of a destination that is a subscription.

    Args:
        key: opens the signature tokens; asked for when the first is needed.
    """

    def __init__(self, key: Callable[[], MasterKey]) -> None:
        self._key = key

    def section(self, connection: Connection, merchant_id: UUID, name: str) -> SubscriptionSection | None:
        """``None`` for one that was ended, and for any other destination.

        Raises:
            Unusable: when the key does not open its signature token.
        """
        try:
            wanted = UUID(name.removeprefix(service.PREFIX)) if name.startswith(service.PREFIX) else None
        except ValueError:
            return None
        mine = sa.and_(subscriptions.c.merchant_id == merchant_id, subscriptions.c.subscription_id == wanted)
        row = connection.execute(sa.select(subscriptions).where(mine)).one_or_none() if wanted is not None else None
        if row is None:
            return None
        try:
            token = None if row.token is None else service.opened(self._key(), row.subscription_id, row.token)
        except InvalidTag:
            raise Unusable("the key of the pictures does not open its signature token") from None
        return SubscriptionSection(
            url=row.dest,
            merchant_id=merchant_id,
            subscription_id=row.subscription_id,
            query_name=row.query_name,
            epc_format=EpcFormat(row.epc_format),
            report_if_empty=row.report_if_empty,
            token=None if token is None else SecretStr(token),
            parallel=1,
        )


class Subscriber:
    """Sends what a message tells of, in batches; each one that was taken is noted, and not sent again.

    Args:
        clock: seconds since the epoch; signed with each attempt.
    """

    tells_states = False

    def __init__(self, section: SubscriptionSection, clock: Callable[[], float] = time.time) -> None:
        self._section, self._clock = section, clock

    def completed(self, connection: Connection, message: Message) -> Message:
        """``message`` with the events that it tells of and that the query asks for.

        Raises:
            Skipped: when there are none, unless the subscription wants to hear that.
        """
        section = self._section
        seqs = message.facts["event"]["payload"].get("seqs", [])
        query = service.query_of(connection, section.merchant_id, section.query_name)
        rows = list(service.matching(connection, section.merchant_id, query, service.among(seqs))) if seqs else []
        if not rows and not section.report_if_empty:
            raise Skipped("nothing that the query asks for")
        prefixes = reading.companies(connection, section.merchant_id, section.epc_format)
        document = reading.query_document(rows, section.epc_format, prefixes, section.query_name)
        document["epcisBody"]["queryResults"]["subscriptionID"] = str(section.subscription_id)
        return replace(message, facts={"document": document})

    def requests(self, message: Message) -> list[Request]:
        """What would be sent if everything is taken."""
        events = _events(message.facts["document"])
        return [self._request(message, start, BATCH) for start in range(0, max(1, len(events)), BATCH)]

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        """One request after the other until every event was taken."""
        events = _events(message.facts["document"])
        while True:
            sent, size = notes.get("sent", 0), notes.get("batch", BATCH)
            response = yield self._request(message, sent, size)
            if response.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and size > 1 and len(events) > 1:
                notes["batch"] = max(1, min(size, len(events)) // 2)
                continue
            if response.status == HTTPStatus.GONE:
                raise Gone("410: the subscriber wants no more messages")
            check(response, "subscriber")
            notes["sent"] = sent + size
            if sent + size >= len(events):
                return

    def _request(self, message: Message, start: int, size: int) -> Request:
        whole = message.facts["document"]
        results = whole["epcisBody"]["queryResults"]
        part = {"eventList": _events(whole)[start : start + size]}
        body = json_body({**whole, "epcisBody": {"queryResults": {**results, "resultsBody": part}}})
        headers = {"Content-Type": "application/json", "GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
        headers |= {"webhook-id": f"msg_{message.delivery_id.hex}_{start}", "webhook-timestamp": f"{self._clock():.0f}"}
        token = self._section.token
        if token is not None:
            headers["GS1-Signature"] = signature(
                token.get_secret_value(), headers["webhook-id"], headers["webhook-timestamp"], body
            )
        return Request("POST", self._section.url, headers, body)


def signature(token: str, message_id: str, timestamp: str, body: bytes) -> str:
    """``GS1-Signature``: HMAC-SHA-256 with the token over id, time and body, joined by dots; Base64 after ``v1,``."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(token.encode(), content, hashlib.sha256).digest()).decode()


def _events(document: dict[str, Any]) -> list[Any]:
    found: list[Any] = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return found
