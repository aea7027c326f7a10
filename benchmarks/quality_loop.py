"""The loop of quality with real parts, from overrides at a station to the shadow of a better model at that station.

    python -m benchmarks.quality_loop --overrides 300 --out DIR

A hub of three processes (API, worker, trainer) on its embedded database, a station that judges with the bundle the hub
trained, a worker who puts its verdicts right, two people who label. Nothing is replaced. The steps, minutes for each in
DIR/loop.json and as a table: a first full training; overrides at the station; the review queue and labels; a data
version; ``refresh``; the gate on that version's exam; the shadow, until its figures make a canary of it. Canary,
everywhere and the way back are in tests/hub/rollouts, with judges made for it.

The limits of the rollout and the gate's rules are those of the project where ``--overrides`` is 300 or more, otherwise
made for few items; loop.json says which. Training is small: the point is the loop, not the judge.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.quality_goods import boxes, first_pictures
from benchmarks.quality_parts import ENOUGH, NAME, Loop, bring_in, fetched, train
from benchmarks.quality_rollout import let_through, shadow
from benchmarks.quality_site import STATION, HubProcesses, Worker
from models import signing
from tests.models.exams import small_rules
from tests.station.rig import ROOT, Rig

BADGES = {"anna": ("badge-anna-1", "482915"), "ben": ("badge-ben-22", "705183")}
OPTIONS = {
    "size": 96, "finder": False, "versions": 1, "cut_versions": 0, "painted_versions": 0, "epochs": 8, "folds": 2,
    "by_date": False, "threads": 2, "wrong_resell": 0.05, "wrong_scrap": 0.05, "refresh_epochs": 4, "sign_name": "loop",
}  # fmt: skip
FEW_OPTIONS = OPTIONS | {"size": 64, "epochs": 6, "folds": 1}
MOST_ITEMS = 5
QUIET_S = 45.0
"""Without anything new in the queue; reports wait 15 s for pictures that are on their way."""


def label(loop: Loop, worker: Worker, found: dict[str, Any]) -> None:
    """Two people work through the queue: what is right is confirmed, the rest is put right."""
    confirmed = labelled = 0
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < QUIET_S:
        given = 0
        for who in BADGES:
            for item in loop.post("/v1/review/leases", {"count": 20}, who)["items"]:
                confirmed += say(loop, worker, item, who)
                given += 1
        labelled += given
        if given:
            quiet_since = time.monotonic()
        else:
            time.sleep(2)
    counts = loop.get("/v1/review/counts")
    found |= {"labels": labelled, "of_them_confirmed_proposals": confirmed, "counts": counts}


def say(loop: Loop, worker: Worker, item: dict[str, Any], who: str) -> bool:
    """Label one picture as it is; whether the worker's proposal was that."""
    shot = worker.truth[item["inspection_id"]].shots[item["view"]]
    said = {"condition": shot.condition.value, "defects": sorted(each.value for each in shot.defects)}
    proposal = item["override"]
    right = (
        proposal is not None
        and proposal["condition"] == said["condition"]
        and sorted(proposal["defects"]) == said["defects"]
    )
    drawn = proposal["boxes"] if right else boxes(shot)
    body = said | {"boxes": drawn, "source": "override" if right else "person", "took_ms": 1000}
    loop.post(f"/v1/review/items/{item['id']}/labels", body, who)
    return right


def worked(loop: Loop, worker: Worker, found: dict[str, Any]) -> None:
    """Items until there were enough overrides."""
    while worker.overrides < loop.overrides and len(worker.truth) < MOST_ITEMS * loop.overrides:
        worker.item()
    worker.all_sent()
    found |= {"items": len(worker.truth), "overrides": worker.overrides, "held": worker.held}
    found |= {"bad_proposed_for_sale": worker.sold, "good_proposed_for_scrap": worker.binned}


