"""Settings of the registry of bundles."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from inspection.ledger.notes import NoteError, VerifierKey


class BundlesSection(BaseModel):
    """What may be published.

    Attributes:
        trusted_keys: verifier keys (``python -m models key`` prints one); one of them must have signed what is
            published. Empty: a signature is not asked for.
        max_bytes: of one bundle, unpacked or as a zip.
        check_s: how long the samples of a bundle may take to be judged when it is published.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    trusted_keys: tuple[str, ...] = ()
    max_bytes: Annotated[int, Field(ge=100_000, le=1_000_000_000)] = 200_000_000
    check_s: Annotated[float, Field(ge=1, le=3600)] = 300.0

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
    def trusted(self) -> tuple[VerifierKey, ...]:
        """The keys."""
        return tuple(VerifierKey.parse(text) for text in self.trusted_keys)
