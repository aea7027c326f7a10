"""Who gets in, what they may do, and that every error has one form."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.accounts.tokens import Scope, authenticate, grant, new_token, revoke_others
from inspection.hub.accounts.walk import accesses
from inspection.hub.app import build_app
from inspection.hub.problems import PROBLEMS
from inspection.hub.schema import access_tokens, merchants
from tests.hub.conftest import RunningHub
from tests.hub.reports import png, report, sha256

REQUIRED = {"type", "title", "status", "code", "detail", "instance", "request_id"}


def new_merchant(running: RunningHub) -> str:
    """A station token of another merchant."""
    token = new_token(Scope.STATION)
    with running.hub.database.transaction() as connection:
        row = merchants.insert().values(name=f"other-{uuid4().hex}").returning(merchants.c.id)
        grant(connection, connection.execute(row).scalar_one(), token, Scope.STATION, "other")
    return token


def routes(running: RunningHub) -> Iterator[tuple[str, str]]:
    paths = build_app(running.hub).openapi()["paths"]
    for path, operations in paths.items():
        for method in operations:
            yield method.upper(), path


def filled(path: str) -> str:
    names = {"{inspection_id}": str(uuid4()), "{sha256}": "0" * 64, "{rma}": "RMA-unknown"}
    for name, value in names.items():
        path = path.replace(name, value)
    return path


def is_problem(answer: httpx2.Response) -> bool:
    body = answer.json()
    same_status = body["status"] == answer.status_code == PROBLEMS[body["code"]][0]
    return answer.headers["content-type"] == "application/problem+json" and body.keys() >= REQUIRED and same_status


def test_every_route_but_the_open_ones_needs_a_token(running: RunningHub) -> None:
    checked = 0
    open_routes = {(each.method, each.path) for each in accesses(build_app(running.hub)) if each.open_because}
    with running.client() as nobody, running.client("rx-station-wrong") as wrong:
        for method, path in routes(running):
            if (method, path) in open_routes:
                continue
            for client, code in ((nobody, "token.missing"), (wrong, "token.invalid")):
                answer = client.request(method, filled(path))
                if method == "HEAD":  # has no body to say more
                    assert answer.status_code == PROBLEMS[code][0], path
                    continue
                assert (answer.status_code, answer.json()["code"]) == (401, code), (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert is_problem(answer)
                checked += 1
    assert checked >= 16


def test_every_error_is_a_problem(running: RunningHub, admin: httpx2.Client) -> None:
    known = set(routes(running))
    for method, path in known:
        answer = admin.request(method, filled(path), content=b"{", headers={"Content-Type": "application/json"})
        if answer.status_code >= 400:
            assert is_problem(answer), (method, path, answer.text)
        if ("DELETE", path) not in known:
            refused = admin.request("DELETE", filled(path))
            assert (refused.status_code, is_problem(refused)) == (405, True), path
            assert refused.headers["allow"]
    for path in ("/", "/v1", "/v1/inspections/", "/nope", "/docs"):
        answer = admin.get(path)
        assert (answer.status_code, is_problem(answer)) == (404, True)
    malformed = admin.get("/v1/inspections/not-a-uuid")
    assert (malformed.status_code, is_problem(malformed)) == (422, True)


def test_a_failure_of_ours_is_a_problem_without_a_trace_and_its_log_quotes_nothing(
    running: RunningHub, admin: httpx2.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(quoted)

    quoted = "what a person wrote"
    monkeypatch.setattr("inspection.hub.inspections.reading.detail", fail)
    answer = admin.get(f"/v1/inspections/{uuid4()}")
    assert (answer.status_code, answer.json()["code"], is_problem(answer)) == (500, "internal", True)
    assert quoted not in answer.text
    assert quoted not in caplog.text
    assert "request_failed" in caplog.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_database_that_is_gone_is_a_problem_that_says_to_try_again(
    running: RunningHub, admin: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("SELECT secret", {}, Exception("connection refused"))

    monkeypatch.setattr("inspection.hub.accounts.roles.authenticate", gone)
    answer = admin.get("/v1/stats")
    assert (answer.status_code, answer.json()["code"], is_problem(answer)) == (503, "database.unavailable", True)
    assert answer.headers["retry-after"]
    assert "secret" not in answer.text


def test_a_station_may_not_import_returns(station: httpx2.Client) -> None:
    answer = station.post("/v1/returns", json={"rma": "X", "lines": [{}]})
    assert (answer.status_code, answer.json()["code"]) == (403, "token.scope")


def test_a_station_may_report_only_for_itself(running: RunningHub) -> None:
    token = new_token(Scope.STATION)
    with running.hub.database.transaction() as connection:
        grant(connection, running.merchant, token, Scope.STATION, "bound", station_id="station-01")
    with running.client(token) as bound:
        refused = bound.post("/v1/inspections", json=report(station_id="station-02"))
        assert (refused.status_code, refused.json()["code"]) == (403, "station.mismatch")
        assert bound.post("/v1/inspections", json=report(station_id="station-01")).status_code == 201


def test_one_merchant_does_not_see_or_block_another(running: RunningHub, station: httpx2.Client) -> None:
    body = report(rma="RMA-of-one")
    assert station.post("/v1/inspections", json=body).status_code == 201
    with running.client(new_merchant(running)) as other:
        path = f"/v1/inspections/{body['inspection_id']}"
        assert other.get(path).status_code == 404
        assert other.get(f"{path}/epcis").status_code == 404
        assert other.get("/v1/returns/RMA-of-one").status_code == 404
        assert other.get("/v1/inspections").json()["inspections"] == []
        assert other.get("/v1/stats").json()["events"] == 0
        assert other.post("/v1/inspections", json=body).status_code == 201


def test_tokens_are_stored_only_as_hashes_and_can_be_shut_out(running: RunningHub) -> None:
    old, new = new_token(Scope.ADMIN), new_token(Scope.ADMIN)
    label = uuid4().hex
    with running.hub.database.transaction() as connection:
        for token in (old, new):
            grant(connection, running.merchant, token, Scope.ADMIN, label)
        kept = connection.execute(sa.select(access_tokens)).all()
        assert not any(old in str(value) for row in kept for value in row)
        revoke_others(connection, running.merchant, label, new)
        assert authenticate(connection, old) is None
        caller = authenticate(connection, new)
    assert caller is not None
    assert caller.scope is Scope.ADMIN


def test_every_answer_has_security_headers_and_an_id(admin: httpx2.Client) -> None:
    for path in ("/healthz", "/nope", "/v1/stats"):
        answer = admin.get(path, headers={"X-Request-ID": "from-the-station-1"})
        assert answer.headers["x-request-id"] == "from-the-station-1"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
    assert admin.get("/healthz", headers={"X-Request-ID": "<script>"}).headers["x-request-id"] != "<script>"


def test_metrics_count_by_route_and_not_by_name(running: RunningHub, station: httpx2.Client) -> None:
    station.put(f"/v1/images/{sha256(png(99))}", content=png(99))
    station.get("/secret-path")
    text = station.get("/metrics").text
    assert 'route="/v1/images/{sha256}"' in text
    assert 'hub_images_received_total{outcome="stored"}' in text
    assert sha256(png(99)) not in text
    assert "secret-path" not in text


def test_the_description_documents_every_route_and_its_errors(running: RunningHub) -> None:
    app = build_app(running.hub)
    document = app.openapi()
    assert {"InspectionReport", "NewReturn", "ProblemDetails"} <= document["components"]["schemas"].keys()
    guarded = [each for each in accesses(app) if each.permission is not None and each.path.startswith("/v1")]
    assert len(guarded) > 50
    for route in guarded:
        responses = document["paths"][route.path][route.method.lower()]["responses"]
        assert {"401", "503", "500"} <= responses.keys(), route.path
        assert "application/problem+json" in responses["401"]["content"]


def test_health_does_not_ask_the_database_but_readiness_does(
    running: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inspection.hub.errors import DatabaseUnavailable  # noqa: PLC0415 - used once

    def gone(_: object) -> None:
        raise DatabaseUnavailable("gone")

    with running.client() as client:
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr("inspection.hub.database.Database.check", gone)
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "database.unavailable")
