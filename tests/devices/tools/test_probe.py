"""The probe finds who answers, and nobody where nobody does."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from devices.barcode.simulator import SimulatedScanner
from devices.barcode.ssi_simulator import SimulatedSsiScanner
from devices.pseudo_port import PseudoPort
from devices.rfid.chafon_forms import Dialect
from devices.rfid.chafon_simulator import SimulatedChafon
from devices.rfid.m100 import AA_DD
from devices.rfid.m100_simulator import SimulatedM100
from devices.rfid.mercury_simulator import SimulatedMercury
from devices.rfid.r2000_simulator import SimulatedR2000
from devices.scale.simulator import SimulatedScale
from devices.tools import probe as probing
from devices.tools.candidates import all_candidates, spoken_unasked
from devices.tools.probe import Attempt, Candidate, Found, Line, listen, probe
from inspection.errors import DeviceError
from tests.devices.conftest import PATIENCE_S
from tests.devices.test_pseudo_port import wait_until

QUICK_S = 0.1


class Echo:
    """A device that answers every question with the same bytes."""

    def __init__(self, link: Path, answer: bytes) -> None:
        self.port = PseudoPort(link, on_bytes=self._answer)
        self._bytes = answer
        self.port.plug()

    def _answer(self, _: bytes) -> None:
        self.port.write(self._bytes)


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "port"


def test_noise_is_nobody(link: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: every question is waited for until its answer was heard and looked at."""
    looked: list[bool] = []

    def wait(conversation: probing._Conversation, _: float) -> None:
        wait_until(lambda: bool(conversation._last_byte_ns or conversation.fault), PATIENCE_S)
        Event().wait(2 * probing.IDLE_GAP_NS / 1e9)
        looked.append(conversation.fault is None)

    monkeypatch.setattr(probing._Conversation, "wait", wait)
    echo = Echo(link, random.Random(4).randbytes(200))
    try:
        assert probe(str(link), all_candidates(), speeds=[115200]) is None
    finally:
        echo.port.unplug()
    assert looked.count(True) >= len([candidate for candidate in all_candidates() if candidate.line == Line()])


def test_a_port_that_only_echoes_is_nobody(link: Path) -> None:
    port = PseudoPort(link, on_bytes=lambda data: echoed.append(port.write(data)))
    echoed: list[bool] = []
    port.plug()
    try:
        assert probe(str(link), all_candidates(), speeds=[115200], answer_s=QUICK_S) is None
    finally:
        port.unplug()


def test_a_port_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="not there"):
        probe(str(tmp_path / "none"), all_candidates(), speeds=[9600], answer_s=QUICK_S)


def test_factory_speeds_are_tried_before_all_others(link: Path) -> None:
    port = PseudoPort(link)
    port.plug()
    attempts: list[Attempt] = []
    candidates = [Candidate("a", (9600,), b"?", Deaf), Candidate("b", (115200,), b"?", Deaf)]
    try:
        assert probe(str(link), candidates, on_attempt=attempts.append, answer_s=0.01) is None
    finally:
        port.unplug()
    tried = [(attempt.driver, attempt.baudrate) for attempt in attempts]
    assert tried[:2] == [("b", 115200), ("a", 9600)]
    assert len(set(tried)) == len(tried) == attempts[0].of == 10


@pytest.mark.parametrize(
    ("simulated", "config"),
    [
        (SimulatedM100, "driver: rfid.m100, port: /dev/x, baudrate: 115200"),
        (lambda link: SimulatedM100(link, dialect=AA_DD), "baudrate: 115200, frame: {header: 0xAA, end: 0xDD}"),
        (SimulatedMercury, "driver: rfid.mercury, port: /dev/x, baudrate: 115200"),
        (SimulatedR2000, "driver: rfid.r2000, port: /dev/x, baudrate: 115200"),
        (lambda link: SimulatedChafon(link, dialect=Dialect.UHF288), "driver: rfid.uhf288, port: /dev/x"),
        (lambda link: SimulatedChafon(link, dialect=Dialect.UHF18), "driver: rfid.uhf18, port: /dev/x"),
        (SimulatedSsiScanner, "driver: barcode.ssi, port: /dev/x, baudrate: 115200"),
        (lambda link: SimulatedScale(link, "mt_sics"), "driver: scale.mt_sics, port: /dev/x, baudrate: 9600"),
        (lambda link: SimulatedScale(link, "ohaus"), "driver: scale.ohaus, port: /dev/x, baudrate: 9600"),
    ],
)
def test_who_answers_is_found_with_the_line_to_paste(
    link: Path, simulated: Callable[[Path], Any], config: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is not meant is waited for shortly, whoever is meant for as long as a slow machine needs."""

    def ask(port: str, candidate: Candidate, baudrate: int, _: float) -> str | None:
        meant = config in Found(candidate, baudrate, "").config("/dev/x")
        return wait(port, candidate, baudrate, PATIENCE_S if meant else 0.03)

    wait = probing._ask
    monkeypatch.setattr(probing, "_ask", ask)
    device = simulated(link)
    try:
        found = probe(str(link), all_candidates())
        assert found is not None
        assert config in found.config("/dev/x")
        assert found.detail
    finally:
        device.close()


class Deaf:
    """A listener who is never sure."""

    def feed(self, data: bytes) -> None: ...

    def flush(self) -> None: ...


def test_a_scanner_is_found_by_a_scan_while_the_probe_listens(link: Path) -> None:
    scanner = SimulatedScanner(link)

    def scan() -> None:
        wait_until(lambda: scanner.port.listened_to)
        scanner.scan("4006381333931", "]E0")

    try:
        hand = Thread(target=scan)
        hand.start()
        found = listen(str(link), spoken_unasked(), 9600, PATIENCE_S)
        hand.join()
        assert found is not None
        assert found.config("/dev/x") == "- {id: NAME, driver: barcode.serial, port: /dev/x, baudrate: 9600}"
        assert "]E04006381333931" in found.detail
    finally:
        scanner.close()
