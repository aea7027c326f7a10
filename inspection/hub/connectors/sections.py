"""What every destination's configuration has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from inspection.hub.config import Section
from inspection.hub.connectors.sending import Sender
from inspection.hub.events import EventKind

if TYPE_CHECKING:
    from inspection.hub.connectors.contract import Carrier, Connector
    from inspection.hub.connectors.guard import Guard

VERDICTS = (EventKind.INSPECTION_CONFIRMED, EventKind.INSPECTION_CORRECTED)


class RetrySection(Section):
    """When a destination is tried again.

    Attributes:
        first_s: wait after the first failure; doubles from one to the next, with jitter.
        cap_s: longest wait.
        attempts: after so many a message counts as poison, provided that the destination took others meanwhile.
        give_up_after_days: a message that failed for so long goes to a person in any case.
        break_after: failures in a row after which the circuit breaker opens.
        break_s: how long it stays open the first time; doubles up to ``cap_s``.
    """

    first_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    cap_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    attempts: Annotated[int, Field(ge=1, le=100)] = 12
    give_up_after_days: Annotated[float, Field(gt=0, le=365)] = 14.0
    break_after: Annotated[int, Field(ge=1, le=1000)] = 5
    break_s: Annotated[float, Field(gt=0, le=86_400)] = 30.0


class DestinationSection(Section):
    """Base of the kinds of destinations.

    Attributes:
        url: where it is; https, or http into an allowed network.
        events: kinds of events that are delivered.
        parallel: how many returns are told of side by side; those of one return always one after the other.
        timeout_s: for a request and its whole answer.
        ca_file: certificates to trust instead of the system's.
        dead_letters_block: whether what comes after a dead letter of the same return waits for a person, too.
    """

    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=2000)]
    events: Annotated[tuple[EventKind, ...], Field(min_length=1)] = VERDICTS
    parallel: Annotated[int, Field(ge=1, le=16)] = 2
    timeout_s: Annotated[float, Field(gt=0, le=120)] = 20.0
    ca_file: Path | None = None
    dead_letters_block: bool = False
    retry: RetrySection = RetrySection()

    @model_validator(mode="after")
    def _query_free(self) -> DestinationSection:
        if "#" in self.url:
            raise ValueError("the URL must not have a fragment")
        return self

    def connector(self) -> Connector:
        """The connector that this configures."""
        raise NotImplementedError

    def carrier(self, guard: Guard) -> Carrier:
        """What the connector's requests are sent with: HTTP, unless a kind says otherwise."""
        return Sender(guard, timeout_s=self.timeout_s, ca_file=self.ca_file)
