"""Which damage a kind of goods can take, and how hard it is hit at each condition."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from datasets.render import damage_bottles, damage_cans, damage_cartons, damage_phones
from datasets.render.blow import Blow, uncap
from datasets.render.goods import Goods
from datasets.render.labels import style_of
from inspection.errors import ConfigError
from inspection.finding import Condition, Defect

SCALE = {Condition.MINOR: 0.45, Condition.MAJOR: 0.75, Condition.CRITICAL: 1.0}
ORDER = (
    Defect.MISSING_PART,
    Defect.CRUSH,
    Defect.DENT,
    Defect.HOLE,
    Defect.BREACH,
    Defect.WEAR,
    Defect.CORROSION,
    Defect.STAIN,
    Defect.TEAR,
    Defect.SMUDGE,
    Defect.SCRATCH,
    Defect.CRACK,
)
INFLICT: dict[tuple[str, Defect], Callable[[Blow], None]] = {
    ("can", Defect.DENT): damage_cans.dent,
    ("can", Defect.CRUSH): damage_cans.crush,
    ("can", Defect.BREACH): damage_cans.breach,
    ("can", Defect.TEAR): damage_cans.tear,
    ("can", Defect.CORROSION): damage_cans.rust,
    ("can", Defect.STAIN): damage_bottles.stain_label,
    ("can", Defect.SCRATCH): damage_bottles.scratch_label,
    ("carton", Defect.DENT): damage_cartons.dent,
    ("carton", Defect.CRUSH): damage_cartons.crush,
    ("carton", Defect.HOLE): damage_cartons.pierce,
    ("carton", Defect.BREACH): damage_cartons.breach,
    ("carton", Defect.STAIN): damage_cartons.stain,
    ("carton", Defect.WEAR): damage_cartons.wear,
    ("carton", Defect.TEAR): damage_cartons.tear,
    ("carton", Defect.SCRATCH): damage_cartons.scratch,
    ("carton", Defect.MISSING_PART): uncap,
    ("bottle", Defect.CRUSH): damage_bottles.crush,
    ("bottle", Defect.DENT): damage_bottles.dent,
    ("bottle", Defect.TEAR): damage_bottles.tear,
    ("bottle", Defect.STAIN): damage_bottles.stain_label,
    ("bottle", Defect.SCRATCH): damage_bottles.scratch_label,
    ("bottle", Defect.MISSING_PART): uncap,
    ("phone", Defect.CRACK): damage_phones.crack,
    ("phone", Defect.SCRATCH): damage_phones.scratch,
    ("phone", Defect.SMUDGE): damage_phones.smudge,
    ("phone", Defect.STAIN): damage_phones.stain,
    ("phone", Defect.DENT): damage_phones.dent,
}


def damage(
    goods: Goods, defects: tuple[Defect, ...], condition: Condition, rng: np.random.Generator, gtin: str
) -> None:
    """Inflict defects on an item, shape first, so that cuts and blemishes lie on the damaged surface.

    Raises:
        ConfigError: this kind of goods cannot show that defect.
    """
    for defect in sorted(defects, key=list(Defect).index):
        if (goods.kind, defect) not in INFLICT:
            able = ", ".join(sorted(known for kind, known in INFLICT if kind == goods.kind))
            raise ConfigError(f"a {goods.kind} cannot show {defect}", hint=f"It can show: {able}.")
    for defect in sorted(defects, key=ORDER.index):
        INFLICT[goods.kind, defect](Blow(goods, SCALE[condition], rng, style_of(gtin).content_colour))
