"""What a connector is: a message becomes requests, and answers become an end or one of the problems below.

Connectors do no I/O. A conversation is a generator that yields a :class:`Request` and is sent its :class:`Response`;
it returns when the destination has taken the message, and raises a :class:`DeliveryProblem` when it has not.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

from inspection.epcis import Names
from inspection.errors import InspectionError
from inspection.report import InspectionReport

MAX_DETAIL = 300


class DeliveryProblem(InspectionError):
    """A destination did not take a message."""

    code = "delivery.failed"


class Refused(DeliveryProblem):
    """It will never take this message: to a person, who may send it again."""

    code = "delivery.refused"


class Again(DeliveryProblem):
    """It may take it later: another attempt after a while.

    Attributes:
        after_s: when the destination said so itself.
    """

    code = "delivery.again"
    retryable = True

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class Busy(Again):
    """It asked for a pause: nothing is sent to it before; says nothing against the message."""

    code = "delivery.busy"


class Pending(Again):
    """It has the message and works on it: ask again after a while. Neither a failure nor a success."""

    code = "delivery.pending"


class Unusable(DeliveryProblem):
    """Nothing can be sent there at all until somebody changes something: credentials, secret, address."""

    code = "delivery.unusable"
    retryable = True


class Gone(DeliveryProblem):
    """It wants no more messages (410): it is paused until a person resumes it."""

    code = "delivery.gone"


class Skipped(DeliveryProblem):
    """There is nothing to tell this destination; the message is done."""

    code = "delivery.skipped"


@dataclass(frozen=True, slots=True)
class Message:
    """One event for one destination.

    Attributes:
        delivery_id: the same over all attempts, and when it is sent again by hand.
        event_id: place in the table of events.
        kind: of the event, e.g. ``inspection_confirmed``.
        occurred_at: when the hub recorded it.
        facts: what mappings look at; see :mod:`inspection.hub.connectors.facts`.
        reports: all revisions of the inspection that the hub has, oldest first; empty for other events.
        revision: which of them the event tells of.
        names: how our own things are named in EPCIS documents.
        again: whether an earlier attempt may have arrived.
    """

    delivery_id: UUID
    event_id: int
    kind: str
    occurred_at: datetime
    facts: Mapping[str, Any]
    reports: tuple[InspectionReport, ...] = ()
    revision: int = 0
    names: Names = field(default_factory=Names)
    again: bool = False

    @property
    def report(self) -> InspectionReport:
        """The revision that the event tells of.

        Raises:
            Skipped: when the event tells of no inspection.
        """
        found = next((each for each in self.reports if each.revision == self.revision), None)
        if found is None:
            raise Skipped(f"{self.kind} tells of no inspection")
        return found


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        secret_headers: sent like the others, never shown or kept.
        secret_body: whether ``body`` holds a secret; ``shown`` stands for it then.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    secret_headers: Mapping[str, str] = field(default_factory=dict)
    secret_body: bool = False
    shown: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer; ``body`` is bounded.

    Attributes:
        headers: names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's JSON value, ``None`` when it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> str:
        return self.headers.get("retry-after", "")


Conversation = Generator[Request, Response, None]


class Carrier(Protocol):
    """Sends requests, one after the other; a context manager that closes what is kept open."""

    def send(self, request: Request) -> Response:
        """Send and wait for the whole answer.

        Raises:
            DeliveryProblem: when there was none.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Connector(Protocol):
    """One kind of destination, configured.

    Attributes:
        tells_states: whether a later message makes an earlier one of the same thing pointless; a superseded one is
            then skipped instead of overwriting what stands.
    """

    tells_states: bool

    def requests(self, message: Message) -> list[Request]:
        """What is sent, in order, when nothing is known of the destination and all goes well; pure.

        Raises:
            Skipped: when there is nothing to tell.
            Refused: when the message lacks what the destination needs.
            Unusable: when a secret is missing.
        """

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        """Deliver ``message``; see the module's text.

        ``notes`` outlive the process: what was put there before a ``yield`` is on the disk before the request is
        sent, so that a step that was done is not done again. JSON values only. When a person sends a message again,
        only notes whose name begins with an underscore are kept.
        """


def check(response: Response, what: str) -> Response:
    """``response`` when it is 2xx.

    408, 425, 5xx are to be tried again, 429 and a 503 with ``Retry-After`` are a pause, 401 and 403 make the
    destination unusable, all else is a refusal, redirections too: they are not followed.

    Raises:
        DeliveryProblem: see above; says ``what`` and how the answer begins.
    """
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return response
    detail = f"{what}: {status} {excerpt(response.body)}".strip()
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and response.retry_after):
        raise Busy(detail, after_s=retry_after_s(response))
    if status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY} or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Again(detail, after_s=retry_after_s(response))
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise Unusable(detail, hint="are the destination's credentials right, and may they do this?")
    raise Refused(detail)


def retry_after_s(response: Response) -> float | None:
    """``Retry-After`` (RFC 9110, 10.2.3) in seconds, whether given as seconds or as a date."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rarely needed

    text = response.retry_after.strip()
    try:
        if text.replace(".", "", 1).isdecimal():
            return float(text[:12])
        moment = parsedate_to_datetime(text)
        return max(0.0, (moment - datetime.now(moment.tzinfo)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def excerpt(body: bytes, limit: int = MAX_DETAIL) -> str:
    """How ``body`` begins, on one line and free of control characters."""
    text = body[: limit * 4].decode("utf-8", "replace")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:limit]


def json_body(value: Any) -> bytes:
    """``value`` as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
