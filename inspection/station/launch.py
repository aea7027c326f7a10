"""Makes a station of its configuration and runs it with its screen until a signal comes."""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import time as time_of_day
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from calibration.checks import Shift
from calibration.store import CalibrationStore
from inspection.errors import ConfigError, InspectionError
from inspection.ledger.keys import load_or_make_key, public_bytes
from inspection.ledger.notes import VerifierKey
from inspection.pipeline import Judge
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.station import logs
from inspection.station.calibration_desk import Desk
from inspection.station.calibrations import Calibrations
from inspection.station.capture import Bench
from inspection.station.config import HubSection, StationConfig
from inspection.station.delivery import Delivery
from inspection.station.disk import DiskWatch
from inspection.station.frame_codes import FrameCodes
from inspection.station.good_samples import GoodSamples
from inspection.station.guide import Guide
from inspection.station.heartbeat import beating
from inspection.station.housekeeping import Housekeeper
from inspection.station.hub_client import HubClient
from inspection.station.item_places import ItemPlaces
from inspection.station.journal import Journal
from inspection.station.journal_file import damaged_journals
from inspection.station.lock import only_station
from inspection.station.metrics import Metrics
from inspection.station.outputs import Outputs
from inspection.station.people import Approval, People, Person
from inspection.station.pictures import PictureStore
from inspection.station.ports import StationCamera
from inspection.station.prechecks import Prechecks
from inspection.station.reporter import BackOff, Reporter
from inspection.station.returns import Returns
from inspection.station.rollouts.beginning import Begun, begin
from inspection.station.screen import Screen
from inspection.station.serving import GRACE_S, Server, StationFailed, listening_at, url_of, watch_over
from inspection.station.session_data import Rules
from inspection.station.setup.access import Access, PinFile
from inspection.station.setup.config_file import ConfigFile
from inspection.station.setup.desk import SetupDesk
from inspection.station.shift_clock import ShiftRules
from inspection.station.sign_in.joining import joined_people, open_desk
from inspection.station.similar import KnownExamples
from inspection.station.snapshot import Board, Fault
from inspection.station.station import Station
from inspection.station.tags import TagsHeard
from inspection.station.web.app import build_app
from inspection.station.web.languages import Languages
from inspection.station.weights import WeightsHeard
from inspection.station.work import Parts, Timing

log = structlog.get_logger()
JOURNAL = "journal.sqlite"
KEY = "station.key"
PIN = "setup-pin"
RECORDINGS = "recordings"


def load_bench(config: StationConfig) -> Bench:
    """Policy, products and model, each checked as a whole.

    Raises:
        InspectionError: naming the file and what is wrong with it.
    """
    judge = _load_judge(config)
    return Bench(
        policy=Policy.load(config.policy),
        catalogue=Catalogue.load(config.products),
        judge=judge,
        beside=None if judge is None else _beside(config, judge),
    )


def load_bench_for_work(config: StationConfig) -> tuple[Bench, tuple[Fault, ...]]:
    """The same, without the model where it is missing or broken: then a person grades, and the screen says why.

    Raises:
        InspectionError: about policy or products, without which nothing can be decided.
    """
    try:
        return load_bench(config), ()
    except Exception as error:
        without_model = load_bench(config.model_copy(update={"model": None}))
        about = config.model.bundle.name if config.model is not None else ""
        log.exception("model_unusable", bundle=about)
        detail = error.one_line() if isinstance(error, InspectionError) else f"{type(error).__name__}: {error}"
        return without_model, (Fault(code="model.broken", about=about, detail=detail[:500]),)


def _load_judge(config: StationConfig) -> Judge | None:
    if config.model is None:
        return None
    from models.runtime import Judge as BundleJudge  # noqa: PLC0415 - a station without a model need not load its runtime

    trusted = [VerifierKey.parse(text) for text in config.model.trusted_keys]
    return BundleJudge.load(config.model.bundle, threads=config.model.threads, trusted=trusted)


def _beside(config: StationConfig, judge: Judge) -> Callable[[str | None], Judge] | None:
    if config.model is None or config.model.references is None:
        return None
    from models.runtime import Judge as BundleJudge  # noqa: PLC0415
    from models.shelf import Shelf  # noqa: PLC0415

    if not isinstance(judge, BundleJudge):
        return None
    if not config.model.references.is_dir():
        raise ConfigError(f"{config.model.references} is not a folder", hint="make it, or take out model.references")
    shelf = Shelf(judge, config.model.references)
    shelf.refresh(lambda product: log.info("reference_built", product=product))
    return shelf.judge_for


