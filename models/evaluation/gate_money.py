"""What a decision about an item brings when its true condition is known, in minor units of the catalogue's money."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from inspection.finding import Condition
from inspection.products import Money, Product, Share
from inspection.verdict import Disposition, Grade

BAD = (Condition.MAJOR, Condition.CRITICAL)


class Values(BaseModel):
    """Prices and costs of an article, by the names of :class:`inspection.products.Product`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price_new: Money
    price_open_box: Money
    price_as_is: Money = 0
    price_repaired: Money = 0
    price_parts: Money = 0
    cost_repair: Money = 0
    cost_handling: Money = 0
    cost_disposal: Money = 0
    cost_hold: Money = 0
    cost_bad_resale: Money
    p_fix: Share = 0.0

    @classmethod
    def of(cls, product: Product) -> Values:
        """Those of an article of the catalogue."""
        return cls(**{name: getattr(product, name) for name in cls.model_fields})


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to happen to an item.

    Attributes:
        grade: for resell.
        told: whether the buyer is told that it is damaged: sold for parts, or as it is, as major or critical.
        confirm: whether a person looks first.
    """

    disposition: Disposition
    grade: Grade | None = None
    told: bool = False
    confirm: bool = False

    @property
    def sold_as_sound(self) -> bool:
        """Whether a buyer gets it who expects it to be sound."""
        return self.disposition is Disposition.RESELL and not self.told


def brings(values: Values, decision: Decision, truth: Condition) -> float:
    """What ``decision`` brings for an item that is ``truth``.

    Sold as sound, a sound item brings its price less handling, a bad one costs the complaint; sold as damaged, its
    price as it is or that of its parts. A repair succeeds with ``p_fix``; a sound item comes back from it with nothing
    done, for the cost of a look. Scrap costs its disposal. A hold costs a look, after which a person decides rightly. A
    decision that a person confirms costs a look, too, and is counted as confirmed: nobody is relied on to catch it.
    """
    look = values.cost_hold if decision.confirm or decision.disposition is Disposition.HOLD else 0
    return _bare(values, decision, truth) - look


def _bare(values: Values, decision: Decision, truth: Condition) -> float:  # noqa: PLR0911 - one a way out
    bad = truth in BAD
    if decision.disposition is Disposition.HOLD:
        return _best(values, truth)
    if decision.disposition is Disposition.SCRAP:
        return -values.cost_disposal
    if decision.disposition is Disposition.REPAIR:
        return _repaired(values) if bad else values.price_open_box - values.cost_handling - values.cost_hold
    if decision.grade is Grade.PARTS:
        return values.price_parts - values.cost_handling
    if decision.told:
        return values.price_as_is - values.cost_handling
    if bad:
        return -values.cost_bad_resale - values.cost_handling
    price = values.price_new if decision.grade is Grade.AS_NEW else values.price_open_box
    return price - values.cost_handling


def _best(values: Values, truth: Condition) -> float:
    """What a person who sees what it is makes of it."""
    if truth is Condition.INTACT:
        return values.price_new - values.cost_handling
    if truth is Condition.MINOR:
        return values.price_open_box - values.cost_handling
    as_is = values.price_as_is - values.cost_handling
    parts = values.price_parts - values.cost_handling
    return max(as_is, parts, _repaired(values), -values.cost_disposal)


def _repaired(values: Values) -> float:
    fetched = values.p_fix * values.price_repaired + (1 - values.p_fix) * values.price_parts
    return fetched - values.cost_repair - values.cost_handling
