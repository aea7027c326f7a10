"""From shadow to canary to everywhere, or back: by figures, or by a person with a reason; stations are told."""

from __future__ import annotations

import uuid
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.tables import audit_entries
from inspection.hub.accounts.tokens import Scope, grant, new_token
from inspection.hub.bundles import registry
from inspection.hub.rollouts import service
from inspection.hub.tables import events, merchants
from tests.hub.conftest import RunningHub
from tests.hub.rollouts.conftest import Publish, opinion, part, reported, say, started


def state(admin: httpx2.Client, rollout: dict[str, Any]) -> str:
    return str(admin.get(f"/v1/rollouts/{rollout['id']}").json()["state"])


def assignment(station: httpx2.Client, name: str = "station-07") -> dict[str, Any]:
    found: dict[str, Any] = station.get(f"/v1/stations/{name}/assignment").json()
    return found


def told(running: RunningHub, subject: str) -> list[tuple[str, str]]:
    query = sa.select(events.c.kind, events.c.payload).where(
        events.c.merchant_id == running.merchant, events.c.subject == subject, events.c.kind.like("bundle_rolled%")
    )
    with running.hub.database.transaction() as connection:
        return [(row.kind, row.payload["state"]) for row in connection.execute(query.order_by(events.c.id))]


def to_canary(admin: httpx2.Client, station: httpx2.Client, rollout: dict[str, Any]) -> None:
    say(station, [opinion(rollout["id"]) for _ in range(60)])
    assert state(admin, rollout) == "canary"


def test_before_anything_is_rolled_out_stations_run_what_they_are_configured_with(station: httpx2.Client) -> None:
    assert assignment(station)["champions"] == {}
    assert assignment(station)["trial"] is None


