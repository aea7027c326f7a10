"""What ``bundle.json`` says: the form of a bundle, checked key by key when it is read."""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from inspection.finding import Condition, Defect, Trials

OUTPUTS = ("defects", "conditions", "maps", "embedding")
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1)]
GoodsName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
NEVER = math.inf
LEAST_BAD = 5
"""Groups of bad items of a kind from which on its trials say something of damage."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Part):
    """Pictures are scaled to fit ``size`` x ``size``, centred, the rest filled by reflection; uint8 NHWC BGR.

    Normalisation is a part of the graph.
    """

    size: Annotated[int, Field(ge=32, le=2048, multiple_of=32)]
    fit: Literal["letterbox-reflect"] = "letterbox-reflect"
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["uint8"] = "uint8"
    channels: Literal["BGR"] = "BGR"


class FinderSpec(_Part):
    """How the item is looked for before it is judged, so that its surroundings do not decide; see `models.finder`.

    Attributes:
        size: side of the finder's input, made like the judge's.
        probability: from which a pixel belongs to the item.
        margin: around the item, of its longer side.
        inside: mean probability of the item's pixels; below it the item is not believed.
        certain: mean of ``|2 p - 1|`` over the whole picture; below it nothing is believed.
        least: share of the finder's input; a smaller item is not believed, and the whole picture is judged.
        most: of the picture's longer side; a larger cut is not made.
    """

    size: Annotated[int, Field(ge=32, le=1024, multiple_of=32)]
    probability: Probability = 0.5
    inside: Probability = 0.76
    certain: Probability = 0.86
    margin: Annotated[float, Field(ge=0, le=1)] = 0.12
    least: Probability = 0.003
    most: Probability = 0.85


class KindSpec(_Part):
    """From where on one kind of goods is decided, and what trials that rests on.

    Attributes:
        resell: least p_sellable; ``None`` when no trial bounds the wrong ones: it is never called so surely.
        scrap: least 1 - p_sellable; ``None`` likewise.
        sound: groups of intact or minor items in the trials, judged by models that saw nothing of their group.
        bad: groups of major or critical ones; with too few of them nobody knows what damage of this kind looks like to
            the model, and the rates hold only while hardly any item of the kind comes back bad.
        resell_bound: rate of wrong resell that the trials bound it to at ``resell``; scrap_bound likewise.
    """

    resell: Annotated[float, Field(gt=0.5, le=1)] | None = None
    scrap: Annotated[float, Field(gt=0.5, le=1)] | None = None
    sound: Annotated[int, Field(ge=0)]
    bad: Annotated[int, Field(ge=0)]
    resell_bound: Probability | None = None
    scrap_bound: Probability | None = None

    @model_validator(mode="after")
    def _tried(self) -> KindSpec:
        if (self.resell is not None or self.scrap is not None) and self.sound == 0:
            raise ValueError("a kind of goods of which nothing sound was tried cannot be decided")
        if (self.resell is None) != (self.resell_bound is None) or (self.scrap is None) != (self.scrap_bound is None):
            raise ValueError("a threshold and the rate it is bounded to go together")
        return self

    @property
    def trials(self) -> Trials:
        """How far they go."""
        if self.resell is None:
            return Trials.TOO_FEW
        return Trials.ENOUGH if self.bad >= LEAST_BAD else Trials.SOUND_ONLY


class Lines(NamedTuple):
    """Least p_sellable, and least 1 - p_sellable, that is sure enough; above 1 where nothing is."""

    resell: float
    scrap: float


class Thresholds(_Part):
    """Where post-processing draws its lines; all chosen on held-out groups.

    Attributes:
        defects: probability from which a defect is a finding.
        maps: probability in a defect map from which a cell belongs to the region.
        confident: least max(p_sellable, 1 - p_sellable), by conformal risk control for the stated rates, over all goods
            together; what counts where ``goods`` is empty, as in older bundles.
        goods: where each kind of goods is decided. A kind that is not named was not tried: it is never decided surely.
        novelty: distance in the reference space beyond which a picture is novel.
        other_kind: by how much the centre of another kind may be nearer than that of the kind the item is said to be;
            beyond it the item is novel, as it is something else. ``None``: not asked, as in older bundles.
        wrong_resell: stated maximum rate of wrong resell; wrong_scrap likewise.
    """

    defects: dict[Defect, Probability]
    maps: Probability
    confident: Probability
    goods: dict[GoodsName, KindSpec] = Field(default_factory=dict)
    novelty: Annotated[float, Field(gt=0)]
    other_kind: Annotated[float, Field(gt=0)] | None = None
    wrong_resell: Probability
    wrong_scrap: Probability

    def lines(self, goods: str | None) -> Lines:
        """From where on an item said to be ``goods`` is decided; where nobody says, every kind's lines count."""
        if not self.goods:
            return Lines(self.confident, self.confident)
        kinds = list(self.goods.values()) if goods is None else [self.goods[goods]] if goods in self.goods else []
        return Lines(
            max((NEVER if kind.resell is None else kind.resell for kind in kinds), default=NEVER),
            max((NEVER if kind.scrap is None else kind.scrap for kind in kinds), default=NEVER),
        )

    def trials(self, goods: str | None) -> Trials:
        """How far the trials of an item said to be ``goods`` go; of older bundles that is not asked."""
        if not self.goods:
            return Trials.ENOUGH
        kinds = list(self.goods.values()) if goods is None else [self.goods[goods]] if goods in self.goods else []
        return min((kind.trials for kind in kinds), key=list(Trials).index, default=Trials.TOO_FEW)


