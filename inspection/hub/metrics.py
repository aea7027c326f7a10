"""What the hub counts, for Prometheus. Each metric's help text says what it means; labels are few and bounded."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from inspection.hub.connectors.metrics import DeliveryMetrics
from inspection.hub.precheck.metrics import PrecheckMetrics
from inspection.hub.processes import ANNOUNCED

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one hub process."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "hub_http_requests",
            "Requests answered, by method, route template and status.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self.latency_s = Histogram(
            "hub_http_request_seconds",
            "Time from a request's head to the end of its answer, by route template.",
            ["route"],
            buckets=LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self.inspections = Counter(
            "hub_inspections_received",
            "Reports by outcome: stored, exists (a repeat), conflict (same id and revision, other content).",
            ["outcome"],
            registry=self._registry,
        )
        self.images = Counter(
            "hub_images_received",
            "Pictures by outcome: stored, exists.",
            ["outcome"],
            registry=self._registry,
        )
        self.image_bytes = Counter(
            "hub_image_stored_bytes", "Bytes of pictures stored for the first time.", registry=self._registry
        )
        self.deliveries = DeliveryMetrics(self._registry)
        self.precheck = PrecheckMetrics(self._registry)

    @property
    def registry(self) -> CollectorRegistry:
        """Where they are registered."""
        return self._registry

    def exposition(self) -> bytes:
        """Text exposition format; where several processes serve one port, the counts of all of them."""
        if ANNOUNCED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
