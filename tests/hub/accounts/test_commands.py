"""``hub_app.py admin create``, ``enrol-code`` and ``roles``; and the limit on haste, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import yaml
from typer.testing import Result

from inspection.hub.accounts import sign_in
from inspection.hub.accounts.audit import Origin
from inspection.hub.accounts.settings import AccessSection
from inspection.hub.hub import Hub
from tests.hub.accounts.conftest import PASSWORD
from tests.hub.commands import call
from tests.hub.conftest import RunningHub, serving

Run = Callable[..., Result]


@pytest.fixture
def run(running: RunningHub, tmp_path: Path) -> Run:
    config = tmp_path / "hub.yaml"
    config.write_text(yaml.safe_dump({"data_dir": str(tmp_path)}))

    def run(*arguments: str, typed: str = "") -> Result:
        return call(*arguments, "--config", str(config), dsn=running.hub.database.dsn, typed=typed)

    return run


def test_the_first_administrator_is_made_on_the_command_line_and_signs_in(running: RunningHub, run: Run) -> None:
    login = f"a{uuid4().hex[:8]}"
    made = run("admin", "create", login, typed=f"{PASSWORD}\n")
    assert (made.exit_code, PASSWORD in made.output) == (0, False), made.output
    assert sign_in.by_password(running.hub, login, PASSWORD, Origin()).person.role == "admin"
    again = run("admin", "create", login, typed=f"{PASSWORD}\n")
    assert (again.exit_code, "login" in again.output) == (1, True)
    weak = run("admin", "create", f"b{login}", typed="weak\n")
    assert (weak.exit_code, "12 to 128" in weak.output) == (1, True)
    generated = run("admin", "create", f"c{login}", "--generate")
    password = generated.output.strip().rpartition(" ")[2]
    assert sign_in.by_password(running.hub, f"c{login}", password, Origin()).person.login == f"c{login}"


def test_a_code_from_the_command_line_enrols(running: RunningHub, run: Run) -> None:
    made = run("enrol-code", "st-command")
    assert made.exit_code == 0, made.output
    code = re.match(r"[0-9A-Z-]{19}", made.output)
    assert code is not None
    answer = httpx2.post(f"{running.url}/v1/enrolments", json={"code": code[0]})
    assert (answer.status_code, answer.json()["station_id"]) == (201, "st-command")


def test_a_token_from_the_command_line_is_audited_and_ends(running: RunningHub, run: Run, admin: httpx2.Client) -> None:
    made = run("token", "--scope", "integrator", "--label", "ERP", "--days", "7")
    assert made.exit_code == 0, made.output
    with running.client(made.output.strip()) as erp:
        assert erp.get("/v1/me").json()["role"] == "integrator"
    mine = next(each for each in admin.get("/v1/tokens").json()["tokens"] if each["label"] == "ERP")
    assert mine["expires_at"] is not None
    entry = admin.get("/v1/audit", params={"act": "token.make", "subject": f"token/{mine['id']}"}).json()["entries"][0]
    assert (entry["actor_kind"], entry["details"]) == ("command line", {"role": "integrator"})
    bad = run("token", "--scope", "integrator", "--label", "")
    assert (bad.exit_code, "label" in bad.output) == (1, True)


def test_the_matrix_of_routes_is_printed() -> None:
    printed = call("roles")
    assert printed.exit_code == 0
    assert re.search(r"POST\s+/v1/returns\s.*returns:import", printed.output)
    assert "NONE" not in printed.output


def test_a_caller_in_a_hurry_is_slowed_down_and_others_are_not(running: RunningHub) -> None:
    access = AccessSection(requests_per_s=0.01, request_burst=3)
    hub = Hub(
        running.hub.config.model_copy(update={"access": access}),
        running.hub.database,
        running.hub.images,
        running.hub.metrics,
    )
    with serving(hub) as url:
        headers = {"Authorization": f"Bearer {running.admin_token}"}
        answers = [httpx2.get(f"{url}/v1/stats", headers=headers) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[3].json()["code"] == "rate.limited"
        assert int(answers[3].headers["retry-after"]) > 1
        other = {"Authorization": f"Bearer {running.station_token}"}
        assert httpx2.get(f"{url}/v1/stats", headers=other).status_code == 200
        guesses = [httpx2.get(f"{url}/v1/stats", headers={"Authorization": f"Bearer x{n}"}) for n in range(4)]
        assert [answer.status_code for answer in guesses] == [401, 401, 401, 429]
