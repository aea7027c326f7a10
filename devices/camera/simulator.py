"""A simulated network camera: MJPEG over HTTP on loopback, with the faults that cameras have.

It speaks the bytes of a real one (``multipart/x-mixed-replace``, one JPEG a part), so that the `opencv` driver with
``url`` cannot tell. Every picture carries fresh sensor noise, unless a fault says otherwise.
"""

from __future__ import annotations

import base64
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from inspection.errors import DeviceError
from inspection.frame import Pixels

BOUNDARY = "simulated-picture"
JPEG_QUALITY = 90
NOISE_SIGMA = 2.0
NOISE_MARGIN = 64
STALL_CHECK_S = 0.02
LOST_GREEN = (0, 135, 0)
"""What Y = U = V = 0, the empty buffer of a decoder, is in BGR (ITU-R BT.601)."""


@dataclass(slots=True)
class CameraFaults:
    """Switches; each may be turned while the camera runs.

    Attributes:
        stall: the connection stays open and nothing comes.
        frozen: the same picture, to the bit, again and again.
        black: a picture as with the lens cap on.
        green: a picture of the one green that a decoder without data shows.
        torn: from a row that changes every time on, the picture is that of another moment.
        truncated: every JPEG ends in the middle, though the stream goes on.
        slow_s: this many seconds more between two pictures.
        disconnect: the next picture breaks off in the middle and the connection ends; turns itself off.
    """

    stall: bool = False
    frozen: bool = False
    black: bool = False
    green: bool = False
    torn: bool = False
    truncated: bool = False
    slow_s: float = 0.0
    disconnect: bool = False


