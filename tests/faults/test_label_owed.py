"""``kill -9`` between a decision and its printed label: the label comes out once, or somebody is asked to look."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.printer.simulator import SimulatedPrinter
from tests.station.rig import Rig, gs1, wait_until


@pytest.fixture
def printer() -> Iterator[SimulatedPrinter]:
    simulated = SimulatedPrinter()
    yield simulated
    simulated.close()


@pytest.fixture
def rig(tmp_path: Path, printer: SimulatedPrinter) -> Iterator[Rig]:
    with Rig(tmp_path) as rig:
        rig.config["devices"].append({"id": "printer", "driver": "printer.zpl", "port": printer.address})
        yield rig


def decide(rig: Rig) -> None:
    rig.scan(gs1("1001"))
    rig.wait_state("judged")
    rig.scan("CMD:OK")


@pytest.mark.parametrize("moment", ["after:confirmed", "before:sending", "after:printed"])
def test_killed_on_the_way_to_the_printer_the_label_comes_out_once(
    rig: Rig, printer: SimulatedPrinter, moment: str
) -> None:
    rig.start(kill=moment)
    decide(rig)
    assert rig.died() == -signal.SIGKILL
    rig.start()
    wait_until(lambda: printer.labels, what="the label")
    rig.wait_state("reported")
    rig.scan(gs1("1002"))  # whatever else was owed would be printed before this one's label
    rig.wait_state("judged")
    rig.scan("CMD:OK")
    wait_until(lambda: len(printer.labels) >= 2, what="the next label")
    assert len(set(printer.labels)) == len(printer.labels) == 2
    rig.wait(lambda state: not state["faults"])


@pytest.mark.parametrize(("moment", "printed"), [("after:sending", 0), ("before:printed", 1)])
def test_killed_while_it_is_sent_somebody_is_asked_and_prints_it_again_by_one_command(
    rig: Rig, printer: SimulatedPrinter, moment: str, printed: int
) -> None:
    rig.start(kill=moment)
    decide(rig)
    assert rig.died() == -signal.SIGKILL
    rig.start()
    rig.wait(lambda state: any(fault["code"] == "printer.unsure" for fault in state["faults"]), what="the question")
    wait_until(lambda: len(printer.labels) == printed, what="what was sent before the end to be read")
    rig.scan("CMD:REPRINT")
    wait_until(lambda: len(printer.labels) == printed + 1, what="the label")
    rig.wait(lambda state: not state["faults"], what="the question to go")


def test_killed_with_a_printer_out_of_paper_the_label_comes_when_there_is_some(
    rig: Rig, printer: SimulatedPrinter
) -> None:
    rig.start()
    printer.troubles.paper_out = True
    rig.wait(lambda state: any(fault["code"] == "printer.lost" for fault in state["faults"]))
    decide(rig)
    rig.wait_state("reported")
    rig.kill()
    rig.start(devices=False)
    printer.troubles.paper_out = False
    wait_until(lambda: printer.labels, what="the label")
    rig.wait(lambda state: not state["faults"])
    assert len(printer.labels) == 1


def test_a_decision_is_taken_back_before_its_label_and_decided_anew(rig: Rig, printer: SimulatedPrinter) -> None:
    rig.config["session"] = {"undo_ms": 60_000}
    rig.start()
    decide(rig)
    first = rig.wait_state("confirmed")
    assert first["can_undo"]
    rig.scan("CMD:UNDO")
    again = rig.wait_state("judged")
    assert (again["inspection_id"], again["person"]) == (first["inspection_id"], None)
    rig.scan("CMD:SCRAP")
    rig.scan("CMD:REASON:missed_damage")
    rig.wait_state("confirmed")
    rig.scan(gs1("1002"))  # the next item ends the time for thinking
    wait_until(lambda: printer.labels, what="the label")
    rig.wait(lambda state: state["queue"]["waiting"] == 0)
    assert [key for key in rig.hub.reports if key[0] == first["inspection_id"]] == [(first["inspection_id"], 1)]
    assert rig.hub.reports[first["inspection_id"], 1]["verdict"]["disposition"] == "scrap"
    assert len(printer.labels) == 1


def test_killed_while_a_decision_could_be_taken_back_it_stands(rig: Rig, printer: SimulatedPrinter) -> None:
    rig.config["session"] = {"undo_ms": 60_000}
    rig.start()
    decide(rig)
    rig.wait_state("confirmed")
    rig.kill()
    rig.start()
    wait_until(lambda: printer.labels, what="the label")
    rig.wait_state("reported")
    rig.scan("CMD:UNDO")
    assert rig.wait(lambda state: state["notice"])["notice"]["code"] == "command.not_possible"
    assert len(printer.labels) == 1
