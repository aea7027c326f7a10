"""The first part of a published candidate's way to the stations: its gate, and its shadow at a station."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.quality_parts import ENOUGH, Loop
from benchmarks.quality_site import PATIENCE_S, Worker
from tests.station.rig import wait_until

FEW: dict[str, Any] = {
    "shadow": {"min_items": 15, "min_hours": 0},
    "canary": {"share": 0.5, "min_items": 15, "min_hours": 0},
    "limits": {
        "override": {"harm": 0.3, "fine": 0.95}, "hold": {"harm": 0.3, "fine": 0.95},
        "disagreement": {"harm": 0.3, "fine": 0.8}, "slow": {"harm": 0.3, "fine": 0.8},
        "error": {"harm": 0.05, "fine": 0.5},
    },
    "slow_ms": 20_000, "budget_ms": 10_000,
}  # fmt: skip
MANY = {
    "shadow": {"min_items": 200, "min_hours": 0}, "canary": {"min_items": 500, "min_hours": 0},
    "slow_ms": 20_000, "budget_ms": 10_000,
}  # fmt: skip
MOST_OF_FEW, MOST_OF_MANY = 40, 20_000
"""Items of a stage, after which it is given up."""


def gate(loop: Loop, candidate: str, champion: str, exam: str, found: dict[str, Any]) -> str:
    """Let a candidate take the exam of a data version; the gate's id."""
    asked = loop.post("/v1/gates", {"candidate_id": candidate, "champion_id": champion, "exam": exam}, "anna")
    state: dict[str, Any] = {}

    def over() -> bool:
        time.sleep(1)
        state.update(loop.get(f"/v1/gates/{asked['id']}"))
        return state["state"] in ("passed", "failed", "broken")

    wait_until(over, PATIENCE_S, "the gate")
    assert state["state"] != "broken", state["trouble"]
    report = state["report"]
    found |= {
        "candidate": candidate,
        "state": state["state"],
        "exam": report["exam"],
        "changes": len(report["changes"]),
    }
    found["failed_rules"] = [each["id"] for each in report["rules"] if not each["passed"]]
    return str(asked["id"])


def let_through(loop: Loop, candidate: str, champion: str, exam: str) -> None:
    """The gate of a good candidate; where it fails all the same, the loop ends, as it should."""
    with loop.step("gate") as found:
        gate(loop, candidate, champion, exam, found)
        assert found["state"] == "passed", found


def start(loop: Loop, candidate: str) -> str:
    """A rollout's id."""
    plan = FEW if loop.overrides < ENOUGH else MANY
    return str(loop.post("/v1/rollouts", {"candidate_id": candidate, "plan": plan}, "anna")["id"])


def items_until(loop: Loop, worker: Worker, rollout: str, stage: str, found: dict[str, Any]) -> dict[str, Any]:
    """Items flow until the rollout has left a stage; what it is then."""
    before, judged = len(worker.truth), dict[str, int]()
    most = MOST_OF_FEW if loop.overrides < ENOUGH else MOST_OF_MANY
    while True:
        bundle = worker.item()
        judged[bundle] = judged.get(bundle, 0) + 1
        now: dict[str, Any] = loop.get(f"/v1/rollouts/{rollout}")
        if now["state"] != stage or now["paused"] or len(worker.truth) - before >= most:
            break
    found |= {"items": len(worker.truth) - before, "judged_by": judged, "state": now["state"], "paused": now["paused"]}
    found["steps"] = [{name: each[name] for name in ("act", "state", "by", "reason")} for each in now["steps"]]
    return now


def running(loop: Loop, rollout: str) -> None:
    """Wait until the station has fetched and checked the candidate."""

    def is_there() -> bool:
        time.sleep(0.5)
        stations = loop.get(f"/v1/rollouts/{rollout}")["stations"]
        assert not stations or stations[0]["step"] != "refused", stations
        return bool(stations) and stations[0]["step"] == "running"

    wait_until(is_there, PATIENCE_S, "the station to run the candidate")


def shadow(loop: Loop, worker: Worker, candidate: str) -> None:
    """The candidate is asked in silence until its figures let it go on by themselves."""
    with loop.step("rollout: shadow") as found:
        rollout = start(loop, candidate)
        running(loop, rollout)
        now = items_until(loop, worker, rollout, "shadow", found)
        worker.all_sent()
        assert now["state"] == "canary", now["figures"]
