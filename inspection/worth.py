"""What an outcome brings in money, by the prices and costs that the facts of an inspection carry."""

from __future__ import annotations

from inspection.finding import Condition
from inspection.policy.facts import Facts
from inspection.verdict import Disposition, Grade


def worth(facts: Facts, disposition: str, grade: str | None, person: str | None = None) -> float:
    """What an outcome brings, minor units of money; 0 for a product that is not in the catalogue.

    Resale as new or opened brings its price less handling and the expected cost of selling a bad one; what is damaged
    its price as it is; parts theirs. Repair succeeds with ``p_fix``. A hold costs a person's look, and brings what the
    person decided, or, where nobody has yet, what the machine's probabilities make of it.

    Args:
        facts: of the inspection.
        disposition: the outcome.
        grade: for resell.
        person: what a person decided in the end; ``None`` when nobody has.
    """
    if not facts.product_known:
        return 0.0
    if disposition == Disposition.RESELL:
        return _sold(facts, grade)
    if disposition == Disposition.REPAIR:
        fixed = facts.p_fix * facts.price_repaired + (1 - facts.p_fix) * facts.price_parts
        return fixed - facts.cost_repair - facts.cost_handling
    if disposition == Disposition.SCRAP:
        return -facts.cost_disposal
    if person is not None and person != Disposition.HOLD:
        return worth(facts, person, None) - facts.cost_hold
    return _undecided(facts) - facts.cost_hold


def _sold(facts: Facts, grade: str | None) -> float:
    risk = facts.cost_bad_resale * (1 - facts.p_sellable) if facts.judged else 0.0
    if grade == Grade.AS_NEW:
        return facts.price_new - facts.cost_handling - risk
    if grade == Grade.PARTS:
        return facts.price_parts - facts.cost_handling
    if facts.condition in (Condition.MAJOR, Condition.CRITICAL):
        return facts.price_as_is - facts.cost_handling
    return facts.price_open_box - facts.cost_handling - risk


def _undecided(facts: Facts) -> float:
    sellable = facts.p_sellable if facts.judged else 0.5
    damaged = max(
        facts.price_as_is - facts.cost_handling, facts.price_parts - facts.cost_handling, -facts.cost_disposal
    )
    return sellable * (facts.price_open_box - facts.cost_handling) + (1 - sellable) * damaged
