"""Several API processes on one listening socket, looked after by one that serves nothing itself.

Each process is the same program, started anew with the socket handed down; the kernel gives each connection to one of
them. One that ends is started again. When the one that looks after them dies, whatever the reason, they stop.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

ANNOUNCED = "PROMETHEUS_MULTIPROC_DIR"
"""Where processes keep their counts, so that each can show those of all; prometheus_client reads it at its import."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
STOP_S = 30.0


def look_after(command: Sequence[str], listening: socket.socket, number: int) -> None:
    """Keep ``number`` processes of ``command`` running until the caller is stopped by an exception.

    Args:
        command: gets ``--inherit SOCKET,LIFELINE`` appended: two file descriptors; see :func:`inherited`.
        listening: handed down.
        number: of processes.
    """
    lifeline, ours = os.pipe()
    with tempfile.TemporaryDirectory(prefix="hub-metrics-") as counts:
        nursery = _Nursery([*command, "--inherit", f"{listening.fileno()},{lifeline}"], listening, lifeline, counts)
        try:
            nursery.run(number)
        finally:
            os.close(ours)
            nursery.stop()
            os.close(lifeline)


@contextmanager
def inherited(descriptors: str) -> Iterator[socket.socket]:
    """The listening socket that :func:`look_after` handed down; SIGTERM comes when the one that did so is gone."""
    listening, lifeline = map(int, descriptors.split(","))

    def watch() -> None:
        select.select([lifeline], [], [])  # nobody writes to it: it is readable once its other end is closed
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
    with socket.socket(fileno=listening) as found:
        yield found


class _Nursery:
    def __init__(self, command: list[str], listening: socket.socket, lifeline: int, counts: str) -> None:
        self._command, self._environment = command, os.environ | {ANNOUNCED: counts}
        self._handed_down = (listening.fileno(), lifeline)
        self._running: list[subprocess.Popen[bytes]] = []
        self._log = structlog.get_logger("hub")

    def run(self, number: int) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            while len(self._running) < number:
                self._running.append(subprocess.Popen(self._command, env=self._environment, pass_fds=self._handed_down))
            begun = time.monotonic()
            ended = self._next_end()
            self._running.remove(ended)
            pause_s = FIRST_PAUSE_S if time.monotonic() - begun > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            self._log.error("process_ended", pid=ended.pid, status=ended.returncode, again_after_s=pause_s)
            time.sleep(pause_s)

    def stop(self) -> None:
        """End them as a supervisor does, and those that will not, with SIGKILL."""
        for each in self._running:
            each.terminate()
        deadline = time.monotonic() + STOP_S
        for each in self._running:
            try:
                each.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()

    def _next_end(self) -> subprocess.Popen[bytes]:
        while True:
            for each in self._running:
                if each.poll() is not None:
                    return each
            time.sleep(0.2)
