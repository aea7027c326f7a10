"""What the customer was to send back is known when the hub can be asked, and never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspection.item import Item
from inspection.station.hub_client import HubClient, TokenSource
from inspection.station.returns import ExpectedReturn, ReturnLine, Returns, parse_return
from tests.station.recording_hub import TOKEN, Answer, RecordingHub

CASE = {"rma": "RMA-1", "lines": [{"line_no": 1, "gtin": "00614141401017", "serial": "1001", "quantity": 1}]}


@pytest.fixture
def hub() -> Iterator[RecordingHub]:
    hub = RecordingHub().start()
    hub.returns["RMA-1"] = CASE
    yield hub
    hub.stop()


@pytest.fixture
def returns(hub: RecordingHub, tmp_path: Path) -> Iterator[Returns]:
    (tmp_path / "token").write_text(TOKEN)
    returns = Returns(HubClient(hub.url, TokenSource(tmp_path / "token")), timeout_s=0.3)
    yield returns
    returns.close()


def test_a_return_is_asked_for_once_and_remembered_when_the_hub_goes(hub: RecordingHub, returns: Returns) -> None:
    assert returns.expected("RMA-1") == ExpectedReturn("RMA-1", (ReturnLine("00614141401017", "1001"),))
    hub.stop()
    assert returns.expected("RMA-1") is not None
    assert hub.requests == ["GET /v1/returns/RMA-1"]


def test_an_unknown_return_is_not_known_and_not_asked_for_again_at_once(hub: RecordingHub, returns: Returns) -> None:
    assert returns.expected("RMA-2") is None
    assert returns.expected("RMA-2") is None
    assert len(hub.requests) == 1


def test_a_slow_hub_costs_no_more_than_agreed(hub: RecordingHub, returns: Returns) -> None:
    slow = threading.Event()
    hub.misbehaviour.append(Answer(200, CASE, delay=slow))
    began = time.monotonic()
    assert returns.expected("RMA-1") is None
    first = time.monotonic() - began
    assert returns.expected("RMA-1") is None
    slow.set()
    assert first < 10
    assert time.monotonic() - began < 20


def test_without_a_hub_nothing_is_known() -> None:
    assert Returns(None).expected("RMA-1") is None


@pytest.mark.parametrize("body", [{}, {"lines": None}, {"lines": [1, "x"]}, {"lines": [{"gtin": 5}]}])
def test_a_strange_answer_is_not_knowing(body: dict[str, object]) -> None:
    line = parse_return("RMA-1", body).line_for(Item(gtin="00614141401017"))
    assert line is None or line == ReturnLine(None, None)


def test_an_item_is_compared_with_the_line_that_fits_best() -> None:
    a, b, c = ReturnLine("A", "1"), ReturnLine("A", "2"), ReturnLine("B", None)
    expected = ExpectedReturn("RMA-1", (a, b, c))
    assert expected.line_for(Item(gtin="A", serial="2")) == b
    assert expected.line_for(Item(gtin="B", serial="9")) == c
    assert expected.line_for(Item(gtin="A", serial="9")) in (a, b)
    assert expected.line_for(Item(gtin="C", serial="1")) == a, "one that fits none shall differ"
