"""The socket that simulated network devices stand behind."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from devices.pseudo_socket import PseudoSocket
from tests.devices.test_pseudo_port import wait_until


@pytest.fixture
def heard() -> bytearray:
    return bytearray()


@pytest.fixture
def port(heard: bytearray) -> Iterator[PseudoSocket]:
    made = PseudoSocket(on_bytes=heard.extend)
    made.plug()
    yield made
    made.unplug()


def connect(port: PseudoSocket) -> socket.socket:
    client = socket.create_connection(port.address, timeout=5)
    wait_until(lambda: port.listened_to)
    return client


def test_bytes_pass_both_ways_unchanged(port: PseudoSocket, heard: bytearray) -> None:
    every_byte = bytes(range(256))
    with connect(port) as client:
        client.sendall(every_byte)
        wait_until(lambda: len(heard) == 256)
        assert port.write(every_byte)
        assert client.recv(1000) == bytes(heard) == every_byte


def test_what_nobody_hears_is_lost_and_said_so(port: PseudoSocket) -> None:
    assert not port.write(b"hello")


def test_unplugged_the_connection_ends_and_a_new_one_is_refused(port: PseudoSocket) -> None:
    with connect(port) as client:
        port.unplug()
        assert client.recv(10) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(port.address, timeout=5)


def test_plugged_in_again_it_is_found_under_the_same_address(port: PseudoSocket) -> None:
    before = port.url
    for _ in range(5):
        connect(port).close()
        port.unplug()
        port.plug()
    assert port.url == before
    with connect(port) as client:
        assert port.write(b"back")
        assert client.recv(10) == b"back"


def test_the_last_program_that_came_is_the_one_that_is_heard(port: PseudoSocket) -> None:
    with connect(port) as first, socket.create_connection(port.address, timeout=5) as second:
        first.settimeout(5)
        assert first.recv(10) == b""
        assert port.write(b"x")
        assert second.recv(10) == b"x"


def test_it_ticks_only_while_a_program_is_connected() -> None:
    ticked = threading.Event()
    port = PseudoSocket(on_tick=ticked.set)
    port.plug()
    try:
        assert not ticked.wait(0.1)
        with connect(port):
            assert ticked.wait(5)
    finally:
        port.unplug()
