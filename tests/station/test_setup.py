"""Parts of the set-up: who may, what is found, how a choice becomes an entry, the way to the hub."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.serial_device import SerialDevice
from devices.simulators import SimulatedBench
from devices.tools.listing import Attached
from devices.tools.recording import read_header
from inspection.station.config import HubSection
from inspection.station.people import People, Person
from inspection.station.setup import hub_check, roles
from inspection.station.setup.access import (
    FREE_TRIES,
    SESSION_S,
    Access,
    PinFile,
    TooManyTries,
    UnfitPin,
    WrongPin,
    is_this_machine,
)
from inspection.station.setup.config_file import Refused
from inspection.station.setup.found import found_things
from inspection.station.setup.heard import LastHeard
from inspection.station.setup.roles import Wanted, build
from inspection.station.setup.trials import Trial, TrialRunning, Trials
from tests.station.parts import barcode, tag
from tests.station.recording_hub import TOKEN, RecordingHub
from tests.station.rig import wait_until

HERE, AWAY = "127.0.0.1", "192.0.2.7"
TECHNICIAN = Person("t-1", "BADGE:7777", technician=True)
WORKER = Person("w-1", "BADGE:1111")


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def access(tmp_path: Path, *people: Person, worker: str = "w-1") -> tuple[Access, Time]:
    clock = Time()
    return Access(People.of(people), lambda: worker, PinFile(tmp_path / "data" / "setup-pin"), clock), clock


def test_without_pin_and_badge_only_this_machine_may(tmp_path: Path) -> None:
    made, _ = access(tmp_path, WORKER)
    assert not made.guarded
    assert made.open_to(None, HERE)
    assert made.open_to(None, "::ffff:127.0.0.1")
    assert not made.open_to(None, AWAY)
    assert not is_this_machine(None)


def test_a_badge_opens_for_as_long_as_its_owner_works_here(tmp_path: Path) -> None:
    people = (TECHNICIAN, WORKER)
    assert access(tmp_path, *people, worker="t-1")[0].open_to(None, AWAY)
    assert not access(tmp_path, *people, worker="w-1")[0].open_to(None, HERE)
    supervisor = Person("s-1", "BADGE:9999", supervisor=True)
    assert access(tmp_path, supervisor, worker="s-1")[0].open_to(None, AWAY)


def test_a_pin_opens_until_it_is_not_used_for_a_while(tmp_path: Path) -> None:
    made, clock = access(tmp_path)
    made.pin.set("4711")
    assert made.pin.path.stat().st_mode & 0o077 == 0
    assert "4711" not in made.pin.path.read_text()
    assert not made.open_to(None, HERE)
    session = made.unlock("4711")
    clock.now += SESSION_S
    assert made.open_to(session, AWAY)
    clock.now += SESSION_S + 1
    assert not made.open_to(session, AWAY)
    again = made.unlock("4711")
    made.lock(again)
    assert not made.open_to(again, HERE)


def test_guessing_a_pin_is_slow(tmp_path: Path) -> None:
    made, clock = access(tmp_path)
    made.pin.set("4711")
    for _ in range(FREE_TRIES):
        with pytest.raises(WrongPin):
            made.unlock("0000")
    with pytest.raises(TooManyTries):
        made.unlock("4711")
    clock.now += 31
    assert made.unlock("4711")
    for unfit in ("", "12", "abcd", "1" * 13, "١٢٣٤"):
        with pytest.raises(UnfitPin):
            made.pin.set(unfit)
    made.pin.path.write_text('{"salt": 7}')
    with pytest.raises(WrongPin):
        made.unlock("4711")
    assert not made.open_to(None, HERE)


def test_every_driver_has_a_role_and_usb_devices_are_named_for_good() -> None:
    assert {name.partition(".")[0] for name in roles.DRIVERS} == set(roles.ROLES)
    assert "printer.zpl" in roles.drivers_of("printer")
    identity = roles.place_of("usb:0c2e:0b6a:A 1")
    assert identity == {"vendor_id": 0x0C2E, "product_id": 0x0B6A, "serial_number": "A 1"}
    assert roles.place_text(identity) == "usb:0c2e:0b6a:A 1"
    assert roles.place_text({"vendor_id": "0c2e", "product_id": 0x0B6A}) == "usb:0c2e:0b6a"
    assert roles.place_of("/dev/ttyUSB0") == "/dev/ttyUSB0"


def test_another_driver_keeps_what_it_knows_and_drops_what_it_does_not() -> None:
    before = {"id": "rfid", "driver": "rfid.m100", "port": "/dev/a", "rssi_gate_dbm": -60, "baudrate": 9600}
    moved = Wanted(device_id="rfid", driver="rfid.m100", place="/dev/b").entry(before)
    assert moved == {**before, "port": "/dev/b"}
    other = Wanted(device_id="rfid", driver="scale.mt_sics", place="/dev/b").entry(before)
    assert other == {"id": "rfid", "driver": "scale.mt_sics", "port": "/dev/b"}
    roles.build(other)
    lamp = Wanted(device_id="lamp", driver="lamp.modbus", place="192.0.2.1", baudrate=9600).entry(None)
    assert lamp == {"id": "lamp", "driver": "lamp.modbus", "host": "192.0.2.1"}
    with pytest.raises(Refused):
        Wanted(device_id="x", driver="barcode.telepathy").entry(None)
    with pytest.raises(Refused, match="port"):
        roles.build({"id": "x", "driver": "barcode.serial"})


def test_what_is_found_says_who_uses_it() -> None:
    scanner = Attached(
        "/dev/ttyACM0",
        "Honeywell USB 0c2e:0b6a",
        '- {id: NAME, driver: barcode.serial, port: {vendor_id: 0x0c2e, product_id: 0x0b6a, serial_number: "19"}}',
    )
    adapter = Attached("/dev/ttyUSB0", "FTDI adapter", "- {id: NAME, driver: DRIVER, port: /dev/ttyUSB0}", "ask it")
    camera = Attached(
        "/dev/video0", "Cam", "- {id: NAME, view: VIEW, driver: opencv, usb: {vendor_id: 0x046d, product_id: 0x0825}}"
    )
    devices = [{"id": "s", "driver": "barcode.serial", "port": {"vendor_id": 0x0C2E, "product_id": 0x0B6A}}]
    found = found_things(devices, [], serial=lambda: [scanner, adapter], video=lambda: [camera])
    assert [(thing.place, thing.driver, thing.used_by) for thing in found] == [
        ("/dev/ttyUSB0", "", ""),
        ("usb:046d:0825", "", ""),
        ("usb:0c2e:0b6a:19", "barcode.serial", "s"),
    ]


def test_the_newest_reading_of_each_device_is_kept_with_its_age() -> None:
    kept = LastHeard()
    kept.hear(barcode("A"))
    kept.hear(barcode("B\x1dC", 1.0))
    kept.hear(tag())
    heard = kept.of("scanner")
    assert heard is not None
    assert (heard.value, heard.count) == ("B␝C", 2)
    assert heard.as_json(heard.monotonic_ns + 2_500_000_000)["age_s"] == 2.5
    assert kept.of("nobody") is None


# Trials -----------------------------------------------------------------------------------------------


class Table:
    """A station with one running reader."""

    def __init__(self, folder: Path) -> None:
        self.bench = SimulatedBench(folder / "bench")
        self.port = str(folder / "bench" / "rfid")
        self.reader = build({"id": "rfid", "driver": "rfid.m100", "port": self.port})
        self.trials = Trials(self.resting, self.holder, folder / "recordings", listen_s=0.1)
        self.running = False

    def holder(self, place: object) -> str:
        return "rfid" if self.running and place == self.port else ""

    @contextmanager
    def resting(self, device_id: str) -> Iterator[None]:
        if device_id == "rfid" and self.running:
            self.reader.stop()
        yield
        if device_id == "rfid" and self.running:
            self.reader.start(lambda _message: None)

    def ended(self) -> Trial:
        wait_until(lambda: not self.trials.now.going_on, what="the trial's end")
        return self.trials.now


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    made = Table(tmp_path)
    yield made
    made.trials.close()
    made.reader.stop()
    made.bench.close()


def test_what_hangs_on_a_port_is_found_and_tried(table: Table) -> None:
    table.trials.probe(table.port)
    with pytest.raises(TrialRunning):
        table.trials.probe(table.port)
    found = table.ended()
    assert (found.answer, found.driver, found.baudrate) == ("good", "rfid.m100", 115200)
    table.bench.place_tags(["3034257BF7194E4000001A85"])
    table.trials.test({"id": "new", "driver": found.driver, "port": table.port})
    tried = table.ended()
    assert tried.answer == "good"
    assert tried.reading is not None
    assert tried.reading.value == "3034257BF7194E4000001A85"


def test_a_running_device_rests_while_it_is_tried_and_is_recorded_for_support(table: Table, tmp_path: Path) -> None:
    table.reader.start(lambda _message: None)
    table.running = True
    wait_until(lambda: table.reader.status.connected, what="the reader")
    with pytest.raises(Refused, match="rfid has this port"):
        table.trials.test({"id": "other", "driver": "scale.mt_sics", "port": table.port})
    with pytest.raises(Refused, match="rfid has this port"):
        table.trials.probe(table.port)
    assert isinstance(table.reader, SerialDevice)
    table.trials.record(table.reader, seconds=1.0)
    assert table.ended().answer == "kept"
    [kept] = (tmp_path / "recordings").iterdir()
    assert read_header(kept).device == "rfid"
    wait_until(lambda: table.reader.status.connected, what="the reader to be back")


# The way to the hub -----------------------------------------------------------------------------------------------


@pytest.fixture
def hub() -> Iterator[RecordingHub]:
    started = RecordingHub().start()
    yield started
    started.stop()


def section(url: str, tmp_path: Path, token: str = TOKEN) -> HubSection:
    (tmp_path / "token").write_text(token)
    return HubSection.model_validate({"url": url, "token_file": tmp_path / "token"})


def codes(found: list[hub_check.Finding]) -> list[str]:
    return [finding.code for finding in found]


def test_a_good_way_is_good_at_every_step(hub: RecordingHub, tmp_path: Path) -> None:
    found = hub_check.check_hub(section(hub.url, tmp_path), (0, 0))
    assert codes(found) == [
        "dns.good",
        "connect.good",
        "tls.none",
        "answer.good",
        "clock.good",
        "enrolment.good",
        "queue.empty",
    ]
    assert all(finding.good for finding in found)


def test_each_fault_is_named_once_and_what_follows_from_it_is_left_out(
    hub: RecordingHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert codes(hub_check.check_hub(None, (3, 0))) == ["connect.none", "queue.waiting"]
    refused = hub_check.check_hub(section(hub.url, tmp_path, "another"), (0, 2))
    assert codes(refused)[-2:] == ["enrolment.refused", "queue.refused"]
    assert codes(hub_check.check_hub(section(hub.url, tmp_path, ""), (0, 0)))[-2] == "enrolment.none"
    late = hub_check.check_hub(section(hub.url, tmp_path), (0, 0), lambda: datetime.now(UTC) + timedelta(minutes=10))
    assert next(finding.about for finding in late if finding.code == "clock.wrong").startswith(("+599", "+600"))
    hub.stop()
    assert codes(hub_check.check_hub(section(hub.url, tmp_path), (0, 0))) == [
        "dns.good",
        "connect.refused",
        "queue.empty",
    ]
    assert codes(hub_check.check_hub(section("http://127.0.0.1:99999", tmp_path), (0, 0)))[0] == "dns.unfit"

    def unknown(*_: object, **__: object) -> None:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    assert codes(hub_check.check_hub(section("https://hub.invalid", tmp_path), (0, 0))) == [
        "dns.unknown",
        "queue.empty",
    ]


def certificate(folder: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_certificate_that_is_not_trusted_and_one_that_ends_soon_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        url = f"https://localhost:{server.server_address[1]}"
        assert codes(hub_check.check_hub(section(url, tmp_path), (0, 0)))[2:] == ["tls.untrusted", "queue.empty"]
        usual = ssl.create_default_context
        monkeypatch.setattr("ssl.create_default_context", lambda: usual(cafile=str(pem)))
        [soon] = [each for each in hub_check.check_hub(section(url, tmp_path), (0, 0)) if each.step == "tls"]
        assert (soon.code, soon.good) == ("tls.soon", False)
        assert soon.about in ("4", "5")
    finally:
        server.shutdown()
        server.server_close()
