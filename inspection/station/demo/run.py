"""Run the demo: start hub, bench and station, let the worker inspect, and account for every item at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from rich.console import Console

from devices.simulators import SimulatedBench
from inspection.errors import PortBusy
from inspection.products import Catalogue
from inspection.station.demo.account import Account, accounts_table
from inspection.station.demo.goods import Source, choose, forever
from inspection.station.demo.hub import DemoHub
from inspection.station.demo.processes import Child, ChildFailed
from inspection.station.demo.worker import Parcel, Worker, WorkerStopped

ROOT = Path(__file__).resolve().parents[3]
START_TIMEOUT_S = 60.0
REPORT_TIMEOUT_S = 120.0
RESTART_PAUSE_S = 1.0
CONFIG_ERROR_EXIT = 2
TAG_WINDOW_MS = 250
CAMERA_FPS = 15
PLAIN_WIDTH = 150  # of the table where it goes to a file


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line gives; ``items`` ``None`` means until stopped."""

    items: int | None
    headless: bool
    data: Path
    images: Path | None
    port: int
    hub_port: int
    seed: int
    manual: bool
    look_s: float
    json_file: Path | None = None
    shared_datasets: Path = ROOT.parent / "shared" / "datasets"
    bundle: Path = ROOT / "models" / "bundles" / "default"


def run_demo(options: DemoOptions) -> int:
    """Run the demo until its items are done or a signal comes; returns the exit code.

    Raises:
        InspectionError: something needed cannot start; the message says what to do.
    """
    console = Console() if sys.stdout.isatty() else Console(width=PLAIN_WIDTH)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_unused: stop.set())
    _require_free(options.port, "--port")
    _require_free(options.hub_port, "--hub-port")
    catalogue = Catalogue.load(ROOT / "configs" / "products.yaml")
    source = choose(options.images, options.shared_datasets, ROOT / "datasets" / "demo", catalogue, options.seed)
    options.data.mkdir(parents=True, exist_ok=True)
    demo = _Demo(options, source, console, stop)
    try:
        return demo.run()
    finally:
        demo.close()


