"""Reports arrive at least once, take effect once, and none is dropped without a person."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx2
import numpy as np
import pytest

from inspection.station.delivery import Delivery
from inspection.station.hub_client import HubClient, Outcome, TokenSource, classify
from inspection.station.journal import Journal
from inspection.station.orders import Order, OrderKind
from inspection.station.pictures import PictureStore
from inspection.station.record import State, build_report
from inspection.station.reporter import BackOff, Reporter
from inspection.station.session import capture_started, ordered, scanned
from inspection.station.session_data import Session, Step
from tests.station.parts import RULES, SECOND, T0, WHO, barcode, judge, picture, settle
from tests.station.recording_hub import TOKEN, Answer, RecordingHub
from tests.station.rig import wait_until


@pytest.fixture
def hub() -> Iterator[RecordingHub]:
    hub = RecordingHub().start()
    yield hub
    hub.stop()


class Desk:
    """A journal with confirmed inspections, and a reporter."""

    def __init__(self, folder: Path, hub: RecordingHub) -> None:
        self.folder, self.hub = folder, hub
        self.journal = Journal(folder / "journal.sqlite")
        self.pictures = PictureStore(folder / "pictures")
        (folder / "token").write_text(TOKEN)
        self.delivered: list[UUID] = []
        self.outcomes: list[Outcome] = []
        client = HubClient(hub.url, TokenSource(folder / "token"), timeout_s=0.5)
        self.reporter = Reporter(
            self.journal,
            Delivery(client, self.pictures),
            back_off=BackOff(base_s=0.02, cap_s=0.1, blocked_s=0.2),
            on_change=lambda: None,
            on_delivered=self.delivered.append,
            on_answer=self.outcomes.append,
        )

    def confirm(self, number: int) -> UUID:
        """A confirmed inspection with a picture of its own."""
        pixels = np.full((48, 64, 3), number, np.uint8)
        stored = self.pictures.put(pixels)
        part = picture(stored.sha256).model_copy(update={"size_bytes": stored.size_bytes})
        session = self._commit(settle(scanned(Session(), barcode(f"ITEM-{number}"), RULES, WHO).session))
        session = self._commit(capture_started(session, T0))
        session = self._commit(judge(session, pictures=(part,)))
        session = self._commit(ordered(session, Order(OrderKind.OK, WHO), RULES, T0, SECOND))
        assert session.current is not None
        self.reporter.wake()
        return session.current.inspection_id

    def _commit(self, step: Step) -> Session:
        decided = [moved.record for moved in step.transitions if moved.after is State.CONFIRMED]
        self.journal.commit(step.transitions, report=build_report(decided[0], "station-1") if decided else None)
        return step.session


@pytest.fixture
def desk(tmp_path: Path, hub: RecordingHub) -> Iterator[Desk]:
    desk = Desk(tmp_path, hub)
    yield desk
    desk.reporter.stop()
    desk.journal.close()


def test_pictures_go_before_the_report(desk: Desk) -> None:
    desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: desk.delivered, 60)
    assert [request.split("/")[0] + request.split("/")[2] for request in desk.hub.requests] == [
        "PUT images",
        "POST inspections",
    ]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507])
def test_a_passing_failure_is_tried_again(desk: Desk, status: int) -> None:
    desk.hub.misbehaviour.extend([Answer(201), Answer(status), Answer(status)])
    inspection_id = desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: desk.delivered == [inspection_id], 60)
    assert desk.journal.outbox_counts() == (0, 0)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
@pytest.mark.parametrize("picture_passes", [True, False])
def test_a_lasting_refusal_waits_for_a_person_and_the_others_go_on(
    desk: Desk, status: int, picture_passes: bool
) -> None:
    refusal = Answer(status, {"code": "request.invalid", "detail": "no"})
    desk.hub.misbehaviour.extend([Answer(201), refusal] if picture_passes else [refusal])
    desk.confirm(1)
    second = desk.confirm(2)
    desk.reporter.start()
    wait_until(lambda: desk.delivered == [second], 60)
    assert desk.journal.outbox_counts() == (0, 1)
    assert desk.journal.revive() == 1
    desk.reporter.wake()
    wait_until(lambda: len(desk.delivered) == 2, 60)


def test_a_report_the_hub_already_has_is_done(desk: Desk) -> None:
    desk.hub.misbehaviour.extend([Answer(200), Answer(409, {"code": "inspection.exists"})])
    desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: len(desk.delivered) == 1, 60)


def test_another_report_under_the_same_name_waits_for_a_person(desk: Desk) -> None:
    desk.hub.misbehaviour.extend([Answer(200), Answer(409, {"code": "inspection.conflict"})])
    desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: desk.journal.outbox_counts() == (0, 1), 60)


def test_pictures_the_hub_misses_are_sent_before_it_counts_as_done(desk: Desk) -> None:
    desk.confirm(1)
    (name,) = (path.stem for path in (desk.folder / "pictures").glob("*/*.jpg"))
    desk.hub.forgets.add(name)
    desk.hub.misbehaviour.append(Answer(201))  # the first upload is acknowledged and lost
    desk.reporter.start()
    wait_until(lambda: len(desk.delivered) == 1, 60)
    assert name in desk.hub.pictures
    assert [request.split(" ")[0] for request in desk.hub.requests] == ["PUT", "POST", "PUT"]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_token_stops_everything_is_told_and_tried_again_slowly(desk: Desk, status: int) -> None:
    desk.hub.misbehaviour.append(Answer(status, {"code": "token.invalid"}))
    desk.confirm(1)
    desk.confirm(2)
    desk.reporter.start()
    wait_until(lambda: desk.reporter.status.trouble == "token.invalid", 60)
    assert len(desk.hub.requests) == 1, "nothing else is tried meanwhile"
    wait_until(lambda: len(desk.delivered) == 2, 60)
    assert desk.reporter.status.trouble == ""


def test_a_missing_token_is_told_and_taken_up_when_it_comes(desk: Desk) -> None:
    (desk.folder / "token").unlink()
    desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: desk.reporter.status.trouble == "token.missing", 60)
    assert desk.hub.requests == []
    (desk.folder / "token").write_text(f"{TOKEN}\n")
    wait_until(lambda: len(desk.delivered) == 1, 60)


def test_a_hub_that_does_not_answer_in_time_is_asked_again(desk: Desk) -> None:
    slow = threading.Event()
    desk.hub.misbehaviour.append(Answer(201, delay=slow))
    desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: len(desk.delivered) == 1, 30)
    slow.set()
    assert desk.outcomes[0] is Outcome.HUB_DOWN


def test_the_hub_is_left_alone_as_long_as_it_asks_for(desk: Desk) -> None:
    desk.hub.misbehaviour.append(Answer(503, headers={"Retry-After": "1"}))
    desk.confirm(1)
    began = time.monotonic()
    desk.reporter.start()
    wait_until(lambda: len(desk.delivered) == 1, 30)
    assert time.monotonic() - began >= 1.0


def test_a_success_wakes_the_whole_queue_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    delays = iter([60.0] * 100)  # whatever fails would wait a minute
    monkeypatch.setattr(BackOff, "delay_s", lambda *_: next(delays))
    for number in range(5):
        desk.confirm(number)
    desk.hub.misbehaviour.extend([Answer(201), Answer(500), Answer(201), Answer(500)])
    began = time.monotonic()
    desk.reporter.start()
    wait_until(lambda: len(desk.delivered) == 5, 50)
    assert time.monotonic() - began < 50


def test_a_lost_picture_waits_for_a_person(desk: Desk) -> None:
    desk.confirm(1)
    next((desk.folder / "pictures").glob("*/*.jpg")).unlink()
    desk.reporter.start()
    wait_until(lambda: desk.journal.outbox_counts() == (0, 1), 60)
    assert desk.hub.reports == {}


def test_without_a_hub_everything_waits_and_it_is_told(desk: Desk) -> None:
    lonely = Reporter(
        desk.journal, None, back_off=BackOff(), on_change=lambda: None, on_delivered=lambda _inspection_id: None
    )
    desk.confirm(1)
    lonely.start()
    assert lonely.status.trouble == "hub.none"
    lonely.stop()
    assert desk.journal.outbox_counts() == (1, 0)


def test_waits_grow_are_spread_and_are_capped() -> None:
    back_off = BackOff(base_s=0.5, cap_s=30)
    for failures, ceiling in ((0, 0.5), (3, 4.0), (6, 30.0), (500, 30.0)):
        delays = [back_off.delay_s(failures, None) for _ in range(200)]
        assert 0 <= min(delays) < ceiling * 0.2
        assert ceiling * 0.8 < max(delays) <= ceiling
    assert back_off.delay_s(0, 12.0) == 12.0


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (200, "", Outcome.DONE),
        (201, "", Outcome.DONE),
        (302, "", Outcome.BLOCKED),
        (401, "token.missing", Outcome.BLOCKED),
        (409, "inspection.exists", Outcome.DONE),
        (409, "", Outcome.DEAD),
        (422, "image.hash_mismatch", Outcome.RETRY),
        (422, "inspection.evidence_mismatch", Outcome.DEAD),
        (500, "internal", Outcome.RETRY),
        (503, "database.unavailable", Outcome.HUB_DOWN),
    ],
)
def test_answers_mean_what_was_agreed(status: int, code: str, outcome: Outcome) -> None:
    assert classify(httpx2.Response(status, json={"code": code})).outcome is outcome


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"', b'{"code": 7, "missing_images": "x"}'])
def test_a_strange_body_is_no_error(body: bytes) -> None:
    assert classify(httpx2.Response(502, content=body)).outcome is Outcome.HUB_DOWN
    assert classify(httpx2.Response(201, content=body)).missing_images == ()


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("0", 0.0), ("999999", 600.0), ("soon", None), ("-3", None), ("", None)]
)
def test_retry_after_is_read_and_bounded(value: str, seconds: float | None) -> None:
    assert classify(httpx2.Response(503, headers={"Retry-After": value})).retry_after_s == seconds


@pytest.mark.parametrize("text", ["", "  ", "two words", "naïve", "line\nbreak"])
def test_what_cannot_be_a_token_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    assert TokenSource(tmp_path / "token").read() is None


def test_a_fault_of_our_own_is_told_and_does_not_end_the_reporter(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver, faults = Delivery.deliver, iter([True])

    def faulty(self: Delivery, body: bytes, uploaded: set[str]) -> object:
        if next(faults, False):
            raise RuntimeError("a mistake in our own code")
        return deliver(self, body, uploaded)

    monkeypatch.setattr(Delivery, "deliver", faulty)
    monkeypatch.setattr("inspection.station.reporter.UNEXPECTED_S", 0.2)
    desk.confirm(1)
    desk.reporter.start()
    wait_until(lambda: desk.reporter.status.trouble == "internal", 60)
    wait_until(lambda: len(desk.delivered) == 1, 60)
    assert desk.reporter.alive
