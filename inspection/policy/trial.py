"""Runs a condition over typical and extreme values, to hear that CEL agrees with the static check."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Any

from inspection.errors import PolicyError
from inspection.policy.facts import VARIABLES, Kind, Variable
from inspection.policy.rules import Condition
from inspection.policy.tokens import ExpressionMistake

TRIALS = 200


def try_condition(condition: Condition, parameters: Mapping[str, Any]) -> None:
    """Evaluate ``condition`` for up to 200 combinations of its variables' values.

    Raises:
        ExpressionMistake: for some combination it gives no truth value.
    """
    names = [name for name in condition.names if name in VARIABLES]
    given = {"parameters": dict(parameters)}
    choices = [_values(VARIABLES[name]) for name in names]
    for values in _combinations(choices):
        try:
            condition.holds({**dict(zip(names, values, strict=True)), **given})
        except PolicyError as problem:
            example = ", ".join(f"{name} = {value!r}" for name, value in zip(names, values, strict=True))
            raise ExpressionMistake(f"fails for {example}: {problem}", 0) from problem


def _values(variable: Variable) -> list[Any]:
    if variable.kind is Kind.TRUTH:
        return [False, True]
    if variable.kind is Kind.NUMBER:
        return [0.0, 0.5, 1.0, -1.0, 1e9]
    if variable.kind is Kind.TEXT:
        return list(variable.choices) or ["unknown", "", "phone"]
    return [[], *([choice] for choice in variable.choices), list(variable.choices), ["", "x"]]


def _combinations(choices: list[list[Any]]) -> list[tuple[Any, ...]]:
    """All of them when they are few, else a sample that is the same every time."""
    total = 1
    for choice in choices:
        total *= len(choice)
    if total <= TRIALS:
        return list(itertools.product(*choices))
    picker = random.Random(0)  # noqa: S311 - a sample, not a secret
    return [tuple(picker.choice(choice) for choice in choices) for _ in range(TRIALS)]