class _Demo:
    def __init__(self, options: DemoOptions, source: Source, console: Console, stop: threading.Event) -> None:
        self._options = options
        self._source = source
        self._console = console
        self._stop = stop
        self._bench: SimulatedBench | None = None
        self._hub: DemoHub | None = None
        self._hub_child: Child | None = None
        self._station: Child | None = None
        self._station_url = ""
        self._port = options.port
        self._account: Account | None = None
        self._failure: BaseException | None = None

    def run(self) -> int:
        options = self._options
        self._console.print(f"Goods: {self._source.title}, views: {', '.join(self._source.views)}")
        self._bench = SimulatedBench(options.data / "bench", views=self._source.views)
        for view, picture in self._source.empty.items():
            if view in self._source.views:
                self._bench.show(view, picture)
        self._start_hub()
        self._start_station()
        assert self._hub is not None  # noqa: S101 - started above
        worker = Worker(
            self._bench,
            self._station_url,
            self._source.views,
            self._source.empty,
            options.data / "on_table.json",
            look_s=options.look_s,
            confirms=not options.manual,
            stop=self._stop,
        )
        self._account = Account(self._station_url, self._hub)
        self._console.print(f"Hub:     {self._hub.url}")
        self._console.print(f"Station: {self._station_url}", style="bold")
        if options.items is None:
            self._console.print("Inspecting until Ctrl-C.")
        thread = threading.Thread(target=self._work, args=(worker,), name="worker")
        thread.start()
        while thread.is_alive():  # the main thread starts processes: they die with the thread that started them
            self._keep_station_running()
            thread.join(timeout=0.2)
        worker.close()
        if self._failure is not None:
            raise self._failure
        return self._finish()

    def close(self) -> None:
        """Station first, so that it can still report; then hub, then devices."""
        self._stop.set()
        for child in (self._station, self._hub_child):
            if child is not None:
                child.stop()
        if self._hub is not None:
            self._hub.close()
        if self._account is not None:
            self._account.close()
        if self._bench is not None:
            self._bench.close()

    def _start_hub(self) -> None:
        options = self._options
        command = ["hub_app.py", "demo", "--port", str(options.hub_port), "--data", str(options.data / "hub")]
        self._hub_child = Child("hub", command, options.data / "hub.log", cwd=ROOT)
        line = self._hub_child.first_line(START_TIMEOUT_S, wanted=lambda text: text.startswith("{"))
        self._hub = DemoHub.of(json.loads(line))
        token_file = options.data / "station.token"
        descriptor = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(self._hub.station_token)

    def _start_station(self) -> None:
        config = self._options.data / "station.yaml"
        config.write_text(yaml.safe_dump(self._station_config(), sort_keys=False), encoding="utf-8")
        self._station = Child(
            "station",
            ["station_app.py", "run", "--config", str(config)],
            self._options.data / "station.log",
            cwd=ROOT,
        )
        line = self._station.first_line(START_TIMEOUT_S, wanted=lambda text: text.startswith("ready: "))
        self._station_url = line.removeprefix("ready: ")
        self._port = urlsplit(self._station_url).port or self._port  # a restarted station keeps the port it was given

    def _keep_station_running(self) -> None:
        """A station that was killed is started again, as a service manager would."""
        if self._stop.is_set() or self._station is None or self._station.exit_code is None:
            return
        code = self._station.exit_code
        if code == CONFIG_ERROR_EXIT:
            self._stop.set()
            self._failure = ChildFailed(
                "the station refuses to start", hint=f"its log: {self._options.data / 'station.log'}"
            )
            return
        self._console.print(f"The station ended ({code}); starting it again.", style="yellow")
        self._station.stop()
        time.sleep(RESTART_PAUSE_S)
        self._start_station()

    def _work(self, worker: Worker) -> None:
        try:
            self._inspect_all(worker)
        except WorkerStopped:
            pass
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            self._failure = error

    def _inspect_all(self, worker: Worker) -> None:
        assert self._account is not None  # noqa: S101 - set before the thread starts
        assert self._hub is not None  # noqa: S101 - set before the thread starts
        left = worker.left_on_table()
        if left is not None and worker.state()["state"] != "idle":
            self._console.print(f"Going on with what lay on the table: {left.name}")
            self._account.note(worker.resume(left), left)
        worker.clear_table()
        counter = self._options.data / "next_parcel"
        done_before = int(counter.read_text(encoding="utf-8")) if counter.is_file() else 0
        numbered = islice(forever(self._source.goods), done_before, None)
        for number, goods in islice(numbered, self._options.items):
            parcel = Parcel.of(number, goods)
            self._hub.announce(parcel.rma, parcel.gtin, parcel.serial)
            counter.write_text(str(number), encoding="utf-8")
            self._account.note(worker.inspect(parcel), parcel)
            if self._options.items is not None:
                self._console.print(f"{number - done_before}/{self._options.items} {parcel.name}", highlight=False)

    def _finish(self) -> int:
        """Wait for the outbox, ask the hub for every item, print the table."""
        if self._account is None or not self._account.parcels:
            return 0
        stopped = self._stop.is_set()
        complete = self._account.settle(0.0 if stopped else REPORT_TIMEOUT_S)
        if self._options.items is None:
            self._console.print(f"Inspected {len(self._account.parcels)} items.")
            return 0
        self._console.print(accounts_table(self._account))
        if self._options.json_file is not None:
            rows = [self._account.inspections[inspection_id] for inspection_id in self._account.parcels]
            self._options.json_file.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        held, wanted = self._account.held_by_hub(), len(self._account.parcels)
        self._console.print(f"The hub holds {held} of {wanted} with their pictures.")
        return 0 if complete and held == wanted and not stopped else 1

    def _station_config(self) -> dict[str, object]:
        assert self._hub is not None  # noqa: S101 - started before
        options = self._options
        bench = (options.data / "bench").resolve()
        return {
            "station_id": "demo-station-1",
            "data": str((options.data / "station").resolve()),
            "web": {"host": "127.0.0.1", "port": self._port},
            "hub": {"url": self._hub.url, "token_file": str((options.data / "station.token").resolve())},
            "devices": [
                {"id": "scanner-1", "driver": "barcode.serial", "port": str(bench / "scanner")},
                {"id": "rfid-1", "driver": "rfid.m100", "port": str(bench / "rfid"), "window_ms": TAG_WINDOW_MS},
            ],
            "cameras": [
                {
                    "id": f"camera-{view}",
                    "view": view,
                    "driver": "replay",
                    "path": str(bench / "cameras" / view),
                    "fps": CAMERA_FPS,
                }
                for view in self._source.views
            ],
            "model": {"bundle": str(options.bundle)},
            "policy": str(ROOT / "configs" / "policy" / "default.yaml"),
            "products": str(ROOT / "configs" / "products.yaml"),
            "session": {"undo_ms": 0},  # the simulated worker never thinks again
        }


def _require_free(port: int, option: str) -> None:
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortBusy(f"port {port} is in use", hint=f"choose another with {option}") from error
