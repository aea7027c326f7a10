"""A weight counts for the item it was weighed with, and for no other."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from devices.scale.simulator import SimulatedScale
from inspection.reading import WeightReading
from inspection.station.orders import Order, OrderKind
from inspection.station.record import State
from inspection.station.session import ordered
from inspection.station.session_data import Session
from inspection.station.weights import WeightsHeard
from tests.station.parts import RULES, SECOND, T0, WHO, at_judged, judge
from tests.station.rig import Rig, gs1

A, B, C = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
PHONE = "00614141404018"
"""An article of the catalogue: 186 g, give or take 8."""


class Pan:
    """A scale whose clock the test turns: 0.1 s from one weight to the next."""

    def __init__(self) -> None:
        self.heard = WeightsHeard()
        self.now_ns = 1000 * SECOND

    def shows(self, grams: float | None, *, stable: bool = True, device_id: str = "scale") -> None:
        self.now_ns += SECOND // 10
        weight = None if grams is None else Decimal(str(grams))
        self.heard.hear(WeightReading(device_id, b"raw", T0, self.now_ns, weight, stable, overload=grams is None))

    def claimed_by(self, inspection: uuid.UUID) -> float | None:
        reading = self.heard.claim(inspection, self.now_ns)
        return None if reading is None or reading.grams is None else float(reading.grams)


def test_what_was_put_on_the_empty_pan_is_the_items_weight() -> None:
    pan = Pan()
    pan.shows(0)
    pan.shows(90, stable=False)
    pan.shows(186)
    assert pan.claimed_by(A) == 186
    assert pan.claimed_by(A) == 186, "the same inspection may look again"


def test_the_weight_of_the_item_before_never_counts_for_the_next() -> None:
    pan = Pan()
    pan.shows(0)
    pan.shows(186)
    assert pan.claimed_by(A) == 186
    pan.heard.decided()
    assert pan.claimed_by(B) is None
    pan.shows(140, stable=False)  # a part of it is lifted, the pan is not empty
    pan.shows(150)
    assert pan.claimed_by(B) is None
    pan.shows(0)
    pan.shows(172)
    assert pan.claimed_by(B) == 172


def test_an_item_judged_while_it_moved_keeps_its_late_weight_from_the_next() -> None:
    pan = Pan()
    pan.shows(0)
    pan.shows(150, stable=False)
    assert pan.claimed_by(A) is None
    pan.shows(186)
    pan.heard.decided()
    assert pan.claimed_by(B) is None


def test_an_item_put_on_the_scale_after_its_verdict_is_not_taken_for_the_next() -> None:
    pan = Pan()
    pan.shows(0)
    assert pan.claimed_by(A) is None
    pan.shows(186)
    assert pan.claimed_by(B) is None
    pan.shows(0)
    pan.shows(172)
    assert pan.claimed_by(C) == 172


def test_the_next_item_may_be_on_the_scale_before_its_code_is_scanned() -> None:
    pan = Pan()
    pan.shows(0)
    pan.shows(186)
    assert pan.claimed_by(A) == 186
    pan.shows(0)
    pan.shows(172)
    assert pan.claimed_by(B) == 172


def test_a_stale_weight_does_not_count() -> None:
    pan = Pan()
    pan.shows(0)
    pan.shows(186)
    pan.now_ns += 2 * SECOND
    assert pan.claimed_by(A) is None


def test_what_lay_there_before_the_station_looked_belongs_to_nobody() -> None:
    pan = Pan()
    pan.shows(186)
    assert pan.claimed_by(A) is None
    pan.shows(0)
    pan.shows(186)
    pan.now_ns += 2 * SECOND  # a gap in which anything may have been put there
    pan.shows(186)
    assert pan.claimed_by(B) is None


def test_a_scale_that_came_back_has_to_be_seen_empty_first() -> None:
    pan = Pan()
    pan.shows(0)
    pan.heard.forget("scale")
    pan.shows(186)
    assert pan.claimed_by(A) is None


def test_too_much_and_moving_are_no_weight() -> None:
    pan = Pan()
    pan.shows(0)
    pan.shows(None)
    assert pan.claimed_by(A) is None
    pan.shows(0)
    pan.shows(186, stable=False)
    assert pan.heard.moving(pan.now_ns)
    assert pan.claimed_by(A) is None


def test_the_scale_that_carries_the_item_is_the_one_that_counts() -> None:
    pan = Pan()
    for scale in ("small", "large"):
        pan.shows(0, device_id=scale)
    pan.shows(186, device_id="small")
    pan.shows(0, device_id="large")
    assert pan.claimed_by(A) == 186


def test_a_recapture_drops_the_weight_from_the_evidence_and_keeps_it_in_the_journal() -> None:
    session = at_judged()
    weight = WeightReading("scale", b"S S     186.00 g\r\n", T0, 0, Decimal("186.00"), stable=True)
    capturing = ordered(session, Order(OrderKind.RECAPTURE, WHO), RULES, T0, 0).session
    weighed = judge(capturing, weight=weight).session
    assert _weights(weighed) == ["186 g"]
    again = ordered(weighed, Order(OrderKind.RECAPTURE, WHO), RULES, T0, 0)
    assert _weights(again.session) == []
    assert [part["value"] for part in again.transitions[0].detail["replaced"]["weights"]] == ["186 g"]
    assert again.session.state is State.CAPTURING


def _weights(session: Session) -> list[str]:
    assert session.current is not None
    return [part.value for part in session.current.readings if part.kind == "weight"]


@pytest.fixture
def scale(tmp_path: Path) -> Iterator[SimulatedScale]:
    simulated = SimulatedScale(tmp_path / "bench" / "scale")
    yield simulated
    simulated.close()


def test_an_empty_box_is_held_and_its_weight_reported(tmp_path: Path, scale: SimulatedScale) -> None:
    with Rig(tmp_path) as rig:
        port = str(tmp_path / "bench" / "scale")
        rig.config["devices"].append({"id": "scale", "driver": "scale.mt_sics", "port": port, "poll_ms": 50})
        rig.config["capture"] = {"weigh_ms": 5000}
        rig.start()
        scale.place("60.5")  # 186 g are sold
        rig.scan(gs1("w1", PHONE))
        state = rig.wait_state("judged")
        assert state["verdict"]["rule_id"].startswith("R04")
        rig.command("ok", inspection_id=state["inspection_id"])
        rig.wait(lambda _: rig.hub.reports, what="a report")
        rig.stop()
        record = rig.journal().last()
    assert record is not None
    [weight] = [part for part in record.readings if part.kind == "weight"]
    assert (weight.device_id, weight.value) == ("scale", "60.5 g")
    assert bytes.fromhex(weight.raw_hex) == b"S S      60.50 g\r\n"
    assert record.policy is not None
    assert record.policy.values["weight_off_g"] == 125.5
    [report] = rig.hub.reports.values()
    assert [part["value"] for part in report["readings"] if part["kind"] == "weight"] == ["60.5 g"]
