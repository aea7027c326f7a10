"""The link opens whatever pyserial can, alone, and says in words why it cannot."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devices.pseudo_port import PseudoPort
from devices.serial_link import PortSettings, SerialLink
from devices.usb import UsbIdentity
from inspection.errors import DeviceError


class Listener:
    """A conversation that notes what happens and can be made to fail."""

    def __init__(self) -> None:
        self.data = b""
        self.pieces = 0
        self.opens = 0
        self.reasons: list[str] = []
        self.fail_on_open: Exception | None = None
        self.greeting = self.farewell = b""
        self.stays = False
        self.write: Callable[[bytes], None] | None = None
        self.changed = threading.Condition()

    def opened(self, write: Callable[[bytes], None]) -> None:
        self.write = write
        with self.changed:
            self.opens += 1
            self.changed.notify_all()
        if self.fail_on_open is not None:
            error, self.fail_on_open = self.fail_on_open, None
            raise error
        if self.greeting:
            write(self.greeting)

    def received(self, data: bytes, monotonic_ns: int) -> None:  # noqa: ARG002
        with self.changed:
            self.data += data
            self.pieces += 1
            self.changed.notify_all()

    def tick(self, monotonic_ns: int) -> None: ...

    def takes_leave(self, monotonic_ns: int) -> bool:  # noqa: ARG002
        if self.farewell and self.write is not None:
            self.write(self.farewell)
            self.farewell, self.stays = b"", True
        return self.stays and not self.data

    def lost(self, reason: str) -> None:
        with self.changed:
            self.reasons.append(reason)
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout_s), (self.data, self.opens, self.reasons)


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def link_to(listener: Listener) -> Iterator[Callable[[str | UsbIdentity], SerialLink]]:
    links: list[SerialLink] = []

    def start(port: str | UsbIdentity) -> SerialLink:
        links.append(SerialLink("dut", PortSettings(port), listener))
        links[-1].start()
        return links[-1]

    yield start
    for link in links:
        link.stop()


Start = Callable[[str | UsbIdentity], SerialLink]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[PseudoPort]:
    made = PseudoPort(tmp_path / "port")
    made.plug()
    yield made
    made.unplug()


def test_what_is_written_to_a_loop_comes_back(listener: Listener, link_to: Start) -> None:
    listener.greeting = b"hello"
    link_to("loop://")
    listener.wait(lambda: listener.data == b"hello")


def test_a_socket_is_a_port_and_its_end_is_an_unplugging(listener: Listener, link_to: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link_to(f"socket://127.0.0.1:{server.getsockname()[1]}")
        for turn in range(2):
            peer, _ = server.accept()
            with peer:
                listener.wait(lambda turn=turn: listener.opens == turn + 1)
                peer.sendall(b"scan\r")
                listener.wait(lambda turn=turn: listener.data == b"scan\r" * (turn + 1))
            listener.wait(lambda turn=turn: len(listener.reasons) == turn + 1)
    assert "disconnected" in listener.reasons[0]


def test_much_over_a_socket_arrives_in_large_pieces(listener: Listener, link_to: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link_to(f"socket://127.0.0.1:{server.getsockname()[1]}")
        peer, _ = server.accept()
        with peer:
            sent = bytes(range(256)) * 1000
            peer.sendall(sent)
            listener.wait(lambda: len(listener.data) == len(sent))
    assert listener.data == sent
    assert listener.pieces < len(sent) / 10  # and not byte by byte, however the kernel cuts it


@pytest.mark.usefixtures("quick_backoff")
def test_what_a_device_says_on_being_connected_to_is_heard(listener: Listener, link_to: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        link_to(f"socket://127.0.0.1:{server.getsockname()[1]}")
        for turn in range(1, 11):
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"welcome")
                listener.wait(lambda turn=turn: listener.data == b"welcome" * turn)


def test_every_byte_of_many_bursts_arrives_in_order(listener: Listener, link_to: Start, port: PseudoPort) -> None:
    link_to(str(port.link))
    listener.wait(lambda: listener.opens == 1)
    bursts = [bytes([number]) * (number * 5 + 1) for number in range(200)]
    for number, burst in enumerate(bursts):
        assert port.write(burst)
        length = sum(map(len, bursts[: number + 1]))
        listener.wait(lambda length=length: len(listener.data) == length)
    assert listener.data == b"".join(bursts)


def test_bytes_pass_unchanged_both_ways(listener: Listener, link_to: Start, tmp_path: Path) -> None:
    every_byte = bytes(range(256))
    heard = bytearray()
    complete = threading.Event()

    def hear(data: bytes) -> None:
        heard.extend(data)
        if len(heard) >= len(every_byte):
            complete.set()

    port = PseudoPort(tmp_path / "raw", on_bytes=hear)
    port.plug()
    listener.greeting = every_byte
    link_to(str(port.link))
    listener.wait(lambda: listener.opens == 1)
    assert port.write(every_byte)
    listener.wait(lambda: listener.data == every_byte)
    assert complete.wait(10)
    port.unplug()
    assert bytes(heard) == every_byte


def test_a_port_in_use_is_refused_and_taken_when_it_is_free(
    listener: Listener, link_to: Start, port: PseudoPort
) -> None:
    other = Listener()
    first = SerialLink("first", PortSettings(str(port.link)), other)
    first.start()
    other.wait(lambda: other.opens == 1)
    link_to(str(port.link))
    listener.wait(lambda: bool(listener.reasons))
    assert listener.reasons[0] == "in use by another program"
    first.stop()
    listener.wait(lambda: listener.opens == 1)


def test_a_path_that_leads_to_another_device_is_followed(
    listener: Listener, link_to: Start, port: PseudoPort, tmp_path: Path
) -> None:
    path = tmp_path / "by-id"
    path.symlink_to(os.readlink(port.link))  # noqa: PTH115  the text of the link is wanted
    link_to(str(path))
    listener.wait(lambda: listener.opens == 1)
    other = PseudoPort(tmp_path / "other")
    other.plug()
    fresh = tmp_path / "fresh"
    fresh.symlink_to(os.readlink(other.link))  # noqa: PTH115
    fresh.replace(path)
    listener.wait(lambda: listener.opens == 2)
    assert other.write(b"new")
    listener.wait(lambda: listener.data == b"new")
    other.unplug()


def test_a_path_that_is_gone_is_a_lost_device_though_the_descriptor_lives(
    listener: Listener, link_to: Start, port: PseudoPort
) -> None:
    link_to(str(port.link))
    listener.wait(lambda: listener.opens == 1)
    port.link.unlink()
    listener.wait(lambda: bool(listener.reasons))


@pytest.mark.parametrize("error", [DeviceError("wrong model", hint="Use another."), RuntimeError("a driver's mistake")])
def test_a_conversation_that_fails_is_heard_and_tried_again(
    listener: Listener, link_to: Start, port: PseudoPort, error: Exception
) -> None:
    listener.fail_on_open = error
    link_to(str(port.link))
    listener.wait(lambda: listener.opens == 2)
    assert str(error) in listener.reasons[0]


@pytest.mark.parametrize(
    ("address", "word"),
    [("/nowhere/ttyUSB0", "not there"), ("nosuch://1", "nosuch"), ("socket://127.0.0.1:1", "refused")],
)
def test_a_port_that_cannot_be_opened_is_told_in_words(
    listener: Listener, link_to: Start, address: str, word: str
) -> None:
    link_to(address)
    listener.wait(lambda: bool(listener.reasons))
    assert word in listener.reasons[0]


def test_a_file_that_is_no_port_is_told(listener: Listener, link_to: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a port")
    link_to(str(tmp_path / "file"))
    listener.wait(lambda: bool(listener.reasons))


def test_a_usb_device_that_is_not_plugged_in_is_told(listener: Listener, link_to: Start) -> None:
    link_to(UsbIdentity(0xFFFE, 0xFFFE, "none"))
    listener.wait(lambda: bool(listener.reasons))
    assert "USB fffe:fffe serial number none" in listener.reasons[0]


def test_starting_twice_is_a_mistake_that_is_told(link_to: Start) -> None:
    link = link_to("loop://")
    with pytest.raises(DeviceError, match="already started"):
        link.start()


def test_a_conversation_may_say_farewell_and_hear_the_answer(
    listener: Listener, link_to: Start, tmp_path: Path
) -> None:
    made = [PseudoPort(tmp_path / "port", on_bytes=lambda data: answered.append(made[0].write(data.upper())))]
    answered: list[bool] = []
    made[0].plug()
    link = link_to(str(made[0].link))
    listener.wait(lambda: listener.opens == 1)
    listener.farewell = b"bye"
    link.stop()
    made[0].unplug()
    assert listener.data == b"BYE"


def test_a_farewell_to_a_port_that_is_gone_does_not_keep_it_from_being_stopped(
    listener: Listener, link_to: Start, tmp_path: Path
) -> None:
    port = PseudoPort(tmp_path / "port")
    port.plug()
    link = link_to(str(port.link))
    listener.wait(lambda: listener.opens == 1)
    listener.stays = True
    port.unplug()
    link.stop()
    assert [thread for thread in threading.enumerate() if thread.name == "dut-link"] == []
