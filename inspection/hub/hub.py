"""What every route needs, wired once per process, and how a route gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.images.store import ImageStore
from inspection.hub.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Hub:
    """The parts of one hub process."""

    config: HubConfig
    database: Database
    images: ImageStore
    metrics: Metrics


def current_hub(request: Request) -> Hub:
    """The hub that serves this request."""
    hub: Hub = request.app.state.hub
    return hub


CurrentHub = Annotated[Hub, Depends(current_hub)]
