"""What the connector routes take and say."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from inspection.hub.connectors.queue import State
from inspection.hub.moments import Moment


class DestinationView(BaseModel):
    """A destination and how it is doing."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: str = Field(examples=["webhook"])
    events: list[str]
    enabled: bool = Field(description="whether the configuration has it")
    paused: bool = Field(description="until a person resumes it")
    shut: bool = Field(description="nothing is sent now: paused, or the circuit breaker is open")
    open_until: datetime | None = Field(description="when the circuit breaker lets one try")
    failures: int = Field(description="in a row")
    last_success_at: datetime | None
    reason: str | None = Field(description="why it is shut")
    waiting: int = Field(description="deliveries that have not ended")
    dead: int = Field(description="dead letters, which wait for a person")
    oldest_s: float = Field(description="age of the oldest that waits, in seconds")


class DestinationList(BaseModel):
    """All destinations by name."""

    destinations: list[DestinationView]


class DeliveryView(BaseModel):
    """One event for one destination."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: UUID
    destination: str
    event_id: int
    kind: str = Field(examples=["inspection_confirmed"])
    subject: str = Field(description="what the event is about: an inspection's id or an RMA number")
    lane: str = Field(description="deliveries of one lane are sent one after the other")
    state: State
    attempts: int
    next_attempt_at: datetime
    reason: str | None = Field(description="why it waits, was skipped or is dead")
    created_at: datetime
    finished_at: datetime | None


class AttemptView(BaseModel):
    """One request and what came of it."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    request: str = Field(examples=["POST https://erp.example/hooks/returns"])
    status: int | None = Field(description="of HTTP; null when there was no answer")
    duration_ms: int
    response: str = Field(description="how the answer begins")
    problem: str | None


class DeliveryDetail(DeliveryView):
    """A delivery with its attempts, newest first."""

    tries: list[AttemptView]


class DeliveryPage(BaseModel):
    """A page, newest event first."""

    deliveries: list[DeliveryView]
    next_before: int | None = Field(description="give it as `before` for the next page; null on the last")


class Replay(BaseModel):
    """Which deliveries to send again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"state": "dead"}]})

    state: State = Field(State.DEAD, description="only these; `waiting` has no effect")
    since: Moment | None = Field(None, description="only those made since then")
    past: bool = Field(False, description="also events from before the destination was configured; `since` is needed")


class Replayed(BaseModel):
    """How many will be sent."""

    deliveries: int


Ids = Annotated[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")], JsonValue], Field(max_length=30)]


class ItemReference(BaseModel):
    """What a destination calls a product of the return, or one unit of it."""

    model_config = ConfigDict(extra="forbid")

    gtin: Annotated[str, Field(pattern=r"^\d{14}$")]
    serial: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    ids: Ids


class References(BaseModel):
    """What a destination calls a return and its items; mappings see it as `references`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "ids": {"return_id": "gid://shopify/Return/1"},
                    "items": [{"gtin": "04012345111118", "ids": {"line_item_id": 7}}],
                }
            ]
        },
    )

    ids: Annotated[Ids, Field(default_factory=dict)]
    items: Annotated[list[ItemReference], Field(default_factory=list, max_length=500)]
