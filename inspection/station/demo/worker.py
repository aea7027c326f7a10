"""A simulated worker: puts goods on the table, scans, looks at the verdict, confirms with a command code.

It touches the station only as a person would: through the scanner, the tag reader, what lies under the cameras, and
what the screen says (``/api/state``).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import structlog

from devices.epc import encode_sgtin_96
from devices.simulators import SimulatedBench
from inspection.errors import InspectionError
from inspection.station.demo.goods import DemoGoods

COMPANY_PREFIX_DIGITS = 7
FIELD_EMPTIES_S = 0.4
NEIGHBOUR_GTIN, NEIGHBOUR_SERIAL = "80614141123458", "6789"
_log = structlog.get_logger(__name__)


class WorkerStopped(InspectionError):
    """The demo is stopping; the worker leaves the item on the table."""

    code = "demo.stopping"


class WorkerWaitedTooLong(InspectionError):
    """The station did not come to the state that the worker waits for."""

    code = "demo.station_stuck"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One return on its way over the table; enough to put it back after an interruption."""

    number: int
    name: str
    rma: str
    gtin: str
    serial: str
    pictures: dict[str, str]

    @classmethod
    def of(cls, number: int, goods: DemoGoods) -> Parcel:
        return cls(
            number,
            goods.name,
            f"RMA-DEMO-{number:06d}",
            goods.gtin,
            str(100_000 + number),
            {view: str(path) for view, path in goods.pictures.items()},
        )

    @property
    def epcs(self) -> list[str]:
        """Tags in the field with it: every tenth parcel has none, one in twenty lies too near its neighbour."""
        own = [encode_sgtin_96(self.gtin, self.serial, company_prefix_digits=COMPANY_PREFIX_DIGITS)]
        neighbour = encode_sgtin_96(NEIGHBOUR_GTIN, NEIGHBOUR_SERIAL, company_prefix_digits=COMPANY_PREFIX_DIGITS)
        if self.number % 10 == 4:  # noqa: PLR2004
            return []
        return [*own, neighbour] if self.number % 20 == 13 else own  # noqa: PLR2004

    @property
    def scan(self) -> tuple[str, str]:
        """AIM identifier and text of its barcode: GS1 DataMatrix with serial, or a plain EAN-13 on every tenth."""
        if self.number % 10 == 7:  # noqa: PLR2004
            return "]E0", self.gtin[1:]
        return "]d2", f"01{self.gtin}21{self.serial}"


class Worker:
    """Works one parcel at a time.

    Args:
        bench: the simulated devices.
        station_url: where the screen is.
        views: the views of the station.
        empty: picture of the empty table per view.
        memory: file that remembers the parcel on the table, so that a restarted demo puts it back.
        look_s: how long the worker looks at a verdict before confirming it.
        confirms: ``False`` leaves confirming to the person at the screen.
    """

    def __init__(
        self,
        bench: SimulatedBench,
        station_url: str,
        views: tuple[str, ...],
        empty: dict[str, Path],
        memory: Path,
        *,
        look_s: float,
        confirms: bool,
        stop: threading.Event,
        patience_s: float = 60.0,
    ) -> None:
        self._bench = bench
        self._http = httpx2.Client(base_url=station_url, timeout=5.0, trust_env=False)
        self._views = views
        self._empty = empty
        self._memory = memory
        self._look_s = look_s
        self._confirms = confirms
        self._stop = stop
        self._patience_s = patience_s

    def close(self) -> None:
        self._http.close()

    def clear_table(self) -> None:
        """Nothing under the cameras, no tag in the field."""
        self._bench.place_tags([])
        for view in self._views:
            if view in self._empty:
                self._bench.show(view, self._empty[view])
        self._memory.unlink(missing_ok=True)

    def left_on_table(self) -> Parcel | None:
        """The parcel that an interrupted demo left, if any."""
        try:
            return Parcel(**json.loads(self._memory.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            _log.warning("demo.memory_unreadable", file=str(self._memory), error=str(error))
            return None

    def state(self) -> dict[str, Any]:
        """What the screen shows."""
        answer = self._http.get("/api/state")
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state

    def inspect(self, parcel: Parcel) -> str:
        """Take one parcel from the scan to the confirmation; returns the inspection id.

        Raises:
            WorkerStopped: the demo stops.
            WorkerWaitedTooLong: the station does not get there.
        """
        self._put_on_table(parcel)
        seen = self._await(lambda state: state["state"] != "idle" and state.get("rma") == parcel.rma, 0.3)
        while seen is None:  # a scan is lost while the station restarts; a person scans again
            self._scan(parcel)
            seen = self._await(lambda state: state["state"] != "idle" and state.get("rma") == parcel.rma, 3.0)
        return self._finish()

    def resume(self, parcel: Parcel) -> str:
        """Put a parcel back that an interrupted demo left, and finish what the station remembers of it."""
        self._put_on_table(parcel)
        return self._finish()

    def _finish(self) -> str:
        """Wait for the verdict on the parcel on the table, look at it, confirm it."""
        judged = self._insist(lambda state: state["state"] == "judged", "judged")
        inspection_id = str(judged["inspection_id"])
        self._pause(self._look_s)
        settled: dict[str, Any] | None = None
        while settled is None:
            if self._confirms:
                self._bench.scan("CMD:OK")
            settled = self._await(lambda state: state["inspection_id"] != inspection_id or _is_settled(state), 3.0)
        self.clear_table()
        self._pause(max(FIELD_EMPTIES_S, self._look_s / 3))
        return inspection_id

    def _put_on_table(self, parcel: Parcel) -> None:
        temporary = self._memory.with_suffix(".new")
        temporary.write_text(
            json.dumps({name: getattr(parcel, name) for name in Parcel.__slots__}, ensure_ascii=False), encoding="utf-8"
        )
        temporary.replace(self._memory)
        for view, path in parcel.pictures.items():
            self._bench.show(view, Path(path))
        self._bench.place_tags(parcel.epcs)

    def _scan(self, parcel: Parcel) -> None:
        self._bench.scan(parcel.rma)
        aim, text = parcel.scan
        self._bench.scan(text, aim=aim)

    def _insist(self, wanted: Callable[[dict[str, Any]], bool], name: str) -> dict[str, Any]:
        state = self._await(wanted, self._patience_s)
        if state is None:
            raise WorkerWaitedTooLong(f"the station was not {name} within {self._patience_s:.0f} s")
        return state

    def _await(self, wanted: Callable[[dict[str, Any]], bool], seconds: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                state = self.state()
            except httpx2.HTTPError:  # the station restarts
                state = None
            if state is not None and wanted(state):
                return state
            if time.monotonic() > deadline:
                return None
            self._pause(0.02)

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise WorkerStopped("the demo is stopping")


def _is_settled(state: dict[str, Any]) -> bool:
    return state["state"] in ("idle", "confirmed", "hold", "reported")
