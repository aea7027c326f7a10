"""A real station at a real hub: enrolled with a code, rotated while it reports, never without a credential."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import httpx2
import pytest

from inspection.station.credential import CredentialError, enrol
from inspection.station.hub_client import HubClient, Outcome, TokenSource
from tests.hub.conftest import RunningHub
from tests.hub.reports import report


@pytest.fixture
def file(running: RunningHub, admin: httpx2.Client, tmp_path: Path) -> Path:
    path = tmp_path / "hub.token"
    code = admin.post("/v1/stations/st-side/enrolment-codes").json()["code"]
    enrol(running.url, code, path, "st-side")
    return path


def send(running: RunningHub, file: Path) -> Outcome:
    client = HubClient(running.url, TokenSource(file))
    try:
        return client.post_report(json.dumps(report(station_id="st-side")).encode()).outcome
    finally:
        client.close()


def grow_old(file: Path) -> None:
    old = time.time() - 31 * 86_400
    os.utime(file, (old, old))


def test_an_enrolled_station_reports_and_rotates_when_its_credential_is_old(running: RunningHub, file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.read_text()
    assert send(running, file) is Outcome.DONE
    assert file.read_text() == first
    grow_old(file)
    assert send(running, file) is Outcome.DONE
    second = file.read_text()
    assert second != first
    assert send(running, file) is Outcome.DONE
    assert file.read_text() == second
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_rotation_that_cannot_be_kept_costs_nothing(
    running: RunningHub, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    first = file.read_text()
    grow_old(file)
    with monkeypatch.context() as patched:
        patched.setattr("inspection.station.credential.os.fsync", full)
        assert send(running, file) is Outcome.DONE
    assert file.read_text() == first
    assert send(running, file) is Outcome.DONE
    assert file.read_text() != first


def test_a_code_of_another_station_or_a_used_one_enrols_nobody(
    running: RunningHub, admin: httpx2.Client, tmp_path: Path
) -> None:
    code = admin.post("/v1/stations/st-theirs/enrolment-codes").json()["code"]
    for expected in ("st-theirs", "403"):
        with pytest.raises(CredentialError, match=expected):
            enrol(running.url, code, tmp_path / "token", "st-mine")
    assert not (tmp_path / "token").exists()
    with pytest.raises(CredentialError):
        enrol("http://127.0.0.1:1", code, tmp_path / "token", "st-mine")
