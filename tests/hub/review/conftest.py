"""Reports with pictures as a station sends them, people who label, and the queue filled from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import cv2
import httpx2
import numpy as np
import pytest

from inspection.frame import Pixels
from inspection.hub.accounts.matrix import Role
from inspection.hub.accounts.tokens import grant, new_token
from inspection.hub.review.settings import ReviewSection
from inspection.hub.review.tasks import fill_all
from tests.hub.accounts.conftest import cheap_hashes
from tests.hub.conftest import RunningHub
from tests.hub.reports import CONFIRMED, JUDGED, report, sha256

__all__ = ["cheap_hashes"]
SIZE = (160, 120)


def scene(seed: int, shift: int = 0) -> Pixels:
    """A picture with structure of its own: blobs and lines, moved by ``shift`` pixels."""
    rng = np.random.default_rng(seed)
    pixels = np.full((SIZE[1] * 2, SIZE[0] * 2, 3), 200, np.uint8)
    for _ in range(25):
        corner, side = rng.integers(0, 300, 2), rng.integers(10, 70, 2)
        colour = tuple(int(each) for each in rng.integers(0, 255, 3))
        cv2.rectangle(pixels, corner.tolist(), (corner + side).tolist(), colour, -1)
    pixels = np.roll(cv2.resize(pixels, SIZE, interpolation=cv2.INTER_AREA), shift, axis=1)
    return np.asarray(pixels, np.uint8)


def jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def named(data: bytes, view: str = "top") -> dict[str, Any]:
    return {
        "view": view, "sha256": sha256(data), "media_type": "image/jpeg", "size_bytes": len(data), "width": SIZE[0],
        "height": SIZE[1], "captured_at": JUDGED, "camera_id": "cam", "sequence": 7, "settings_digest": "0123",
    }  # fmt: skip


def override(**changes: Any) -> dict[str, Any]:
    """Members of a report that a worker overrode: a dent the model did not see, so it goes to repair."""
    box = {"x": 10, "y": 20, "width": 30, "height": 40}
    person = {
        "disposition": "repair", "overrides": True, "reason_code": "missed_damage", "note": "", "who": "badge-1",
        "at": CONFIRMED, "marks": [{"view": "top", "box": box, "defect": "dent"}],
    }  # fmt: skip
    return {"person": person | changes, "verdict": {"disposition": "repair", "grade": None, "decided_by": "person"}}


@dataclass(slots=True)
class Bench:
    """A station that reports, and the queue it fills."""

    running: RunningHub
    station: httpx2.Client

    def bring(self, *pictures: bytes, fill: bool = True, send: bool = True, **members: Any) -> UUID:
        """An inspection of these pictures, one a view; an override unless something else is said."""
        views = ("top", "front", "side")
        members = {"rma": f"R-{uuid4().hex[:8]}"} | (override() if not members else {}) | members
        if send:
            self.send(*pictures)
        body = report(pictures=[named(data, views[place]) for place, data in enumerate(pictures)], **members)
        answer = self.station.post("/v1/inspections", json=body)
        assert answer.status_code == 201, answer.text
        if fill:
            self.fill()
        return UUID(body["inspection_id"])

    def send(self, *pictures: bytes) -> None:
        for data in pictures:
            assert self.station.put(f"/v1/images/{sha256(data)}", content=data).status_code in (200, 201)

    def fill(self) -> int:
        return fill_all(self.running.hub, self.running.merchant)


@pytest.fixture(autouse=True)
def nothing_at_random(running: RunningHub) -> None:
    """No audit and no second person, unless a test says so."""
    section = ReviewSection(audit_share=0, double_share=0)
    object.__setattr__(running.hub, "config", running.hub.config.model_copy(update={"review": section}))


@pytest.fixture
def bench(running: RunningHub, station: httpx2.Client) -> Bench:
    return Bench(running, station)


@pytest.fixture
def people(running: RunningHub) -> Iterator[Callable[[Role], httpx2.Client]]:
    """A new caller of a role, each a labeller of their own."""
    with ExitStack() as stack:

        def come(role: Role = Role.QA_ENGINEER) -> httpx2.Client:
            token = new_token(role)
            with running.hub.database.transaction() as connection:
                grant(connection, running.merchant, token, role, f"test-{uuid4().hex[:8]}")
            return stack.enter_context(running.client(token))

        yield come


@pytest.fixture
def qa(people: Callable[[Role], httpx2.Client]) -> httpx2.Client:
    return people(Role.QA_ENGINEER)


def items_of(client: httpx2.Client, inspection: UUID, **wanted: Any) -> list[dict[str, Any]]:
    """What waits of one inspection."""
    found, cursor = [], None
    while True:
        query = {"limit": 200, **wanted} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/review/items", params=query).json()
        found += [each for each in page["items"] if each["inspection_id"] == str(inspection)]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
