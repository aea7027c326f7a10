"""The experts of a training: what they add to each of its fits, honestly, and what goes into the bundle's graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor, nn

from models.training.experts import (
    Experts,
    FrozenHead,
    Part,
    Said,
    Weighed,
    advised,
    experts_of,
    learn,
    own_odds,
    pooled,
    weigh,
)
from models.training.fits import Fit, Fitted
from models.training.material import Material
from models.training.plan import Plan


class Advice(nn.Module):  # type: ignore[misc]  # torch is not read by mypy here
    """The part of the bundle's graph that asks the experts."""

    def __init__(self, head: FrozenHead, experts: Experts) -> None:
        super().__init__()
        self.head, self.experts = head, experts

    def forward(self, coarse: Tensor, conditions: Tensor) -> Tensor:
        """Logits with the opinions in them; see :class:`Experts`."""
        found: Tensor = self.experts(self.head(coarse), conditions)
        return found


@dataclass(frozen=True, eq=False)
class Advised:
    """Fits with the experts' opinions in what they say.

    Attributes:
        fitted: in the order of the plan's fits.
        advice: for the graph; ``None`` where nobody is asked.
        shares: how much each expert counts, by kind of goods.
    """

    fitted: tuple[Fitted, ...]
    advice: Advice | None
    shares: dict[str, float]


def advise(network: nn.Module, material: Material, todo: Plan, fitted: Sequence[Fitted]) -> Advised:
    """Let experts speak in all fits, each having learned from nothing that its fit has not seen.

    How much they count in a part is chosen on the other parts, and in all else on all parts. Without parts (one fold)
    that cannot be known, and nobody is asked.
    """
    if len(todo.parts) < 2:  # noqa: PLR2004 -- one to choose on, one to look at
        return Advised(tuple(fitted), None, {})
    samples, labels = material.samples, material.labels
    features = pooled(network, material.cache)
    versions = material.cache.versions_of(np.arange(len(samples)))
    days = frozenset(sample.goods for sample in samples if sample.set in material.kept)

    def taught(fit: Fit) -> Said:
        return learn(features, versions, samples, labels, fit.train, days)

    count = len(todo.parts)
    own = taught(todo.fits[0])
    said = [taught(fit) for fit in todo.fits[1 : 1 + count]]
    parts = [
        Part(np.asarray(fit.judged), one, own_odds(found.conditions))
        for fit, one, found in zip(todo.fits[1 : 1 + count], said, fitted[1 : 1 + count], strict=True)
    ]
    weighed = weigh(parts, features[0], samples, labels)
    if not any(weighed.share.values()):
        return Advised(tuple(fitted), None, {})
    asked = set(own.opinions)

    def told(fit: Fit, found: Fitted, who: Said, how: Weighed) -> Fitted:
        features_of = features[0, np.asarray(fit.judged)]
        return replace(found, conditions=advised(experts_of(who, how), features_of, found.conditions))

    result = [told(todo.fits[0], fitted[0], own, weighed)]
    for place, (fit, found) in enumerate(zip(todo.fits[1:], fitted[1:], strict=True)):
        if place < count:
            others = weigh([part for part in parts if part is not parts[place]], features[0], samples, labels)
            result.append(told(fit, found, said[place], others))
            continue
        seen = {samples[index].goods for index in fit.judged}
        result.append(told(fit, found, taught(fit) if seen & asked else own, weighed))
    advice = Advice(FrozenHead(network), experts_of(own, weighed))
    return Advised(
        tuple(result), advice.eval(), {goods: share for goods, share in sorted(weighed.share.items()) if share}
    )
