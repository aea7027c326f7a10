"""All tables of the hub in one place, for migrations and their tests."""

from __future__ import annotations

from inspection.hub.accounts.tables import access_tokens, stations
from inspection.hub.images.tables import images
from inspection.hub.inspections.tables import inspection_images, inspections
from inspection.hub.returns.tables import return_lines, returns
from inspection.hub.tables import METADATA, events, merchants

__all__ = [
    "METADATA",
    "access_tokens",
    "events",
    "images",
    "inspection_images",
    "inspections",
    "merchants",
    "return_lines",
    "returns",
    "stations",
]
