"""The hub's configuration file: every key has a meaning, an unknown one is refused by name.

Secrets are no part of it: the database's address comes from ``RETURNS_HUB_DSN``, tokens from files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspection.errors import ConfigError
from inspection.hub.accounts.settings import AccessSection
from inspection.hub.bundles.settings import BundlesSection
from inspection.hub.drift.settings import DriftSection
from inspection.hub.precheck.settings import PrecheckSection
from inspection.hub.review.settings import ReviewSection
from inspection.hub.stations.settings import StationsSection
from inspection.hub.training.settings import TrainingSection

DSN_VARIABLE = "RETURNS_HUB_DSN"
MAX_CONFIG_BYTES = 1 << 20


class Section(BaseModel):
    """Base of the sections: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ListenSection(Section):
    """Where the API listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8400


class DatabaseSection(Section):
    """The database. Its address is ``RETURNS_HUB_DSN``; without that, one is embedded under ``data_dir``."""

    pool_size: Annotated[int, Field(ge=1, le=50)] = 10
    statement_timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0


class ImagesSection(Section):
    """Where pictures lie, encrypted.

    Attributes:
        url: any that obstore knows (``s3://bucket/prefix``); ``None`` is ``data_dir/images``.
        key_file: master key that wraps the pictures' keys, made if there is none; ``None`` for ``data_dir/images.key``.
            In its place, ``RETURNS_HUB_IMAGE_KEY`` may hold the key. Keep a copy: without it no picture can be read.
        max_bytes: of one picture.
    """

    url: str | None = None
    key_file: Path | None = None
    max_bytes: Annotated[int, Field(ge=1024, le=100_000_000)] = 20_000_000


class ReportsSection(Section):
    """Limits on what stations report.

    Attributes:
        max_bytes: of one report; a batch may have as many times that as it has reports.
        clock_tolerance_s: a station's clock that differs more is noted as wrong.
    """

    max_bytes: Annotated[int, Field(ge=1024, le=16_777_216)] = 1_048_576
    clock_tolerance_s: Annotated[float, Field(ge=2, le=86_400)] = 5.0


class EpcisSection(Section):
    """How our own things are named in EPCIS documents.

    Attributes:
        base_uri: prefix of private identifiers, without a slash at its end.
        gln: global location number (13 digits) of the warehouse; ``None`` leaves ``bizLocation`` out.
        capture_events: events that one capture may bring.
        capture_bytes: bytes that one capture may have.
    """

    base_uri: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?[^\s/?#]$")] = (
        "https://returns-inspection.example"
    )
    gln: Annotated[str, Field(pattern=r"^\d{13}$")] | None = None
    capture_events: Annotated[int, Field(ge=1, le=10_000)] = 1000
    capture_bytes: Annotated[int, Field(ge=1024, le=67_108_864)] = 8_388_608


class EvidenceSection(Section):
    """The evidence ledger. Its key is ``key_file``, or PEM in ``RETURNS_HUB_EVIDENCE_KEY``.

    Attributes:
        origin: prefix of the logs' names, which checkpoints carry; a name you own, without scheme.
        key_file: Ed25519 private key, made when there is none; ``None`` is ``data_dir/evidence.key``.
        old_public_keys: keys that signed before, 32 bytes in Base64 each.
        witnesses: verifier keys (``name+keyid+Base64``) whose cosignatures are taken.
        drop_folder: where checkpoints are laid out for witnesses and cosigned ones are left; ``None`` for nowhere.
        interval_s: how old an entry gets before a checkpoint covers it.
    """

    origin: Annotated[str, Field(pattern=r"^[^\s+/]+(/[^\s+/]+)*$", max_length=200)] = (
        "returns-inspection.example/evidence"
    )
    key_file: Path | None = None
    old_public_keys: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()
    drop_folder: Path | None = None
    interval_s: Annotated[float, Field(ge=0.05, le=3600)] = 1.0


class ConnectorsSection(Section):
    """The systems around the hub that it tells of events.

    Attributes:
        file: the destinations, see docs/how-to/connectors.md; ``None`` is none.
    """

    file: Path | None = None


class WorkerSection(Section):
    """``hub_app.py worker``.

    Attributes:
        concurrency: jobs that run side by side.
        poll_s: how often it looks for what it was not told of.
        heartbeat_s: how often it says that it lives.
        stalled_after_s: silence after which its jobs go to another worker; several heartbeats.
        grace_s: at a stop, how long running jobs may go on.
        metrics_port: where it shows its metrics, on the loopback; ``None`` is nowhere.
    """

    concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    poll_s: Annotated[float, Field(ge=0.1, le=60)] = 5.0
    heartbeat_s: Annotated[float, Field(ge=0.1, le=60)] = 5.0
    stalled_after_s: Annotated[float, Field(ge=0.5, le=600)] = 30.0
    grace_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None


class RetentionSection(Section):
    """How long data about people are kept; see inspection/hub/people/register.py for what they are.

    Attributes:
        pictures_days: pictures are shredded after so long, except those of a case under legal hold; ``None``: never.
        answers_days: what other systems answered to deliveries.
        addresses_days: network addresses of sessions that are over, and counts of failed sign-ins.
    """

    pictures_days: Annotated[int, Field(ge=1, le=36_500)] | None = 1095
    answers_days: Annotated[int, Field(ge=1, le=36_500)] = 30
    addresses_days: Annotated[int, Field(ge=1, le=36_500)] = 30


class HubConfig(Section):
    """Everything ``hub_app.py serve`` needs to know."""

    data_dir: Path = Path(".data/hub")
    listen: ListenSection = ListenSection()
    database: DatabaseSection = DatabaseSection()
    images: ImagesSection = ImagesSection()
    reports: ReportsSection = ReportsSection()
    epcis: EpcisSection = EpcisSection()
    evidence: EvidenceSection = EvidenceSection()
    access: AccessSection = AccessSection()
    connectors: ConnectorsSection = ConnectorsSection()
    precheck: PrecheckSection = PrecheckSection()
    retention: RetentionSection = RetentionSection()
    worker: WorkerSection = WorkerSection()
    stations: StationsSection = StationsSection()
    drift: DriftSection = DriftSection()
    review: ReviewSection = ReviewSection()
    bundles: BundlesSection = BundlesSection()
    training: TrainingSection = TrainingSection()

    @property
    def dsn(self) -> str | None:
        """Address of a database elsewhere, or ``None`` for the embedded one."""
        return os.environ.get(DSN_VARIABLE) or None


def load_config(path: Path) -> HubConfig:
    """Read a configuration file.

    Raises:
        ConfigError: when it is missing, is no YAML, or a key is unknown or of the wrong kind; names file and keys.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint="name a configuration with --config") from error
    try:
        document = yaml.safe_load(raw)
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}", hint="compare with configs/hub.yaml") from error
    if not isinstance(document, dict | None):
        raise ConfigError(f"{path}: expected keys and values at the top", hint="compare with configs/hub.yaml")
    try:
        return HubConfig.model_validate(document or {})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ConfigError(f"{path}: {faults}", hint="compare with configs/hub.yaml") from error
