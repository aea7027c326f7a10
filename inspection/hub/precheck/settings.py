"""Settings of the pre-check; part of the hub's configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class PrecheckSection(BaseModel):
    """How customers' pictures are taken in and judged.

    Attributes:
        contact: how a customer reaches a person, shown under every answer, e.g. a telephone number.
        link_days: how long a customer's link opens the case.
        link_key_file: key that signs links, made if there is none; ``None`` is ``data_dir/links.key``. In its place,
            ``RETURNS_HUB_LINK_KEY`` may hold the key (32 bytes, Base64).
        products: product catalogue; ``None``: what goods are worth plays no part.
        bundle: model bundle; ``None`` is the one that comes with the program.
        policy: rules of the customer's answer; ``None`` for those that come with the program.
        challenge_hours: how long a customer may take to send a picture with the characters that a person asked for.
        case_uploads: files that one case may bring.
        case_bytes: bytes that one case may bring.
        address_uploads: files that may be begun from one network address in an hour.
        address_bytes: and bytes; many customers may share an address.
        promise_s: an answer is due so long after a file is whole; for tier n in 1/(n + 1) of it.
        decoders: files that one server process opens at once for the first look.
        looks: files that one worker process looks at at once.
        threads: processor threads of one judgement.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contact: Annotated[str, Field(max_length=200)] = ""
    link_days: Annotated[int, Field(ge=1, le=365)] = 14
    link_key_file: Path | None = None
    products: Path | None = None
    bundle: Path | None = None
    policy: Path | None = None
    challenge_hours: Annotated[int, Field(ge=1, le=720)] = 24
    case_uploads: Annotated[int, Field(ge=1, le=500)] = 40
    case_bytes: Annotated[int, Field(ge=1_000_000, le=10**10)] = 400_000_000
    address_uploads: Annotated[int, Field(ge=1, le=1_000_000)] = 400
    address_bytes: Annotated[int, Field(ge=1_000_000, le=10**12)] = 4_000_000_000
    promise_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    decoders: Annotated[int, Field(ge=1, le=64)] = 2
    looks: Annotated[int, Field(ge=1, le=64)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 1
