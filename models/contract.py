"""What ``bundle.json`` says: the form of a bundle, checked key by key when it is read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from inspection.finding import Condition, Defect

OUTPUTS = ("defects", "conditions", "maps", "embedding")
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Probability = Annotated[float, Field(ge=0, le=1)]


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


class Thresholds(_Part):
    """Where post-processing draws its lines; all chosen on held-out groups.

    Attributes:
        defects: probability from which a defect is a finding.
        maps: probability in a defect map from which a cell belongs to the region.
        confident: least max(p_sellable, 1 - p_sellable), by conformal risk control for the stated rates.
        novelty: distance in the reference space beyond which a picture is novel.
        wrong_resell: stated maximum rate of wrong resell; wrong_scrap likewise.
    """

    defects: dict[Defect, Probability]
    maps: Probability
    confident: Probability
    novelty: Annotated[float, Field(gt=0)]
    wrong_resell: Probability
    wrong_scrap: Probability


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
    """The whole of ``bundle.json``."""

    contract: Literal[1] = 1
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.-]{0,19}$")]
    created: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    input: InputSpec
    finder: FinderSpec | None = None
    defects: Annotated[tuple[Defect, ...], Field(min_length=1)]
    conditions: tuple[Condition, ...] = tuple(Condition)
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