@contextmanager
def hub_of(folder: Path, overrides: int) -> Iterator[Loop]:
    """The hub with its people."""
    key = signing.signer("loop", signing.private_key(folder / "loop.key", None, make=True))
    (folder / "training.yaml").write_text(
        yaml.safe_dump({**(FEW_OPTIONS if overrides < ENOUGH else OPTIONS), "sign_key": str(folder / "loop.key")})
    )
    bundles: dict[str, Any] = {"trusted_keys": [str(key.verifier)]}
    if overrides < ENOUGH:
        bundles["rules"] = str(small_rules(folder / "gate.yaml"))
    config = {
        "bundles": bundles,
        "training": {"in_worker": False, "options": str(folder / "training.yaml"), "nice": 5},
        "precheck": {"products": str(ROOT / "configs" / "products.yaml")},
        "review": {"audit_share": 0.0},
    }
    with ExitStack() as stack:
        hub = stack.enter_context(HubProcesses(folder, config))
        admin = stack.enter_context(hub.client(hub.call("token", "--scope", "admin", "--label", "loop")))
        device = hub.call("token", "--scope", "station", "--label", "loop-badges", "--station", "loop-desk")
        with hub.client(device) as desk:
            people = {}
            for login, (badge, pin) in BADGES.items():
                person = {"login": login, "name": login, "role": "qa_engineer", "badge": badge, "pin": pin}
                assert (answer := admin.post("/v1/staff", json=person)).is_success, answer.text
                answer = desk.post("/v1/badge-sign-ins", json={"badge": badge, "pin": pin})
                assert answer.is_success, answer.text
                people[login] = stack.enter_context(hub.client(answer.json()["session"]))
        yield Loop(folder, overrides, hub, admin, people, str(key.verifier))


@contextmanager
def station_of(loop: Loop, bundle: str) -> Iterator[Worker]:
    """A station with the bundle, and its worker."""
    token = loop.hub.call("token", "--scope", "station", "--label", "loop-station", "--station", STATION)
    folder = loop.folder / "station"
    folder.mkdir(exist_ok=True)
    with Rig(folder, real_hub=(loop.hub.url, token)) as rig:
        rig.program = ("station_app.py", "run", "--config")
        rig.config |= {
            "station_id": STATION,
            "model": {"bundle": str(fetched(loop, bundle)), "trusted_keys": [loop.verifier]},
            "rollouts": {"trusted_keys": [loop.verifier], "ask_s": 1, "shadow_budget_ms": 10_000},
            "capture": {"retakes": 0},
        }
        rig.start()
        yield Worker(rig, loop.folder / "goods", np.random.default_rng(7))


def improve(loop: Loop, first: str, worker: Worker) -> tuple[str, str]:
    """From overrides to a published refresh; the data version and the bundle."""
    with loop.step("overrides at the station") as found:
        worked(loop, worker, found)
    with loop.step("review queue and labels") as found:
        label(loop, worker, found)
    with loop.step("data version") as found:
        made = loop.post("/v1/datasets", {"name": NAME, "base": first})
        found |= {name: made[name] for name in ("id", "pictures", "counts", "useless", "contradicting")}
    with loop.step("refresh") as found:
        return str(made["id"]), train(loop, "refresh", made["id"], found)


def main(
    overrides: Annotated[int, typer.Option(min=4, help="Corrections at the station.")] = ENOUGH,
    out: Annotated[Path, typer.Option(help="Folder for everything, which must not be there yet.")] = Path("loop"),
    first: Annotated[int, typer.Option(min=2, help="Items of each render for the first training and its exam.")] = 16,
) -> None:
    """Run the loop; print its steps and write DIR/loop.json."""
    out = out.absolute()
    out.mkdir(parents=True)
    out.chmod(0o755)  # the database's account goes through it
    first_pictures(out / "first", first, np.random.default_rng(1))
    with hub_of(out, overrides) as loop:
        with loop.step("first data version") as found:
            found |= {"overrides_wanted": overrides, "rules_and_plan": "for few" if overrides < ENOUGH else "default"}
            version = bring_in(loop, NAME, out / "first", 0.3)
            found["id"] = version
        with loop.step("first training, full") as found:
            champion = train(loop, "full", version, found)
        with station_of(loop, champion) as worker:
            exam, candidate = improve(loop, version, worker)
            let_through(loop, candidate, champion, exam)
            shadow(loop, worker, candidate)
    tell(loop.steps)


def tell(steps: list[dict[str, Any]]) -> None:
    """The table."""
    table = Table(title="The loop")
    for column in ("step", "minutes", "load"):
        table.add_column(column)
    for each in steps:
        table.add_row(each["step"], f"{each['minutes']:.2f}", each["load"])
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
