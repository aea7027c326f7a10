"""What is counted of pre-checks. No label names a customer, a case or a shop; help texts say what a number means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy.engine import Connection

from inspection.hub.precheck.tables import cases, uploads
from inspection.hub.tables import merchants

SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3600.0)
WAITING, ALL = "waiting", "all"


class PrecheckMetrics:
    """The pre-check's metrics of one process; the gauges are the same in every worker of one database."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.files = Counter(
            "hub_precheck_files",
            "Customers' files that were looked at, by state: answered, retake (not good enough), refused (no picture), "
            "parked (look after look never ended; a person looks).",
            ["state"],
            registry=registry,
        )
        self.refused = Counter(
            "hub_precheck_refused",
            "Files that gave no picture, by code: why the decoder refused them.",
            ["code"],
            registry=registry,
        )
        self.outcomes = Counter(
            "hub_precheck_outcomes",
            "Judged pictures by likely outcome: refund_without_return, send_back, repair, more_photos, person.",
            ["outcome"],
            registry=registry,
        )
        self.stage_s = Histogram(
            "hub_precheck_stage_seconds",
            "Time of one file by stage: waiting (until somebody looks), open, encode, quality, judge, decide, and all "
            "(from whole to answered).",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "hub_precheck_waiting",
            "Files that are kept and not answered; the same in every worker, so take the maximum.",
            registry=registry,
        )
        self.oldest_s = Gauge(
            "hub_precheck_oldest_seconds",
            "Age of the oldest file that is not answered; take the maximum over workers.",
            registry=registry,
        )
        self.for_person = Gauge(
            "hub_precheck_for_person",
            "Cases that wait for a person; take the maximum over workers.",
            registry=registry,
        )

    def looked(
        self, state: str, code: str, outcomes: Iterable[str], timings_ms: Mapping[str, float], total_s: float
    ) -> None:
        """Count one file.

        Args:
            state: what became of it.
            code: ``precheck.…``, what the customer is told.
            outcomes: of its judged pictures.
            timings_ms: by stage of the look.
            total_s: seconds since it was whole.
        """
        self.files.labels(state).inc()
        if state == "refused":
            self.refused.labels(code.removeprefix("precheck.")).inc()
        for outcome in outcomes:
            self.outcomes.labels(outcome).inc()
        for stage, spent_ms in timings_ms.items():
            self.stage_s.labels(stage).observe(spent_ms / 1e3)
        self.stage_s.labels(WAITING).observe(max(0.0, total_s - sum(timings_ms.values()) / 1e3))
        self.stage_s.labels(ALL).observe(total_s)

    def refresh(self, connection: Connection) -> None:
        """Set the gauges to what the database says, over all merchants."""
        age_s = sa.extract("epoch", sa.func.now() - sa.func.min(uploads.c.received_at))
        waiting = sa.select(sa.func.count(), sa.func.coalesce(age_s, 0)).where(
            uploads.c.state == sa.literal_column("'waiting'")
        )
        count, oldest_s = connection.execute(waiting).one()
        each = cases.c.merchant_id.in_(sa.select(merchants.c.id))  # so that the index by merchant and state serves
        mine = sa.select(sa.func.count()).select_from(cases).where(each, cases.c.state == "with_person")
        self.waiting.set(count)
        self.oldest_s.set(max(0.0, float(oldest_s)))
        self.for_person.set(connection.execute(mine).scalar_one())
