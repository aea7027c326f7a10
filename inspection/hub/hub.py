"""What every route needs, wired once per process, and how a route gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from inspection.hub.accounts.rates import Rates
from inspection.hub.accounts.remembered import Remembered
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
    rates: Rates = field(init=False)
    remembered: Remembered = field(init=False, default_factory=Remembered)

    def __post_init__(self) -> None:
        access = self.config.access
        object.__setattr__(self, "rates", Rates(access.requests_per_s, access.request_burst))


async def current_hub(request: Request) -> Hub:
    """The hub that serves this request; not a plain function, for which each request would change threads."""
    hub: Hub = request.app.state.hub
    return hub


CurrentHub = Annotated[Hub, Depends(current_hub)]
