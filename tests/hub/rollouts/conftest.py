"""A hub with two published policies, whose gates let everything pass unless a test says otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from inspection.hub.bundles import registry
from inspection.hub.rollouts import service
from inspection.hub.rollouts.tables import champions, opinions, rollouts, standings, steps
from tests.hub.conftest import RunningHub
from tests.hub.reports import report

ROOT = Path(__file__).resolve().parents[3]
POLICY = ROOT / "configs" / "policy" / "default.yaml"
QUICK = {
    "shadow": {"min_items": 20, "min_hours": 0},
    "canary": {"share": 0.5, "min_items": 20, "min_hours": 0},
    "limits": {
        "override": {"harm": 0.05, "fine": 0.6},
        "hold": {"harm": 0.05, "fine": 0.6},
        "error": {"harm": 0.05, "fine": 0.6},
        "slow": {"harm": 0.05, "fine": 0.6},
        "disagreement": {"harm": 0.3, "fine": 0.7},
    },
}
AGREED = {"disposition": "resell", "grade": "open_box", "reason_code": None}
Publish = Callable[[str], str]


@pytest.fixture
def publish(running: RunningHub, tmp_path: Path) -> Publish:
    """Publishes a policy told apart by a note; returns its id."""

    def made(note: str) -> str:
        folder = tmp_path / note
        folder.mkdir()
        shutil.copy(POLICY, folder / "policy.yaml")
        with (folder / "policy.yaml").open("a") as stream:
            stream.write(f"# {note} {uuid4()}\n")
        with running.hub.database.transaction() as connection:
            return registry.publish(running.hub, connection, running.merchant, folder, "test").bundle_id

    return made


@pytest.fixture(autouse=True)
def passing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_ruling", lambda _connection, _merchant, _candidate: (True, None))
    monkeypatch.setattr(service, "LOOK_AGAIN_S", 0)


@pytest.fixture(autouse=True)
def nothing_under_way(running: RunningHub) -> Iterator[None]:
    yield
    with running.hub.database.transaction() as connection:
        for table in (opinions, standings, steps, champions, rollouts):
            connection.execute(table.delete().where(table.c.merchant_id == running.merchant))


def started(admin: httpx2.Client, candidate: str, **plan: Any) -> dict[str, Any]:
    answer = admin.post("/v1/rollouts", json={"candidate_id": candidate, "plan": {**QUICK, **plan}})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def part(disposition: str = "resell", *, ms: float = 100.0, error: str = "") -> dict[str, Any]:
    return {"bundle_id": "m@1+000000000000", "policy": "p", "disposition": disposition, "ms": ms, "error": error}


def opinion(rollout: str | UUID, **more: Any) -> dict[str, Any]:
    """Both say the same of an item."""
    base = {
        "rollout_id": str(rollout),
        "inspection_id": str(uuid4()),
        "stage": "shadow",
        "at": "2026-11-22T08:00:00Z",
        "judged_by": "champion",
        "champion": part(),
        "candidate": part(),
    }
    return base | more


def say(station: httpx2.Client, said: list[dict[str, Any]], name: str = "station-07") -> dict[str, Any]:
    answer = station.post(f"/v1/stations/{name}/opinions", json={"opinions": said})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def reported(station: httpx2.Client, inspection_id: str, *, overridden: bool = False) -> None:
    """The report of an item that the rules would sell; a person may have decided otherwise."""
    person: dict[str, Any] = {"overrides": overridden, "who": "w-1", "at": "2026-11-21T08:00:03.512+08:00", "note": ""}
    person |= {"disposition": "scrap", "grade": None, "reason_code": "missed_damage"} if overridden else AGREED
    changes: dict[str, Any] = {"inspection_id": inspection_id, "person": person}
    if overridden:
        changes["verdict"] = {"disposition": "scrap", "grade": None, "decided_by": "person"}
    answer = station.post("/v1/inspections", json=report(**changes))
    assert answer.status_code == 201, answer.text
