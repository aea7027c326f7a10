"""``docs/integrators.md``, typed from top to bottom by somebody who knows only what the page says."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hub.folders import database_folder

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "integrators.md"
PATIENCE_S = 200
BLOCK = re.compile(r"^```(?P<kind>sh|json|text)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
END = "@@@ end of block"


@dataclass(frozen=True, slots=True)
class Step:
    """What is typed, and what the page says is printed."""

    typed: str
    printed: str


def steps(text: str) -> list[Step]:
    found: list[Step] = []
    for block in BLOCK.finditer(text):
        if block["kind"] == "sh":
            found.append(Step(block["body"], ""))
        else:
            assert not found[-1].printed, f"two answers follow one block: {block['body']}"
            found[-1] = Step(found[-1].typed, block["body"])
    return found


def matches(printed: str, expected: str) -> bool:
    """White space does not count, for the page wraps lines; ``…`` stands for anything."""
    parts = ["".join(part.split()) for part in expected.split("…")]
    return re.fullmatch(".*?".join(map(re.escape, parts)), "".join(printed.split()), re.DOTALL) is not None


@pytest.fixture
def home() -> Iterator[Path]:
    with database_folder() as folder:
        yield folder


def typed_in_one_shell(all_steps: list[Step], home: Path) -> list[str]:
    """What each step prints. Where the page needs a fixed place or port, the test takes a free one."""
    lines = "".join(f"{step.typed}\necho; echo '{END}'\n" for step in all_steps)
    lines = lines.replace(".venv/bin/python", sys.executable).replace("--port 8400", "--port 0")
    shell = subprocess.Popen(
        ["bash", "-e", "-o", "pipefail", "-c", lines],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "RETURNS_HUB_DSN": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = shell.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(shell.pid, signal.SIGTERM)
        out, err = shell.communicate(timeout=PATIENCE_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
    printed = out.split(END)
    done = len(printed) - 1
    log = home / "hub-try" / "hub.log"
    told = f"{err}\n{log.read_text()[-2000:] if log.exists() else ''}"
    assert shell.returncode == 0, f"{all_steps[done].typed}\nprinted: {printed[done]}\n{told}"
    return printed[:-1]


def test_the_guide_works_as_it_is_written(home: Path) -> None:
    followed = steps(GUIDE.read_text(encoding="utf-8"))
    assert len(followed) > 20
    printed = typed_in_one_shell(followed, home)
    wrong = [
        f"typed:\n{step.typed}\nthe page says:\n{step.printed}\nprinted:\n{said}"
        for step, said in zip(followed, printed, strict=True)
        if not matches(said, step.printed)
    ]
    assert not wrong, "\n\n".join(wrong)


def test_an_answer_that_differs_is_told() -> None:
    assert matches('{"a": 1, "id": "x7"}\n', '{"a":1,\n "id": "…"}')
    assert not matches('{"a": 2, "id": "x7"}', '{"a": 1, "id": "…"}')
    assert not matches('{"a": 1}', "")
