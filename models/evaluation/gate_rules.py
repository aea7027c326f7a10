"""The written rules of the gate: ``configs/gate.yaml``, checked key by key; see there for what each means."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inspection.errors import ConfigError
from inspection.finding import Condition
from inspection.products import Catalogue, Product
from inspection.yaml_source import read_yaml
from models.evaluation.gate_money import Values

LANGUAGES = ("zh-CN", "en", "th", "vi")
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Words = Annotated[str, Field(min_length=1, max_length=300)]


class Measure(StrEnum):
    """What is counted of each picture; see :data:`models.evaluation.gate.HARM`."""

    WRONG_RESELL = "wrong_resell"
    WRONG_SCRAP = "wrong_scrap"
    WRONG_CONDITION = "wrong_condition"
    TO_A_PERSON = "to_a_person"


class Dimension(StrEnum):
    """What pictures are counted together by."""

    ALL = "all"
    GOODS = "goods"
    STATION = "station"
    CAPTURE = "capture"
    SET = "set"


class Certainty(StrEnum):
    """When a rule about a difference fails.

    ``PROVEN``: when even the better end of the interval is worse than allowed. ``EXCLUDED``: already when the worse end
    is; the exam must be large enough to exclude it.
    """

    PROVEN = "proven"
    EXCLUDED = "excluded"


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9.]{0,9}$")]
    words: dict[str, Words]

    @model_validator(mode="after")
    def _in_all_languages(self) -> _Rule:
        if set(self.words) != set(LANGUAGES):
            raise ValueError(f"words are needed in {', '.join(LANGUAGES)}")
        return self


class Enough(_Rule):
    """The exam must be large enough to tell anything."""

    check: Literal["enough"]
    pictures: Count = 0
    groups: Count = 0
    bad: Count = 0


class NeverResold(_Rule):
    """No item of these conditions may be sold as sound, by the candidate alone or at all."""

    check: Literal["never_resold"]
    conditions: Annotated[tuple[Condition, ...], Field(min_length=1)]
    allowed: Count = 0
    only_new: bool = True


class Rate(_Rule):
    """A share of the labelled pictures stays below a limit, and its interval's upper end below another."""

    check: Literal["rate"]
    measure: Measure
    limit: Share
    upper: Share = 1.0


class NotWorse(_Rule):
    """A share does not rise by more than ``margin``, in all or in every group of ``by`` with enough groups of items."""

    check: Literal["not_worse"]
    measure: Measure
    by: Annotated[tuple[Dimension, ...], Field(min_length=1)] = (Dimension.ALL,)
    margin: Share
    certainty: Certainty = Certainty.PROVEN
    least_groups: Annotated[int, Field(ge=2, le=1_000_000)] = 5


class Latency(_Rule):
    """The candidate takes at most ``limit`` times as long, in turns on the same pictures."""

    check: Literal["latency"]
    limit: Annotated[float, Field(ge=0.1, le=100)]


class Calibration(_Rule):
    """The expected calibration error is at most ``limit``, or rises by at most ``margin``."""

    check: Literal["calibration"]
    limit: Share
    margin: Share


class Unreadable(_Rule):
    """Pictures that only the candidate cannot judge."""

    check: Literal["unreadable"]
    allowed: Count = 0


Rule = Annotated[
    Enough | NeverResold | Rate | NotWorse | Latency | Calibration | Unreadable, Field(discriminator="check")
]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=200, le=100_000)] = 2000
    otherwise: Values
    rules: Annotated[tuple[Rule, ...], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _ids_differ(self) -> _File:
        ids = [rule.id for rule in self.rules]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise ValueError(f"two rules are called {twice[0]}")
        return self


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules, ready.

    Attributes:
        version: version in the file + first 12 hex digits of the file's SHA-256.
        confidence: of every interval; where many groups are compared, of all of them together.
        resamples: draws of each interval.
        otherwise: prices and costs of an article that the catalogue does not have.
        rules: in the order of the file; all must hold.
    """

    version: str
    confidence: float
    resamples: int
    otherwise: Values
    rules: tuple[Rule, ...]

    @classmethod
    def load(cls, path: Path) -> Rules:
        """Read and check ``path``.

        Raises:
            ConfigError: naming file, line and key of the first mistake.
        """
        source = read_yaml(path, ConfigError)
        try:
            file = _File.model_validate(source.data)
        except ValidationError as problem:
            error = problem.errors(include_url=False, include_context=False)[0]
            keys = tuple(key for key in error["loc"] if key not in _CHECKS)
            place, key = source.place(keys), ".".join(map(str, keys)) or "the file"
            raise ConfigError(
                f"{path}: line {place.line}: {key}: {error['msg']}", hint="compare with configs/gate.yaml"
            ) from problem
        digest = hashlib.sha256(source.raw).hexdigest()[:12]
        return cls(f"{file.version}+{digest}", file.confidence, file.resamples, file.otherwise, file.rules)

    def values(self, catalogue: Catalogue, gtin: str | None, article: Product | None) -> Values:
        """Prices and costs of the article, else of any of its kind, else those written for the rest."""
        product = catalogue.find(gtin) if gtin and gtin.isdigit() else None
        product = product or article
        return self.otherwise if product is None else Values.of(product)


_CHECKS = frozenset({"enough", "never_resold", "rate", "not_worse", "latency", "calibration", "unreadable"})
"""What pydantic adds to the place of a mistake."""
