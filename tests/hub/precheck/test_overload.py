"""At more than can be looked at: every file is kept, each customer is told how long it takes, and all are answered."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import sqlalchemy as sa

from inspection.hub.config import WorkerSection
from inspection.hub.hub import Hub
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from inspection.hub.precheck.tables import uploads
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_queue import GOOD, Customer
from tests.station.rig import wait_until

AT_ONCE = 12
"""Three times what a server opens at once for the first look, and a worker looks at."""
PATIENCE_S = 180.0
SAID = re.compile(r"About (\d+) seconds|about (\d+) minutes")


def links(running: RunningHub, admin: httpx2.Client) -> list[str]:
    rmas = [Customer(running, admin, language="en").rma for _ in range(AT_ONCE)]
    return [str(admin.post("/v1/precheck/cases", json={"rma": rma}).json()["url"]) for rma in rmas]


def sent(link: str) -> list[int]:
    """The statuses of one customer's requests."""
    base = link.partition("/precheck")[0]
    with httpx2.Client(timeout=PATIENCE_S) as phone:
        made = phone.post(f"{link}/uploads", json={"step": "damage", "size_bytes": len(GOOD)})
        place, half = base + made.headers["location"], len(GOOD) // 2
        first = phone.patch(place, content=GOOD[:half], headers={"Upload-Offset": "0"})
        rest = phone.patch(place, content=GOOD[half:], headers={"Upload-Offset": str(half)})
    return [made.status_code, first.status_code, rest.status_code]


def told(link: str) -> int | None:
    """Seconds that the page says; ``None`` when nothing waits."""
    text = httpx2.get(f"{link}/state?lang=en", headers={"Accept": "text/html"}, timeout=PATIENCE_S).text
    assert ('data-waits="1"' in text) == (SAID.search(text) is not None)
    found = SAID.search(text)
    return None if found is None else int(found[1] or 0) or 60 * int(found[2])


def states(running: RunningHub) -> dict[str, int]:
    with running.hub.database.transaction() as connection:
        query = sa.select(uploads.c.state, sa.func.count()).group_by(uploads.c.state)
        found: dict[str, Any] = {row[0]: row[1] for row in connection.execute(query)}
    return found


def test_at_overload_every_upload_is_kept_told_its_wait_and_answered_later(
    running: RunningHub, admin: httpx2.Client
) -> None:
    all_of_them = links(running, admin)
    with ThreadPoolExecutor(AT_ONCE) as pool:  # nobody looks yet: the worst overload there is
        assert list(pool.map(sent, all_of_them)) == [[201, 204, 204]] * AT_ONCE
    assert states(running) == {"waiting": AT_ONCE}
    waits = [told(link) for link in all_of_them]
    assert all(wait is not None and wait >= 5 for wait in waits)
    assert max(wait or 0 for wait in waits) > min(wait or 0 for wait in waits)  # who comes later is told more
    quick = running.hub.config.model_copy(update={"worker": WorkerSection(poll_s=0.2)})
    with WorkerThread(Worker(Hub(quick, running.hub.database, running.hub.images, Metrics()))):
        wait_until(lambda: "waiting" not in states(running), PATIENCE_S)
    assert states(running) == {"answered": AT_ONCE}
    assert [told(link) for link in all_of_them] == [None] * AT_ONCE
