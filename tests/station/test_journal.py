"""The journal keeps every transition or none, and says so when it cannot."""

from __future__ import annotations

import resource
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from inspection.errors import JournalError
from inspection.station.housekeeping import Housekeeper
from inspection.station.journal import Departed, Journal
from inspection.station.journal_file import damaged_journals
from inspection.station.journal_schema import MIGRATIONS
from inspection.station.labels import Labels, LabelStatus
from inspection.station.orders import Order, OrderKind
from inspection.station.pictures import PictureStore
from inspection.station.record import State, build_report
from inspection.station.session import capture_started, ordered, scanned, undone
from inspection.station.session_data import Session, Step, TooLate
from tests.station.parts import RULES, SECOND, T0, WHO, barcode, judge, settle


def commit(journal: Journal, step: Step) -> Session:
    decided = [t.record for t in step.transitions if t.after in (State.CONFIRMED, State.HOLD)]
    report = build_report(decided[0], "station-1") if decided else None
    journal.commit(step.transitions, report=report, pending_rma=step.session.pending_rma)
    return step.session


def walk(journal: Journal, until: State, session: Session | None = None, text: str = "ITEM-1") -> Session:
    """Bring an item to ``until``, journaling every step."""
    session = commit(journal, settle(scanned(session or Session(), barcode(text), RULES, WHO).session))
    for state, step in (
        (State.CAPTURING, lambda s: capture_started(s, T0)),
        (State.JUDGED, judge),
        (State.CONFIRMED, lambda s: ordered(s, Order(OrderKind.OK, WHO), RULES, T0, SECOND)),
    ):
        if session.state is until:
            break
        session = commit(journal, step(session))
        assert session.state is state
    return session


@pytest.mark.parametrize("state", [State.IDENTIFIED, State.CAPTURING, State.JUDGED, State.CONFIRMED])
def test_a_reopened_journal_returns_the_inspection_as_it_was(tmp_path: Path, state: State) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session = walk(journal, state)
    journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    assert again.last() == session.current


