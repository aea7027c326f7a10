"""Settings of the registry of bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inspection.ledger.notes import NoteError, VerifierKey

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


class BundlesSection(BaseModel):
    """What may be published.

    Attributes:
        trusted_keys: verifier keys (``python -m models key`` prints one); one of them must have signed what is
            published. Empty: a signature is not asked for.
        max_bytes: of one bundle, unpacked or as a zip.
        check_s: how long the samples of a bundle may take to be judged when it is published.
        exams: frozen exams by name: a folder with ``manifest.csv`` and its pictures, that no bundle was trained on.
        rules: of the gate; ``None`` for those that come with the program. ``policy`` and ``products`` likewise: what
            decides and what things are worth when the gate judges a bundle.
        gate_s: how long one gate may take.
        gate_threads: processor threads of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trusted_keys: tuple[str, ...] = ()
    max_bytes: Annotated[int, Field(ge=100_000, le=1_000_000_000)] = 200_000_000
    check_s: Annotated[float, Field(ge=1, le=3600)] = 300.0
    exams: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")], Path] = Field(default_factory=dict)
    rules: Path | None = None
    policy: Path | None = None
    products: Path | None = None
    gate_s: Annotated[float, Field(ge=1, le=172_800)] = 14_400.0
    gate_threads: Annotated[int, Field(ge=1, le=64)] = 1

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                VerifierKey.parse(text)
            except NoteError as error:
                raise ValueError(f"{text!r}: {error}") from error
        return texts

    @property
    def rules_file(self) -> Path:
        """The gate's rules."""
        return self.rules or CONFIGS / "gate.yaml"

    @property
    def policy_file(self) -> Path:
        """The policy that decides for both sides of a bundle's gate."""
        return self.policy or CONFIGS / "policy" / "default.yaml"

    @property
    def products_file(self) -> Path:
        """The catalogue."""
        return self.products or CONFIGS / "products.yaml"

    @property
    def trusted(self) -> tuple[VerifierKey, ...]:
        """The keys."""
        return tuple(VerifierKey.parse(text) for text in self.trusted_keys)
