"""An inbox that collects what devices emit and lets a test wait for it, and a bench of simulated devices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings

from devices.backoff import Backoff
from devices.base import DeviceEvent
from devices.simulators import SimulatedBench
from inspection.reading import Reading

# How long an example takes says something of the machine and nothing of the code.
_USUAL = settings.get_profile(settings.get_current_profile_name())
settings.register_profile("patient", _USUAL, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

Message = TypeVar("Message", bound=Reading | DeviceEvent)
PATIENCE_S = 20.0


class Inbox:
    """What devices emitted, in order; usable as the ``emit`` of several devices."""

    def __init__(self) -> None:
        self.messages: list[Reading | DeviceEvent] = []
        self._changed = threading.Condition()

    def __call__(self, message: Reading | DeviceEvent) -> None:
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def wait(
        self,
        kind: type[Message],
        such: Callable[[Message], bool] = lambda _: True,
        *,
        since: int = 0,
        timeout_s: float = PATIENCE_S,
    ) -> Message:
        """The first message of ``kind`` after the first ``since`` messages, now or as soon as it comes."""

        def found() -> list[Message]:
            return [m for m in self.messages[since:] if isinstance(m, kind) and such(m)]

        with self._changed:
            if not self._changed.wait_for(found, timeout_s):
                raise AssertionError(f"no {kind.__name__} within {timeout_s} s; there is {self.messages[since:]}")
            return found()[0]

    def wait_connected(self, *, since: int = 0, timeout_s: float = PATIENCE_S) -> DeviceEvent:
        return self.wait(DeviceEvent, lambda event: event.connected, since=since, timeout_s=timeout_s)

    def wait_lost(self, *, since: int = 0, timeout_s: float = PATIENCE_S) -> DeviceEvent:
        return self.wait(DeviceEvent, lambda event: not event.connected, since=since, timeout_s=timeout_s)

    def mark(self) -> int:
        """Number of messages so far, for ``since``."""
        return len(self.messages)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost device is looked for again at once."""
    monkeypatch.setattr(Backoff, "next_s", lambda _: 0.005)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[SimulatedBench]:
    with SimulatedBench(tmp_path / "bench", views=["top"]) as simulated:
        yield simulated