def test_a_good_candidate_goes_from_shadow_to_canary_to_everywhere_by_itself(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    name = publish("good")
    rollout = started(admin, name)
    trial = assignment(station)["trial"]
    assert (trial["stage"], trial["candidate"]["bundle_id"]) == ("shadow", name)
    to_canary(admin, station, rollout)
    trial = assignment(station)["trial"]
    assert (trial["stage"], trial["share"]) == ("canary", 0.5)
    for _ in range(40):
        said = opinion(rollout["id"], stage="canary", judged_by="candidate")
        reported(station, said["inspection_id"])
        reported(station, str(uuid.uuid4()))
        say(station, [said])
    assert state(admin, rollout) == "full"
    now = assignment(station)
    assert (now["champions"]["policy"]["bundle_id"], now["trial"]) == (name, None)
    assert [each[1] for each in told(running, name)] == ["shadow", "canary", "full"]
    steps = admin.get(f"/v1/rollouts/{rollout['id']}").json()["steps"]
    assert [(each["act"], each["by"] == "automatic") for each in steps] == [
        ("start", False), ("promote", True), ("promote", True)
    ]  # fmt: skip
    assert steps[-1]["figures"]["weighed"]


def test_a_candidate_that_differs_too_often_never_leaves_its_shadow(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    name = publish("odd")
    rollout = started(admin, name)
    say(station, [opinion(rollout["id"], candidate=part("hold")) for _ in range(40)])
    found = admin.get(f"/v1/rollouts/{rollout['id']}").json()
    assert found["state"] == "rolled_back"
    assert set(found["steps"][-1]["reason"].split(", ")) == {"hold", "disagreement"}
    assert assignment(station)["trial"] is None
    assert told(running, name)[-1] == ("bundle_rolled_back", "rolled_back")


def test_a_bad_candidate_in_its_canary_is_taken_back_and_its_wrong_verdicts_are_counted(
    admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    rollout = started(admin, publish("bad"))
    to_canary(admin, station, rollout)
    for _ in range(60):
        reported(station, str(uuid.uuid4()))
    for judged in range(1, 60):
        said = opinion(rollout["id"], stage="canary", judged_by="candidate")
        reported(station, said["inspection_id"], overridden=judged % 2 == 0)
        say(station, [said])
        if state(admin, rollout) == "rolled_back":
            break
    found = admin.get(f"/v1/rollouts/{rollout['id']}").json()
    assert (found["state"], found["steps"][-1]["by"]) == ("rolled_back", "automatic")
    assert "override" in found["steps"][-1]["reason"]
    assert (found["judged"], found["wrong"]) == (judged, judged // 2)
    assert found["wrong"] < 25


def test_errors_take_a_candidate_back(admin: httpx2.Client, station: httpx2.Client, publish: Publish) -> None:
    rollout = started(admin, publish("broken"))
    say(station, [opinion(rollout["id"], candidate=part("hold", ms=0, error="Boom")) for _ in range(10)])
    found = admin.get(f"/v1/rollouts/{rollout['id']}").json()
    assert (found["state"], found["steps"][-1]["reason"]) == ("rolled_back", "error")


def test_opinions_sent_again_count_once_and_those_of_a_rollout_that_is_over_are_ignored(
    admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    rollout = started(admin, publish("twice"))
    said = [opinion(rollout["id"]) for _ in range(5)]
    assert say(station, said) == say(station, said) == {"taken": 5, "ignored": 0}
    assert admin.get(f"/v1/rollouts/{rollout['id']}").json()["figures"]["items"] == 5
    admin.post(f"/v1/rollouts/{rollout['id']}/rollback", json={"reason": "enough"})
    assert say(station, said) == {"taken": 0, "ignored": 5}


def test_another_station_cannot_change_what_one_said(
    admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    rollout = started(admin, publish("own"))
    said = opinion(rollout["id"])
    say(station, [said])
    say(station, [said | {"candidate": part("hold")}], "station-08")
    (hold,) = [
        each for each in admin.get(f"/v1/rollouts/{rollout['id']}").json()["figures"]["weighed"]
        if each["name"] == "hold"
    ]  # fmt: skip
    assert hold["candidate_hits"] == 0


def test_only_the_named_stations_try_it(admin: httpx2.Client, station: httpx2.Client, publish: Publish) -> None:
    started(admin, publish("here"), shadow={"stations": ["station-01"]})
    assert assignment(station, "station-01")["trial"]
    assert assignment(station, "station-02")["trial"] is None


def test_an_assignment_that_is_known_is_not_sent_again(
    admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    tag = station.get("/v1/stations/station-07/assignment").headers["ETag"]
    again = station.get("/v1/stations/station-07/assignment", headers={"If-None-Match": tag})
    assert again.status_code == 304
    started(admin, publish("new"))
    assert station.get("/v1/stations/station-07/assignment", headers={"If-None-Match": tag}).status_code == 200


def test_a_person_promotes_holds_and_takes_back_with_a_reason_that_is_audited(
    running: RunningHub, admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    first, second = publish("first"), publish("second")
    for name in (first, second):
        rollout = started(admin, name)
        for _ in range(2):
            answer = admin.post(f"/v1/rollouts/{rollout['id']}/promote", json={"reason": "tried by hand"})
        assert answer.json()["state"] == "full"
    assert assignment(station)["champions"]["policy"]["bundle_id"] == second
    path = f"/v1/rollouts/{rollout['id']}"
    assert admin.post(f"{path}/promote", json={"reason": "again"}).json()["code"] == "rollout.over"
    assert admin.post(f"{path}/rollback", json={"reason": "the shift complains"}).json()["state"] == "rolled_back"
    assert assignment(station)["champions"]["policy"]["bundle_id"] == first
    with running.hub.database.transaction() as connection:
        subject = audit_entries.c.subject == f"rollout/{rollout['id']}"
        acts = connection.execute(sa.select(audit_entries.c.act).where(subject).order_by(audit_entries.c.id)).scalars()
        assert [*acts] == ["rollout.start", "rollout.promote", "rollout.promote", "rollout.rollback"]


def test_a_held_rollout_does_not_go_on_but_is_taken_back(
    admin: httpx2.Client, station: httpx2.Client, publish: Publish
) -> None:
    rollout = started(admin, publish("held"))
    path = f"/v1/rollouts/{rollout['id']}"
    assert admin.post(f"{path}/pause", json={"reason": "stocktaking"}).json()["paused"] is True
    say(station, [opinion(rollout["id"]) for _ in range(60)])
    assert state(admin, rollout) == "shadow"
    admin.post(f"{path}/resume", json={"reason": "counted"})
    say(station, [opinion(rollout["id"])])
    assert state(admin, rollout) == "canary"
    admin.post(f"{path}/pause", json={"reason": "lunch"})
    say(station, [opinion(rollout["id"], stage="canary", candidate=part("hold", error="Boom")) for _ in range(20)])
    assert state(admin, rollout) == "rolled_back"


def test_without_the_gate_nothing_starts_but_by_exception(
    admin: httpx2.Client, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = publish("failed")
    monkeypatch.setattr(service, "_ruling", lambda *_: (False, None))
    refused = admin.post("/v1/rollouts", json={"candidate_id": name})
    assert (refused.status_code, refused.json()["code"]) == (422, "rollout.refused")
    monkeypatch.setattr(service, "_ruling", lambda *_: (False, "a-second-person"))
    assert started(admin, name)["forced_by"] == "a-second-person"


def test_one_rollout_at_a_time_and_none_of_what_runs_or_was_withdrawn(
    running: RunningHub, admin: httpx2.Client, publish: Publish
) -> None:
    name, other, gone = publish("one"), publish("two"), publish("gone")
    rollout = started(admin, name)
    assert admin.post("/v1/rollouts", json={"candidate_id": other}).json()["code"] == "rollout.running"
    for _ in range(2):
        admin.post(f"/v1/rollouts/{rollout['id']}/promote", json={"reason": "tried"})
    assert admin.post("/v1/rollouts", json={"candidate_id": name}).json()["code"] == "rollout.champion"
    with running.hub.database.transaction() as connection:
        registry.withdraw(connection, running.merchant, gone, "test")
    assert admin.post("/v1/rollouts", json={"candidate_id": gone}).json()["code"] == "rollout.refused"
    assert admin.post("/v1/rollouts", json={"candidate_id": "x@1+000000000000"}).json()["code"] == "bundle.unknown"


def test_what_stations_say_of_it_is_shown(admin: httpx2.Client, station: httpx2.Client, publish: Publish) -> None:
    name = publish("shown")
    rollout = started(admin, name)
    standing = {
        "runs": {"policy": "2026.2"},
        "bundles": [
            {"kind": "policy", "bundle_id": name, "step": "refused", "code": "rollout.refused", "on_trial": True}
        ],
    }
    assert station.put("/v1/stations/station-07/rollouts", json=standing).status_code == 204
    (shown,) = admin.get(f"/v1/rollouts/{rollout['id']}").json()["stations"]
    assert (shown["station_id"], shown["step"], shown["code"]) == ("station-07", "refused", "rollout.refused")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"opinions": []}, "request.invalid"),
        ({"opinions": [opinion(uuid.uuid4(), judged_by="nobody")]}, "request.invalid"),
        ({"opinions": [opinion(uuid.uuid4(), candidate=part(ms=-1))]}, "request.invalid"),
        ({"more": 1}, "request.invalid"),
    ],
)
def test_what_is_no_opinion_is_refused(station: httpx2.Client, body: dict[str, Any], code: str) -> None:
    answer = station.post("/v1/stations/station-07/opinions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_another_merchant_sees_nothing_of_it(running: RunningHub, admin: httpx2.Client, publish: Publish) -> None:
    rollout = started(admin, publish("mine"))
    token = new_token(Scope.ADMIN)
    with running.hub.database.transaction() as connection:
        insert = merchants.insert().values(name=f"other-{uuid.uuid4()}").returning(merchants.c.id)
        grant(connection, connection.execute(insert).scalar_one(), token, Scope.ADMIN, f"other-{uuid.uuid4()}")
    with running.client(token) as stranger:
        assert stranger.get("/v1/rollouts").json() == {"rollouts": [], "champions": {}}
        assert stranger.get(f"/v1/rollouts/{rollout['id']}").status_code == 404
        assert stranger.post(f"/v1/rollouts/{rollout['id']}/rollback", json={"reason": "mine"}).status_code == 404
