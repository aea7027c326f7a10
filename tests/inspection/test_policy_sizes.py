"""The rule about sizes that the page shows, as it stands there, in front of R12 of the default policy."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from inspection.errors import PolicyError
from inspection.finding import Box, Condition, Defect, Finding
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.facts import MEASURED, VARIABLES, establish
from inspection.products import Catalogue
from tests.inspection.policies import DEFAULT_POLICY, PRODUCTS
from tests.inspection.test_facts import PHONE, TODAY, Context, assessment

PAGE = DEFAULT_POLICY.parents[2] / "docs" / "policy.md"
MINOR = dict(zip(Condition, (0.3, 0.69, 0.01, 0.0), strict=True))
NEXT = "  - id: R12\n"


def example() -> str:
    page = PAGE.read_text(encoding="utf-8")
    start = page.index("    - id: R12.scratches")
    return textwrap.dedent(page[start : page.index("\n\n", start)])


def with_rule(folder: Path, rule: str) -> Policy:
    path = folder / "policy.yaml"
    text = DEFAULT_POLICY.read_text(encoding="utf-8")
    assert text.count(NEXT) == 1
    path.write_text(text.replace(NEXT, textwrap.indent(rule, "  ") + "\n\n" + NEXT), encoding="utf-8")
    return Policy.load(path)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    return with_rule(tmp_path_factory.mktemp("policy"), example())


def scratch(length: float | None, uncertainty: float = 0.2, defect: Defect = Defect.SCRATCH) -> Finding:
    size = None if length is None else (length, 0.3)
    return Finding(defect, 0.8, "top", Box(1, 1, 9, 9), size_mm=size, size_uncertainty_mm=uncertainty)


def rule_of(policy: Policy, findings: Sequence[Finding]) -> str:
    said = assessment(findings=tuple(findings), p_condition=MINOR)
    product = Catalogue.load(PRODUCTS).find(PHONE)
    facts = establish(Item(gtin=PHONE), said, product, Context(today=TODAY), calibrated=True)
    return policy.decide(facts).rule_id


def test_five_scratches_of_less_than_three_millimetres_are_grade_a(policy: Policy) -> None:
    assert rule_of(policy, [scratch(2.5)] * 5) == "R12.scratches"


@pytest.mark.parametrize(
    "findings",
    [
        [scratch(2.5)] * 6,
        [scratch(1.0), scratch(3.5)],
        [scratch(2.5, uncertainty=17.0)],
        [scratch(None)],
        [scratch(1.0), scratch(1.0, defect=Defect.DENT)],
        [],
    ],
)
def test_too_many_too_long_too_unsure_or_something_else_is_not(policy: Policy, findings: list[Finding]) -> None:
    assert rule_of(policy, findings) == "R12"


def test_a_rule_must_ask_whether_sizes_are_known(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="scratch_max_mm may be unknown") as caught:
        with_rule(tmp_path, example().replace("sizes_known && ", ""))
    assert "ask sizes_known first" in caught.value.hint


def test_every_measured_defect_has_its_two_facts() -> None:
    named = {name.removesuffix("_count") for name in VARIABLES if name.endswith("_count")}
    assert named == {str(defect) for defect in MEASURED}
    assert named == {name.removesuffix("_max_mm") for name in VARIABLES if name.endswith("_max_mm")}
