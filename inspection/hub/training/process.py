"""The process that trains: ``python -m models train`` as a program of its own, less urgent than everything else.

The hub imports no torch. Of one folder one training runs at a time, whatever was killed: the lock on it is held by the
training itself, not by its worker, and a training whose worker is gone ends by itself, or is ended by the next.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from models.training.telling import FILE, PARENT

ROOT = Path(__file__).resolve().parents[3]
LOCK = "lock"
MAX_LOG = 16_384
MAX_LINE = 4096
PATIENCE_S, WAIT_S = 20.0, 0.5
END_S = 10.0


@contextmanager
def locked(work: Path, wait: Callable[[float], bool]) -> Iterator[int | None]:
    """The lock of a work folder, as a descriptor that the training is to inherit; ``None`` when ``wait`` gave up.

    Args:
        work: the folder.
        wait: called with seconds to wait; true when it is not worth it any more.
    """
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(work / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    waited, held = 0.0, False
    try:
        while not held:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                if waited >= PATIENCE_S:
                    _end_holder(work)
                if wait(WAIT_S):
                    break
                waited += WAIT_S
        yield descriptor if held else None
    finally:
        os.close(descriptor)


class Training:
    """One running training."""

    def __init__(self, python: Path | None, words: Sequence[str], place: Path, descriptor: int, nice: int) -> None:
        """Start it.

        Args:
            python: interpreter; ``None`` is this one.
            words: options of ``python -m models train``.
            place: folder for its log and what it tells.
            descriptor: the lock, which it holds while it lives.
            nice: 0..19.
        """
        self.told, self._log = place / "progress.jsonl", place / "log.txt"
        self.told.unlink(missing_ok=True)
        self._offset = 0
        command = [str(python or sys.executable), "-m", "models", "train", *words]
        if nice and (program := shutil.which("nice")):
            command = [program, "-n", str(nice), *command]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RETURNS_")}
        environment |= {FILE: str(self.told), PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment,
                pass_fds=(descriptor,), start_new_session=True,
            )  # fmt: skip
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(self._process.pid).encode(), 0)

    def over(self) -> int | None:
        """Its exit code once it has ended."""
        return self._process.poll()

    def news(self) -> list[dict[str, Any]]:
        """What it has told since the last time; a line that is not whole yet comes next time."""
        if not self.told.is_file():
            return []
        with self.told.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        found = []
        for line in whole.splitlines():
            with suppress(ValueError):
                value = json.loads(line[:MAX_LINE])
                if isinstance(value, dict):
                    found.append(value)
        return found

    def log(self) -> str:
        """The end of its log, without what only a terminal shows."""
        with self._log.open("rb") as stream:
            stream.seek(max(0, self._log.stat().st_size - MAX_LOG))
            text = stream.read().decode("utf-8", "replace")
        lines = (line.rpartition("\r")[2].rstrip() for line in text.replace("\0", "").split("\n"))
        return "\n".join(line for line in lines if line)[-MAX_LOG:]

    def end(self) -> None:
        """End it and all its processes; what it has computed stays for the next one."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # processes of fits that outlived it


def words_of(options: Mapping[str, object]) -> list[str]:
    """Options as words of a command line; lists are repeated, true is a switch, ``None`` is left out."""
    found: list[str] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            if each is True:
                found.append(option)
            elif each is not None and each is not False:
                found += [option, str(each)]
    return found


def _end_holder(work: Path) -> None:
    """End a training that is left from a worker that was killed."""
    with suppress(OSError, ValueError):
        number = int((work / LOCK).read_text(encoding="ascii"))
        command = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if b"models" in command and b"train" in command:
            os.killpg(number, signal.SIGKILL)
