"""The command line of the policy, and its page of documentation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspection.policy import Facts, Policy
from inspection.policy.__main__ import app
from inspection.policy.reference import variables_table
from inspection.products import Product
from tests.inspection.policies import DEFAULT_POLICY, PHONE, ROOT

RUN = CliRunner()
PAGE = ROOT / "docs" / "policy.md"


def test_check_says_ok_in_one_line() -> None:
    result = RUN.invoke(app, ["check", str(DEFAULT_POLICY)])
    assert result.exit_code == 0
    assert (
        result.stdout
        == f"{DEFAULT_POLICY}: ok, version {Policy.load(DEFAULT_POLICY).version}, 19 rules, 5 parameters\n"
    )


def test_check_names_the_mistake_in_one_line_and_fails(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        DEFAULT_POLICY.read_text(encoding="utf-8").replace('stolen == "yes"', 'stollen == "yes"', 1), "utf-8"
    )
    command = [sys.executable, "-m", "inspection.policy", "check", str(broken)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "rule R01: unknown variable 'stollen' – did you mean 'stolen'?" in done.stderr
    assert "line " in done.stderr
    assert "column " in done.stderr


def test_explain_shows_every_rule() -> None:
    result = RUN.invoke(app, ["explain", str(DEFAULT_POLICY), "--language", "zh-CN"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert all(rule.rule_id in result.stdout for rule in Policy.load(DEFAULT_POLICY).rulebook.rules)


def test_explain_tells_which_rule_decides_on_given_facts(tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(Facts(**PHONE).variables()), encoding="utf-8")
    result = RUN.invoke(
        app, ["explain", str(DEFAULT_POLICY), "--facts", str(facts), "seal=broken", "defects=scratch,smudge"]
    )
    assert result.exit_code == 0
    assert "R11: no\nR12.seal: no\nR12: resell (open_box)" in result.stdout
    assert 'defects = ["scratch", "smudge"]' in result.stdout
    assert "disclose: It has scratches." in result.stdout


@pytest.mark.parametrize(
    ("argument", "fragment"),
    [
        ("sael=broken", "did you mean 'seal'"),
        ("seal=open", "intact | broken | unknown"),
        ("hygiene=maybe", "bool"),
        ("price_new=dear", "double"),
        ("price_new=nan", "double"),
        ("defects=crock", "crack"),
        ("seal", "NAME=VALUE"),
    ],
)
def test_explain_refuses_facts_that_cannot_be(argument: str, fragment: str) -> None:
    result = RUN.invoke(app, ["explain", str(DEFAULT_POLICY), argument])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert fragment in result.stderr


def test_the_page_shows_the_variables_as_they_are() -> None:
    assert variables_table() in PAGE.read_text(encoding="utf-8"), "paste: python -m inspection.policy variables"


def test_the_page_names_every_key_of_the_catalogue() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in Product.model_fields if f"`{name}`" not in page] == []


def test_the_commands_on_the_page_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    commands = [line.strip() for line in lines if line.strip().startswith("python -m inspection.policy ")]
    assert len(commands) >= 3
    for command in commands:
        result = RUN.invoke(app, command.split()[3:])
        assert result.exit_code == 0, command
