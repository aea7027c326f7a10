"""``docs/how-to/metrics.md`` names every metric of hub and station, and no other."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from inspection.hub.metrics import Metrics as HubMetrics
from inspection.report import VersionsPart
from inspection.station.metrics import Metrics as StationMetrics
from inspection.station.record import State
from inspection.station.snapshot import Queue, ShownDevice, Snapshot

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "metrics.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def hub() -> CollectorRegistry:
    return HubMetrics().registry


def station() -> CollectorRegistry:
    now = datetime.now(UTC)
    device = ShownDevice(device_id="scanner", kind="barcode", connected=True, detail="", since=now)
    versions = VersionsPart(software="0", policy="0", products="0")
    shown = Snapshot(
        sequence=1, at=now, station_id="s", state=State.IDLE, devices=(device,), queue=Queue(), versions=versions
    )
    metrics = StationMetrics()
    metrics.watch(lambda: shown)
    return metrics.registry


@pytest.mark.parametrize(("heading", "registry"), [("## Hub", hub()), ("## Station", station())])
def test_the_page_and_the_code_name_the_same_metrics(heading: str, registry: CollectorRegistry) -> None:
    part = PAGE.read_text(encoding="utf-8").split(heading)[1].split("\n## ")[0]
    rows = ROW.findall(part)
    assert sorted(name for name, *_ in rows) == sorted(family.name for family in registry.collect())
    assert all(cell.strip() for row in rows for cell in row)


def test_the_page_names_the_labels_of_the_code() -> None:
    units = {name: unit for name, unit, *_ in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    metrics = HubMetrics()
    for each in (*vars(metrics).values(), *vars(metrics.deliveries).values(), *vars(metrics.precheck).values()):
        for label in getattr(each, "_labelnames", ()):
            assert f"`{label}`" in units[each._name]
