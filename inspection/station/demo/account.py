"""The account of a demo: what became of every item, and whether the hub really has it."""

from __future__ import annotations

import time
from typing import Any

import httpx2
from rich.table import Table

from inspection.station.demo.hub import DemoHub
from inspection.station.demo.worker import Parcel

STAGES = ("identify", "capture", "store", "codes", "correct", "quality", "judge", "decide", "journal")


class Account:
    """Parcels by inspection id, compared with station and hub."""

    def __init__(self, station_url: str, hub: DemoHub) -> None:
        self._http = httpx2.Client(base_url=station_url, timeout=10.0, trust_env=False)
        self._hub = hub
        self._held: dict[str, bool] = {}
        self.parcels: dict[str, Parcel] = {}
        self.inspections: dict[str, dict[str, Any]] = {}

    def close(self) -> None:
        self._http.close()

    def note(self, inspection_id: str, parcel: Parcel) -> None:
        self.parcels[inspection_id] = parcel

    def settle(self, timeout_s: float) -> bool:
        """Wait until everything is reported, then read the station's and the hub's books; ``False`` on time-out."""
        deadline = time.monotonic() + timeout_s
        while True:
            self._read_station()
            done = all(self.is_reported(inspection_id) for inspection_id in self.parcels)
            if done or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        for inspection_id in self.parcels:
            self._held[inspection_id] = self._hub.holds(inspection_id, self.pictures(inspection_id))
        return done

    def is_reported(self, inspection_id: str) -> bool:
        return self.inspections.get(inspection_id, {}).get("state") == "reported"

    def is_held(self, inspection_id: str) -> bool:
        return self._held.get(inspection_id, False)

    def held_by_hub(self) -> int:
        return sum(self._held.values())

    def pictures(self, inspection_id: str) -> list[str]:
        pictures = self.inspections.get(inspection_id, {}).get("pictures", [])
        return [str(picture["sha256"]) for picture in pictures]

    def _read_station(self) -> None:
        answer = self._http.get("/api/inspections", params={"limit": len(self.parcels) + 10})
        answer.raise_for_status()
        for inspection in answer.json()["inspections"]:
            self.inspections[str(inspection["inspection_id"])] = inspection


def accounts_table(account: Account) -> Table:
    """One row an item: item, views, findings, verdict, confidence, ms per stage, reported."""
    table = Table(title="Inspected items", header_style="bold", caption="ms per stage: " + " + ".join(STAGES))
    for column in ("item", "views", "findings", "verdict", "confidence", "ms per stage", "reported"):
        table.add_column(column, overflow="fold", no_wrap=column in ("views", "ms per stage", "reported"))
    for inspection_id, parcel in account.parcels.items():
        inspection = account.inspections.get(inspection_id, {})
        timings = inspection.get("timings_ms", {})
        table.add_row(
            parcel.name,
            str(len(inspection.get("pictures", []))),
            _findings(inspection),
            _verdict(inspection),
            _confidence(inspection),
            " ".join(f"{timings[stage]:.1f}" if stage in timings else "–" for stage in STAGES),
            "yes" if account.is_reported(inspection_id) and account.is_held(inspection_id) else "NO",
        )
    return table


def _findings(inspection: dict[str, Any]) -> str:
    findings = (inspection.get("assessment") or {}).get("findings", [])
    return ", ".join(dict.fromkeys(str(finding["defect"]) for finding in findings)) or "none"


def _verdict(inspection: dict[str, Any]) -> str:
    verdict, policy = inspection.get("verdict") or {}, inspection.get("policy") or {}
    words = [verdict.get("disposition"), verdict.get("grade"), f"({policy.get('rule_id', 'no rule')})"]
    return " ".join(str(word) for word in words if word)


def _confidence(inspection: dict[str, Any]) -> str:
    conditions: dict[str, float] = (inspection.get("assessment") or {}).get("p_condition") or {}
    if not conditions:
        return "–"
    condition = max(conditions, key=lambda name: conditions[name])
    return f"{condition} {conditions[condition]:.2f}"