def serve(config: StationConfig, ready: Callable[[str], None], file: Path | None = None) -> None:
    """Run the station until SIGINT or SIGTERM; it starts again by itself when the set-up page asks for it.

    Args:
        ready: called with the screen's URL once everything runs, after each start.
        file: where ``config`` was read from; the set-up page changes it. With a changed file that cannot be used, the
            station goes on with the configuration before, and says so.

    Raises:
        InspectionError: when something needed cannot start, or a thread of the station ended.
    """
    kept = None if file is None else ConfigFile(file)
    before: StationConfig | None = None
    told: tuple[Fault, ...] = ()
    while True:
        try:
            port = _serve_once(config, ready, kept, told)
        except StationFailed:
            raise
        except InspectionError as error:
            if before is None:
                raise
            told = (_refused(error),)
            config, before = before, None
            continue
        if port is None or kept is None:
            return
        config = config.model_copy(update={"web": config.web.model_copy(update={"port": port})})
        before, told = config, ()
        try:
            loaded = kept.load()
            config = loaded.model_copy(update={"web": loaded.web.model_copy(update={"port": port})})
        except InspectionError as error:
            told = (_refused(error),)


def _refused(error: InspectionError) -> Fault:
    log.error("configuration_refused", error=error.one_line())
    return Fault(code="config.refused", detail=str(error)[:500])


def _serve_once(
    config: StationConfig, ready: Callable[[str], None], kept: ConfigFile | None, told: tuple[Fault, ...]
) -> int | None:
    """Run until a signal, or until somebody wants the station to start again: then its port, which it keeps."""
    with ExitStack() as stack:
        listening = stack.enter_context(listening_at(config.web.host, config.web.port))
        port = int(listening.getsockname()[1])
        stack.enter_context(only_station(config.data))
        stack.enter_context(logs.kept(config.data))
        languages = Languages.load(config.web.language)
        begun = begin(config, load_bench, load_bench_for_work)
        station, housekeeper = build_station(config, begun.bench, (*begun.faults, *told), begun)
        stack.callback(station.stop)
        stack.callback(housekeeper.stop)
        wished = threading.Event()
        setup = SetupDesk(
            station,
            config,
            kept,
            Access(station.parts.rules.people, lambda: station.worker, PinFile(config.data / PIN)),
            wished.set,
            config.data / RECORDINGS,
        )
        stack.callback(setup.close)
        app = build_app(station, languages, (config.web.host, *config.web.allowed_hosts), setup)
        settings = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=GRACE_S,
        )
        server = Server(settings, lambda: ready(url_of(listening)), station.parts.board.close)
        station.start()
        housekeeper.start()
        stack.enter_context(beating(config.hub, config.station_id, station.parts.board, station.parts.journal))
        watching = threading.Thread(
            target=watch_over, args=(station, server, wished, _disk(config)), name="watch", daemon=True
        )
        watching.start()
        server.run(sockets=[listening])
        if server.failed:
            raise StationFailed("a thread of the station ended", hint="see the log; start the station again")
        return port if wished.is_set() and not server.signalled else None


def build_station(
    config: StationConfig, bench: Bench, faults: Sequence[Fault] = (), begun: Begun | None = None
) -> tuple[Station, Housekeeper]:
    """The station and its housekeeper, not started; the data folder must be this process's alone.

    Args:
        faults: what was wrong with the bench.
        begun: what was rolled out, if anything may be.

    Raises:
        InspectionError: when journal or picture store cannot be opened.
    """
    starts = tuple(time_of_day.fromisoformat(start) for start in config.shift.starts)
    journal = Journal(config.data / JOURNAL, ShiftRules(starts, config.shift.pause_h * 3600))
    pictures = PictureStore(config.data / "pictures", config.limits.min_free_mb * 1_000_000)
    rules = Rules(
        rma_pattern=re.compile(config.session.rma_pattern),
        reason_codes=config.session.reasons,
        next_scan_confirms=config.session.next_scan_confirms,
        people=_people(config),
        approval=Approval(config.session.approval.scrap_above, frozenset(config.session.approval.reason_codes)),
        rescan_guard_ns=config.session.rescan_guard_ms * 1_000_000,
    )
    devices = tuple(device.build() for device in config.devices)
    cameras = tuple(camera.build() for camera in config.cameras)
    calibrations = _calibrations(config, cameras)
    bench = _with_calibrations(bench, calibrations, config.capture.check)
    metrics, board = Metrics(), Board()
    examples = KnownExamples.of(None if config.model is None else config.model.bundle, bench, pictures)
    running = (begun or Begun(bench)).running(bench, examples, pictures)
    examples, desk = running.champion.examples, None if begun is None else begun.desk
    samples = GoodSamples(config.model.references if config.model is not None else None)
    sign_in = open_desk(config)
    rules = replace(rules, people=joined_people(rules.people, sign_in))
    prechecks = _prechecks(config.hub)
    screen = Screen(
        station_id=config.station_id,
        bench=bench,
        rules=rules,
        devices=devices,
        cameras=cameras,
        places=config.session.places,
        samples=samples,
        names_similar=examples is not None,
        precheck=prechecks.known,
        standing_faults=(*faults, *_standing_faults(bench, faults, damaged_journals(journal.path))),
        quiet_faults=lambda: (
            *(() if calibrations is None else calibrations.faults),
            *(() if desk is None else desk.faults),
            *_disk(config).faults,
        ),
    )
    parts = Parts(
        station_id=config.station_id,
        worker=config.worker,
        journal=journal,
        pictures=pictures,
        bench=bench,
        cameras=cameras,
        tags=TagsHeard(),
        weights=WeightsHeard(config.session.empty_pan_g),
        outputs=Outputs(devices, config.session.places),
        returns=_returns(config.hub),
        rules=rules,
        timing=_timing(config),
        metrics=metrics,
        screen=screen,
        board=board,
        key=_key(config.data / KEY),
        desk=_desk(config, calibrations, cameras),
        codes=_codes(config, calibrations),
        guide=Guide.load(config.guide) if config.guide is not None else Guide(),
        samples=samples,
        examples=examples,
        prechecks=prechecks,
        sign_in=sign_in,
        running=running,
    )
    delivery = None if config.hub is None else Delivery(_client(config.hub), pictures)
    back_off = BackOff() if config.hub is None else _back_off(config.hub)
    station = Station(
        parts,
        devices,
        lambda on_change, on_delivered: Reporter(
            journal,
            delivery,
            back_off=back_off,
            on_change=on_change,
            on_delivered=on_delivered,
            on_answer=metrics.answer,
        ),
        desk,
    )
    if begun is not None and desk is not None:
        desk.attach(running, station.refresh, begun.fallen)
    metrics.watch(lambda: board.latest)
    return station, Housekeeper(journal, pictures, timedelta(days=config.limits.keep_days))


