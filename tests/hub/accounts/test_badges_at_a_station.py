"""A station signs workers in at a real hub; while the hub is away, for a while, those whom it let in before."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.tables import audit_entries
from inspection.station.hub_client import TokenSource
from inspection.station.people import Person
from inspection.station.sign_in import kept
from inspection.station.sign_in.desk import SignInDesk, Watcher
from inspection.station.sign_in.hub_badges import HubBadges
from inspection.station.sign_in.kept import KeptSignIns
from tests.hub.accounts.conftest import PIN
from tests.hub.conftest import RunningHub

PATIENCE_S = 60
NOBODY_LISTENS = "http://127.0.0.1:1"
WRONG = "777222"


class Kiosk:
    """A desk with what it told, and a clock that can be moved."""

    def __init__(self, url: str, token: str, folder: Path) -> None:
        self.shift = timedelta()
        self.token, self.file, self.url = folder / "token", folder / "sign-ins.json", url
        self.token.write_text(token)
        self.signed_in: list[Person] = []
        self.over: list[str] = []
        self._changes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.desk = self._started()

    def restart(self, url: str | None = None) -> None:
        """The station starts again; ``url`` is where it finds the hub from now on."""
        self.desk.stop()
        self.url = url or self.url
        self.desk = self._started()

    def _started(self) -> SignInDesk:
        hub = HubBadges(self.url, TokenSource(self.token))
        desk = SignInDesk(hub, KeptSignIns(self.file, timedelta(hours=12)), check_s=3600, now=self.now)
        desk.start(Watcher(lambda: self._changes.put(None), self.signed_in.append, self.over.append))
        return desk

    def now(self) -> datetime:
        return datetime.now(UTC) + self.shift

    def try_pin(self, badge: str, pin: str = PIN) -> str:
        """What the screen says afterwards; empty for who is in."""
        self.desk.begin(badge)
        assert self.desk.enter(pin)
        for _ in ("a PIN is looked at", "what became of it"):
            self._changes.get(timeout=PATIENCE_S)
        shown = self.desk.shown
        return "" if shown is None else shown.trouble


@pytest.fixture
def kiosk(
    running: RunningHub, enrolled: httpx2.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kiosk]:
    monkeypatch.setattr(kept, "N", 2)
    token = enrolled.headers["authorization"].removeprefix("Bearer ")
    kiosk = Kiosk(running.url, token, tmp_path)
    yield kiosk
    kiosk.desk.stop()


Add = Callable[..., dict[str, Any]]


def test_a_badge_and_its_pin_bring_role_and_language_and_are_audited(
    kiosk: Kiosk, person: Add, running: RunningHub
) -> None:
    worker, chief = person(language="vi"), person("supervisor")
    assert kiosk.try_pin(worker["badge"]) == ""
    assert kiosk.try_pin(chief["badge"]) == ""
    assert kiosk.signed_in == [Person(worker["id"], "", "vi"), Person(chief["id"], "", "", supervisor=True)]
    assert kiosk.desk.member(worker["id"]) == kiosk.signed_in[0]
    with running.hub.database.transaction() as connection:
        found = connection.execute(sa.select(audit_entries).where(audit_entries.c.actor_id == worker["id"])).all()
    assert [(row.act, row.outcome, row.details["way"]) for row in found] == [("sign_in", "done", "badge")]


def test_five_wrong_pins_lock_and_the_screen_says_how_long(kiosk: Kiosk, person: Add) -> None:
    worker = person()
    assert [kiosk.try_pin(worker["badge"], WRONG) for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    assert kiosk.desk.shown is not None
    assert 0 < kiosk.desk.shown.wait_s <= 60
    assert kiosk.signed_in == []


def test_who_signed_in_before_gets_in_while_the_hub_is_away_and_others_do_not(kiosk: Kiosk, person: Add) -> None:
    worker, stranger = person("supervisor"), person()
    kiosk.try_pin(worker["badge"])
    kiosk.restart(NOBODY_LISTENS)
    assert kiosk.try_pin(worker["badge"]) == ""
    assert [each.supervisor for each in kiosk.signed_in] == [True, True]
    assert kiosk.try_pin(stranger["badge"]) == "unreachable"
    kiosk.shift = timedelta(hours=12, minutes=1)
    assert kiosk.try_pin(worker["badge"]) == "unreachable"
    assert kiosk.desk.member(worker["id"]) is None


def test_guessing_is_braked_while_the_hub_is_away_also_across_a_restart(kiosk: Kiosk, person: Add) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    kiosk.restart(NOBODY_LISTENS)
    assert [kiosk.try_pin(worker["badge"], WRONG) for _ in range(6)] == ["wrong"] * 5 + ["locked"]
    kiosk.restart()
    assert kiosk.try_pin(worker["badge"]) == "locked"
    kiosk.shift = timedelta(seconds=61)
    assert kiosk.try_pin(worker["badge"]) == ""


@pytest.mark.parametrize("change", [{"disabled": True}, {"pin": "739162"}, {"badge": "another-badge"}])
def test_what_is_taken_back_at_the_hub_is_over_at_the_station(
    kiosk: Kiosk, person: Add, admin: httpx2.Client, change: dict[str, Any]
) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    kiosk.desk.check()
    assert kiosk.over == []
    assert admin.patch(f"/v1/staff/{worker['id']}", json=change).status_code == 200
    kiosk.desk.check()
    assert kiosk.over == [worker["id"]]
    kiosk.restart(NOBODY_LISTENS)
    assert kiosk.try_pin(worker["badge"]) == "unreachable"


def test_a_role_that_is_changed_reaches_the_station(kiosk: Kiosk, person: Add, admin: httpx2.Client) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    admin.patch(f"/v1/staff/{worker['id']}", json={"role": "supervisor"})
    kiosk.desk.check()
    found = kiosk.desk.member(worker["id"])
    assert found is not None
    assert found.supervisor


def test_a_hub_that_is_away_ends_nobodys_sign_in(kiosk: Kiosk, person: Add) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    kiosk.restart(NOBODY_LISTENS)
    kiosk.desk.check()
    assert kiosk.over == []
    assert kiosk.desk.member(worker["id"]) is not None


def test_signing_in_again_ends_the_session_before(kiosk: Kiosk, person: Add, admin: httpx2.Client) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    kiosk.try_pin(worker["badge"])
    assert len(admin.get(f"/v1/staff/{worker['id']}/sessions").json()["sessions"]) == 1


def test_the_file_says_neither_badge_nor_pin_and_is_for_its_owner_only(kiosk: Kiosk, person: Add) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    file = kiosk.file
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert worker["badge"] not in file.read_text()
    assert f'"{PIN}"' not in file.read_text()
    assert "Li Wei" not in file.read_text()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"signed_in": [{}]}', b"\xff\xfe", b'{"signed_in": 7}'])
def test_a_damaged_file_lets_nobody_in_and_stops_nothing(kiosk: Kiosk, person: Add, damage: bytes) -> None:
    worker = person()
    kiosk.try_pin(worker["badge"])
    kiosk.file.write_bytes(damage)
    kiosk.restart(NOBODY_LISTENS)
    assert kiosk.try_pin(worker["badge"]) == "unreachable"


def test_a_token_that_is_no_stations_is_told(kiosk: Kiosk, running: RunningHub, person: Add) -> None:
    worker = person()
    kiosk.token.write_text(running.admin_token)
    assert kiosk.try_pin(worker["badge"]) == "refused"
