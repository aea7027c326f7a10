"""The station's configuration file: every key has a meaning, an unknown one is refused by file, line and name.

Paths are relative to the file. Secrets are no part of it: the hub's token comes from a file or an environment variable.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from devices.config import DevicesSection
from inspection.errors import ConfigError
from inspection.ledger.notes import NoteError, VerifierKey
from inspection.station.hub_client import TokenSource
from inspection.station.rollouts.settings import RolloutsSection
from inspection.verdict import Disposition
from inspection.yaml_source import YamlSource, read_yaml

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
REASONS = ("missed_damage", "false_damage", "wrong_severity", "cleanable", "incomplete", "wrong_item", "other")
LANGUAGES = ("zh-CN", "en", "th", "vi")


class Section(BaseModel):
    """Base of the sections: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WebSection(Section):
    """The screen."""

    host: str = Field("127.0.0.1", description="Anything but a loopback address lets the network work the station.")
    port: int = Field(8480, ge=0, le=65535, description="0 is any that is free.")
    allowed_hosts: tuple[str, ...] = Field((), description="Further names under which browsers may ask for the page.")
    language: Annotated[str, Field(pattern=f"^({'|'.join(LANGUAGES)})$")] = Field(
        "zh-CN", description="When the browser asks for none of ours."
    )


