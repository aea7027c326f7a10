"""Who does the work: a pool of processes on this machine, or Ray Data over many. Both call :meth:`Bench.run`."""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from importlib import import_module
from itertools import islice
from multiprocessing import connection as pipes
from uuid import UUID

from inspection.errors import ConfigError, InspectionError
from inspection.hub.replay.bench import Bench, Done, Key, Plan

Engine = Callable[[Plan, Iterable[Sequence[Key]], int], Iterator[list[Done]]]
"""Plan, lots of inspections, processes -> what each lot came to, in any order."""


class ProcessDied(InspectionError):
    """A process of the pool ended, e.g. killed for want of memory; what was done is kept."""

    code = "replay.process_died"
    retryable = True


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0))


def pool(plan: Plan, lots: Iterable[Sequence[Key]], processes: int) -> Iterator[list[Done]]:
    """On this machine, one model a process; a process ends with the one that began it, however that ends.

    Raises:
        ProcessDied; what :class:`Bench` raises.
    """
    rest = iter(lots)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _begin, (plan,)) as executor:
        try:
            running: set[Future[list[Done]]] = {executor.submit(_run, lot) for lot in islice(rest, 2 * processes)}
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {executor.submit(_run, lot) for lot in islice(rest, len(ended))}
                for each in ended:
                    yield each.result()
        except BrokenProcessPool:
            raise ProcessDied("a process of the pool ended", hint="is there enough memory?") from None
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def ray_data(plan: Plan, lots: Iterable[Sequence[Key]], processes: int) -> Iterator[list[Done]]:
    """On the machines of a Ray cluster (``RAY_ADDRESS``), or on this one.

    Every machine needs this software, the database and the picture store with its key.

    Raises:
        ConfigError: Ray is not installed.
    """
    try:
        ray, data = import_module("ray"), import_module("ray.data")
    except ImportError:
        raise ConfigError("ray is not installed", hint="pip install 'ray[data]', or use --engine pool") from None
    if not ray.is_initialized():
        ray.init(num_cpus=None if "RAY_ADDRESS" in os.environ else processes + 1, log_to_driver=False, logging_level=40)
    data.DataContext.get_current().enable_progress_bars = False
    rows = [{"keys": _plain(lot)} for lot in lots]
    if not rows:
        return
    made = data.from_items(rows, override_num_blocks=len(rows)).map(
        _Actor, fn_constructor_args=(plan,), compute=data.ActorPoolStrategy(size=processes), num_cpus=1
    )
    for row in made.iter_rows():
        yield [Done(**each) for each in json.loads(row["done"])]


ENGINES: Mapping[str, Engine] = {"pool": pool, "ray": ray_data}

_bench: list[Bench | InspectionError] = []
"""Of this process; or why there is none, which whoever brings work is told."""


def _begin(plan: Plan) -> None:
    """In a new process of the pool: end when the parent does, and open what the work needs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    try:
        _bench.append(Bench(plan))
    except InspectionError as error:
        _bench.append(error)


def _end_with(sentinel: int) -> None:
    pipes.wait([sentinel])
    os._exit(1)


def _run(lot: Sequence[Key]) -> list[Done]:
    bench = _bench[0]
    if isinstance(bench, InspectionError):
        raise bench
    return bench.run(lot)


class _Actor:
    """The same in a process of Ray."""

    def __init__(self, plan: Plan) -> None:
        self._bench = Bench(plan)

    def __call__(self, row: dict[str, str]) -> dict[str, str]:
        keys = [Key(each[0], UUID(each[1]), each[2]) for each in json.loads(row["keys"])]
        return {"done": json.dumps([asdict(each) for each in self._bench.run(keys)])}


def _plain(lot: Sequence[Key]) -> str:
    return json.dumps([[key.position, str(key.inspection_id), key.revision] for key in lot])
