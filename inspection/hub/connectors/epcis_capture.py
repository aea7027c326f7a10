"""Destination ``epcis``: the capture interface of another EPCIS 2.0 repository (REST bindings, 12.7)."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from inspection.epcis import epcis_document
from inspection.evidence import canonical_json
from inspection.hub.connectors.contract import (
    Conversation,
    Message,
    Pending,
    Refused,
    Request,
    Response,
    check,
    excerpt,
)
from inspection.hub.connectors.secret import Secret
from inspection.hub.connectors.sections import DestinationSection

FIRST_POLL_S, LAST_POLL_S = 1.0, 60.0
KNOWN_ALREADY = "ResourceAlreadyExistsException"


class EpcisSection(DestinationSection):
    """A repository.

    Attributes:
        url: its base; ``/capture`` is added.
        token: sent as ``Authorization: Bearer``.
        error_behaviour: what one event that it does not take means for the others of the document.
    """

    kind: Literal["epcis"]
    token: Secret | None = None
    error_behaviour: Literal["rollback", "proceed"] = "rollback"

    def connector(self) -> EpcisCapture:
        return EpcisCapture(self)


class EpcisCapture:
    """Captures a revision's events, then asks for the capture job until it has ended.

    Events have their hash for an id, so that what arrives twice is there once. A job that says that events are there
    already is a success; one that was rolled back for it is captured once more with ``proceed``.
    """

    tells_states = False

    def __init__(self, section: EpcisSection) -> None:
        self._section = section
        self._capture_url = section.url.rstrip("/") + "/capture"

    def requests(self, message: Message) -> list[Request]:
        return [self._capture(message, self._section.error_behaviour)]

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        behaviour = self._section.error_behaviour
        while True:
            if "job" not in notes:
                response = yield self._capture(message, behaviour)
                if _is_duplicate(response):
                    return
                check(response, "capture")
                if response.status != HTTPStatus.ACCEPTED:
                    return  # it took the events at once, without a job
                notes["job"] = self._job_url(response)
                notes["polls"] = 0
            response = yield self._poll(str(notes["job"]))
            if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
                del notes["job"]  # forgotten, as a repository may: the events have ids, capture again
                raise Pending("the repository forgot the capture job", after_s=FIRST_POLL_S)
            job = _job(check(response, "capture job"))
            if job.get("running", False):
                notes["polls"] = int(notes.get("polls", 0)) + 1
                after_s = min(FIRST_POLL_S * 2.0 ** min(notes["polls"] - 1, 10), LAST_POLL_S)
                raise Pending("the repository works on it", after_s=after_s)
            if job.get("success", False):
                return
            errors = [each for each in job.get("errors") or [] if isinstance(each, Mapping)]
            serious = [each for each in errors if KNOWN_ALREADY not in str(each.get("type", ""))]
            if serious or not errors:
                del notes["job"]  # sent again by hand, it is captured anew
                raise Refused(f"not captured: {_said(serious)}")
            if behaviour == "proceed" or job.get("captureErrorBehaviour") == "proceed":
                return
            behaviour = "proceed"
            del notes["job"]

    def _capture(self, message: Message, behaviour: str) -> Request:
        document = _document(message)
        headers = {
            "Content-Type": "application/ld+json",
            "Accept": "application/json",
            "GS1-EPCIS-Version": "2.0.0",
            "GS1-CBV-Version": "2.0.0",
            "GS1-Capture-Error-Behaviour": behaviour,
        }
        return Request("POST", self._capture_url, headers, canonical_json(document), secret_headers=self._token())

    def _poll(self, url: str) -> Request:
        return Request("GET", url, {"Accept": "application/json"}, secret_headers=self._token())

    def _token(self) -> dict[str, str]:
        token = self._section.token
        return {} if token is None else {"Authorization": f"Bearer {token.read()}"}

    def _job_url(self, response: Response) -> str:
        """Where the job is; the token goes to no other host than the configured one."""
        location = response.headers.get("location", "")
        url = urljoin(self._capture_url, location)
        if not location or urlsplit(url)[:2] != urlsplit(self._section.url)[:2]:
            raise Refused(f"the capture job is not at the repository: {excerpt(location.encode())!r}")
        return url


def _document(message: Message) -> dict[str, Any]:
    """The revision's own events, and beside them what they mean among the other revisions, whatever came first."""
    document = epcis_document([message.report], message.names)
    own = document["epcisBody"]["eventList"]
    whole = epcis_document(message.reports, message.names)["epcisBody"]["eventList"] if len(message.reports) > 1 else []
    distinct = {(event["eventID"], "errorDeclaration" in event): event for event in [*own, *whole]}
    document["epcisBody"]["eventList"] = list(distinct.values())
    return document


def _is_duplicate(response: Response) -> bool:
    body = response.json()
    kind = str(body.get("type", "")) if isinstance(body, Mapping) else ""
    return response.status == HTTPStatus.CONFLICT and KNOWN_ALREADY in kind


def _job(response: Response) -> Mapping[str, Any]:
    body = response.json()
    if not isinstance(body, Mapping):
        raise Refused(f"the capture job is no JSON object: {excerpt(response.body)}")
    return body


def _said(errors: list[Mapping[str, Any]]) -> str:
    if not errors:
        return "the repository does not say why"
    first = errors[0]
    detail = first.get("detail") or first.get("title") or ""
    return excerpt(f"{first.get('type', '')} {detail} ({len(errors)} errors)".encode())
