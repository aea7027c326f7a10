"""The variables a policy may speak about, and how they follow from item, assessment, product and context.

Every variable always has a value of its type, so no rule can crash on something unknown: what may be unknown is a text
with the value ``unknown``, or a number beside a ``…_known`` truth value that a rule has to ask first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from inspection.finding import Assessment, Condition, Defect, Finding, Trials
from inspection.item import IdentityIssue, Item
from inspection.item_size import ItemSize, SizeSeen
from inspection.policy.context import Context, Hazard
from inspection.products import Product

YES_NO = ("yes", "no", "unknown")
CALIBRATION_PROBLEMS = (
    "missing",
    "incomplete",
    "expired",
    "other_settings",
    "other_resolution",
    "foreign_camera",
    "other_view",
    "corrupted",
    "half_written",
    "newer_format",
    "unreadable",
    "failed",
    "check_overdue",
    "check_failed",
    "moved_exposure",
    "moved_colour",
    "moved_focus",
    "moved_scale",
    "moved_shift",
    "moved_view",
)
"""What keeps a view from counting as calibrated. ``moved_…``: what changed since, by check or by capture."""
MEASURED = frozenset(Defect) - {Defect.MISSING_PART, Defect.NOVEL}
DAMAGE = frozenset(Defect) - {Defect.SMUDGE, Defect.WEAR, Defect.STAIN, Defect.SCRATCH, Defect.NOVEL}


class Kind(StrEnum):
    """Type of a variable, as CEL has it."""

    TRUTH = "bool"
    NUMBER = "double"
    TEXT = "string"
    TEXTS = "list(string)"


@dataclass(frozen=True, slots=True)
class Variable:
    """What a person writing a rule has to know about a variable.

    Attributes:
        kind: its CEL type.
        meaning: one sentence.
        choices: the only texts it can hold (or its list can contain); empty when free.
        guard: the truth value that says whether this number is known.
    """

    kind: Kind
    meaning: str
    choices: tuple[str, ...] = ()
    guard: str = ""


def _truth(meaning: str, *, default: bool = False) -> Any:
    return field(default=default, metadata={"variable": Variable(Kind.TRUTH, meaning)})


def _number(meaning: str, *, guard: str = "") -> Any:
    return field(default=0.0, metadata={"variable": Variable(Kind.NUMBER, meaning, guard=guard)})


def _longest(defect: str) -> Any:
    return _number(f"length of the longest {defect}, mm, plus what it may be off", guard="sizes_known")


def _text(meaning: str, *, choices: tuple[str, ...] = (), default: str = "unknown") -> Any:
    return field(default=default, metadata={"variable": Variable(Kind.TEXT, meaning, choices)})


def _texts(meaning: str, *, choices: tuple[str, ...] = ()) -> Any:
    return field(default=(), metadata={"variable": Variable(Kind.TEXTS, meaning, choices)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All variables of a policy, in reading order. Money is in minor units (cents, fen), weight in grams."""

    today: str = _text("decision date, YYYY-MM-DD", default="1970-01-01")

    identity_known: bool = _truth("a GTIN was read and its codes are valid")
    identity_issues: tuple[str, ...] = _texts(
        "contradictions found while reading", choices=tuple(map(str, IdentityIssue))
    )
    gtin_as_sold: str = _text("the GTIN is the one of the return", choices=YES_NO)
    serial_as_sold: str = _text("the serial number is the one that was sold", choices=YES_NO)
    product_known: bool = _truth("the GTIN is in the product catalogue")

    goods: str = _text("kind of goods: can, carton, bottle, phone, parcel, clothing, …")
    category: str = _text("trade category of the catalogue: food, electronics, …")
    hygiene: bool = _truth("food, cosmetics, intimate or medical goods")
    hazardous_contents: bool = _truth("a leak of it endangers people")
    data_carrier: bool = _truth("holds personal data")
    returnable: bool = _truth("the law lets customers return it", default=True)

    recalled: str = _text("article or lot is under recall", choices=YES_NO)
    batch_alert: str = _text("its lot has a quality alert", choices=YES_NO)
    stolen: str = _text("the serial number is reported stolen", choices=YES_NO)

    hazard: str = _text("hazard the worker saw", choices=(*map(str, Hazard), "unknown"))
    contaminated: str = _text("mould, pests or dirt that spreads", choices=YES_NO)
    seal: str = _text("the original seal, said by a person or a sensor", choices=("intact", "broken", "unknown"))
    complete: str = _text("all parts are there, said by a person", choices=YES_NO)
    powers_on: str = _text("it switches on, tried by a person", choices=YES_NO)

    weight_known: bool = _truth("a stable weight was read and the catalogue has one to compare")
    weight_g: float = _number("stable weight on the scale", guard="weight_known")
    weight_off_g: float = _number("how far the weight is from the catalogue's, never negative", guard="weight_known")
    weight_tolerance_g: float = _number("how far it may be off", guard="weight_known")

    item_size: str = _text(
        "how large the item is beside its product, by the calibrated view that looks down most steeply",
        choices=(*map(str, SizeSeen), "unknown"),
    )
    item_size_off: float = _number(
        "by how much its outline differs from the nearest that the product can have, 0.1 is a tenth; 0 when not known"
    )

    perishable: bool = _truth("the catalogue names a minimum remaining life")
    expiry_known: bool = _truth("an expiration date was read")
    days_left: float = _number("days from today to the expiration date; negative when expired", guard="expiry_known")
    min_days_left: float = _number("minimum remaining life of the product, days")

    pictured: bool = _truth("there is at least one picture")
    judged: bool = _truth("a model has judged the pictures, and they are good enough for that to count")
    capture_problems: tuple[str, ...] = _texts("what is wrong with the pictures: too_dark, blurred, hand_in_view, …")
    calibrated: bool = _truth("every view is calibrated")
    calibration_problems: tuple[str, ...] = _texts(
        "what is wrong with the calibration of any view", choices=CALIBRATION_PROBLEMS
    )
    novel: bool = _truth("unlike anything the model was trained on", default=True)
    novelty: float = _number("0 like the training data … 1 unlike it", guard="judged")
    confident: bool = _truth("the model passes its conformal threshold for this kind of goods")
    trials: str = _text(
        "how far the trials go that bound the model's mistakes in this kind of goods; `sound_only`: hardly any was bad",
        choices=(*map(str, Trials), "unknown"),
    )
    confidence: float = _number("probability of the most probable condition, 0 … 1", guard="judged")
    min_confidence: float = _number("least confidence the catalogue asks for")
    condition: str = _text("most probable condition", choices=(*map(str, Condition), "unknown"))
    p_sellable: float = _number("probability of intact or minor together, 0 … 1", guard="judged")
    defects: tuple[str, ...] = _texts("types of the findings, strongest first", choices=tuple(map(str, Defect)))
    p_damage: float = _number(
        "probability of the surest finding of real damage (not smudge, wear, stain, scratch), 0 … 1", guard="judged"
    )

    sizes_known: bool = _truth("every finding was measured, as its view is calibrated")
    crack_count: float = _number("how many findings of crack; one seen in two views counts twice")
    crack_max_mm: float = _longest("crack")
    scratch_count: float = _number("how many findings of scratch; one seen in two views counts twice")
    scratch_max_mm: float = _longest("scratch")
    dent_count: float = _number("how many findings of dent; one seen in two views counts twice")
    dent_max_mm: float = _longest("dent")
    tear_count: float = _number("how many findings of tear; one seen in two views counts twice")
    tear_max_mm: float = _longest("tear")
    hole_count: float = _number("how many findings of hole; one seen in two views counts twice")
    hole_max_mm: float = _longest("hole")
    stain_count: float = _number("how many findings of stain; one seen in two views counts twice")
    stain_max_mm: float = _longest("stain")
    crush_count: float = _number("how many findings of crush; one seen in two views counts twice")
    crush_max_mm: float = _longest("crush")
    breach_count: float = _number("how many findings of breach; one seen in two views counts twice")
    breach_max_mm: float = _longest("breach")
    corrosion_count: float = _number("how many findings of corrosion; one seen in two views counts twice")
    corrosion_max_mm: float = _longest("corrosion")
    wear_count: float = _number("how many findings of wear; one seen in two views counts twice")
    wear_max_mm: float = _longest("wear")
    smudge_count: float = _number("how many findings of smudge; one seen in two views counts twice")
    smudge_max_mm: float = _longest("smudge")
    damaged_count: float = _number("how many findings of damage of no stated type; one seen in two views counts twice")
    damaged_max_mm: float = _longest("damage of no stated type")

    price_new: float = _number("resale price as new", guard="product_known")
    price_open_box: float = _number("resale price opened or with a disclosed blemish", guard="product_known")
    price_as_is: float = _number("resale price damaged, unrepaired; 0 when not sold so", guard="product_known")
    price_repaired: float = _number("resale price after repair; 0 when never repaired", guard="product_known")
    price_parts: float = _number("what its parts fetch", guard="product_known")
    cost_repair: float = _number("a typical repair", guard="product_known")
    cost_handling: float = _number("cleaning, packing, storing", guard="product_known")
    cost_disposal: float = _number("scrapping it properly", guard="product_known")
    cost_hold: float = _number("a person looking at it", guard="product_known")
    cost_bad_resale: float = _number("a customer receiving a bad one", guard="product_known")
    p_fix: float = _number("share of repairs that succeed, 0 … 1", guard="product_known")
    value_limit: float = _number("above this new price a person decides", guard="product_known")

    def variables(self) -> dict[str, Any]:
        """Every variable with its value, as CEL and JSON take it (lists instead of tuples)."""
        values = {name: getattr(self, name) for name in VARIABLES}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def of(cls, variables: Mapping[str, Any]) -> Facts:
        """The facts whose :meth:`variables` these are."""
        known: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in variables.items()}
        return cls(**known)


