"""The pseudo-terminal that simulators stand behind is a raw wire that keeps nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.pseudo_port import PseudoPort


class Plain:
    """A program that opens the port without any setting of its own, unlike pyserial."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def read(self) -> bytes:
        try:
            return os.read(self.descriptor, 1000)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        os.close(self.descriptor)


@pytest.fixture
def heard() -> bytearray:
    return bytearray()


@pytest.fixture
def port(tmp_path: Path, heard: bytearray) -> Iterator[PseudoPort]:
    made = PseudoPort(tmp_path / "port", on_bytes=heard.extend)
    made.plug()
    yield made
    made.unplug()


def wait_until(condition: object, seconds: float = 20.0) -> None:
    assert callable(condition)
    for _ in range(int(seconds / 0.005)):
        if condition():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not become so")


def test_no_byte_is_changed_and_none_echoed(port: PseudoPort, heard: bytearray) -> None:
    program = Plain(port.link)
    every_byte = bytes(range(256))
    assert port.write(every_byte)
    assert os.write(program.descriptor, every_byte) == 256
    wait_until(lambda: len(heard) >= 256)
    assert bytes(heard) == every_byte
    assert program.read() == every_byte
    program.close()


def test_what_is_sent_to_nobody_is_lost(port: PseudoPort) -> None:
    assert not port.write(b"ghost")
    program = Plain(port.link)
    assert program.read() == b""
    assert port.write(b"real")
    assert program.read() == b"real"
    program.close()


def test_what_a_program_left_unread_is_not_for_the_next_one(port: PseudoPort) -> None:
    first = Plain(port.link)
    wait_until(lambda: port.listened_to)
    threading.Event().wait(0.2)  # the port must have seen that it is open
    assert port.write(b"unread")
    first.close()
    wait_until(lambda: not port.listened_to)
    threading.Event().wait(0.2)  # and that it is closed
    second = Plain(port.link)
    assert second.read() == b""
    second.close()


def test_an_unplugged_port_hangs_up(port: PseudoPort) -> None:
    program = Plain(port.link)
    port.unplug()
    try:
        assert os.read(program.descriptor, 10) == b""
    except OSError as error:
        assert error.errno is not None  # noqa: PT017  either is a hang-up, as the kernel likes
    program.close()
    assert not port.write(b"x")


def test_a_program_that_does_not_read_does_not_block_the_device(port: PseudoPort) -> None:
    program = Plain(port.link)
    sent = [port.write(b"x" * 1000) for _ in range(100)]
    assert sent[0]
    assert not sent[-1]
    program.close()


def test_a_fault_of_the_simulator_does_not_end_its_port(tmp_path: Path) -> None:
    seen = []

    def faulty(data: bytes) -> None:
        seen.append(data)
        raise RuntimeError("the simulator has a fault")

    port = PseudoPort(tmp_path / "faulty", on_bytes=faulty)
    port.plug()
    program = Plain(port.link)
    for turn in range(2):
        os.write(program.descriptor, b"x")
        wait_until(lambda turn=turn: len(seen) == turn + 1)
    program.close()
    port.unplug()
