"""Child processes of the demo: started with one's output in a log, ended with the parent, stopped politely."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import IO

from inspection.errors import InspectionError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded before any fork


class ChildFailed(InspectionError):
    """A child process ended, or did not say that it is ready in time."""

    code = "demo.child_failed"


class Child:
    """One program of ours running beside the demo.

    It gets SIGTERM when the demo dies however it dies (Linux ``PR_SET_PDEATHSIG``), so that no orphan keeps a port.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, *, cwd: Path) -> None:
        self.name = name
        self._log_path = log
        self._log: IO[bytes] = log.open("ab")
        self._lines: Queue[str | None] = Queue()
        self._process = subprocess.Popen(
            [sys.executable, *command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock taken
            start_new_session=True,  # Ctrl-C reaches the demo alone, which stops its children in order
        )
        self._reader = threading.Thread(target=self._read, name=f"{name}-output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """``None`` while it runs; negative when a signal ended it."""
        return self._process.poll()

    def first_line(self, timeout_s: float, *, wanted: Callable[[str], bool]) -> str:
        """The first line of its standard output that is ``wanted``.

        Raises:
            ChildFailed: it ended or the time ran out; carries its last words.
        """
        while True:
            try:
                line = self._lines.get(timeout=timeout_s)
            except Empty:
                raise ChildFailed(f"{self.name} did not start in {timeout_s:.0f} s", hint=self._see_log()) from None
            if line is None:
                self._process.wait()
                raise ChildFailed(f"{self.name} stopped: {self._last_words()}", hint=self._see_log())
            if wanted(line):
                return line

    def stop(self, timeout_s: float = 10.0) -> None:
        """SIGTERM, then SIGKILL when it does not listen; calling it twice is fine."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._reader.join(timeout=1)
        self._log.close()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - we asked for a pipe
        with self._process.stdout as stream:
            for line in stream:
                self._lines.put(line.decode("utf-8", "replace").strip())
        self._lines.put(None)

    def _last_words(self) -> str:
        lines = self._log_path.read_bytes()[-4000:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"

    def _see_log(self) -> str:
        return f"its log: {self._log_path}"


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
