"""Settings of the pre-check; part of the hub's configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cryptography.x509 import load_pem_x509_certificates
from pydantic import BaseModel, ConfigDict, Field

from inspection.errors import ConfigError


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
        c2pa_anchors: certificates (PEM) of whose content credentials are believed, e.g. the C2PA trust list; ``None``:
            of nobody's, so that a signature that holds is told and the signer's name is hearsay.
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
    c2pa_anchors: Path | None = None
    challenge_hours: Annotated[int, Field(ge=1, le=720)] = 24
    case_uploads: Annotated[int, Field(ge=1, le=500)] = 40
    case_bytes: Annotated[int, Field(ge=1_000_000, le=10**10)] = 400_000_000
    address_uploads: Annotated[int, Field(ge=1, le=1_000_000)] = 400
    address_bytes: Annotated[int, Field(ge=1_000_000, le=10**12)] = 4_000_000_000
    promise_s: Annotated[int, Field(ge=1, le=86_400)] = 300
    decoders: Annotated[int, Field(ge=1, le=64)] = 2
    looks: Annotated[int, Field(ge=1, le=64)] = 2
    threads: Annotated[int, Field(ge=1, le=64)] = 1


def anchors_of(settings: PrecheckSection) -> Path | None:
    """The file of certificates that are believed, once it was seen that there are some in it.

    Raises:
        ConfigError: it cannot be read.
    """
    path = settings.c2pa_anchors
    if path is None:
        return None
    try:
        load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"precheck.c2pa_anchors: {path}: {error.strerror}", hint="name a file of PEM") from error
    except ValueError as error:
        raise ConfigError(f"precheck.c2pa_anchors: {path} holds no certificate", hint="name a file of PEM") from error
    return path.resolve()
