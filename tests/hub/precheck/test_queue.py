"""From a file that was kept to an answer: once, in order of who is due, and a person where the machine cannot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import httpx2
import numpy as np
import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.engine import Row

from inspection.hub.config import WorkerSection
from inspection.hub.hub import Hub
from inspection.hub.jobs.worker import Worker, WorkerThread
from inspection.hub.metrics import Metrics
from inspection.hub.precheck import cases, uploads
from inspection.hub.precheck.line import expected_wait_s, pace_s
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.settings import PrecheckSection
from inspection.hub.precheck.tables import objects, pictures, pieces
from inspection.hub.precheck.tables import uploads as upload_rows
from inspection.hub.precheck.tasks import MAX_LOOKS, look_at
from inspection.hub.precheck.uploads import FIRST_DUE, NewUpload
from inspection.hub.problems import Problem
from inspection.hub.tables import events
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_looking import photograph
from tests.hub.test_returns import case
from tests.station.rig import wait_until

ROOT = Path(__file__).parents[3]
PATIENCE_S = 120.0


def jpeg(picture: Any) -> bytes:
    return bytes(cv2.imencode(".jpg", picture)[1].tobytes())


GOOD = jpeg(photograph())
BLURRED = jpeg(cv2.GaussianBlur(photograph(), (0, 0), 8))


class Customer:
    """Somebody with a case, who sends files past the page."""

    def __init__(self, running: RunningHub, admin: httpx2.Client, **known: Any) -> None:
        self.running, self.rma = running, str(case()["rma"])
        assert admin.post("/v1/returns", json=case(rma=self.rma)).status_code == 201
        with running.hub.database.transaction() as connection:
            self.case, _ = cases.open_case(connection, running.merchant, self.rma, known)

    def begin(self, data: bytes, step: str = "damage", **more: Any) -> Row[Any]:
        new = NewUpload(step, len(data), more.get("sha256"), more.get("place", uuid4().hex))
        with self.running.hub.database.transaction() as connection:
            made = uploads.begin(connection, self.case, new, more.get("limits", PrecheckSection()))
            return uploads.find(connection, self.case, made)

    def send(self, data: bytes, step: str = "damage") -> UUID:
        row = self.begin(data, step)
        uploads.keep(self.running.hub, row, data)
        found: UUID = row.id
        return found

    def upload(self, upload_id: UUID) -> Row[Any]:
        with self.running.hub.database.transaction() as connection:
            return uploads.find(connection, self.case, upload_id)

    def now(self) -> Row[Any]:
        with self.running.hub.database.transaction() as connection:
            return cases.of_return(connection, self.running.merchant, self.rma)

    def told(self) -> list[str]:
        with self.running.hub.database.transaction() as connection:
            query = sa.select(events.c.kind).where(events.c.subject == self.rma).order_by(events.c.id)
            return [kind for kind in connection.execute(query).scalars() if kind.startswith("precheck")]


@pytest.fixture
def customer(running: RunningHub, admin: httpx2.Client) -> Customer:
    return Customer(running, admin)


def test_pieces_join_whatever_was_cut_and_repeated(running: RunningHub, customer: Customer) -> None:
    row = customer.begin(GOOD)
    with running.hub.database.transaction() as connection:
        assert uploads.append(connection, row, 0, GOOD[:1000], None) == 1000
        with pytest.raises(Problem) as caught:
            uploads.append(connection, row, 500, GOOD[500:], None)
        assert (caught.value.code, caught.value.headers["Upload-Offset"]) == ("upload.offset", "1000")
        with pytest.raises(Problem, match="again"):
            uploads.append(connection, row, 1000, GOOD[1000:], bytes(32))
        with pytest.raises(Problem, match="announced"):
            uploads.append(connection, row, 1000, GOOD, None)
        assert uploads.append(connection, row, 1000, GOOD[1000:], None) == len(GOOD)
    assert uploads.finish(running.hub, row) == GOOD
    with running.hub.database.transaction() as connection:
        with pytest.raises(Problem, match="already"):
            uploads.append(connection, row, 0, b"x", None)
        assert connection.execute(sa.select(pieces).where(pieces.c.upload_id == row.id)).all() == []
        assert connection.execute(sa.select(objects.c.role).where(objects.c.upload_id == row.id)).scalar() == "original"
    assert (customer.upload(row.id).state, customer.now().state) == ("waiting", "checking")


def test_a_file_that_is_not_the_one_announced_begins_anew(running: RunningHub, customer: Customer) -> None:
    row = customer.begin(GOOD, sha256="0" * 64)
    with running.hub.database.transaction() as connection:
        uploads.append(connection, row, 0, GOOD, None)
    with pytest.raises(Problem) as caught:
        uploads.finish(running.hub, row)
    assert caught.value.code == "upload.checksum"
    with running.hub.database.transaction() as connection:
        assert uploads.offset(connection, customer.upload(row.id)) == 0


def test_a_case_and_an_address_bring_so_much_and_no_more(running: RunningHub, customer: Customer) -> None:
    for _ in range(2):
        customer.begin(GOOD, limits=PrecheckSection(case_uploads=2))
    with pytest.raises(Problem, match="person"):
        customer.begin(GOOD, limits=PrecheckSection(case_uploads=2))
    place = uuid4().hex
    customer.begin(GOOD, limits=PrecheckSection(address_uploads=1), place=place)
    with pytest.raises(Problem, match="person"):
        customer.begin(GOOD, limits=PrecheckSection(address_uploads=1), place=place)
    with pytest.raises(Problem, match="at most"):
        customer.begin(bytes(30_000_000))


def test_a_good_photograph_is_judged_and_the_case_answered_once(
    running: RunningHub, customer: Customer, lookers: Lookers
) -> None:
    sent = customer.send(GOOD)
    for _ in range(3):
        look_at(running.hub, lookers, running.merchant, sent)
    assert customer.upload(sent).state == "answered"
    now = customer.now()
    assert now.state in {"answered", "with_person"}
    assert now.outcome in {"send_back", "person", "repair", "refund_without_return"}
    assert set(now.answer["why"]) == {"zh-CN", "en", "th", "vi"}
    assert customer.told() == ["precheck_opened", "precheck_received", "precheck_answered"]
    with running.hub.database.transaction() as connection:
        (picture,) = connection.execute(sa.select(pictures).where(pictures.c.upload_id == sent)).all()
    assert (picture.width, picture.height, picture.model != "") == (800, 600, True)


def test_a_bad_photograph_is_not_judged_until_the_customer_says_so(
    running: RunningHub, customer: Customer, lookers: Lookers
) -> None:
    sent = customer.send(BLURRED)
    look_at(running.hub, lookers, running.merchant, sent)
    assert (customer.upload(sent).state, customer.upload(sent).code) == ("retake", "precheck.blurred")
    assert customer.now().outcome == "more_photos"
    uploads.send_anyway(running.hub, customer.case, sent)
    uploads.send_anyway(running.hub, customer.case, sent)
    look_at(running.hub, lookers, running.merchant, sent)
    assert customer.upload(sent).state == "answered"
    assert customer.now().outcome != "more_photos"


def test_hostile_bytes_are_refused_and_the_customer_is_told_why(
    running: RunningHub, customer: Customer, lookers: Lookers
) -> None:
    for data, code in ((b"MZ" + bytes(500), "type"), (GOOD[: len(GOOD) // 2], "incomplete")):
        sent = customer.send(data)
        look_at(running.hub, lookers, running.merchant, sent)
        assert (customer.upload(sent).state, customer.upload(sent).code) == ("refused", f"precheck.{code}")
    assert (customer.now().state, customer.now().outcome) == ("answered", "more_photos")


def test_a_file_that_kills_worker_after_worker_is_parked_for_a_person(
    running: RunningHub, customer: Customer, lookers: Lookers
) -> None:
    sent = customer.send(GOOD)
    with running.hub.database.transaction() as connection:
        dead = upload_rows.update().where(upload_rows.c.id == sent).values(attempts=MAX_LOOKS)
        connection.execute(dead)
    look_at(running.hub, lookers, running.merchant, sent)
    assert (customer.upload(sent).state, customer.upload(sent).code) == ("parked", "precheck.parked")
    assert (customer.now().state, customer.now().outcome) == ("with_person", "person")


def test_a_store_that_is_away_costs_no_upload_its_answer(
    running: RunningHub, customer: Customer, lookers: Lookers, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = customer.send(GOOD)

    def away(*_: object) -> bytes:
        raise Problem("store.unavailable", "the picture store failed")

    with monkeypatch.context() as patch:
        patch.setattr("inspection.hub.precheck.keeping.get", away)
        for _ in range(2 * MAX_LOOKS):
            with pytest.raises(Problem, match="failed"):
                look_at(running.hub, lookers, running.merchant, sent)
    with running.hub.database.transaction() as connection:
        connection.execute(sa.text("SET LOCAL search_path = jobs"))
        connection.execute(sa.text("DELETE FROM procrastinate_jobs"))
    with running.hub.database.transaction() as connection:
        assert uploads.wake(connection) == 0  # it is not overdue yet
        late = {"due_at": sa.func.now() - timedelta(minutes=5)}
        connection.execute(upload_rows.update().where(upload_rows.c.id == sent).values(late))
        assert (uploads.wake(connection), uploads.wake(connection)) == (1, 0)
    look_at(running.hub, lookers, running.merchant, sent)
    assert customer.upload(sent).state == "answered"


def test_who_is_due_first_is_looked_at_first_and_the_wait_is_told(running: RunningHub, admin: httpx2.Client) -> None:
    plain, gold = Customer(running, admin), Customer(running, admin, tier=9)
    first, second = plain.send(GOOD), gold.send(GOOD)
    query = sa.text("SELECT args ->> 'upload' AS upload, priority FROM jobs.procrastinate_jobs")
    with running.hub.database.transaction() as connection:
        found = {row.upload: row.priority for row in connection.execute(query)}
        waits = [expected_wait_s(connection, each.upload(sent)) for each, sent in ((plain, first), (gold, second))]
    assert found[str(second)] > found[str(first)] > 0
    assert waits[0] >= waits[1] >= 5
    assert waits[0] % 5 == 0


def test_time_in_which_nobody_asked_does_not_count_as_pace() -> None:
    moments = [FIRST_DUE + timedelta(seconds=2 * number + (500 if number > 12 else 0)) for number in range(20)]
    assert pace_s(moments) == 2
    assert pace_s(moments[:1]) is None


@pytest.mark.slow
def test_kill_9_in_the_middle_of_a_look_leads_to_one_answer(
    running: RunningHub, customer: Customer, tmp_path: Path
) -> None:
    settings = {"poll_s": 0.2, "heartbeat_s": 0.2, "stalled_after_s": 2.0}
    config = {"data_dir": str(running.hub.config.data_dir), "worker": settings}
    (tmp_path / "hub.yaml").write_text(yaml.safe_dump(config))
    environment = os.environ | {"RETURNS_HUB_DSN": running.hub.database.dsn, "RETURNS_HUB_IMAGE_KEY": "A" * 43 + "="}
    command = [sys.executable, "hub_app.py", "worker", "--config", str(tmp_path / "hub.yaml")]
    first = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sent = customer.send(GOOD)
    try:
        begun = time.monotonic()
        while customer.upload(sent).looking_since is None:  # from here on it is in the middle
            assert time.monotonic() - begun < PATIENCE_S
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    assert customer.upload(sent).state == "waiting"
    quick = running.hub.config.model_copy(update={"worker": WorkerSection.model_validate(settings)})
    with WorkerThread(Worker(Hub(quick, running.hub.database, running.hub.images, Metrics()))):
        wait_until(lambda: customer.upload(sent).state == "answered", PATIENCE_S)
    assert customer.told().count("precheck_answered") == 1
    with running.hub.database.transaction() as connection:
        count = sa.select(sa.func.count()).select_from(pictures).where(pictures.c.upload_id == sent)
        assert connection.execute(count).scalar() == 1
    assert np.isfinite(customer.upload(sent).timings_ms["judge"])
