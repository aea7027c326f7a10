"""Firefox as a worker uses it, driven by its own Marionette protocol: no other program and no library is needed.

Frames are ``length:JSON``; a command is ``[0, id, name, parameters]``, its answer ``[1, id, error, result]`` (Mozilla's
source, ``remote/doc/marionette``).
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from tests.station.rig import wait_until

FIREFOX = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
PREFERENCES = {
    "marionette.port": 0,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "intl.accept_languages": "en-US,en",
    "media.autoplay.default": 0,
    "dom.timeout.enable_budget_timer_throttling": False,
}
START_S = 90.0
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004"}


class FirefoxFailed(Exception):
    """Firefox answered a command with an error."""


class Firefox:
    """One Firefox without a window on the screen, with a profile of its own.

    Args:
        folder: for the profile.
        size: of what a page gets, pixels.
    """

    def __init__(self, folder: Path, size: tuple[int, int] = (1280, 800)) -> None:
        self._profile = folder / "profile"
        self._profile.mkdir()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
        (self._profile / "user.js").write_text("\n".join(lines))
        command = [str(FIREFOX), "--headless", "--no-remote", "--marionette", "--profile", str(self._profile)]
        self._log = (folder / "firefox.log").open("wb")
        environment = {**os.environ, "MOZ_HEADLESS_WIDTH": str(size[0]), "MOZ_HEADLESS_HEIGHT": str(size[1] + 200)}
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, env=environment)
        self._number = 0
        self._buffer = b""
        port = wait_until(self._port, START_S, "Firefox's port")
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=START_S)
        self._receive()
        self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}})
        self.resize(*size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(30)
        self._log.close()

    def command(self, name: str, parameters: dict[str, Any] | None = None) -> Any:
        """Carry out one command; its result."""
        self._number += 1
        body = json.dumps([0, self._number, name, parameters or {}]).encode()
        self._socket.sendall(b"%d:%s" % (len(body), body))
        _, number, error, result = self._receive()
        assert number == self._number
        if error is not None:
            raise FirefoxFailed(f"{name}: {error.get('error')}: {error.get('message')}")
        return result

    def go(self, url: str) -> None:
        self.command("WebDriver:Navigate", {"url": url})

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        script = {"script": f"return ({expression});", "args": [], "sandbox": "default"}
        return self.command("WebDriver:ExecuteScript", script)["value"]

    def until(self, expression: str) -> Any:
        """Ask until the answer is true."""
        return wait_until(lambda: self.ask(expression), 60.0, expression)

    def press(self, *keys: str) -> None:
        """Keys, one after the other, as a hand presses them."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """The pointer from one place of the page to another, pressed; a click where both are the same."""

        def move(place: tuple[float, float]) -> dict[str, Any]:
            x, y = round(place[0]), round(place[1])
            return {"type": "pointerMove", "duration": 50, "x": x, "y": y, "origin": "viewport"}

        down, up = ({"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp"))
        moves = [move(start), down, *([move(end)] if end != start else []), up]
        self._act({"type": "pointer", "id": "finger", "parameters": {"pointerType": "mouse"}, "actions": moves})

    def click(self, selector: str) -> None:
        """The middle of the first such element."""
        place = self.place(selector)
        self.drag(
            (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2),
            (place["x"] + place["width"] / 2, place["y"] + place["height"] / 2),
        )

    def place(self, selector: str) -> dict[str, float]:
        """Where the first such element is, in pixels of the page."""
        found: dict[str, float] = self.until(
            f"document.querySelector({json.dumps(selector)})?.getBoundingClientRect().toJSON()"
        )
        return found

    def resize(self, width: int, height: int) -> None:
        """Give the page exactly this size."""
        for _ in range(3):
            outer = self.command("WebDriver:GetWindowRect")
            inner = self.ask("[innerWidth, innerHeight]")
            if inner == [width, height]:
                return
            wanted = {"width": outer["width"] + width - inner[0], "height": outer["height"] + height - inner[1]}
            self.command("WebDriver:SetWindowRect", wanted)
            time.sleep(0.3)

    def shoot(self, file: Path) -> None:
        """A picture of the page."""
        file.write_bytes(base64.b64decode(self.command("WebDriver:TakeScreenshot", {"full": False})["value"]))

    def tab(self) -> str:
        """A new tab, in front; returns its handle."""
        handle = self.command("WebDriver:NewWindow", {"type": "tab"})["handle"]
        self.switch(handle)
        return str(handle)

    def switch(self, handle: str) -> None:
        self.command("WebDriver:SwitchToWindow", {"handle": handle})

    @property
    def handle(self) -> str:
        return str(self.command("WebDriver:GetWindowHandle")["value"])

    def _act(self, *sources: dict[str, Any]) -> None:
        self.command("WebDriver:PerformActions", {"actions": list(sources)})
        self.command("WebDriver:ReleaseActions")

    def _port(self) -> int | None:
        file = self._profile / "MarionetteActivePort"
        return int(file.read_text()) if file.is_file() and file.read_text().strip() else None

    def _receive(self) -> Any:
        while b":" not in self._buffer:
            self._buffer += self._socket.recv(65536)
        length, _, rest = self._buffer.partition(b":")
        while len(rest) < int(length):
            rest += self._socket.recv(1 << 20)
        self._buffer = rest[int(length) :]
        return json.loads(rest[: int(length)])
