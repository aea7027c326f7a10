"""The file that names destinations; ``connectors.file`` in the hub's configuration says where it is."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from inspection.errors import ConfigError
from inspection.hub.config import MAX_CONFIG_BYTES, Section
from inspection.hub.connectors.epcis_capture import EpcisSection
from inspection.hub.connectors.guard import Guard
from inspection.hub.connectors.loop import LoopSection
from inspection.hub.connectors.mail import MailSection
from inspection.hub.connectors.odoo import OdooSection
from inspection.hub.connectors.shopify import ShopifySection
from inspection.hub.connectors.webhook import WebhookSection

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,39}$"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Destination = Annotated[
    WebhookSection | EpcisSection | ShopifySection | LoopSection | OdooSection | MailSection,
    Field(discriminator="kind"),
]


class ConnectorsConfig(Section):
    """Every destination of one merchant.

    Attributes:
        allow_networks: private networks that requests may go to, also without TLS; none unless named.
        destinations: by name.
    """

    allow_networks: tuple[Network, ...] = ()
    destinations: Annotated[
        dict[Annotated[str, Field(pattern=NAME_PATTERN)], Destination], Field(default_factory=dict, max_length=100)
    ]

    @property
    def guard(self) -> Guard:
        """Where requests may go."""
        return Guard(self.allow_networks)


class _Loader(yaml.SafeLoader):
    """Refuses a key that occurs twice: YAML would take the last one without a word."""


def _unique(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    twice = next((key for number, key in enumerate(keys) if key in keys[:number]), None)
    if twice is not None:
        raise yaml.constructor.ConstructorError(None, None, f"{twice!r} occurs twice", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique)


def load_connectors(path: Path | None) -> ConnectorsConfig:
    """Read the file; without one there are no destinations.

    Raises:
        ConfigError: when it is missing, is no YAML, or a key is unknown or of the wrong kind; names file and keys.
    """
    if path is None:
        return ConnectorsConfig.model_validate({})
    hint = "see docs/how-to/connectors.md"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_BYTES)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=hint) from error
    try:
        document = yaml.load(raw, Loader=_Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, TypeError, RecursionError, ValueError) as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}", hint=hint) from error
    if not isinstance(document, dict | None):
        raise ConfigError(f"{path}: expected keys and values at the top", hint=hint)
    try:
        return ConnectorsConfig.model_validate(document or {})
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:10])
        raise ConfigError(f"{path}: {faults}", hint=hint) from error
