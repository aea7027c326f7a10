"""A real station at a real hub: it fetches, exchanges while items flow, falls back, and is told to go back."""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from inspection.hub.bundles import archives, registry
from inspection.hub.bundles.identity import identify
from inspection.station.rollouts.store import MAX_TRIES, Store
from models import signing
from models.bundle import CARD, EXPECTED, GRAPH, REFERENCE, SIGNATURES, open_bundle, seal_bundle, signed_text
from tests.hub.conftest import RunningHub
from tests.station.rig import ROOT, Rig, gs1, wait_until
from tests.station.rollouts.goods import SIGNER

pytestmark = pytest.mark.slow
DEFAULT = ROOT / "models" / "bundles" / "default"
SPEC = open_bundle(DEFAULT).spec
Publish = Callable[[str], str]


@pytest.fixture
def publish_bundle(running: RunningHub, tmp_path: Path) -> Publish:
    """Publishes a signed bundle whose card says this; not tried at the hub, which would refuse the bad ones."""

    def made(card: str) -> str:
        folder = tmp_path / "published" / str(len([*tmp_path.glob("published/*")]))
        for name in (GRAPH, REFERENCE, EXPECTED, CARD):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"{card} {folder}")
        seal_bundle(folder, SPEC)
        (folder / SIGNATURES).write_bytes(signing.signed(signed_text(open_bundle(folder)), SIGNER))
        archive = archives.pack(folder, 1_000_000)
        ready = registry.Ready(identify(folder), hashlib.sha256(archive).hexdigest(), len(archive))
        running.hub.images.put(running.merchant, ready.archive_sha256, archive)
        with running.hub.database.transaction() as connection:
            return registry.enter(connection, running.merchant, ready, "test").bundle_id

    return made


@dataclass
class Site:
    """The station with the hub's administrator beside it."""

    rig: Rig
    admin: httpx2.Client
    items: int = 0

    def item(self, look: str = "intact") -> dict[str, Any]:
        """Put an item there and have it judged; returns what the screen shows."""
        self.items += 1
        self.rig.put(look, self.items)
        serial = f"r{self.items}"
        self.rig.scan(gs1(serial))
        return self.rig.wait(
            lambda shown: shown["state"] == "judged" and shown["item"]["serial"] == serial, what=f"{look} {serial}"
        )

    def confirm(self, person: str | None = None) -> None:
        about = self.rig.state()["inspection_id"]
        if person is None:
            answers = [self.rig.command("ok", inspection_id=about)]
        else:
            answers = [
                self.rig.command("override", disposition=person, inspection_id=about),
                self.rig.command("reason", reason_code="missed_damage", inspection_id=about),
            ]
        assert all(answer.is_success for answer in answers), [answer.text for answer in answers]
        self.rig.wait_state("confirmed", "reported")

    def everywhere(self, bundle_id: str) -> str:
        """Promote something to all stations by hand; returns the rollout's id."""
        rollout = self.admin.post("/v1/rollouts", json={"candidate_id": bundle_id}).json()["id"]
        for _ in range(2):
            self.admin.post(f"/v1/rollouts/{rollout}/promote", json={"reason": "by hand"})
        return str(rollout)

    def step(self, rollout: str) -> str:
        stations = self.admin.get(f"/v1/rollouts/{rollout}").json()["stations"]
        return stations[0]["step"] if stations else ""


@pytest.fixture
def site(running: RunningHub, admin: httpx2.Client, tmp_path: Path) -> Iterator[Site]:
    with Rig(tmp_path / "rig", real_hub=(running.url, running.station_token)) as rig:
        rig.program = ("-m", "tests.station.rollouts.station_under_test")
        rig.config["model"] = {"bundle": str(DEFAULT)}
        rig.config["rollouts"] = {"trusted_keys": [str(SIGNER.verifier)], "ask_s": 0.2}
        rig.start()
        yield Site(rig, admin)


@pytest.fixture(autouse=True)
def a_folder_for_the_rig(tmp_path: Path) -> None:
    (tmp_path / "rig").mkdir(exist_ok=True)


def test_it_exchanges_while_items_flow_falls_back_from_a_bad_one_and_survives_kills(
    site: Site, publish_bundle: Publish
) -> None:
    rig = site.rig
    assert site.item()["versions"]["bundle"] == "red@1+000000000000"
    site.confirm()
    good = publish_bundle("sees red")
    rollout = site.everywhere(good)
    judged_by: list[str] = []
    while not judged_by or judged_by[-1] != good:  # items flow, and none of them waits for it
        judged_by.append(site.item("minor" if len(judged_by) % 2 else "intact")["versions"]["bundle"])
        site.confirm()
        assert len(judged_by) < 200
    wait_until(lambda: site.step(rollout) == "running", what="the hub to know")
    bad = publish_bundle("spoiled")
    refused = site.everywhere(bad)
    wait_until(lambda: site.step(refused) == "refused", what="its golden samples to be refused")
    shown = site.item()
    assert shown["versions"]["bundle"] == good
    assert "rollout.refused" in [fault["code"] for fault in shown["faults"]]
    site.confirm()
    os.kill(rig.pid, signal.SIGKILL)
    rig.died()
    rig.start()
    assert site.item()["versions"]["bundle"] == good
    site.confirm()
    rig.wait(lambda now: now["queue"]["waiting"] == 0, what="all reports to be sent")
    rows = rig.inspections()
    assert len(rows) == site.items == len({row["item"]["serial"] for row in rows})
    for row in rows:
        assert site.admin.get(f"/v1/inspections/{row['inspection_id']}").status_code == 200


def test_a_bundle_whose_loading_ends_the_program_is_given_up(site: Site, publish_bundle: Publish) -> None:
    name = publish_bundle("dies")
    rollout = site.everywhere(name)
    site.rig.died()
    store = Store(site.rig.data / "rollouts")
    assert store.tried(name) == 1
    store.write(store.read().model_copy(update={"trying": {name: MAX_TRIES}}))  # as after two more deaths
    site.rig.start()
    wait_until(lambda: site.step(rollout) == "refused", what="it to be given up")
    assert site.item()["versions"]["bundle"] == "red@1+000000000000"


def test_a_blind_candidate_forced_into_its_canary_is_taken_back_by_itself(site: Site, publish_bundle: Publish) -> None:
    """Every second item is damaged; the candidate sells them all, and the worker puts that right."""
    name = publish_bundle("blind")
    plan = {"canary": {"share": 0.5, "min_items": 500}, "limits": {"disagreement": {"harm": 0.2, "fine": 0.9}}}
    rollout = site.admin.post("/v1/rollouts", json={"candidate_id": name, "plan": plan}).json()["id"]
    site.admin.post(f"/v1/rollouts/{rollout}/promote", json={"reason": "forced, for the test"})
    wait_until(lambda: site.step(rollout) == "running", what="the candidate to run")
    found: dict[str, Any] = {}
    for number in range(200):
        shown = site.item("critical" if number % 2 else "intact")
        wrong = number % 2 and shown["verdict"]["disposition"] == "resell"
        site.confirm("scrap" if wrong else None)
        found = site.admin.get(f"/v1/rollouts/{rollout}").json()
        if found["state"] == "rolled_back":
            break
    assert (found["state"], found["steps"][-1]["by"]) == ("rolled_back", "automatic")
    assert found["wrong"] < 40
    print(f"{found['judged']} items judged by the candidate, {found['wrong']} wrong, of {site.items}")
    while site.item("critical")["verdict"]["disposition"] == "resell":  # until the station has heard of it
        site.confirm("scrap")
        assert site.items < 300
