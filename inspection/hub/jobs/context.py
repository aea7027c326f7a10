"""What a job gets to work with: the hub's parts, and whether the worker is stopping."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from procrastinate import JobContext

if TYPE_CHECKING:
    from inspection.hub.connectors.delivering import Deliverer
    from inspection.hub.hub import Hub
    from inspection.hub.precheck.lookers import Lookers

WORK = "work"


@dataclass(frozen=True, slots=True)
class Work:
    """The parts of one worker.

    Attributes:
        hub: configuration, database, pictures, metrics.
        deliverer: delivers to the destinations of the configuration.
        lookers: look at what customers send.
        stopping: set when the worker is to stop; a job that takes long looks at it, and leaves the rest to another.
    """

    hub: Hub
    deliverer: Deliverer
    lookers: Lookers
    stopping: threading.Event = field(default_factory=threading.Event)


def work_of(context: JobContext) -> Work:
    """What the worker gave to the job of ``context``."""
    found = context.additional_context[WORK]
    if not isinstance(found, Work):
        raise TypeError("the worker was started without its parts")
    return found
