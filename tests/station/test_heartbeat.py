"""The station tells the hub how it is doing, and is not disturbed by a hub that does not listen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspection.station_status import StationStatus
from tests.station.rig import Rig, gs1, wait_until


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(Path(tmp_path_factory.mktemp("beat"))) as rig:
        rig.config["hub"]["status_s"] = 1
        rig.start()
        yield rig


def told(rig: Rig, **wanted: Any) -> dict[str, Any]:
    """The first status from now on that has these members; every one is what the hub takes."""
    rig.hub.statuses.clear()
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found[:] = [one for one in rig.hub.statuses if all(one[name] == value for name, value in wanted.items())]
        return bool(found)

    wait_until(look, what=f"a status with {wanted}")
    assert StationStatus.model_validate(found[0])
    return found[0]


def inspected(rig: Rig, serial: str, look: str = "intact") -> None:
    rig.put(look)
    rig.scan(gs1(serial))
    rig.wait(lambda state: state["state"] == "judged" and state["item"]["serial"] == serial)


def test_the_hub_hears_what_is_on_the_table_and_what_the_hour_brought(rig: Rig) -> None:
    before = told(rig, state="idle")["hour"]
    inspected(rig, "h1", "critical")
    assert told(rig, state="judged")["state_s"] < 30
    rig.command("ok", inspection_id=rig.state()["inspection_id"])
    rig.wait_state("reported")
    inspected(rig, "h2", "critical")
    inspection = rig.state()["inspection_id"]
    rig.command("override", disposition="repair", inspection_id=inspection)
    rig.command("reason", reason_code="other", inspection_id=inspection)
    rig.wait_state("reported")
    hour = told(rig, state="reported")["hour"]
    assert hour["items"] == before["items"] + 2
    assert hour["overrides"] == before["overrides"] + 1
    assert (hour["dispositions"]["scrap"], hour["dispositions"]["repair"]) == (1, 1)


def test_a_fault_on_the_screen_and_a_report_that_waits_are_told(rig: Rig) -> None:
    rig.bench.unplug("scanner")
    lost = told(rig, troubles=[{"code": "device.lost", "about": "scanner"}])
    assert lost["devices_lost"] == 1
    rig.bench.replug("scanner")
    assert told(rig, troubles=[])["devices"] == 4


def test_nothing_of_a_person_or_an_item_is_told(rig: Rig) -> None:
    inspected(rig, "very-own-serial")
    said = json.dumps(told(rig, state="judged"))
    state = rig.state()
    for secret in ("very-own-serial", state["item"]["gtin"], state["inspection_id"], state["worker"]["worker_id"]):
        assert secret not in said


def test_a_hub_that_refuses_it_or_is_away_stops_no_work(rig: Rig) -> None:
    rig.hub.stop()
    inspected(rig, "h9")
    rig.command("ok", inspection_id=rig.state()["inspection_id"])
    rig.wait(lambda state: state["queue"]["waiting"] == 1)
    rig.hub.start()
    rig.wait_state("reported")
    assert told(rig, state="reported")["waiting"] == 0
