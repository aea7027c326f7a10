"""Secrets of destinations: named in the configuration, kept in the environment or in files, read at every use."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from inspection.hub.config import Section
from inspection.hub.connectors.contract import Unusable

MAX_SECRET_BYTES = 16_384


class Secret(Section):
    """Where one secret is: an environment variable or a file; exactly one of them."""

    env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: Path | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("say either env or file")
        return self

    def read(self) -> str:
        """The secret.

        Raises:
            Unusable: when it is not there, empty, or could not be sent in a header; names the place, not the secret.
        """
        if self.file is not None:
            try:
                with self.file.open("rb") as file:
                    text = file.read(MAX_SECRET_BYTES).decode("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise Unusable(f"no secret in {self.file}: {type(error).__name__}") from None
        else:
            text = os.environ.get(self.env or "", "").strip()
        if not text or not text.isprintable():
            raise Unusable(f"no secret in {self}", hint="put it there; no restart is needed for a file")
        return text

    def __str__(self) -> str:
        return str(self.file) if self.file is not None else f"${self.env}"
