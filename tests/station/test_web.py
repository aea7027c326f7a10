"""The screen's API: stable fields, one thing for two clicks, and nothing for another site's page."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import time

import httpx2
import pytest

from devices.rfid.simulator import SimulatedTag
from inspection.station import serving
from tests.station.rig import Rig, gs1, wait_until

PROBLEM = "application/problem+json"


def judged(rig: Rig, serial: str, look: str = "intact") -> dict[str, object]:
    rig.put(look)
    time.sleep(0.1)  # three frame periods of the simulated cameras
    rig.scan(gs1(serial))
    return rig.wait(lambda s: s["state"] == "judged" and s["item"]["serial"] == serial)


def test_the_state_has_every_field_a_program_may_rely_on(rig: Rig) -> None:
    state = judged(rig, "a1", "minor")
    wanted = {
        "state",
        "inspection_id",
        "item",
        "views",
        "findings",
        "verdict",
        "person",
        "queue",
        "devices",
        "versions",
    }
    assert wanted | {"last_reported", "timings_ms", "sequence", "faults", "rma", "hub"} <= set(state)
    assert {"identify", "capture", "store", "codes", "correct", "quality", "judge", "decide", "journal"} == set(
        state["timings_ms"]
    )
    assert [view["view"] for view in state["views"]] == ["top", "front"]
    assert state["item"]["names"]["en"] == "Sunrise tomato soup 400 g"
    assert {finding["defect"] for finding in state["findings"]} == {"dent"}


def test_answers_are_not_kept_back_until_the_browser_has_acknowledged_their_beginning() -> None:
    with serving.listening_at("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP  # what asyncio asks before it sets TCP_NODELAY


def test_only_files_whose_address_names_their_version_are_kept_by_the_browser(rig: Rig) -> None:
    assert rig.http is not None
    kept = {
        path: "immutable" in rig.http.get(path).headers["cache-control"]
        for path in ("/", "/static/station.css?v=1", "/static/station.css", "/static/none.css?v=1", "/api/state?v=1")
    }
    assert [path for path, lasts in kept.items() if lasts] == ["/static/station.css?v=1"]


def test_pictures_are_served_as_their_name_says(rig: Rig) -> None:
    state = judged(rig, "a2")
    assert rig.http is not None
    name = state["views"][0]["picture_sha256"]
    answer = rig.http.get(f"/pictures/{name}")
    assert hashlib.sha256(answer.content).hexdigest() == name
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    assert rig.http.get("/pictures/" + "0" * 64).status_code == 404
    assert rig.http.get("/pictures/..%2f..%2fjournal.sqlite").status_code == 404


def test_two_clicks_at_once_confirm_once(rig: Rig) -> None:
    state = judged(rig, "a3")
    barrier, answers = threading.Barrier(2), []

    def click() -> None:
        with httpx2.Client(base_url=rig.url, trust_env=False) as http:
            barrier.wait()
            answers.append(
                http.post("/api/command", json={"command": "ok", "inspection_id": state["inspection_id"]}).status_code
            )

    threads = [threading.Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409]
    rig.wait_state("reported")
    assert rig.hub.posts[state["inspection_id"], 1] == 1


def test_an_order_for_another_inspection_is_refused(rig: Rig) -> None:
    judged(rig, "a4")
    answer = rig.command("ok", inspection_id="00000000-0000-4000-8000-000000000000")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["code"] == "command.other_inspection"
    assert rig.state()["state"] == "judged"


def test_an_override_needs_a_known_reason(rig: Rig) -> None:
    state = judged(rig, "a5")
    order = {"inspection_id": state["inspection_id"], "disposition": "scrap"}
    assert rig.command("override", **order, reason_code="because").json()["code"] == "command.unknown_reason"
    assert rig.command("override", **order).json()["override"] == "scrap"
    answer = rig.command("reason", inspection_id=state["inspection_id"], reason_code="missed_damage", note="a dent")
    assert answer.json()["state"] in ("confirmed", "reported")
    rig.wait_state("reported")
    report = rig.hub.reports[state["inspection_id"], 1]
    assert report["verdict"] == {"disposition": "scrap", "grade": None, "decided_by": "person"}
    assert report["policy"]["disposition"] == "resell"
    assert report["person"]["reason_code"] == "missed_damage"


@pytest.mark.parametrize(
    "body",
    [{"command": "ok"}, {"command": "fly"}, {"command": "start", "extra": 1}, {"command": "override"}, [], "text"],
)
def test_a_malformed_order_is_a_problem(rig: Rig, body: object) -> None:
    assert rig.http is not None
    answer = rig.http.post("/api/command", json=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == "request.invalid"


def test_an_item_without_a_code_goes_to_a_person(rig: Rig) -> None:
    rig.command("start")
    state = rig.wait_state("judged")
    assert state["item"]["issues"] == ["none_read"]
    assert state["verdict"]["disposition"] == "hold"


def test_two_tags_in_the_field_are_a_hold(rig: Rig) -> None:
    rig.bench.place_tags(["3034257BF7194E4000001A85", "3034257BF7194E4000001A86"])
    rig.scan(gs1("a6"))
    state = rig.wait_state("judged")
    if not state["item"]["issues"]:  # the reader had not reported both yet: look again
        rig.command("cancel", inspection_id=state["inspection_id"])
        rig.scan(gs1("a7"))
        state = rig.wait_state("judged")
    assert state["item"]["issues"] == ["several_tags"]
    assert state["verdict"]["disposition"] == "hold"
    rig.bench.place_tags([])
    time.sleep(0.7)  # longer than the window in which a tag still counts


def test_a_neighbours_tag_is_shown_and_not_taken(rig: Rig) -> None:
    neighbour = "3034257BF7194E4000001A87"
    rig.bench.place_tags([SimulatedTag(neighbour, rssi_dbm=-75)])
    for number in range(5):  # the reader may not have heard it by the first scan
        rig.scan(gs1(f"n{number}"))
        state = rig.wait_state("judged")
        if state["neighbours"]:
            break
        rig.command("cancel", inspection_id=state["inspection_id"])
    [shown] = state["neighbours"]
    assert (shown["epc"], shown["why"]) == (neighbour, "too_weak")
    assert state["item"]["issues"] == []
    assert state["item"]["epc_uri"] is None
    assert rig.http is not None
    assert f"Neighbour&#39;s tag not taken (weak): {neighbour}" in rig.http.get("/").text
    rig.bench.place_tags([])


def test_the_expected_return_is_part_of_the_verdict(rig: Rig) -> None:
    rig.hub.returns["RMA-2025-7"] = {"rma": "RMA-2025-7", "lines": [{"gtin": "00614141401017", "serial": "sold"}]}
    rig.scan("RMA-2025-7", aim="]C0")
    rig.wait(lambda s: s["pending_rma"] == "RMA-2025-7")
    rig.scan(gs1("a8"))
    state = rig.wait_state("judged")
    assert state["rma"] == "RMA-2025-7"
    assert state["verdict"]["rule_id"].startswith("R03"), "another serial than the one sold"


def test_events_carry_every_change(rig: Rig) -> None:
    with httpx2.stream("GET", f"{rig.url}/events", trust_env=False, timeout=10) as events:
        lines = events.iter_lines()
        seen = []
        rig.scan(gs1("a9"))
        for line in lines:
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if seen[-1]["state"] == "judged":
                    break
    assert [snapshot["sequence"] for snapshot in seen] == sorted({snapshot["sequence"] for snapshot in seen})
    assert any(snapshot["settling"] for snapshot in seen), "the first tick comes before the verdict"


def test_recent_inspections_tell_timings_and_whether_they_were_reported(rig: Rig) -> None:
    state = judged(rig, "b1")
    rig.command("ok", inspection_id=state["inspection_id"])
    rig.wait_state("reported")
    first = rig.inspections()[0]
    assert first["inspection_id"] == state["inspection_id"]
    assert first["reported"] is True
    assert first["verdict"]["decided_by"] == "policy"
    assert first["timings_ms"]["journal"] > 0


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, "request.host"),
        ({"Host": "evil.example:8480"}, "request.host"),
        ({"Sec-Fetch-Site": "cross-site"}, "request.cross_site"),
        ({"Sec-Fetch-Site": "same-site"}, "request.cross_site"),
        ({"Origin": "https://evil.example"}, "request.cross_site"),
        ({"Origin": "null"}, "request.cross_site"),
        ({"Content-Type": "text/plain"}, "request.media_type"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "request.media_type"),
    ],
)
def test_another_sites_page_cannot_work_the_station(rig: Rig, headers: dict[str, str], code: str) -> None:
    assert rig.http is not None
    content_type = {"Content-Type": "application/json"}
    answer = rig.http.post("/api/command", content=b'{"command":"start"}', headers={**content_type, **headers})
    assert answer.json()["code"] == code
    assert answer.headers["content-type"] == PROBLEM
    assert rig.state()["state"] == "idle"


def test_another_site_cannot_read_either(rig: Rig) -> None:
    assert rig.http is not None
    for path in ("/api/state", "/events", "/live/top.jpg", "/api/inspections"):
        answer = rig.http.get(path, headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
        assert answer.status_code == 403, path
    navigation = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert rig.http.get("/", headers=navigation).status_code == 200
    framed = {**navigation, "Sec-Fetch-Dest": "iframe"}
    assert rig.http.get("/", headers=framed).status_code == 403


def test_every_answer_carries_a_strict_policy(rig: Rig) -> None:
    assert rig.http is not None
    for path in ("/", "/api/state", "/static/station.js", "/nothing"):
        headers = rig.http.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_body_that_is_too_large_is_refused(rig: Rig) -> None:
    assert rig.http is not None
    answer = rig.http.post("/api/command", json={"command": "start", "note": "x" * 20_000})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nothing", 404, "http.not_found"), ("/live/side.jpg", 404, "view.unknown"), ("/api/command", 405, None)],
)
def test_errors_are_problems(rig: Rig, path: str, status: int, code: str | None) -> None:
    assert rig.http is not None
    answer = rig.http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == PROBLEM
    assert code is None or answer.json()["code"] == code


def test_live_pictures_change_with_the_goods(rig: Rig) -> None:
    assert rig.http is not None
    http = rig.http
    before = http.get("/live/top.jpg")
    assert before.headers["cache-control"] == "no-store"
    rig.put("critical")
    wait_until(lambda: http.get("/live/top.jpg").content != before.content, 3, "a new live picture")


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "lang"),
    [
        ("", "", "", "en"),
        ("?lang=th", "", "", "th"),
        ("", "vi", "zh-CN", "vi"),
        ("", "", "zh-Hans,zh;q=0.9,en;q=0.1", "zh-CN"),
        ("", "", "fr;q=0.9, vi;q=0.5, th;q=0.7", "th"),
        ("?lang=xx", "", "de", "en"),
    ],
)
def test_the_language_is_asked_remembered_or_the_browsers(
    rig: Rig, query: str, cookie: str, accept: str, lang: str
) -> None:
    headers = {"Accept-Language": accept} | ({"Cookie": f"lang={cookie}"} if cookie else {})
    answer = httpx2.get(f"{rig.url}/{query}", headers=headers, trust_env=False)
    assert f'<html lang="{lang}">' in answer.text
    assert ("set-cookie" in answer.headers) == (query == "?lang=th")


def test_health_and_metrics(rig: Rig) -> None:
    state = judged(rig, "b2")
    rig.command("ok", inspection_id=state["inspection_id"])
    assert rig.http is not None
    assert rig.http.get("/healthz").json() == {"status": "ok"}
    text = rig.http.get("/metrics").text
    assert 'station_inspections_total{decided_by="policy",disposition="resell"}' in text
    assert 'station_device_connected{device="scanner"} 1.0' in text