VARIABLES: Mapping[str, Variable] = {entry.name: entry.metadata["variable"] for entry in fields(Facts)}

MONEY = tuple(name for name in VARIABLES if name.startswith(("price_", "cost_")) or name == "value_limit")


def establish(
    item: Item,
    assessment: Assessment | None,
    product: Product | None,
    context: Context,
    *,
    pictured: bool = True,
    calibrated: bool = False,
    calibration_problems: tuple[str, ...] = (),
    capture_problems: tuple[str, ...] = (),
    size: ItemSize | None = None,
) -> Facts:
    """The facts of one inspection.

    Args:
        pictured: whether there was any picture.
        calibrated: whether every picture was corrected with a calibration.
        calibration_problems: codes of what is wrong with the calibration of any view.
        capture_problems: what was seen wrong with the pictures before they were judged. With these, or those that the
            judge saw, nothing the judge said counts, as a bad picture hides damage; unless a good one shows clear
            damage, which no other picture can undo.
        size: of the item beside its product's; ``None`` when no view could tell.
    """
    known: dict[str, Any] = {
        **_identity(item, context),
        **_product(product, context),
        **_circumstances(context),
        **_weight(product, context),
        **_item_size(size),
        **_life(item, product, context),
        **_assessment(assessment, capture_problems),
    }
    return Facts(pictured=pictured, calibrated=calibrated, calibration_problems=tuple(calibration_problems), **known)


