"""The real API and the real worker in processes that end by SIGKILL at an exact step. Only tests have this.

A step is each touch of the world outside: a statement, the moment before and after a commit, an object put or removed,
a flush to the disk, a request to another system before and after, the first byte of an answer and the moment after its
last. They are counted here, around the libraries; the hub itself knows nothing of it. Of a worker, ``worker`` is what
its jobs do and the statement that ends a job, ``upkeep`` is everything else.

Usage: ``python -m tests.hub.faults.mortal_hub CONFIG``. Each line on standard input, ``{"run": "api", "kill":
["request", 7]}``, forks a life, and after one that was killed the next. SIGTERM stops the life that is, SIGUSR1 kills
it; what they came to is printed at the end.
"""

from __future__ import annotations

import functools
import json
import mmap
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import obstore
import psycopg
from starlette.types import Message, Receive, Scope, Send

from inspection.hub import logs
from inspection.hub.config import HubConfig, load_config
from inspection.hub.connectors.sending import Sender
from inspection.hub.database import Database
from inspection.hub.envelope import Envelope
from inspection.hub.jobs.registry import TASKS, Task
from inspection.hub.serving import ended_by_signals, listen, run_worker, serve, url_of

PLACES = ("request", "sequencer", "worker", "upkeep")
SLOT = struct.Struct("<q")
NOTHING = ("", 0)
SIGNALS = {signal.SIGTERM: signal.SIGTERM, signal.SIGUSR1: signal.SIGKILL}
"""What the nursery passes on to the life that is."""


class Steps:
    """Counts the steps of one life, by where they happen, in memory that outlives it; ends it at one of them."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOT.size * len(PLACES))
        self._lock = threading.Lock()
        self._fatal = NOTHING
        self._is_worker = False
        self._job = threading.local()

    def begin(self, kind: str, fatal: tuple[str, int]) -> None:
        self._memory[:] = bytes(len(self._memory))
        self._fatal, self._is_worker = fatal, kind == "worker"

    def in_job(self, run: Task) -> Task:
        """``run``, whose steps are those of a job."""

        @functools.wraps(run)
        def counted(*arguments: Any, **options: Any) -> None:
            self._job.runs = True
            try:
                run(*arguments, **options)
            finally:
                self._job.runs = False

        return counted

    def take(self, place: str | None = None) -> None:
        place = place or self._place()
        with self._lock:
            slot = PLACES.index(place) * SLOT.size
            number = SLOT.unpack_from(self._memory, slot)[0] + 1
            SLOT.pack_into(self._memory, slot, number)
            if (place, number) == self._fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    def taken(self) -> dict[str, int]:
        return {place: SLOT.unpack_from(self._memory, slot * SLOT.size)[0] for slot, place in enumerate(PLACES)}

    def _place(self) -> str:
        if threading.current_thread().name == "evidence-sequencer":
            return "sequencer"
        if self._is_worker:
            return "worker" if getattr(self._job, "runs", False) else "upkeep"
        return "request"


def watch(steps: Steps) -> None:
    """Count a step wherever the process touches the world outside."""

    def counted(function: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            steps.take()
            answer = function(*arguments, **options)
            if after:
                steps.take()
            return answer

        return run

    def counted_async(function: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*arguments: Any, **options: Any) -> Any:
            place = "worker" if "procrastinate_finish_job" in str(arguments[1]) else None
            steps.take(place)
            answer = await function(*arguments, **options)
            if place is not None:
                steps.take(place)
            return answer

        return run

    async def enveloped(self: Envelope, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            steps.take()
            await send(message)

        await unwatched(self, scope, receive, sent)
        steps.take()

    unwatched = Envelope.__call__
    Envelope.__call__ = enveloped  # type: ignore[method-assign]
    psycopg.Cursor.execute = counted(psycopg.Cursor.execute, after=False)  # type: ignore[method-assign]
    psycopg.Connection.commit = counted(psycopg.Connection.commit, after=True)  # type: ignore[method-assign]
    psycopg.AsyncCursor.execute = counted_async(psycopg.AsyncCursor.execute)  # type: ignore[method-assign]
    obstore.put = counted(obstore.put, after=True)
    obstore.delete = counted(obstore.delete, after=True)
    Sender.send = counted(Sender.send, after=True)  # type: ignore[method-assign]
    os.fsync = counted(os.fsync, after=True)
    for name, entry in TASKS.items():
        TASKS[name] = replace(entry, run=steps.in_job(entry.run))


def live(config: HubConfig, database: Database, listening: Any, kind: str) -> None:
    """One life of the API or the worker, until SIGTERM or its step."""
    logs.configure()
    with ended_by_signals():
        if kind == "worker":
            run_worker(config, database, ready=lambda: None)
        else:
            serve(config, database, listening, ready=lambda _: None)


class Nursery:
    """Lets one life follow the other; a life that was killed is followed at once by one that nothing kills."""

    def __init__(self, config: HubConfig, database: Database, listening: Any) -> None:
        self._config, self._database, self._listening = config, database, listening
        self._pid, self._stopping = 0, False
        for each, passed_on in SIGNALS.items():
            signal.signal(each, lambda *_, number=passed_on: self._pass_on(number))

    def raise_lives(self, kind: str, steps: Steps, fatal: tuple[str, int]) -> dict[str, Any]:
        """Lives until one is asked to stop; how many were killed, and the steps that the first took."""
        killed, taken = 0, None
        self._stopping = False
        while True:
            steps.begin(kind, fatal)
            self._fork(kind)
            _, status = os.waitpid(self._pid, 0)
            taken = taken or steps.taken()
            code = os.waitstatus_to_exitcode(status)
            if code != -signal.SIGKILL:
                return {"killed": killed, "steps": taken, "status": code}
            killed, fatal = killed + 1, NOTHING

    def _fork(self, kind: str) -> None:
        """Signals wait meanwhile: one that meets neither the old life nor the new would be lost."""
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self._pid = os.fork()
        if self._pid == 0:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self._live(kind)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if self._stopping:
            os.kill(self._pid, signal.SIGTERM)

    def _live(self, kind: str) -> None:
        status = 1
        try:
            live(self._config, self._database, self._listening, kind)
            status = 0
        finally:
            os._exit(status)

    def _pass_on(self, number: int) -> None:
        self._stopping = number == signal.SIGTERM
        if self._pid:
            os.kill(self._pid, number)


def main(path: Path) -> None:
    """Raise lives, as asked for."""
    config = load_config(path)
    assert config.dsn is not None
    database, listening, steps = Database(config.dsn), listen("127.0.0.1", 0), Steps()
    watch(steps)
    nursery = Nursery(config, database, listening)
    print(json.dumps({"url": url_of(listening)}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        told = nursery.raise_lives(asked["run"], steps, tuple(asked["kill"] or NOTHING))
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
