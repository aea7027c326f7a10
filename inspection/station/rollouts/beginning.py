"""How a station starts that rollouts may change: with what ran last, else what ran before it, else as configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import structlog

from inspection.errors import InspectionError
from inspection.rollout import Kind
from inspection.station.capture import Bench
from inspection.station.config import StationConfig
from inspection.station.pictures import PictureStore
from inspection.station.rollouts.desk import RolloutDesk
from inspection.station.rollouts.errors import RolloutRefused
from inspection.station.rollouts.link import Link
from inspection.station.rollouts.making import Maker
from inspection.station.rollouts.opinions import OpinionBox
from inspection.station.rollouts.running import Running, Side
from inspection.station.rollouts.settings import RolloutsSection
from inspection.station.rollouts.store import Pointer, Store
from inspection.station.similar import KnownExamples
from inspection.station.snapshot import Fault

log = structlog.get_logger()
FOLDER = "rollouts"
BOX = "opinions.sqlite"
Loader = Callable[[StationConfig], Bench]
SafeLoader = Callable[[StationConfig], tuple[Bench, tuple[Fault, ...]]]


@dataclass(frozen=True, slots=True)
class Begun:
    """What a station begins with.

    Attributes:
        ids: of the bundles it judges with, by kind; empty: as configured.
        fallen: what should have run and could not be used.
    """

    bench: Bench
    faults: tuple[Fault, ...] = ()
    ids: Mapping[Kind, str] = field(default_factory=dict)
    fallen: Mapping[str, InspectionError] = field(default_factory=dict)
    desk: RolloutDesk | None = None
    maker: Maker | None = None

    def running(self, bench: Bench, examples: KnownExamples | None, pictures: PictureStore) -> Running:
        """What judges, with the calibrations of ``bench``; ``examples`` are those of the configured bundle."""
        side = Side(bench, self.ids, examples)
        if self.maker is not None:
            self.maker.begin(side, pictures)
            if Kind.BUNDLE in self.ids:
                side = Side(bench, self.ids, self.maker.examples(self.ids, bench))
        return Running(side)


def begin(config: StationConfig, load: Loader, load_for_work: SafeLoader) -> Begun:
    """What the pointer says runs, as far as it can be used; without rollouts, what the configuration says.

    Raises:
        InspectionError: policy or products cannot be used, or the folder for rollouts cannot be made.
    """
    section = config.rollouts
    if section is None or config.hub is None:
        bench, faults = load_for_work(config)
        return Begun(bench, faults)
    store = Store(config.data / FOLDER, config.limits.min_free_mb * 1_000_000)
    maker = _maker(config, section, store, load)
    desk = _desk(config, section, store, maker)
    pointer, fallen = store.read(), dict[str, InspectionError]()
    for ids in _tries(pointer):
        if not fallen.keys().isdisjoint(ids.values()):
            continue
        try:
            return Begun(maker.bench(ids), (), ids, fallen, desk, maker)
        except Exception as error:
            log.exception("rolled_out_unusable", ids=[*ids.values()])
            ours = error if isinstance(error, InspectionError) else RolloutRefused(f"{type(error).__name__}: {error}")
            if len(ids) == 1:
                fallen |= dict.fromkeys(ids.values(), ours)
            else:
                fallen |= _guilty(maker, ids, ours)
    bench, faults = load_for_work(config)
    return Begun(bench, faults, {}, fallen, desk, maker)


def _tries(pointer: Pointer) -> Iterator[dict[Kind, str]]:
    """What ran last; then, of each kind, what ran before; what both share is left out once it is known to be broken."""
    last = {kind: names[0] for kind, names in pointer.runs.items() if names}
    before = {kind: names[1] for kind, names in pointer.runs.items() if len(names) > 1}
    for ids in (last, *({**last, kind: name} for kind, name in before.items()), {**last, **before}):
        if ids:
            yield ids
    for kind in last:
        if len(last) > 1:
            yield {other: name for other, name in last.items() if other is not kind}
    for kind, name in before.items():
        yield {kind: name}


def _guilty(maker: Maker, ids: Mapping[Kind, str], error: InspectionError) -> dict[str, InspectionError]:
    """Which of several cannot be used; all when each can be used alone."""
    found: dict[str, InspectionError] = {}
    for kind, name in ids.items():
        if kind is Kind.REFERENCES:
            continue
        try:
            maker.bench({kind: name})
        except Exception as each:  # noqa: BLE001 - whatever it is, the station must start
            found[name] = each if isinstance(each, InspectionError) else RolloutRefused(str(each))
    return found or {ids.get(Kind.REFERENCES, next(iter(ids.values()))): error}


def _maker(config: StationConfig, section: RolloutsSection, store: Store, load: Loader) -> Maker:
    def configured(with_model: bool) -> Bench:
        return load(config if with_model else config.model_copy(update={"model": None}))

    model = config.model
    threads = 2 if model is None else model.threads
    references = None if model is None else model.references
    return Maker(store, section.trusted, configured, threads=threads, references=references)


def _desk(config: StationConfig, section: RolloutsSection, store: Store, maker: Maker) -> RolloutDesk:
    hub = config.hub
    if hub is None:
        raise RolloutRefused("rollouts come from a hub")
    link = Link(hub.url, hub.token, config.station_id, timeout_s=hub.timeout_s, proxy=hub.proxy)
    return RolloutDesk(section, store, maker, link, OpinionBox(store.folder / BOX))
