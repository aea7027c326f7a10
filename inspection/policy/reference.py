"""The table of variables that docs/policy.md shows; made from the code, so that it cannot be out of date."""

from __future__ import annotations

from inspection.policy.facts import VARIABLES, Kind, Variable

_TYPES = {Kind.TRUTH: "true or false", Kind.NUMBER: "number", Kind.TEXT: "text", Kind.TEXTS: "list of texts"}


def variables_table() -> str:
    """All variables as a Markdown table: name, type, values, meaning."""
    rows = ["| variable | type | values | meaning |", "|---|---|---|---|"]
    rows += [f"| `{name}` | {_TYPES[v.kind]} | {_values(v)} | {_meaning(v)} |" for name, v in VARIABLES.items()]
    return "\n".join(rows)


def _values(variable: Variable) -> str:
    return ", ".join(f"`{choice}`" for choice in variable.choices)


def _meaning(variable: Variable) -> str:
    return f"{variable.meaning}; ask `{variable.guard}` first" if variable.guard else variable.meaning
