"""A serial port made of a pseudo-terminal: what simulators stand behind, so that a driver meets true ports and bytes.

The port is reached through a symbolic link that stays the same while the device is unplugged and plugged in again.
Bytes sent while nobody has the port open are lost, as on a wire.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import select
import termios
import threading
import tty
from collections.abc import Callable
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

TICK_S = 0.01


class PseudoPort:
    """The device's end of a pseudo-terminal.

    Args:
        link: path under which programs find the port; its folder is made.
        on_bytes: called from the port's thread with what the program at the other end wrote.
        on_tick: called from the port's thread about every 10 ms while a program has the port open.
        on_opened: called from the port's thread when a program opens the port.
    """

    def __init__(
        self,
        link: Path,
        on_bytes: Callable[[bytes], None] = lambda _: None,
        on_tick: Callable[[], None] = lambda: None,
        on_opened: Callable[[], None] = lambda: None,
    ) -> None:
        self.link = link
        self._on_bytes = on_bytes
        self._on_tick = on_tick
        self._on_opened = on_opened
        self._lock = threading.Lock()
        self._master: int | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def plugged(self) -> bool:
        return self._master is not None

    @property
    def listened_to(self) -> bool:
        """Whether a program has the port open."""
        with self._lock:
            return self._master is not None and _has_listener(self._master)

    def plug(self) -> None:
        """Make the terminal and let ``link`` lead to it; nothing happens when it is plugged in."""
        if self.plugged:
            return
        master, slave = pty.openpty()
        tty.setraw(slave, termios.TCSANOW)
        path = os.ttyname(slave)
        os.close(slave)  # from here the kernel tells by POLLHUP whether a program has it open
        os.set_blocking(master, False)
        self._stopping = threading.Event()
        with self._lock:
            self._master = master
        self._thread = threading.Thread(
            target=self._serve, args=(master, path, self._stopping), name=f"pseudo-port-{self.link.name}", daemon=True
        )
        self._thread.start()
        self.link.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.link.with_name(f".{self.link.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(path)
        fresh.replace(self.link)

    def unplug(self) -> None:
        """Take the terminal away; the program at the other end sees a hang-up. Calling it twice is fine."""
        self.link.unlink(missing_ok=True)
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._lock:
            master, self._master = self._master, None
            if master is not None:
                os.close(master)

    def write(self, data: bytes) -> bool:
        """Send ``data``; ``False`` when it was lost because nobody has the port open or reads."""
        with self._lock:
            if self._master is None or not _has_listener(self._master):
                return False
            try:
                return os.write(self._master, data) == len(data)
            except OSError as error:
                if error.errno in {errno.EAGAIN, errno.EIO}:
                    return False
                raise

    def _serve(self, master: int, path: str, stopping: threading.Event) -> None:
        poll = select.poll()
        poll.register(master, select.POLLIN)
        open_before = False
        while not stopping.is_set():
            events = dict(poll.poll(TICK_S * 1000)).get(master, 0)
            is_open = not events & select.POLLHUP
            try:
                if is_open and not open_before:
                    self._on_opened()
                if events & select.POLLIN:
                    self._on_bytes(os.read(master, 4096))
                if is_open:
                    self._on_tick()
            except OSError as error:
                if error.errno not in {errno.EIO, errno.EAGAIN}:
                    log.exception("pseudo_port.failed", link=str(self.link))
            except Exception:  # a fault of a simulator must be heard and must not end it
                log.exception("pseudo_port.simulator_fault", link=str(self.link))
            if not is_open:
                if open_before:
                    with self._lock:  # the moment in which we have it open ourselves is nobody's to write in
                        _forget_unread(path)
                stopping.wait(TICK_S)
            open_before = is_open


def _forget_unread(path: str) -> None:
    """Drop what was sent and not read, which must not reach the next program as a ghost.

    Only the program's end can drop what has arrived there; ``tcflush`` of this end reaches what is under way.
    """
    with contextlib.suppress(OSError, termios.error):
        slave = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            termios.tcflush(slave, termios.TCIOFLUSH)
        finally:
            os.close(slave)


def _has_listener(master: int) -> bool:
    poll = select.poll()
    poll.register(master, 0)
    return not dict(poll.poll(0)).get(master, 0) & select.POLLHUP
