"""``kill -9`` at every instant that matters: the item resumes at that state, nothing is lost, nothing is doubled."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.station.rig import Rig, gs1, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as rig:
        yield rig


def finish(rig: Rig) -> dict[str, Any]:
    """Bring whatever is on the table to the hub; returns the one inspection that the station remembers."""
    state = rig.wait(lambda state: state["state"] not in ("identified", "capturing") and not state["settling"])
    if state["state"] == "idle":
        rig.scan(gs1("1001"))
        state = rig.wait_state("judged")
    if state["state"] == "judged":
        rig.scan("CMD:OK")
    rig.wait_state("reported")
    (inspection,) = rig.inspections()
    return inspection


def assert_once_at_the_hub(rig: Rig, inspection: dict[str, Any]) -> None:
    assert set(rig.hub.reports) == {(inspection["inspection_id"], 1)}, "one report of one inspection"
    report = rig.hub.reports[inspection["inspection_id"], 1]
    assert report["verdict"]["disposition"] == "resell"
    for picture in report["pictures"]:
        stored = rig.data / "pictures" / picture["sha256"][:2] / f"{picture['sha256']}.jpg"
        assert rig.hub.pictures[picture["sha256"]] == stored.read_bytes()
    assert len(report["pictures"]) == 2


# After a kill before the commit the state is the one before; after it, the new one.
RESUMED = {
    "before:identified": {"idle"},
    "after:identified": {"identified", "capturing", "judged"},
    "before:capturing": {"identified", "capturing", "judged"},
    "after:capturing": {"capturing", "judged"},
    "before:judged": {"capturing", "judged"},
    "after:judged": {"judged"},
    "before:confirmed": {"judged"},
    "after:confirmed": {"confirmed", "reported"},
    "before:reported": {"confirmed", "reported"},
    "after:reported": {"reported"},
}


@dataclass
class Watcher:
    """Somebody who watches the station's events until it ends."""

    url: str
    states: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> Watcher:
        threading.Thread(target=self._watch, daemon=True).start()
        wait_until(lambda: self.states, what="the first event")
        return self

    def _watch(self) -> None:
        with suppress(httpx2.HTTPError), httpx2.stream("GET", f"{self.url}/events", trust_env=False) as events:
            for line in events.iter_lines():
                if line.startswith("data: "):
                    self.states.append(json.loads(line.removeprefix("data: "))["state"])
        self.ended.set()


@pytest.mark.parametrize("moment", list(RESUMED))
def test_killed_around_a_commit_the_item_resumes_at_that_state_and_nobody_saw_what_is_not_on_disk(
    rig: Rig, moment: str
) -> None:
    rig.start(kill=moment)
    when, _, state = moment.partition(":")
    watcher = Watcher(rig.url).start()
    rig.scan(gs1("1001"))
    if state in ("confirmed", "reported"):
        rig.wait_state("judged")
        rig.scan("CMD:OK")
    assert rig.died(60) == -signal.SIGKILL
    assert watcher.ended.wait(60)
    assert when == "after" or state not in watcher.states
    journal = rig.journal()
    before = journal.last()
    journal.close()
    rig.start(devices=False)
    resumed = rig.state()
    assert resumed["state"] in RESUMED[moment]
    if before is not None:
        assert resumed["inspection_id"] == str(before.inspection_id)
    assert_once_at_the_hub(rig, finish(rig))


def test_a_verdict_is_shown_again_exactly_as_it_was(rig: Rig) -> None:
    rig.put("minor")
    rig.start()
    rig.scan(gs1("1001"))
    shown = rig.wait_state("judged")
    rig.kill()
    rig.put("critical")  # what lies there now must not matter
    rig.start()
    again = rig.state()
    for member in ("inspection_id", "item", "views", "findings", "assessment", "verdict", "versions", "takes"):
        assert again[member] == shown[member], member
    assert rig.http is not None
    for view in again["views"]:
        assert rig.http.get(f"/pictures/{view['picture_sha256']}").status_code == 200


def test_a_verdict_whose_picture_is_damaged_is_made_again(rig: Rig) -> None:
    rig.start()
    rig.scan(gs1("1001"))
    shown = rig.wait_state("judged")
    rig.kill()
    name = shown["views"][0]["picture_sha256"]
    (rig.data / "pictures" / name[:2] / f"{name}.jpg").write_bytes(b"torn by a power cut")
    rig.start()
    again = rig.wait(lambda state: state["state"] == "judged" and state["takes"] == 2)
    assert again["inspection_id"] == shown["inspection_id"]
    assert_once_at_the_hub(rig, finish(rig))


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_killed_while_the_hub_already_has_it_nothing_is_doubled(rig: Rig, method: str) -> None:
    def kill_once(got: str, _path: str, _body: bytes) -> None:
        if got == method:
            rig.hub.before_answer = lambda *_: None
            os.kill(rig.pid, signal.SIGKILL)

    rig.start()
    rig.hub.before_answer = kill_once
    rig.scan(gs1("1001"))
    rig.wait_state("judged")
    rig.scan("CMD:OK")
    assert rig.died(60) == -signal.SIGKILL
    rig.start()
    assert_once_at_the_hub(rig, finish(rig))


def test_killed_with_an_rma_label_scanned_the_label_waits_for_its_item(rig: Rig) -> None:
    rig.start()
    rig.scan("RMA-2025-0001", aim="]C0")
    rig.wait(lambda state: state["pending_rma"] == "RMA-2025-0001")
    rig.kill()
    rig.start()
    assert rig.state()["pending_rma"] == "RMA-2025-0001"
    rig.scan(gs1("1001"))
    assert rig.wait_state("judged")["rma"] == "RMA-2025-0001"


def test_killed_again_and_again_every_item_arrives_once(rig: Rig) -> None:
    for number in range(4):
        rig.put("intact", number)
        rig.start()
        rig.scan(gs1(f"20{number:02}"))
        rig.wait_state("judged")
        rig.scan("CMD:OK")
        rig.wait_state("confirmed", "reported")
        rig.kill()
    rig.start()
    rig.wait(lambda state: state["queue"]["waiting"] == 0)
    rows = rig.inspections()
    assert len(rows) == 4
    assert {row["inspection_id"] for row in rows} == {key[0] for key in rig.hub.reports}
    assert {report["item"]["serial"] for report in rig.hub.reports.values()} == {f"20{n:02}" for n in range(4)}