class HubSection(Section):
    """Where reports go; exactly one of ``token_file`` and ``token_env``."""

    url: Annotated[str, Field(pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$")]
    token_file: Path | None = None
    token_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    timeout_s: float = Field(20.0, gt=0, le=300)
    back_off_cap_s: float = Field(30.0, ge=0.1, le=3600, description="Longest wait between tries.")
    refused_retry_s: float = Field(60.0, ge=1, le=3600, description="Wait after a refused token.")
    lookup_timeout_ms: int = Field(300, ge=10, le=5000, description="Longest wait for an expected return.")
    status_s: float = Field(
        15.0, ge=0, le=3600, description="The hub is told how the station is doing at least so often; 0: never."
    )
    proxy: str | None = Field(None, description="HTTP proxy; those of the environment are not used.")

    @model_validator(mode="after")
    def _names_one_token(self) -> HubSection:
        if (self.token_file is None) == (self.token_env is None):
            raise ValueError("give exactly one of token_file and token_env")
        return self

    @property
    def token(self) -> TokenSource:
        return TokenSource(self.token_file, self.token_env)


class ModelSection(Section):
    """The model bundle; without this section a person grades everything."""

    bundle: Path
    threads: int = Field(2, ge=1, le=64)
    trusted_keys: tuple[str, ...] = Field(
        (), max_length=16, description="Verifier keys, name+keyid+Base64; one of them must have signed the bundle."
    )

    references: Path | None = Field(
        None, description="Folder of <GTIN>.ref, and of folders <GTIN> with pictures of good samples to make them of."
    )

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            try:
                VerifierKey.parse(text)
            except NoteError as error:
                raise ValueError(f"{text!r}: {error}") from error
        return value


class ApprovalSection(Section):
    """What waits for a supervisor's badge."""

    scrap_above: int | None = Field(
        200_000, ge=0, description="Scrapping what costs more than this as new, minor units; null for none."
    )
    reason_codes: tuple[Identifier, ...] = Field(
        ("hazard",), description="Any decision about an item whose verdict has one of these reason codes."
    )


class PersonSection(Section):
    """One badge. The id is a pseudonym: no name belongs here."""

    id: Identifier
    badge: Annotated[str, Field(pattern=r"^BADGE:[A-Za-z0-9-]{4,40}$")]
    language: Annotated[str, Field(pattern=f"^({'|'.join(LANGUAGES)})$")] | None = None
    supervisor: bool = False
    technician: bool = Field(False, description="May set the station up; a supervisor may, too.")


class SignInSection(Section):
    """Badges of the hub: whose badge is not in ``people`` types a PIN, and the hub says who it is."""

    keep_h: float = Field(12.0, ge=0, le=24, description="While the hub is away, who signed in may again for so long.")
    check_s: float = Field(60.0, ge=1, le=3600, description="How often the hub is asked whether they still may.")


class SessionSection(Section):
    """How an inspection goes."""

    next_scan_confirms: bool = Field(
        True, description="Scanning the next item confirms a verdict, unless it is hold or needs confirmation."
    )
    settle_ms: int = Field(150, ge=0, le=5000, description="Readings this long after the first are the same item's.")
    tag_window_ms: int = Field(500, ge=0, le=10_000, description="A tag counts when read this long before a scan.")
    undo_ms: int = Field(
        1500, ge=0, le=60_000, description="How long label and report wait after a decision, so that it can be undone."
    )
    places: dict[Disposition, Annotated[str, Field(min_length=1, max_length=40)]] = Field(
        default_factory=dict, description="Where an item of each disposition is put; printed on its label."
    )
    empty_pan_g: float = Field(2.0, gt=0, le=1000, description="A scale that shows at most this carries nothing.")
    rescan_guard_ms: int = Field(
        1500, ge=0, le=60_000, description="The same item code again within this, from any device, is the same item's."
    )
    rma_pattern: str = Field(r"^RMA-[A-Z0-9-]{4,40}$", description="What an RMA label looks like.")
    reasons: tuple[Identifier, ...] = Field(REASONS, min_length=1, max_length=9, description="Reasons of an override.")

    approval: ApprovalSection = Field(
        default_factory=lambda: ApprovalSection.model_validate({}),
        description="What a supervisor must agree to, where somebody is one.",
    )

    @field_validator("rma_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return value


class CaptureSection(Section):
    """How pictures are taken."""

    delay_ms: int = Field(0, ge=0, le=5000, description="From identity to the first frame that counts.")
    timeout_ms: int = Field(1000, ge=50, le=10_000, description="Wait for a frame of every view.")
    max_skew_ms: int = Field(200, ge=1, le=10_000, description="Views further apart are not of one moment.")
    max_frame_age_ms: int = Field(3000, ge=100, le=30_000, description="No older frame is judged.")
    weigh_ms: int = Field(500, ge=0, le=10_000, description="Longest wait for a load that moves on the scale.")
    retry_ms: int = Field(250, ge=50, le=10_000, description="Until a failed capture is tried again.")
    check: Literal["always", "calibrated", "never"] = Field(
        "calibrated", description="Whose pictures are looked at before they are judged: views with a known background."
    )
    codes: Literal["always", "unidentified", "never"] = Field(
        "always", description="When codes are read in the pictures: always also checks what was scanned."
    )
    codes_ms: int = Field(400, ge=10, le=5000, description="Longest wait for them when nothing named the item.")
    codes_check_ms: int = Field(80, ge=10, le=5000, description="Longest wait for them when something did.")
    retakes: int = Field(1, ge=0, le=10, description="How often bad pictures are taken again without being asked.")
    retake_ms: int = Field(600, ge=0, le=10_000, description="From bad pictures to new ones, for the worker to react.")


class CalibrationSection(Section):
    """What is known about the views; without this section pictures are judged as the cameras give them."""

    folder: Path | None = Field(None, description="Of the records; the folder calibration in that of the data if none.")
    parts: tuple[Literal["lens", "plane", "colour", "flat", "light", "background"], ...] = Field(
        ("lens", "plane"), description="What a view must have to count as calibrated."
    )
    check_hours: float = Field(
        8.0, ge=0, le=720, description="After so long the reference card is asked for under each view; 0: never."
    )
    check_grace_hours: float = Field(
        2.0, ge=0, le=720, description="After so long again the check is overdue, and the view not calibrated."
    )
    targets: Path | None = Field(
        None, description="Folder of the .json files that lie beside the printed targets; if none, A4 printed exactly."
    )


class ShiftSection(Section):
    """When one shift ends and the next begins."""

    starts: tuple[Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")], ...] = Field(
        (), max_length=12, description="Times of the day at which a shift begins, by the station's clock."
    )
    pause_h: float = Field(4.0, gt=0, le=48, description="The first item after so long a pause begins a new shift.")


class LimitsSection(Section):
    """What keeps the disk from filling."""

    min_free_mb: int = Field(500, ge=0, le=10_000_000, description="No picture is taken when less would stay free.")
    keep_days: int = Field(30, ge=1, le=3650, description="Reported inspections are forgotten after this time.")


class StationConfig(DevicesSection):
    """One station."""

    station_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@+:-]{0,63}$")]
    data: Path = Field(description="Folder of journal and pictures; one station only.")
    worker: Identifier = Field("worker", description="Badge id of whoever works here; a pseudonym.")
    web: WebSection = WebSection.model_validate({})
    hub: HubSection | None = None
    model: ModelSection | None = None
    policy: Path
    products: Path
    guide: Path | None = Field(None, description="What the worker is asked about each kind of goods.")
    people: tuple[PersonSection, ...] = Field((), max_length=500, description="Badges of those who work here.")
    sign_in: SignInSection | None = Field(None, description="Badges of the hub; needs the section hub.")
    session: SessionSection = SessionSection.model_validate({})
    capture: CaptureSection = CaptureSection.model_validate({})
    calibration: CalibrationSection | None = None
    shift: ShiftSection = ShiftSection.model_validate({})
    rollouts: RolloutsSection | None = Field(None, description="What the hub may have it run; needs the section hub.")
    limits: LimitsSection = LimitsSection.model_validate({})

    @model_validator(mode="after")
    def _has_a_camera(self) -> StationConfig:
        if not self.cameras:
            raise ValueError("a station needs at least one camera")
        return self

    @model_validator(mode="after")
    def _signs_in_at_a_hub(self) -> StationConfig:
        if self.sign_in is not None and self.hub is None:
            raise ValueError("sign_in needs the section hub, which knows the badges")
        return self

    @model_validator(mode="after")
    def _rolls_out_from_a_hub(self) -> StationConfig:
        if self.rollouts is not None and self.hub is None:
            raise ValueError("rollouts needs the section hub, which says what to run")
        return self

    @model_validator(mode="after")
    def _has_each_badge_once(self) -> StationConfig:
        for what in ("id", "badge"):
            values = [getattr(person, what) for person in self.people]
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"two people have the {what} {twice}")
        return self

    @model_validator(mode="after")
    def _has_one_keyboard(self) -> StationConfig:
        typing = [device.id for device in self.devices if device.driver == "barcode.keyboard"]
        if len(typing) > 1:
            raise ValueError(f"a page has one keyboard, so one barcode.keyboard is enough: {', '.join(typing)}")
        return self


def load_config(path: Path) -> StationConfig:
    """Read, check and resolve ``path``.

    Raises:
        ConfigError: naming file, line and key of the first mistake.
    """
    source = read_yaml(path, ConfigError)
    try:
        config = StationConfig.model_validate(source.data)
    except ValidationError as error:
        raise _explained(error, source) from error
    return _resolved(config, path.resolve().parent)


def _resolved(config: StationConfig, base: Path) -> StationConfig:
    changes: dict[str, object] = {
        "data": base / config.data,
        "policy": base / config.policy,
        "products": base / config.products,
        "guide": base / config.guide if config.guide is not None else None,
        "cameras": tuple(camera.resolved(base) for camera in config.cameras),
    }
    if config.hub is not None and config.hub.token_file is not None:
        changes["hub"] = config.hub.model_copy(update={"token_file": base / config.hub.token_file})
    if config.calibration is not None:
        folder = base / (config.calibration.folder or config.data / "calibration")
        targets = base / config.calibration.targets if config.calibration.targets is not None else None
        changes["calibration"] = config.calibration.model_copy(update={"folder": folder, "targets": targets})
    if config.model is not None:
        references = base / config.model.references if config.model.references is not None else None
        bundle = base / config.model.bundle
        changes["model"] = config.model.model_copy(update={"bundle": bundle, "references": references})
    return config.model_copy(update=changes)


def _explained(error: ValidationError, source: YamlSource) -> ConfigError:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    keys = tuple(problem["loc"])
    named = ".".join(str(key) for key in keys) or "the file"
    line = source.place(keys).line
    if problem["type"] == "extra_forbidden":
        return ConfigError(f"{source.path}: line {line}: unknown key {named}", hint="remove it or correct its spelling")
    message = problem["msg"].removeprefix("Value error, ")
    return ConfigError(
        f"{source.path}: line {line}: {named}: {message}", hint="see configs/station.yaml for an example"
    )
