"""What the hub rolls out is fetched, checked and run; what is wrong with it is said, and changes nothing."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspection.rollout import Kind
from inspection.station.rollouts.errors import DiskFull
from inspection.station.rollouts.store import MAX_TRIES, Store
from tests.station.rig import wait_until
from tests.station.rollouts.goods import SIGNER, STRANGER, Place, policy
from tests.station.rollouts.small_hub import SmallHub

STEPS = (
    "downloading",
    "downloaded",
    "unpacked",
    "checked",
    "shown",
    "exchanged",
    "pointer-written",
    "pointer-switched",
)


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    with SmallHub() as hub:
        yield hub


def test_what_is_assigned_runs_and_the_hub_is_told(hub: SmallHub, tmp_path: Path) -> None:
    name = policy(tmp_path / "p", "one")
    hub.assign(policy=hub.offer(name, tmp_path / "p"))
    with Place(tmp_path / "s", hub.url) as place:
        hub.wait_for_step(name, "running")
        assert place.runs() == name
        assert hub.standings[-1]["runs"]["policy"] == name
        assert place.desk.faults == ()
    assert Store(tmp_path / "s" / "rollouts").read().runs == {Kind.POLICY: (name,)}


def test_the_last_two_are_kept_and_older_ones_removed(hub: SmallHub, tmp_path: Path) -> None:
    names = [policy(tmp_path / note, note) for note in "abc"]
    with Place(tmp_path / "s", hub.url) as place:
        for note, name in zip("abc", names, strict=True):
            hub.assign(policy=hub.offer(name, tmp_path / note))
            hub.wait_for_step(name, "running")
        wait_until(lambda: not place.store.has(Kind.POLICY, names[0]), what="the oldest to go")
        assert place.store.read().runs == {Kind.POLICY: (names[2], names[1])}
        assert place.store.has(Kind.POLICY, names[1])
        del hub.archives[names[1]]  # to go back, nothing needs to be fetched
        hub.assign(policy=hub.assignment.champions[Kind.POLICY].model_copy(update={"bundle_id": names[1]}))
        hub.wait_for_step(names[1], "running")


def test_a_download_that_broke_goes_on_where_it_was_cut(hub: SmallHub, tmp_path: Path) -> None:
    name = policy(tmp_path / "p", "one")
    hub.breaks_after = 1000
    hub.assign(policy=hub.offer(name, tmp_path / "p"))
    with Place(tmp_path / "s", hub.url):
        hub.wait_for_step(name, "running")
    first, *others = hub.asked_ranges
    assert (first, bool(others)) == ("", True)
    assert all(asked.startswith("bytes=") for asked in others)


@pytest.mark.parametrize("wrong", ["unsigned", "stranger", "changed", "another"])
def test_what_is_not_what_it_should_be_is_refused_and_nothing_changes(
    hub: SmallHub, tmp_path: Path, wrong: str
) -> None:
    good = policy(tmp_path / "good", "good")
    hub.assign(policy=hub.offer(good, tmp_path / "good"))
    signer = {"unsigned": None, "stranger": STRANGER}.get(wrong, SIGNER)
    bad = policy(tmp_path / "bad", "bad", signer)
    if wrong == "changed":
        (tmp_path / "bad" / "policy.yaml").open("a").write("# more\n")
    if wrong == "another":
        bad = bad[:-12] + "0" * 12
    with Place(tmp_path / "s", hub.url) as place:
        hub.wait_for_step(good, "running")
        hub.assign(policy=hub.offer(bad, tmp_path / "bad"))
        hub.wait_for_step(bad, "refused")
        assert place.runs() == good
        (fault,) = place.desk.faults
        assert (fault.code, fault.about) == ("rollout.refused", bad.partition("+")[0])
        assert not place.store.has(Kind.POLICY, bad)
        hub.assign(policy=hub.offer(good, tmp_path / "good"))
        hub.wait_for_step(good, "running")
        assert place.desk.faults == ()


def test_without_the_hub_the_station_keeps_what_it_has(hub: SmallHub, tmp_path: Path) -> None:
    name = policy(tmp_path / "p", "one")
    hub.assign(policy=hub.offer(name, tmp_path / "p"))
    with Place(tmp_path / "s", hub.url):
        hub.wait_for_step(name, "running")
    with Place(tmp_path / "s", "http://127.0.0.1:9") as place:
        assert place.runs() == name
        assert place.desk.standing.bundles[0].step == "running"


def test_a_full_disk_is_said_and_what_runs_stays(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = policy(tmp_path / "p", "one")
    hub.assign(policy=hub.offer(name, tmp_path / "p"))
    room = Store.room_for

    def full(_store: Store, _size: int) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(Store, "room_for", full)
    with Place(tmp_path / "s", hub.url) as place:
        wait_until(lambda: hub.standings and hub.standings[-1]["bundles"][0]["code"] == "rollout.disk", what="disk")
        assert place.runs() is None
        monkeypatch.setattr(Store, "room_for", room)
        hub.wait_for_step(name, "running")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_starts_with_a_whole_one_and_comes_to_the_new(
    hub: SmallHub, tmp_path: Path, step: str
) -> None:
    old, new = policy(tmp_path / "old", "old"), policy(tmp_path / "new", "new")
    hub.assign(policy=hub.offer(old, tmp_path / "old"))
    with Place(tmp_path / "s", hub.url):
        hub.wait_for_step(old, "running")
    hub.assign(policy=hub.offer(new, tmp_path / "new"))
    child = multiprocessing.get_context("fork").Process(target=_die_at, args=(tmp_path / "s", hub.url, step))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    place = Place(tmp_path / "s", hub.url)
    assert place.runs() in (old, new)  # whole, before anybody was asked
    with place:
        hub.wait_for_step(new, "running")
        assert place.runs() == new
        assert not [*place.store.incoming.iterdir()]


def _die_at(folder: Path, url: str, step: str) -> None:
    def look(now: str) -> None:
        if now == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with Place(folder, url, look):
        time.sleep(60)


def test_one_whose_loading_ended_the_program_three_times_is_not_loaded_again(tmp_path: Path) -> None:
    name = "m@1+0123456789ab"
    for _ in range(MAX_TRIES):
        child = multiprocessing.get_context("fork").Process(target=_die_loading, args=(tmp_path, name))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
    assert Store(tmp_path).tried(name) == MAX_TRIES


def _die_loading(folder: Path, name: str) -> None:
    with Store(folder).trying(name):
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_damaged_pointer_leaves_what_is_configured(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.switch(Kind.POLICY, "policy@1+0123456789ab")
    (tmp_path / "pointer.json").write_text("{")
    assert store.read().runs == {}
    shutil.rmtree(tmp_path)