def _circumstances(context: Context) -> dict[str, Any]:
    return {
        "today": context.today.isoformat(),
        "recalled": _yes_no(context.recalled),
        "batch_alert": _yes_no(context.batch_alert),
        "stolen": _yes_no(context.stolen),
        "hazard": str(context.hazard or "unknown"),
        "contaminated": _yes_no(context.contaminated),
        "seal": {True: "intact", False: "broken", None: "unknown"}[context.seal_intact],
        "complete": _yes_no(context.complete),
    }


def _yes_no(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"


def _as_sold(found: str | None, sold: str | None) -> str:
    return _yes_no(found == sold if found is not None and sold is not None else None)


def _identity(item: Item, context: Context) -> dict[str, Any]:
    return {
        "identity_known": item.gtin is not None,
        "identity_issues": tuple(str(issue) for issue in item.issues),
        "gtin_as_sold": _as_sold(item.gtin, context.expected_gtin and context.expected_gtin.zfill(14)),
        "serial_as_sold": _as_sold(item.serial, context.expected_serial),
    }


def _product(product: Product | None, context: Context) -> dict[str, Any]:
    if product is None:
        return {}
    money = {name: float(context.values.get(name, getattr(product, name))) for name in MONEY}
    return {
        "product_known": True,
        "goods": product.goods,
        "category": product.category,
        "hygiene": product.hygiene,
        "hazardous_contents": product.hazardous_contents,
        "data_carrier": product.data_carrier,
        "returnable": product.returnable,
        "min_confidence": product.min_confidence,
        "p_fix": product.p_fix,
        **money,
    }


def _weight(product: Product | None, context: Context) -> dict[str, Any]:
    weight_g = context.weight_g if context.weight_stable else None
    if product is None or product.weight_g is None or weight_g is None or not math.isfinite(weight_g):
        return {}
    return {
        "weight_known": True,
        "weight_g": float(weight_g),
        "weight_off_g": abs(weight_g - product.weight_g),
        "weight_tolerance_g": product.weight_tolerance_g,
    }


def _item_size(size: ItemSize | None) -> dict[str, Any]:
    return {} if size is None else {"item_size": str(size.seen), "item_size_off": float(size.off)}


def _life(item: Item, product: Product | None, context: Context) -> dict[str, Any]:
    min_days_left = product.min_days_left if product else None
    expiry = item.expiry or context.expiry
    return {
        "perishable": min_days_left is not None,
        "min_days_left": float(min_days_left or 0),
        "expiry_known": expiry is not None,
        "days_left": float((expiry - context.today).days) if expiry else 0.0,
    }


def _assessment(assessment: Assessment | None, seen: tuple[str, ...]) -> dict[str, Any]:
    said = [code for view in assessment.capture for code in view.problems] if assessment is not None else []
    problems = tuple(dict.fromkeys((*seen, *said)))
    if problems and (assessment is None or not _clearly_damaged(assessment)):
        return {"capture_problems": problems}
    if assessment is None or not _finite(assessment):
        return {}
    damage = [finding.probability for finding in assessment.findings if finding.defect in DAMAGE]
    return {
        "judged": True,
        "novel": assessment.novel,
        "novelty": float(assessment.novelty),
        "confident": assessment.confident,
        "trials": str(assessment.trials),
        "confidence": float(assessment.confidence),
        "condition": str(assessment.condition),
        "p_sellable": float(sum(assessment.p_condition.get(c, 0.0) for c in (Condition.INTACT, Condition.MINOR))),
        "defects": tuple(dict.fromkeys(str(finding.defect) for finding in assessment.findings)),
        "p_damage": float(max(damage, default=0.0)),
        **_sizes(assessment.findings),
    }


def _sizes(findings: Sequence[Finding]) -> dict[str, Any]:
    known: dict[str, Any] = {"sizes_known": all(finding.size_mm is not None for finding in findings)}
    for finding in findings:
        if finding.defect not in MEASURED:
            continue
        count, longest = f"{finding.defect}_count", f"{finding.defect}_max_mm"
        known[count] = known.get(count, 0.0) + 1.0
        known[longest] = max(known.get(longest, 0.0), _at_most_mm(finding))
    return known


def _at_most_mm(finding: Finding) -> float:
    length = finding.size_mm[0] if finding.size_mm is not None else 0.0
    return float(length + (finding.size_uncertainty_mm or 0.0))


def _clearly_damaged(assessment: Assessment) -> bool:
    """Whether a view whose picture is good shows damage with confidence."""
    good = {view.view for view in assessment.capture if view.ok}
    sellable = assessment.condition in (Condition.INTACT, Condition.MINOR)
    known = _finite(assessment) and assessment.confident and not assessment.novel
    return known and not sellable and assessment.decided_by in good


def _finite(assessment: Assessment) -> bool:
    """A model that answers NaN has not judged."""
    numbers = (assessment.novelty, *assessment.p_condition.values(), *(f.probability for f in assessment.findings))
    return bool(assessment.p_condition) and all(map(math.isfinite, numbers))
