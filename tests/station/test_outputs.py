"""The lamp shows how things stand, and a decided item gets its label."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest

from devices.base import DeviceStatus, Emit
from devices.lamp.signals import Meaning
from devices.lamp.simulator import SimulatedLamp
from devices.printer.driver import PrintUnsure
from devices.printer.label import Label
from devices.printer.simulator import SimulatedPrinter
from inspection.errors import DeviceError
from inspection.station.journal import Journal
from inspection.station.labels import Labels, LabelStatus
from inspection.station.orders import Order, OrderKind
from inspection.station.outputs import Outputs, label_of
from inspection.station.record import InspectionRecord, State, build_report
from inspection.station.session import ordered, undone
from inspection.station.session_data import Session, Step
from inspection.station.snapshot import ShownDevice
from inspection.verdict import Disposition
from tests.station.parts import RULES, T0, WHO, at_judged, policy
from tests.station.rig import Rig, wait_until
from tests.station.test_journal import walk


class Fake:
    """What lamp and printer have in common with every device."""

    device_id = "fake"
    status = DeviceStatus("fake", "lamp", True, "", datetime.now(UTC))

    def start(self, emit: Emit) -> None: ...

    def stop(self) -> None: ...


class FakeLamp(Fake):
    meaning: Meaning | None = None

    def show(self, meaning: Meaning) -> None:
        self.meaning = meaning


class FakePrinter(Fake):
    def __init__(self) -> None:
        self.labels: list[Label] = []
        self.done: Future[None] = Future()

    def print_label(
        self, label: Label, *, begin: Callable[[], bool] = lambda: True, interrupted: bool = False
    ) -> Future[None]:
        self.labels.append(label)
        if not interrupted:
            assert begin()
        return self.done


def device(*, connected: bool) -> ShownDevice:
    return ShownDevice(device_id="scanner", kind="barcode", connected=connected, detail="", since=T0)


def confirm(session: Session) -> Step:
    return ordered(session, Order(OrderKind.OK, WHO), RULES, T0, 0)


@pytest.mark.parametrize("disposition", Disposition)
def test_the_lamp_shows_the_verdict_from_judged_on(disposition: Disposition) -> None:
    lamp = FakeLamp()
    outputs = Outputs([lamp])
    session = at_judged(policy(disposition))
    outputs.show(session.current, [device(connected=True)])
    assert lamp.meaning is Meaning(disposition.value)
    outputs.show(confirm(session).session.current, [])
    assert lamp.meaning is Meaning(disposition.value)


def test_the_lamp_is_dark_while_nothing_is_judged() -> None:
    lamp = FakeLamp()
    outputs = Outputs([lamp])
    outputs.show(None, [])
    assert lamp.meaning is Meaning.DARK
    again = ordered(at_judged(), Order(OrderKind.RECAPTURE, WHO), RULES, T0, 0).session
    outputs.show(again.current, [])
    assert lamp.meaning is Meaning.DARK


def test_a_lost_device_is_a_fault_on_the_lamp_whatever_the_verdict() -> None:
    lamp = FakeLamp()
    Outputs([lamp]).show(at_judged().current, [device(connected=True), device(connected=False)])
    assert lamp.meaning is Meaning.FAULT


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def decide(journal: Journal, *, held: bool = False) -> InspectionRecord:
    """An item that a person has decided on and that is owed a label."""
    step = confirm(walk(journal, State.JUDGED))
    record = step.transitions[0].record
    journal.commit(step.transitions, report=build_report(record, "station-1"), label=True, held=held)
    return record


def test_a_confirmed_item_gets_one_label_with_its_place(journal: Journal) -> None:
    printer = FakePrinter()
    outputs = Outputs([printer], {Disposition.RESELL: "A-03"})
    record = decide(journal)
    outputs.print_owed(Labels(journal))
    outputs.print_owed(Labels(journal))
    [label] = printer.labels
    assert label == label_of(record, {Disposition.RESELL: "A-03"})
    assert (label.plate, label.serial, label.place) == (str(record.inspection_id), record.item.serial, "A-03")


def test_what_can_still_be_taken_back_has_no_label_yet(journal: Journal) -> None:
    printer, labels = FakePrinter(), Labels(journal)
    outputs = Outputs([printer])
    decide(journal, held=True)
    outputs.print_owed(labels)
    assert printer.labels == []
    journal.release()
    outputs.print_owed(labels)
    assert len(printer.labels) == 1


def test_a_printed_label_is_not_printed_by_the_next_start(journal: Journal) -> None:
    labels = Labels(journal)
    decide(journal)
    first = FakePrinter()
    Outputs([first]).resume(labels)
    first.done.set_result(None)
    again = FakePrinter()
    outputs = Outputs([again])
    outputs.resume(labels)
    assert (again.labels, outputs.faults) == ([], ())


def test_a_label_that_waits_when_the_station_stops_is_still_owed(journal: Journal) -> None:
    labels, printer = Labels(journal), FakePrinter()
    outputs = Outputs([printer])
    decide(journal)
    labels.set(1, LabelStatus.OWED)
    printer.print_label = lambda *_, **__: printer.done  # type: ignore[method-assign]
    outputs.print_owed(labels)
    outputs.close()
    printer.done.set_exception(DeviceError("the printer was stopped before this label was sent"))
    assert [owed.interrupted for owed in labels.owed()] == [False]


def test_a_label_whose_decision_was_taken_back_is_not_sent(journal: Journal) -> None:
    printer, labels = FakePrinter(), Labels(journal)
    begins: list[Callable[[], bool]] = []
    outputs = Outputs([printer])
    printer.print_label = lambda _label, *, begin, **_: begins.append(begin) or printer.done  # type: ignore[method-assign, func-returns-value]
    record = decide(journal)
    outputs.print_owed(labels)  # it waits in the printer's queue
    session = Session(current=record)
    step = undone(session, WHO, T0, unheard=False)
    journal.commit(step.transitions, take_back=(record.inspection_id, record.revision))
    assert not begins[0]()
    printer.done.set_exception(DeviceError("the label could not be noted as being sent, so it was not"))
    assert outputs.faults == ()


def test_one_more_copy_is_owed_only_when_none_is_to_come(journal: Journal) -> None:
    labels = Labels(journal)
    record = decide(journal)
    labels.again(record)
    assert labels.waiting() == 1
    labels.set(1, LabelStatus.PRINTED)
    labels.again(record)
    assert [owed.copy for owed in labels.owed()] == [2]


def test_what_is_not_decided_has_no_label() -> None:
    record = at_judged().current
    assert record is not None
    with pytest.raises(ValueError, match="nothing to print"):
        label_of(record, {})


@pytest.mark.parametrize(
    ("error", "code"), [(PrintUnsure("x"), "printer.unsure"), (DeviceError("x"), "printer.failed")]
)
def test_a_label_that_did_not_come_out_is_shown_until_the_next_does(
    journal: Journal, error: DeviceError, code: str
) -> None:
    printer, labels = FakePrinter(), Labels(journal)
    outputs = Outputs([printer])
    changes: list[int] = []
    outputs.watch(lambda: changes.append(len(changes)))
    record = decide(journal)
    outputs.print_owed(labels)
    printer.done.set_exception(error)
    [fault] = outputs.faults
    assert (fault.code, fault.about) == (code, str(record.inspection_id))
    after_restart = Outputs([FakePrinter()])
    after_restart.resume(labels)
    assert [one.code for one in after_restart.faults] == [code]
    printer.done = Future()
    labels.again(record)
    outputs.print_owed(labels)
    printer.done.set_result(None)
    assert outputs.faults == ()
    assert len(changes) == 2


@pytest.fixture
def lamp() -> Iterator[SimulatedLamp]:
    simulated = SimulatedLamp()
    yield simulated
    simulated.close()


@pytest.fixture
def printer() -> Iterator[SimulatedPrinter]:
    simulated = SimulatedPrinter()
    yield simulated
    simulated.close()


def test_a_station_lights_its_lamp_and_prints_its_label(
    tmp_path: Path, lamp: SimulatedLamp, printer: SimulatedPrinter
) -> None:
    host, port = lamp.port.address
    with Rig(tmp_path) as rig:
        rig.config["devices"] += [
            {"id": "lamp", "driver": "lamp.modbus", "host": host, "port": port},
            {"id": "printer", "driver": "printer.zpl", "port": printer.address},
        ]
        rig.config["session"] = {"places": {"hold": "CAGE-7"}}
        rig.start()
        wait_until(lambda: not any(lamp.shown), what="a dark lamp")
        rig.command("start")  # without a code a person has to look: hold
        state = rig.wait_state("judged")
        wait_until(lambda: lamp.shown == (0, 0, 0, 1, 0, 0), what="the lamp for hold")
        rig.command("ok", inspection_id=state["inspection_id"])
        wait_until(lambda: printer.labels, what="a label")
        printer.troubles.paper_out = True
        wait_until(lambda: lamp.shown == (2, 0, 0, 0, 0, 1), what="the lamp for a fault")
        rig.wait(
            lambda s: any("run out" in fault["detail"] for fault in s["faults"] if fault["code"] == "printer.lost"),
            what="the fault in words",
        )
    [job] = printer.labels
    assert re.search(rb"\^BXN,\d+,200\^FH_\^FD" + state["inspection_id"].encode(), job)
    assert b"CAGE-7" in job
    assert not any(lamp.shown), "dark when the station ends"
