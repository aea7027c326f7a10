"""The section ``rollouts`` of a station's configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inspection.ledger.notes import NoteError, VerifierKey


class RolloutsSection(BaseModel):
    """What the hub may have this station run; without this section it runs what its configuration names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trusted_keys: Annotated[tuple[str, ...], Field(min_length=1, max_length=16)] = Field(
        description="Verifier keys, name+keyid+Base64; one of them must have signed whatever is fetched."
    )
    ask_s: float = Field(15.0, ge=0.2, le=3600, description="How often the hub is asked; it may ask for less or more.")
    max_mb: int = Field(500, ge=1, le=2000, description="Largest bundle that is fetched.")
    shadow_budget_ms: float = Field(
        150.0, ge=0, le=10_000, description="A second opinion may cost this on average an item, at most; 0: none."
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

    @property
    def trusted(self) -> tuple[VerifierKey, ...]:
        """The keys."""
        return tuple(VerifierKey.parse(text) for text in self.trusted_keys)