class DataSpec(_Part):
    """What it was trained on, so that the split can be made again.

    Attributes:
        digest: of all samples' labels and bytes (``datasets.manifest.digest``).
        held_out_digest: of the names of the held-out groups (``datasets.splits.groups_digest``).
        kept: sets of which nothing was held out, as they come from too few days.
    """

    digest: Sha256
    pictures: Annotated[int, Field(ge=1)]
    sets: dict[str, int]
    seed: int
    held_out_share: Probability
    held_out_digest: Sha256
    kept: tuple[str, ...] = ()


class Lineage(_Part):
    """Where a bundle comes from.

    Attributes:
        parent: id of the bundle it was made from or is to replace.
        parent_sha256: hash of that bundle's ``bundle.json``.
        data: digest of the samples of each set (``datasets.manifest.digest``).
        code: version of the software that made it, with the commit where it is known.
        config: options of the run.
    """

    parent: Annotated[str, Field(max_length=200)] | None = None
    parent_sha256: Sha256 | None = None
    data: dict[str, Sha256] = Field(default_factory=dict)
    code: Annotated[str, Field(max_length=200)] = ""
    config: dict[str, JsonValue] = Field(default_factory=dict)


class FileSpec(_Part):
    """Size and hash of one file of the bundle."""

    size: Annotated[int, Field(ge=0, le=200_000_000)]
    sha256: Sha256


class BundleSpec(_Part):
    """The whole of ``bundle.json``.

    Attributes:
        kinds: names of the kinds of goods whose centres the reference holds, in its order; empty in older bundles.
    """

    contract: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.-]{0,19}$")]
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    input: InputSpec
    finder: FinderSpec | None = None
    defects: Annotated[tuple[Defect, ...], Field(min_length=1)]
    conditions: tuple[Condition, ...] = tuple(Condition)
    kinds: tuple[GoodsName, ...] = ()
    thresholds: Thresholds
    golden_tolerance: Annotated[float, Field(gt=0, le=0.1)] = 2e-3
    precision: Literal["fp32", "int8"] = "fp32"
    data: DataSpec
    lineage: Lineage | None = None
    metrics: dict[str, JsonValue]
    files: dict[str, FileSpec]

    @model_validator(mode="after")
    def _fits_together(self) -> BundleSpec:
        if self.conditions != tuple(Condition):
            raise ValueError(f"conditions must be {', '.join(Condition)}, in this order")
        if len(set(self.defects)) != len(self.defects):
            raise ValueError("a defect is named twice")
        if set(self.thresholds.defects) != set(self.defects):
            raise ValueError("thresholds.defects must name exactly the bundle's defects")
        return self