class SimulatedCamera:
    """A camera with an address; close it, or use it as a context manager.

    Args:
        scene: what it sees: a picture (uint8, H x W x 3, BGR), or the picture of the n-th exposure.
        fps: pictures a second.
        port: TCP port on loopback; 0 is any that is free. It stays the same when unplugged and plugged in again.
        login: ``user:password`` that it asks for (HTTP Basic), if any.
        noise: standard deviation of the sensor noise, in grey levels.

    Attributes:
        faults: the switches.
        sent: pictures sent so far, over all connections.
        exposures: pictures taken so far; the next one has this number.
    """

    def __init__(
        self,
        scene: Pixels | Callable[[int], Pixels] | None = None,
        *,
        fps: float = 15.0,
        port: int = 0,
        login: str | None = None,
        noise: float = NOISE_SIGMA,
        seed: int = 1,
    ) -> None:
        self.faults = CameraFaults()
        self.sent = 0
        self.exposures = 0
        self._sensor = _Sensor(noise, seed)
        self._scene: Pixels | Callable[[int], Pixels] = default_scene() if scene is None else scene
        self._period_s = 1 / fps
        self._port = port
        self._login = login
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311  where pictures tear, not secrets
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.replug()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where a program finds its stream; without the login."""
        return f"http://127.0.0.1:{self._port}/stream"

    @property
    def watchers(self) -> int:
        """Programs that are connected now."""
        return 0 if self._server is None else len(self._server.clients)

    def show(self, scene: Pixels | Path | Callable[[int], Pixels]) -> None:
        """Let the camera see something else from the next exposure on.

        Raises:
            DeviceError: the file is no picture.
        """
        self._scene = _read_picture(scene) if isinstance(scene, Path) else scene

    def unplug(self) -> None:
        """Cut all connections and refuse new ones; calling it twice is fine."""
        server, self._server = self._server, None
        thread, self._thread = self._thread, None
        if server is not None and thread is not None:
            server.shutdown()
            server.cut_all()
            server.server_close()  # waits for the threads of the connections
            thread.join()

    def replug(self) -> None:
        """Listen under the same address; nothing happens when it does."""
        if self._server is not None:
            return
        self._server = _Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        name = f"simulated-camera-{self._port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take it off its address."""
        self.unplug()

    def admits(self, authorization: str | None) -> bool:
        """Whether a request with this ``Authorization`` header may see the pictures."""
        if self._login is None:
            return True
        return authorization == f"Basic {base64.b64encode(self._login.encode()).decode()}"

    def watch(self, send: Callable[[bytes], None], ended: threading.Event) -> None:
        """Send parts until ``ended``; ``OSError`` of ``send`` ends it as well."""
        last = b""
        while not ended.wait(self._period_s + self.faults.slow_s):
            if self.faults.stall:
                ended.wait(STALL_CHECK_S)
                continue
            if not (self.faults.frozen and last):
                last = self._jpeg()
            send(_part(last[: len(last) // 2] if self.faults.truncated else last))
            self.sent += 1
            if self.faults.disconnect:
                self.faults.disconnect = False
                whole = _part(last)
                send(whole[: len(whole) // 2])
                return

    def _jpeg(self) -> bytes:
        with self._lock:
            exposure = self.exposures
            self.exposures += 1
            picture = self._seen(exposure)
            if not self.faults.green:  # a decoder without data has no sensor behind it
                picture = self._sensor.expose(picture)
        good, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not good:
            raise DeviceError("the simulated camera cannot encode its picture")
        return data.tobytes()

    def _seen(self, exposure: int) -> Pixels:
        scene = self._scene
        pixels = scene(exposure) if callable(scene) else scene
        if self.faults.black:
            return np.zeros_like(pixels)
        if self.faults.green:
            return np.full_like(pixels, LOST_GREEN)
        if self.faults.torn:
            height, width = pixels.shape[:2]
            row = self._random.randint(height // 5, height * 4 // 5)
            return np.vstack([pixels[:row], np.roll(pixels[row:], width // 10, axis=1)])
        return pixels


class _Sensor:
    """Adds noise that never repeats: a cut, at a random place, of a larger field."""

    def __init__(self, sigma: float, seed: int) -> None:
        self._sigma = sigma
        self._random = np.random.default_rng(seed)
        self._field: npt.NDArray[np.int16] = np.zeros((0, 0, 3), np.int16)

    def expose(self, pixels: Pixels) -> Pixels:
        if not self._sigma:
            return pixels
        height, width = pixels.shape[:2]
        wanted = (height + NOISE_MARGIN, width + NOISE_MARGIN, 3)
        if self._field.shape != wanted:
            self._field = np.rint(self._random.normal(0, self._sigma, wanted)).astype(np.int16)
        top, left = self._random.integers(0, NOISE_MARGIN, 2)
        noise = self._field[top : top + height, left : left + width]
        return np.asarray(cv2.add(pixels, noise, dtype=cv2.CV_8U), np.uint8)


class _Server(ThreadingHTTPServer):
    """One thread a connection, all of which can be cut."""

    daemon_threads = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], camera: SimulatedCamera) -> None:
        self.camera = camera
        self.ended = threading.Event()
        self.clients: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def cut_all(self) -> None:
        self.ended.set()
        for client in tuple(self.clients):
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has gone by itself


class _Handler(BaseHTTPRequestHandler):
    """Answers one request with the stream."""

    server: _Server
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        camera = self.server.camera
        if not camera.admits(self.headers.get("Authorization")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="camera"')
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        self.server.clients.add(self.connection)
        try:
            camera.watch(self._send, self.server.ended)
        except OSError:
            return  # the program at the other end has gone
        finally:
            self.server.clients.discard(self.connection)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named so by its base class
        """A camera writes no log."""

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)


def default_scene(width: int = 640, height: int = 480) -> Pixels:
    """A box on a table of planks (uint8, H x W x 3, BGR), for whoever brings no picture of his own."""
    light = np.linspace(90, 150, height)[:, None, None]
    planks = np.where(np.arange(width) * 12 // width % 2, 1.0, 0.7)[None, :, None]
    pixels = np.broadcast_to(light * planks, (height, width, 3)).astype(np.uint8)
    points = np.array([[0.3, 0.25], [0.72, 0.31], [0.68, 0.8], [0.27, 0.74]]) * (width, height)
    cv2.fillPoly(pixels, [points.astype(np.int32)], (70, 130, 185), cv2.LINE_AA)
    cv2.putText(
        pixels, "FRAGILE", (int(width * 0.36), height // 2), cv2.FONT_HERSHEY_DUPLEX, width / 500, (30, 30, 160)
    )
    return pixels


def _part(jpeg: bytes) -> bytes:
    header = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return header.encode() + jpeg + b"\r\n"


def _read_picture(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise DeviceError(f"{path} is no picture", hint="Give a JPEG or PNG file.")
    return np.asarray(pixels, np.uint8)
