"""The capture interface of an EPCIS 2.0 repository that works in the background, as large ones do."""

from __future__ import annotations

from typing import Any

from tests.hub.connectors.servers.faulty import Answer, Got

TOKEN = "epcis-token-1"


class Repository:
    """Captured events by id; a job is running for its first ``delay`` questions, and forgotten when told so."""

    def __init__(self, delay: int = 0) -> None:
        self.delay = delay
        self.events: dict[tuple[str, bool], dict[str, Any]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, int] = {}
        self.refuses: set[str] = set()

    def __call__(self, got: Got) -> Answer:
        if got.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"type": "epcisException:SecurityException"})
        return self._capture(got) if got.method == "POST" else self._job(got.path)

    def _capture(self, got: Got) -> Answer:
        assert got.path == "/epcis/capture"
        assert got.headers["gs1-epcis-version"] == "2.0.0"
        assert got.headers["content-type"] in {"application/json", "application/ld+json"}
        behaviour = got.headers.get("gs1-capture-error-behaviour", "rollback")
        errors, fresh = [], {}
        for event in got.json()["epcisBody"]["eventList"]:
            key = (event["eventID"], "errorDeclaration" in event)
            if event["bizStep"] in self.refuses:
                errors.append({"type": "epcisException:ValidationException", "title": f"no {event['bizStep']} here"})
            elif key in self.events:
                errors.append({"type": "epcisException:ResourceAlreadyExistsException", "title": "there already"})
            else:
                fresh[key] = event
        if not errors or behaviour == "proceed":
            self.events |= fresh
        number = str(len(self.jobs) + 1)
        success = not errors
        self.jobs[number] = {"running": False, "success": success, "captureErrorBehaviour": behaviour, "errors": errors}
        return Answer(202, b"", {"Location": f"/epcis/capture/{number}"})

    def _job(self, path: str) -> Answer:
        number = path.rpartition("/")[2]
        if number not in self.jobs:
            return Answer(404, {"type": "epcisException:NoSuchResourceException"})
        self.asked[number] = self.asked.get(number, 0) + 1
        running = self.asked[number] <= self.delay
        return Answer(200, {"running": True, "success": False, "errors": []} if running else self.jobs[number])
