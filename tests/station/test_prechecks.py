"""What the customer's pictures showed stands beside the item when the hub can be asked, and is never waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.station.hub_client import HubClient, TokenSource
from inspection.station.prechecks import Prechecks, parse_precheck
from inspection.station.snapshot import ShownPrecheck
from tests.station.recording_hub import TOKEN, RecordingHub
from tests.station.rig import Rig, gs1, wait_until

CASE = {"rma": "RMA-1001", "state": "answered", "outcome": "send_back", "defects": ["crack", "dent"], "decision": None}
ANYTHING = st.none() | st.integers() | st.text(max_size=40) | st.lists(st.text(max_size=5) | st.none(), max_size=9)


@pytest.fixture
def hub() -> Iterator[RecordingHub]:
    hub = RecordingHub().start()
    hub.prechecks["RMA-1001"] = CASE
    yield hub
    hub.stop()


@pytest.fixture
def token(tmp_path: Path) -> TokenSource:
    (tmp_path / "token").write_text(TOKEN)
    return TokenSource(tmp_path / "token")


def test_an_answer_comes_later_and_is_kept_when_the_hub_goes(hub: RecordingHub, token: TokenSource) -> None:
    changed = threading.Event()
    prechecks = Prechecks(HubClient(hub.url, token), fresh_s=0)
    prechecks.watch(changed.set)
    assert prechecks.known("RMA-1001") is None
    assert changed.wait(60)
    hub.stop()
    assert prechecks.known("RMA-1001") == ShownPrecheck(outcome="send_back", defects=("crack", "dent"))
    prechecks.close()
    assert prechecks.known("RMA-1001") is not None, "a station that ends still shows its screen"


def test_a_new_decision_replaces_what_was_known(hub: RecordingHub, token: TokenSource) -> None:
    prechecks = Prechecks(HubClient(hub.url, token), fresh_s=0)
    wait_until(lambda: prechecks.known("RMA-1001"))
    hub.prechecks["RMA-1001"] = CASE | {"decision": "repair"}
    wait_until(lambda: (known := prechecks.known("RMA-1001")) is not None and known.decision == "repair")
    prechecks.close()


def test_a_hub_that_is_silent_holds_nobody_up_and_is_left_alone(hub: RecordingHub, token: TokenSource) -> None:
    silent, asked = threading.Event(), []

    def hold(_method: str, path: str, _body: bytes) -> None:
        asked.append(path)
        silent.wait(60)

    hub.before_answer = hold
    prechecks = Prechecks(HubClient(hub.url, token), timeout_s=0.2, again_s=1000)
    for number in range(50):
        assert prechecks.known(f"RMA-{number}") is None  # the test would take minutes if one of them waited
    wait_until(lambda: asked)
    wait_until(lambda: prechecks._away_until > time.monotonic())  # nothing else tells that it gave up
    assert prechecks.known("RMA-1001") is None
    silent.set()
    prechecks.close()


def test_without_a_hub_nothing_is_known() -> None:
    assert Prechecks(None).known("RMA-1001") is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, None),
        ({"state": "open", "outcome": None, "defects": []}, None),
        ({"state": "with_person", "outcome": None}, ShownPrecheck(outcome="person")),
        ({"outcome": "<b>", "decision": "decline"}, ShownPrecheck(outcome=None, decision="decline")),
        ({"outcome": "repair", "defects": ["dent", 5, "X" * 99]}, ShownPrecheck(outcome="repair", defects=("dent",))),
    ],
)
def test_what_is_shown_of_an_answer(body: dict[str, object], expected: ShownPrecheck | None) -> None:
    assert parse_precheck(body) == expected


@given(st.dictionaries(st.sampled_from(["state", "outcome", "defects", "decision"]), ANYTHING))
def test_a_strange_answer_is_not_knowing_or_codes_alone(body: dict[str, object]) -> None:
    shown = parse_precheck(body)
    words = () if shown is None else (*shown.defects, shown.outcome or "a", shown.decision or "a")
    assert all(len(word) <= 32 and word.replace("_", "a").isalpha() for word in words)


def test_it_stands_beside_the_item_and_nothing_stands_there_for_another(rig: Rig) -> None:
    rig.hub.prechecks["RMA-1001"] = CASE | {"decision": "refund_without_return"}
    rig.scan("RMA-1001", aim="]C1")
    rig.scan(gs1("p1"))
    shown = rig.wait(lambda state: state["state"] == "judged" and state["precheck"])["precheck"]
    assert shown == {"outcome": "send_back", "defects": ["crack", "dent"], "decision": "refund_without_return"}
    assert rig.http is not None
    page = rig.http.get("/", params={"lang": "en"}).text
    assert "crack, dent" in page
    assert "a person decided: refund, keep the item" in page
    rig.command("cancel")
    rig.wait_state("idle")
    rig.scan(gs1("p2"))
    rig.wait(lambda state: state["state"] == "judged" and state["item"]["serial"] == "p2")
    assert rig.state()["precheck"] is None
    assert 'class="precheck"' not in rig.http.get("/").text
