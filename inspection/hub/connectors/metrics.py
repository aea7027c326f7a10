"""What is counted of deliveries. Labels are the configured names; each help text says what a number means."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy.engine import Connection

from inspection.hub.connectors import overview

SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class DeliveryMetrics:
    """The connectors' metrics of one process; the gauges are the same in every worker of one database."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.attempts = Counter(
            "hub_delivery_attempts",
            "Attempts to deliver, by destination and outcome: delivered, skipped (nothing to tell), again (failed, to "
            "be tried again), busy (asked for a pause), pending (works on it), refused (dead letter), unusable "
            "(credentials, address or secret wrong), gone (wants no more).",
            ["destination", "outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "hub_delivery_request_seconds",
            "Time from sending a request to the end of its answer or its failure, by destination.",
            ["destination"],
            buckets=SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "hub_deliveries_waiting",
            "Deliveries that have not ended, by destination; the same in every worker, so take the maximum.",
            ["destination"],
            registry=registry,
        )
        self.dead = Gauge(
            "hub_deliveries_dead",
            "Dead letters: deliveries that wait for a person, by destination; take the maximum over workers.",
            ["destination"],
            registry=registry,
        )
        self.oldest_s = Gauge(
            "hub_delivery_oldest_seconds",
            "Age of the oldest delivery that has not ended, by destination; take the maximum over workers.",
            ["destination"],
            registry=registry,
        )
        self.shut = Gauge(
            "hub_destination_shut",
            "1 while nothing is sent to a destination: its circuit breaker is open, or it is paused; otherwise 0.",
            ["destination"],
            registry=registry,
        )

    def refresh(self, connection: Connection) -> None:
        """Set the gauges to what the database says, over all merchants."""
        for each in overview.counts(connection):
            self.waiting.labels(each.name).set(each.waiting)
            self.dead.labels(each.name).set(each.dead)
            self.oldest_s.labels(each.name).set(each.oldest_s)
            self.shut.labels(each.name).set(1 if each.shut else 0)
