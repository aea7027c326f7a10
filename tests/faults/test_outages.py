"""The hub away, devices pulled out, the disk full: shown, survived, nothing lost, and no verdict from an old frame."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.station.recording_hub import Answer
from tests.station.rig import ROOT, Rig, gs1, wait_until


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as rig:
        yield rig


@pytest.mark.slow
def test_fifty_items_inspected_without_the_hub_arrive_once_each_when_it_is_back(rig: Rig) -> None:
    rig.start()
    rig.hub.stop()
    for number in range(50):
        rig.put("intact", number)
        time.sleep(1 / 15)  # two frame periods: the cameras see the new item
        rig.scan(gs1(f"30{number:02}"))
        rig.wait(lambda s, n=number: s["state"] == "judged" and s["item"]["serial"] == f"30{n:02}")  # type: ignore[misc]
        rig.scan("CMD:OK")
        rig.wait_state("confirmed")
    state = rig.wait(lambda s: s["queue"]["waiting"] == 50)
    assert state["hub"]["trouble"] == "hub.unreachable"
    assert state["queue"]["dead"] == 0
    rig.hub.start()
    rig.wait(lambda s: s["queue"]["waiting"] == 0 and s["hub"]["trouble"] == "", timeout_s=120)
    assert len(rig.hub.reports) == 50
    assert max(rig.hub.posts.values()) == 1
    assert {report["item"]["serial"] for report in rig.hub.reports.values()} == {f"30{n:02}" for n in range(50)}
    for report in rig.hub.reports.values():
        for picture in report["pictures"]:
            stored = rig.data / "pictures" / picture["sha256"][:2] / f"{picture['sha256']}.jpg"
            assert rig.hub.pictures[picture["sha256"]] == stored.read_bytes()
    assert all(row["state"] == "reported" for row in rig.inspections())


def test_a_pulled_reader_is_shown_until_it_is_back_and_the_work_goes_on(rig: Rig) -> None:
    rig.start()

    def reader_fault() -> bool:
        return any(fault["code"] == "device.lost" and fault["about"] == "rfid" for fault in rig.state()["faults"])

    rig.bench.unplug("rfid")
    wait_until(reader_fault, 60, "the fault on the screen")
    rig.bench.replug("rfid")
    wait_until(lambda: not reader_fault(), 60, "the fault to go")
    rig.scan(gs1("1001"))
    assert rig.wait_state("judged")["verdict"]["disposition"] == "resell"


def test_a_pulled_camera_gives_no_verdict_until_it_is_back_and_then_one_of_what_lies_there_now(rig: Rig) -> None:
    rig.start()

    def camera_fault() -> bool:
        return any(fault["about"] in ("camera-top", "top") for fault in rig.state()["faults"])

    rig.bench.unplug_camera("top")
    wait_until(camera_fault, 60, "the fault on the screen")
    assert rig.http is not None
    assert rig.http.get("/live/top.jpg").status_code == 503, "no old picture in the live view"
    rig.scan(gs1("1001"))
    state = rig.wait_state("capturing")
    pulled_at = time.monotonic()
    while time.monotonic() - pulled_at < 1.5:
        state = rig.state()
        assert state["state"] == "capturing"
        assert state["verdict"] is None
    rig.put("critical")
    rig.bench.replug_camera("top")
    wait_until(lambda: not camera_fault(), 60, "the fault to go")
    judged = rig.wait_state("judged", timeout_s=60)
    assert judged["assessment"]["condition"] == "critical", "the verdict is of the new picture"
    assert {finding["view"] for finding in judged["findings"]} == {"top", "front"}


def test_a_camera_pulled_while_pictures_are_taken_does_not_block_the_worker(rig: Rig) -> None:
    rig.start()
    rig.bench.unplug_camera("front")
    rig.wait(lambda s: any(fault["code"] == "device.lost" for fault in s["faults"]))
    rig.scan(gs1("1001"))
    rig.wait_state("capturing")
    rig.scan("CMD:CANCEL")
    rig.wait_state("idle", timeout_s=60)
    assert rig.hub.reports == {}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = 65536
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return ballast


@pytest.mark.parametrize("step", ["scan", "confirm"])
def test_a_full_disk_is_shown_loses_nothing_and_cures_itself(tmp_path: Path, small_disk: Path, step: str) -> None:
    with Rig(tmp_path, data=small_disk / "data") as rig:
        rig.start()
        if step == "confirm":
            rig.scan(gs1("1001"))
            rig.wait_state("judged")
        ballast = fill(small_disk)
        rig.scan(gs1("1001") if step == "scan" else "CMD:OK")
        state = rig.wait(lambda s: any(f["code"] in ("journal.failed", "store.failed") for f in s["faults"]))
        assert state["state"] == ("judged" if step == "confirm" else "idle")
        assert rig.hub.reports == {}
        ballast.unlink()
        rig.wait(lambda s: not any(f["code"] in ("journal.failed", "store.failed") for f in s["faults"]), timeout_s=60)
        if step == "scan":
            rig.scan(gs1("1001"))
            rig.wait_state("judged")
        rig.scan("CMD:OK")
        rig.wait_state("reported")
        assert len(rig.hub.reports) == 1


def test_too_little_space_for_pictures_stops_the_verdict_not_the_station(tmp_path: Path, small_disk: Path) -> None:
    with Rig(tmp_path, data=small_disk / "data") as rig:
        rig.config["limits"]["min_free_mb"] = 2
        rig.start()
        ballast = small_disk / "ballast"
        ballast.write_bytes(b"x" * 1_200_000)
        rig.scan(gs1("1001"))
        state = rig.wait(lambda s: any(f["code"] == "store.failed" for f in s["faults"]))
        assert state["verdict"] is None
        ballast.unlink()
        rig.wait_state("judged")


def test_a_refused_token_is_told_and_a_new_one_needs_no_restart(rig: Rig) -> None:
    rig.hub.token = "another"
    rig.start()
    rig.scan(gs1("1001"))
    rig.wait_state("judged")
    rig.scan("CMD:OK")
    state = rig.wait(lambda s: s["hub"]["trouble"] == "token.invalid")
    assert state["queue"] == {"waiting": 1, "dead": 0}
    (rig.folder / "token").write_text("another")
    rig.wait_state("reported")
    assert "another" not in (rig.folder / "station.log").read_text()


def test_a_report_the_hub_refuses_waits_for_a_person_and_blocks_no_other(rig: Rig) -> None:
    refused = {"code": "request.invalid", "detail": "no such product"}
    rig.start()
    rig.hub.misbehaviour.extend([Answer(201), Answer(422, refused)])  # one picture passes, then nothing does
    rig.scan(gs1("1001"))
    rig.wait_state("judged")
    rig.scan("CMD:OK")
    rig.wait(lambda s: s["queue"]["dead"] == 1)
    rig.scan(gs1("1002"))
    rig.wait_state("judged")
    rig.scan("CMD:OK")
    rig.wait_state("reported")
    assert rig.http is not None
    (dead,) = rig.http.get("/api/queue/dead").json()["dead"]
    assert "no such product" in dead["error"]
    assert rig.http.post("/api/queue/retry", json={}).json() == {"revived": 1}
    rig.wait(lambda s: s["queue"] == {"waiting": 0, "dead": 0})
    assert len(rig.hub.reports) == 2


def test_two_stations_never_work_on_one_data_folder(rig: Rig) -> None:
    rig.start()
    second = subprocess.run(
        [sys.executable, "station_app.py", "run", "--config", str(rig.write_config())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert second.returncode == 2
    assert "station.running" in second.stderr
    assert str(rig.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert rig.state()["state"] == "idle"


def test_sigterm_is_a_clean_end_even_with_a_page_open(rig: Rig) -> None:
    rig.start()
    with httpx2.stream("GET", f"{rig.url}/events?panel=en", trust_env=False, timeout=60) as events:
        next(events.iter_lines())
        assert rig.stop() == 0
    assert '"level": "error"' not in (rig.folder / "station.log").read_text()