def _standing_faults(bench: Bench, told: Sequence[Fault], damaged: list[str]) -> tuple[Fault, ...]:
    no_model = (Fault(code="model.none"),) if bench.judge is None and not told else ()
    return (*no_model, *(Fault(code="journal.damaged", about=name) for name in damaged))


def _calibrations(config: StationConfig, cameras: Sequence[StationCamera]) -> Calibrations | None:
    if config.calibration is None or config.calibration.folder is None:
        return None
    there = {camera.view: camera for camera in cameras}
    section = config.calibration
    every = timedelta(hours=section.check_hours) if section.check_hours else None
    shift = Shift(every, timedelta(hours=section.check_grace_hours))
    return Calibrations(
        CalibrationStore(config.calibration.folder),
        {view: camera.camera_id for view, camera in there.items()},
        section.parts,
        shift=shift,
        newest=lambda view: there[view].latest(),
    )


def _disk(config: StationConfig) -> DiskWatch:
    return DiskWatch(config.data, config.limits.min_free_mb)


def _people(config: StationConfig) -> People:
    return People.of(
        [
            Person(person.id, person.badge, person.language or "", person.supervisor, person.technician)
            for person in config.people
        ]
    )


def _codes(config: StationConfig, calibrations: Calibrations | None) -> FrameCodes:
    capture = config.capture
    where = ItemPlaces(calibrations) if calibrations is not None else lambda _view, _frame: None
    return FrameCodes(capture.codes, identify_ms=capture.codes_ms, check_ms=capture.codes_check_ms, where=where)


def _desk(config: StationConfig, calibrations: Calibrations | None, cameras: Sequence[StationCamera]) -> Desk | None:
    if calibrations is None or config.calibration is None:
        return None
    by_view = {camera.view: camera for camera in cameras}
    kept = config.data / "calibration-frames"
    hours = config.calibration.check_hours
    every = timedelta(hours=hours) if hours else None
    return Desk(calibrations, by_view, kept, config.calibration.targets, config.worker, check_every=every)


def _with_calibrations(bench: Bench, calibrations: Calibrations | None, check: str) -> Bench:
    if calibrations is None:
        return bench
    return replace(bench, correct=calibrations.correct, examine=partial(calibrations.examine, check=check))


def _key(path: Path) -> Ed25519PrivateKey:
    """The key that signs this station's reports; its public half is told, to be compared with what the hub knows."""
    key = load_or_make_key(path)
    log.info("station_key", public_key=b64encode(public_bytes(key)).decode("ascii"))
    return key


def _timing(config: StationConfig) -> Timing:
    return Timing(
        settle_s=config.session.settle_ms / 1e3,
        tag_window_s=config.session.tag_window_ms / 1e3,
        capture_delay_s=config.capture.delay_ms / 1e3,
        capture_timeout_s=config.capture.timeout_ms / 1e3,
        max_skew_ms=config.capture.max_skew_ms,
        max_frame_age_s=config.capture.max_frame_age_ms / 1e3,
        retry_s=config.capture.retry_ms / 1e3,
        weigh_s=config.capture.weigh_ms / 1e3,
        retakes=config.capture.retakes,
        retake_s=config.capture.retake_ms / 1e3,
        undo_s=config.session.undo_ms / 1e3,
    )


def _client(hub: HubSection) -> HubClient:
    return HubClient(hub.url, hub.token, timeout_s=hub.timeout_s, proxy=hub.proxy)


def _back_off(hub: HubSection) -> BackOff:
    return BackOff(cap_s=hub.back_off_cap_s, blocked_s=hub.refused_retry_s)


def _returns(hub: HubSection | None) -> Returns:
    if hub is None:
        return Returns(None)
    return Returns(_client(hub), timeout_s=hub.lookup_timeout_ms / 1e3)


def _prechecks(hub: HubSection | None) -> Prechecks:
    return Prechecks(None if hub is None else _client(hub))
