"""What the policy tests share: the committed policy and catalogue, ordinary facts, arbitrary facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from inspection.policy import VARIABLES, Facts
from inspection.policy.facts import Kind, Variable

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_POLICY = ROOT / "configs" / "policy" / "default.yaml"
PRODUCTS = ROOT / "configs" / "products.yaml"

# A phone in perfect condition, sealed, sure: R11 as it stands; each test changes what it is about.
PHONE: dict[str, Any] = {
    "today": "2026-06-01",
    "identity_known": True,
    "product_known": True,
    "goods": "phone",
    "category": "electronics",
    "data_carrier": True,
    "seal": "intact",
    "pictured": True,
    "judged": True,
    "novel": False,
    "confident": True,
    "confidence": 0.97,
    "condition": "intact",
    "p_sellable": 0.99,
    "price_new": 300_000.0,
    "price_open_box": 250_000.0,
    "price_as_is": 90_000.0,
    "price_repaired": 200_000.0,
    "price_parts": 45_000.0,
    "cost_repair": 48_000.0,
    "cost_handling": 3_000.0,
    "cost_disposal": 500.0,
    "cost_hold": 2_000.0,
    "cost_bad_resale": 10_000.0,
    "p_fix": 0.85,
    "value_limit": 600_000.0,
}
SOUP: dict[str, Any] = {
    **PHONE,
    "goods": "can",
    "category": "food",
    "hygiene": True,
    "data_carrier": False,
    "perishable": True,
    "min_days_left": 90.0,
    "price_new": 1_290.0,
    "price_open_box": 990.0,
    "price_as_is": 0.0,
    "price_repaired": 0.0,
    "price_parts": 0.0,
    "cost_repair": 0.0,
    "cost_handling": 100.0,
    "p_fix": 0.0,
}


def _value_of(variable: Variable) -> st.SearchStrategy[Any]:
    if variable.kind is Kind.TRUTH:
        return st.booleans()
    if variable.kind is Kind.NUMBER:
        return st.one_of(
            st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e9]), st.floats(allow_nan=False, allow_infinity=False, width=32)
        )
    text = st.sampled_from(variable.choices) if variable.choices else st.text(max_size=12)
    if variable.kind is Kind.TEXT:
        return text
    return st.lists(text, max_size=4).map(tuple)


def any_facts(**fixed: Any) -> st.SearchStrategy[Facts]:
    """Facts with every variable free, except ``fixed``; most dates lie after the default policy's."""
    strategies = {name: _value_of(variable) for name, variable in VARIABLES.items()}
    strategies["today"] = st.dates().map(lambda day: day.isoformat())
    strategies |= {name: st.just(value) for name, value in fixed.items()}
    return st.builds(Facts, **strategies)
