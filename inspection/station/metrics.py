"""Figures for Prometheus: what was decided, how long it took, how devices and reporting do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from inspection.station.hub_client import Outcome
from inspection.station.record import SETTLED_STATES, State
from inspection.station.session_data import Transition
from inspection.station.snapshot import Snapshot

BUCKETS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class Metrics:
    """The station's own registry; two stations in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._inspections = Counter(
            "station_inspections",
            "Inspections that a person decided",
            ("disposition", "decided_by"),
            registry=self.registry,
        )
        self._cancelled = Counter("station_cancelled", "Inspections that were cancelled", registry=self.registry)
        self._stages = Histogram(
            "station_stage_ms",
            "Milliseconds a stage of an inspection took",
            ("stage",),
            buckets=BUCKETS_MS,
            registry=self.registry,
        )
        self._captures = Counter("station_capture_failures", "Captures refused", ("code",), registry=self.registry)
        self._devices = Counter("station_device_events", "Devices lost and back", ("event",), registry=self.registry)
        self._reports = Counter("station_report_answers", "Answers of the hub", ("outcome",), registry=self.registry)

    def watch(self, latest: Callable[[], Snapshot]) -> None:
        """Let gauges follow what the screen shows."""
        self.registry.register(_Shown(latest))

    def transition(self, moved: Transition) -> None:
        verdict = moved.record.verdict
        if moved.after in SETTLED_STATES and verdict is not None:
            self._inspections.labels(verdict.disposition, verdict.decided_by).inc()
            for stage, spent_ms in moved.record.timings_ms.items():
                self._stages.labels(stage).observe(spent_ms)
        if moved.after is State.CANCELLED:
            self._cancelled.inc()

    def capture_failed(self, code: str) -> None:
        self._captures.labels(code).inc()

    def device_event(self, *, connected: bool) -> None:
        self._devices.labels("back" if connected else "lost").inc()

    def answer(self, outcome: Outcome) -> None:
        self._reports.labels(outcome).inc()

    def exposition(self) -> bytes:
        """The text format of Prometheus."""
        return generate_latest(self.registry)


class _Shown(Collector):
    def __init__(self, latest: Callable[[], Snapshot]) -> None:
        self._latest = latest

    def collect(self) -> Iterable[GaugeMetricFamily]:
        snapshot = self._latest()
        queue = GaugeMetricFamily("station_outbox", "Reports on their way", labels=["status"])
        queue.add_metric(["waiting"], snapshot.queue.waiting)
        queue.add_metric(["dead"], snapshot.queue.dead)
        connected = GaugeMetricFamily("station_device_connected", "1 while the device can be used", labels=["device"])
        for device in snapshot.devices:
            connected.add_metric([device.device_id], float(device.connected))
        faults = GaugeMetricFamily("station_faults", "Faults on the screen")
        faults.add_metric([], len(snapshot.faults))
        return queue, connected, faults
