"""A serial port that is opened, lost and found again for ever by a thread of its own; the one user of pyserial.

Everything that differs between devices is in the `Conversation` the link is given; all its methods are called from
the link's thread, so a conversation needs no locks.
"""

from __future__ import annotations

import contextlib
import os
import socket
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import serial
import structlog
from serial.urlhandler import protocol_socket

from devices.backoff import Backoff
from devices.explain import explain
from devices.usb import UsbIdentity, find_serial_port
from inspection.errors import DeviceError, DeviceLost

log = structlog.get_logger(__name__)

WRITE_TIMEOUT_S = 1.0
MAX_READ = 65536
LOOK_AT_PATH_S = 0.25
LEAVE_S = 0.6
JOIN_S = 10.0  # pyserial needs up to 5 s to give up on a socket:// that does not answer


@dataclass(frozen=True, slots=True)
class PortSettings:
    """Which port, and how its line is set.

    Attributes:
        port: path of a port, a pyserial URL (``loop://``, ``socket://host:port``, ``rfc2217://…``) or a USB identity.
        baudrate: bits per second.
        bytesize: data bits, 5..8.
        parity: ``N``, ``E`` or ``O``.
        stopbits: 1 or 2.
    """

    port: str | UsbIdentity
    baudrate: int = 115200
    bytesize: int = 8
    parity: str = "N"
    stopbits: int = 1


class Conversation(Protocol):
    """What is said over a link; a `DeviceError` it raises closes the port, which is then opened anew."""

    def opened(self, write: Callable[[bytes], None]) -> None:
        """The port is open; ``write`` sends bytes and may be kept until ``lost``."""

    def received(self, data: bytes, monotonic_ns: int) -> None:
        """Bytes arrived, at ``monotonic_ns``."""

    def tick(self, monotonic_ns: int) -> None:
        """Nothing arrived for one tick; called again for every further tick of silence."""

    def takes_leave(self, monotonic_ns: int) -> bool:
        """The open port is about to be closed as the link is stopped; whether it must stay open for another tick.

        Called at once and then whenever something arrived or a tick passed, for at most `LEAVE_S`. It may write.
        """

    def lost(self, reason: str) -> None:
        """The port is closed, or could not be opened, because of ``reason``."""


class Tap(Protocol):
    """Hears every byte on a line, both ways, with the times at which they passed; see `devices.tools.recording`."""

    def received(self, data: bytes, monotonic_ns: int) -> None: ...

    def sent(self, data: bytes, monotonic_ns: int) -> None: ...


class SerialLink:
    """Keeps a port open and a conversation going until `stop`.

    Attributes:
        settings: the port and its line.
        tap: hears what passes; set it before `start`.
    """

    def __init__(self, name: str, settings: PortSettings, conversation: Conversation, *, tick_s: float = 0.05) -> None:
        self.settings = settings
        self.tap: Tap | None = None
        self._name = name
        self._conversation = conversation
        self._tick_s = tick_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin looking for the port; returns at once."""
        if self._thread is not None:
            raise DeviceError(f"{self._name} is already started")
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(self._stopping,), name=f"{self._name}-link", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and wait for the thread; calling it twice is fine."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_S)
            if thread.is_alive():
                log.error("serial.thread_hangs", device=self._name)

    def _run(self, stopping: threading.Event) -> None:
        backoff = Backoff()
        while not stopping.is_set():
            try:
                self._converse(stopping, backoff)
            except (DeviceError, OSError, termios.error) as error:
                self._conversation.lost(explain(error))
            except Exception as error:  # a fault in a driver is shown like a lost device, never silent
                log.exception("device.driver_fault", device=self._name)
                self._conversation.lost(f"driver fault: {type(error).__name__}: {error}")
            stopping.wait(backoff.next_s())

    def _converse(self, stopping: threading.Event, backoff: Backoff) -> None:
        with self._open() as port:
            watch = _PathWatch(self.settings.port, port)
            self._conversation.opened(lambda data: self._write(port, data))
            while not stopping.is_set():
                data = port.read(1)
                if data:
                    backoff.reset()
                    self._received(data + _rest(port), time.monotonic_ns())
                else:
                    self._conversation.tick(time.monotonic_ns())
                watch.check()
            self._leave(port)

    def _leave(self, port: serial.Serial) -> None:
        deadline = time.monotonic() + LEAVE_S
        try:
            while self._conversation.takes_leave(time.monotonic_ns()) and time.monotonic() < deadline:
                if data := port.read(1):
                    self._received(data + _rest(port), time.monotonic_ns())
        except (DeviceError, OSError, termios.error) as error:
            log.info("serial.left_without_farewell", device=self._name, reason=explain(error))

    def _received(self, data: bytes, now_ns: int) -> None:
        if self.tap is not None:
            self.tap.received(data, now_ns)
        self._conversation.received(data, now_ns)

    def _write(self, port: serial.Serial, data: bytes) -> None:
        if self.tap is not None:
            self.tap.sent(data, time.monotonic_ns())
        if port.write(data) != len(data):
            raise DeviceLost(f"only a part of {len(data)} bytes could be sent", hint="Check the cable.")

    def _open(self) -> serial.Serial:
        settings = self.settings
        address = find_serial_port(settings.port) if isinstance(settings.port, UsbIdentity) else settings.port
        opened: Any = _Socket if address.lower().startswith("socket://") else serial.serial_for_url
        try:
            port: serial.Serial = opened(
                address,
                baudrate=settings.baudrate,
                bytesize=settings.bytesize,
                parity=settings.parity,
                stopbits=settings.stopbits,
                timeout=self._tick_s,
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
            )
        except ValueError as error:
            raise DeviceError(f"{address}: {error}", hint="Correct the port or its line settings.") from error
        return port


def _rest(port: serial.Serial) -> bytes:
    """What else has arrived. A socket tells that something is there but not how much, so it is read without waiting."""
    if not isinstance(port, _Socket):
        return bytes(port.read(port.in_waiting))
    tick_s, port.timeout = port.timeout, 0
    try:
        return bytes(port.read(MAX_READ))
    finally:
        port.timeout = tick_s


class _Socket(protocol_socket.Serial):
    """A socket that keeps what a device says on being connected to; pyserial's own drops it.

    It is closed at once and for sure: pyserial's own sleeps 0.3 s, and leaves a socket open that the device has closed.
    """

    _socket: socket.socket | None

    def reset_input_buffer(self) -> None: ...

    def close(self) -> None:
        opened, self._socket, self.is_open = self._socket, None, False
        if opened is not None:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()


class _PathWatch:
    """Notices that a path is gone or leads to another device, though the old descriptor keeps quiet."""

    def __init__(self, address: str | UsbIdentity, port: serial.Serial) -> None:
        self._path = Path(address) if isinstance(address, str) and "://" not in address else None
        self._device = os.fstat(port.fileno()).st_rdev if self._path is not None else None
        self._next_look = time.monotonic() + LOOK_AT_PATH_S

    def check(self) -> None:
        if self._path is None or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_AT_PATH_S
        if self._path.stat().st_rdev != self._device:
            raise DeviceLost(f"{self._path} leads to another device now")
