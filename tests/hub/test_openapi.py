"""The hub does what its own description says: no failure of ours, no status and no body that is not documented."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.hub.conftest import RunningHub

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


@pytest.mark.parametrize(
    ("phases", "examples"),
    [("fuzzing", 3), pytest.param("examples,coverage,fuzzing,stateful", 40, marks=pytest.mark.long)],
    ids=["few", "all"],
)
def test_the_hub_keeps_to_its_description(running: RunningHub, tmp_path: Path, phases: str, examples: int) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        *(str(program), "run", f"{running.url}/openapi.json", "--no-color", "--workers", "1", "--continue-on-failure"),
        *("--header", f"Authorization: Bearer {running.admin_token}", "--checks", ",".join(CHECKS)),
        *("--phases", phases, "--max-examples", str(examples), "--seed", "7", "--generation-deterministic"),
        *("--suppress-health-check", "all", "--exclude-path-regex", "^/(console|v1/(sessions|tokens))"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=3000, check=False)
    said = re.search(r"(\d+) generated", done.stdout)
    assert said is not None, done.stdout[-3000:] + done.stderr[-1000:]
    print(f"{said[1]} cases")
    failed = [line for line in done.stdout.splitlines() if line.startswith("- ST")]
    assert not failed, done.stdout[-8000:]


def test_a_refused_method_is_told_all_that_the_path_takes(running: RunningHub) -> None:
    with running.client(running.admin_token) as client:
        assert client.delete("/v1/returns").headers["allow"] == "GET, POST"
        assert client.post(f"/v1/images/{'0' * 64}").headers["allow"] == "GET, HEAD, PATCH, PUT"


@pytest.mark.parametrize("moment", ["0.5", "1763600000", "2026-11-20T10:00:00", "yesterday"])
def test_a_moment_is_written_out_with_its_offset(station: httpx2.Client, moment: str) -> None:
    for path in ("/v1/inspections", "/v1/returns"):
        assert station.get(path, params={"until": moment}).json()["code"] == "request.invalid"
    assert station.get("/v1/returns", params={"until": "2026-11-20T10:00:00+08:00"}).status_code == 200