def test_a_confirmed_inspection_and_its_report_are_one_transaction(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session = walk(journal, State.JUDGED)
    step = ordered(session, Order(OrderKind.OK, WHO), RULES, T0, SECOND)
    report = build_report(step.transitions[0].record, "station-1")
    journal.commit((), report=report)  # the report's place is taken: the transaction below must fail as a whole
    with pytest.raises(JournalError):
        journal.commit(step.transitions, report=report)
    last = journal.last()
    assert last is not None
    assert last.state is State.JUDGED
    assert journal.transitions(last.inspection_id)[-1][1] is State.JUDGED


def test_delivery_reports_the_inspection(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    walk(journal, State.CONFIRMED)
    (entry,) = journal.waiting()
    journal.delivered(entry, T0)
    assert journal.outbox_counts() == (0, 0)
    last = journal.last()
    assert last is not None
    assert last.state is State.REPORTED
    (row,) = journal.recent(5)
    assert row.outbox == "done"
    assert [after for _, after, _ in journal.transitions(last.inspection_id)] == [
        State.IDENTIFIED,
        State.CAPTURING,
        State.JUDGED,
        State.CONFIRMED,
        State.REPORTED,
    ]


def test_a_refused_report_stays_until_a_person_sends_it_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    walk(journal, State.CONFIRMED)
    (entry,) = journal.waiting()
    journal.failed(entry, "422 no such product", dead=True)
    assert journal.waiting() == []
    assert journal.outbox_counts() == (0, 1)
    assert journal.dead()[0].last_error == "422 no such product"
    assert journal.revive() == 1
    assert journal.waiting()[0].number == entry.number


def test_transitions_of_an_unreported_inspection_can_be_neither_changed_nor_deleted(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    walk(journal, State.JUDGED)
    journal.close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        for statement in ("UPDATE transitions SET cause = 'x'", "DELETE FROM transitions"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(statement)


def test_a_transition_from_a_state_the_journal_is_not_in_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session = walk(journal, State.CAPTURING)
    step = judge(session)
    commit(journal, step)
    with pytest.raises(JournalError, match="is not capturing"):
        commit(journal, step)


def test_the_rma_label_that_waits_survives(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.commit((), pending_rma="RMA-2025-0001")
    journal.close()
    assert Journal(tmp_path / "journal.sqlite").pending_rma() == "RMA-2025-0001"


def test_a_damaged_journal_is_kept_aside_and_the_next_start_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    journal = Journal(path)
    for number in range(20):
        walk(journal, State.CONFIRMED, text=f"ITEM-{number}")
    journal.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 3 : 4096 * 6] = bytes(range(256)) * 48
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="kept as") as caught:
        Journal(path)
    assert "support" in caught.value.hint
    (kept,) = damaged_journals(path)
    assert (tmp_path / kept).read_bytes() == bytes(damaged), "not one byte of the damaged file is lost"
    assert Journal(path).last() is None


def test_a_file_that_is_no_database_is_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, but somebody's words" * 200)
    with pytest.raises(JournalError, match="kept as"):
        Journal(path)
    assert damaged_journals(path)


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(JournalError, match="schema"):
        Journal(path)
    assert path.exists()


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 42")
        db.execute("CREATE TABLE other (x)")
    with pytest.raises(JournalError, match="another program"):
        Journal(path)
    assert path.exists()


def test_the_journal_runs_as_power_cuts_demand(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    ask = journal._connection.execute
    assert ask("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert ask("PRAGMA synchronous").fetchone()[0] == 2
    assert ask("PRAGMA foreign_keys").fetchone()[0] == 1


def test_a_disk_that_is_full_loses_nothing_and_leaves_no_half_step(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session = walk(journal, State.JUDGED)
    step = ordered(session, Order(OrderKind.OK, WHO), RULES, T0, SECOND)
    report = build_report(step.transitions[0].record, "station-1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = (tmp_path / "journal.sqlite-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal + 2000, hard))  # the next page but one does not fit
    try:
        with pytest.raises(JournalError) as caught:
            journal.commit(step.transitions, report=report)
        assert "free space" in caught.value.hint
        last = journal.last()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert last is not None
    assert last.state is State.JUDGED
    assert journal.waiting() == []
    journal.commit(step.transitions, report=report)
    assert len(journal.waiting()) == 1


def test_only_what_was_reported_long_ago_is_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    pictures = PictureStore(tmp_path / "pictures")
    for number in range(3):
        walk(journal, State.CONFIRMED, text=f"ITEM-{number}")
    reported, unreported, last = journal.waiting()
    journal.delivered(reported, T0)
    journal.delivered(last, T0)
    keeper = Housekeeper(journal, pictures, timedelta(days=30))
    assert keeper.tidy() == (1, 0)
    assert [row.record.inspection_id for row in journal.recent(9)] == [last.inspection_id, unreported.inspection_id]
    assert journal.transitions(reported.inspection_id) == []
    assert journal.pictures_in_use() == {"ab" * 32}


def test_what_was_reported_lately_is_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    for number in range(2):
        walk(journal, State.CONFIRMED, text=f"ITEM-{number}")
    for entry in journal.waiting():
        journal.delivered(entry, datetime.now(UTC))
    assert Housekeeper(journal, PictureStore(tmp_path / "pictures"), timedelta(days=30)).tidy() == (0, 0)
    assert len(journal.recent(9)) == 2


def decided(journal: Journal, *, held: bool) -> tuple[Session, UUID]:
    step = ordered(walk(journal, State.JUDGED), Order(OrderKind.OK, WHO), RULES, T0, SECOND)
    report = build_report(step.transitions[0].record, "station-1")
    journal.commit(step.transitions, report=report, label=True, held=held)
    return step.session, report.inspection_id


def take_back(journal: Journal, session: Session, *, unheard: bool) -> Session:
    record = session.current
    assert record is not None
    step = undone(session, WHO, T0, unheard=unheard)
    journal.commit(step.transitions, take_back=(record.inspection_id, record.revision))
    return step.session


def test_what_is_held_is_not_sent_before_it_is_released(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    _, inspection_id = decided(journal, held=True)
    assert journal.waiting() == []
    assert journal.departed(inspection_id, 1) is Departed.HELD
    assert journal.release()
    assert [entry.inspection_id for entry in journal.waiting()] == [inspection_id]
    assert not journal.release()


@pytest.mark.parametrize(("held", "revision"), [(True, 1), (False, 2)])
def test_a_decision_taken_back_leaves_no_report_and_the_next_one_cannot_be_mistaken_for_it(
    tmp_path: Path, held: bool, revision: int
) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session, _ = decided(journal, held=held)
    session = take_back(journal, session, unheard=held)
    journal.release()
    assert journal.waiting() == []
    assert Labels(journal).owed() == []
    step = ordered(session, Order(OrderKind.OK, WHO), RULES, T0, SECOND)
    report = build_report(step.transitions[0].record, "station-1")
    journal.commit(step.transitions, report=report, label=True)
    assert [entry.revision for entry in journal.waiting()] == [revision]
    assert len(Labels(journal).owed()) == 1


def test_what_the_hub_has_or_the_printer_printed_cannot_be_taken_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session, _ = decided(journal, held=False)
    Labels(journal).set(1, LabelStatus.PRINTED)
    with pytest.raises(TooLate):
        take_back(journal, session, unheard=False)
    assert journal.last() == session.current
    Labels(journal).set(1, LabelStatus.FAILED)
    [entry] = journal.waiting()
    journal.delivered(entry, T0)
    with pytest.raises(TooLate):
        take_back(journal, session, unheard=False)


def test_a_report_that_arrives_after_its_decision_was_taken_back_changes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    session, _ = decided(journal, held=False)
    [entry] = journal.waiting()  # the reporter has it in its hands
    session = take_back(journal, session, unheard=False)
    journal.delivered(entry, T0)
    assert journal.last() == session.current
