"""Command line for whoever writes a policy: ``python -m inspection.policy check|explain|variables``."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from inspection.errors import ConfigError, InspectionError
from inspection.policy.decision import Policy
from inspection.policy.facts import VARIABLES, Facts, Kind, Variable
from inspection.policy.reference import variables_table
from inspection.policy.rules import LANGUAGES, Rule
from inspection.policy.tokens import suggestion
from inspection.verdict import PolicyVerdict

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Read, check and try a policy.")

PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="policy file, e.g. configs/policy/default.yaml")]
Language = Annotated[str, typer.Option("--language", help=f"one of: {', '.join(LANGUAGES)}")]


@app.command()
def check(file: PolicyFile) -> None:
    """Check FILE: one line, and exit code 0 when a station would take it, 1 when not."""
    policy = _loaded(file)
    book = policy.rulebook
    typer.echo(f"{file}: ok, version {policy.version}, {len(book.rules)} rules, {len(book.parameters)} parameters")


@app.command()
def explain(
    file: PolicyFile,
    given: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="facts to decide on, e.g. seal=broken")
    ] = None,
    facts_file: Annotated[
        Path | None, typer.Option("--facts", help="JSON of facts, e.g. the policy.facts of a report")
    ] = None,
    language: Language = "en",
) -> None:
    """Without facts: all rules in words. With facts: which rule decides, and why not the ones before it."""
    if language not in LANGUAGES:
        raise _refused(ConfigError(f"unknown language {language!r}", hint=f"one of: {', '.join(LANGUAGES)}"))
    policy = _loaded(file)
    if not given and facts_file is None:
        Console().print(_rules_table(policy, language))
        return
    try:
        facts = _facts(given or [], facts_file)
    except InspectionError as error:
        raise _refused(error) from error
    _print_decision(policy, policy.decide(facts), language)


@app.command()
def variables() -> None:
    """The variables a rule may use, as the table of docs/policy.md."""
    typer.echo(variables_table())


def _loaded(file: Path) -> Policy:
    try:
        return Policy.load(file)
    except InspectionError as error:
        raise _refused(error) from error


def _refused(error: InspectionError) -> typer.Exit:
    typer.echo(error.one_line(), err=True)
    return typer.Exit(1)


def _facts(given: list[str], facts_file: Path | None) -> Facts:
    """Facts from a JSON file, then from ``name=value`` pairs; ``today`` is today unless given.

    Raises:
        ConfigError: an unknown name, or a value its variable cannot hold.
    """
    values: dict[str, Any] = {"today": datetime.now(UTC).date().isoformat()}
    if facts_file is not None:
        try:
            loaded = json.loads(facts_file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise ConfigError(f"{facts_file}: cannot be read as JSON: {problem}") from problem
        if not isinstance(loaded, dict):
            raise ConfigError(f"{facts_file}: expected an object of facts", hint="take policy.facts of a report")
        values |= loaded
    for pair in given:
        name, separator, text = pair.partition("=")
        if not separator:
            raise ConfigError(f"{pair!r} is not NAME=VALUE", hint="write for example seal=broken")
        values[name] = text
    return Facts.of({name: _value(name, value) for name, value in values.items()})


def _value(name: str, value: Any) -> Any:
    variable = VARIABLES.get(name)
    if variable is None:
        raise ConfigError(f"unknown variable {name!r}", hint=suggestion(name, VARIABLES) or "see: variables")
    wrong = ConfigError(f"{name} cannot be {value!r}", hint=f"it is a {variable.kind} {' | '.join(variable.choices)}")
    if variable.kind is Kind.TRUTH:
        truth = {"true": True, "false": False}.get(str(value).lower())
        if truth is None:
            raise wrong
        return truth
    if variable.kind is Kind.NUMBER:
        try:
            number = float(value)
        except (TypeError, ValueError) as problem:
            raise wrong from problem
        if not math.isfinite(number):
            raise wrong
        return number
    texts = value
    if variable.kind is Kind.TEXT:
        texts = [value]
    elif isinstance(value, str):
        texts = [part for part in value.split(",") if part]
    if not isinstance(texts, list) or not all(_fits(variable, text) for text in texts):
        raise wrong
    return value if variable.kind is Kind.TEXT else texts


def _fits(variable: Variable, text: Any) -> bool:
    return isinstance(text, str) and (not variable.choices or text in variable.choices)


def _rules_table(policy: Policy, language: str) -> Table:
    table = Table(title=f"Policy {policy.version}", show_lines=True)
    for heading in ("rule", "from", "when", "then", "reason"):
        table.add_column(heading, overflow="fold")
    for rule in policy.rulebook.rules:
        table.add_row(
            rule.rule_id, rule.effective.isoformat(), rule.when.text.strip(), _outcome(rule), rule.reason[language]
        )
    return table


def _outcome(rule: Rule) -> str:
    confirm = rule.needs_confirmation
    asked = "" if confirm is False else ", a person confirms" if confirm is True else ", a person may have to confirm"
    return f"{rule.disposition}{f' ({rule.grade})' if rule.grade else ''}{asked}"


def _print_decision(policy: Policy, verdict: PolicyVerdict, language: str) -> None:
    for rule in policy.rulebook.rules:
        if rule.rule_id == verdict.rule_id:
            break
        late = f" (in effect from {rule.effective})" if rule.effective.isoformat() > str(verdict.facts["today"]) else ""
        typer.echo(f"{rule.rule_id}: no{late}")
    grade = f" ({verdict.grade})" if verdict.grade else ""
    typer.echo(f"{verdict.rule_id}: {verdict.disposition}{grade} – {verdict.reason[language]}")
    typer.echo(f"  codes: {', '.join(verdict.reason_codes) or '–'}")
    typer.echo(f"  a person confirms: {'yes' if verdict.needs_confirmation else 'no'}")
    for name, value in verdict.values.items():
        typer.echo(f"  {name} = {json.dumps(value, ensure_ascii=False)}")
    for title, notes in (("disclose", verdict.disclosures), ("work", verdict.work_list)):
        for text in notes.values():
            typer.echo(f"  {title}: {text[language]}")


if __name__ == "__main__":
    app(prog_name="python -m inspection.policy")
