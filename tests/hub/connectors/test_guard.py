"""Where requests may go, and how long and large an answer may be."""

from __future__ import annotations

import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inspection.hub.connectors.contract import Again, Request, Unusable
from inspection.hub.connectors.guard import Guard
from inspection.hub.connectors.sending import MAX_RESPONSE_BYTES, Sender
from tests.hub.connectors.servers.faulty import Answer, FaultyServer

LOOPBACK = Guard([ipaddress.ip_network("127.0.0.0/8")])
INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:169.254.169.254]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[ff02::1]",
]


@pytest.mark.parametrize("host", INSIDE)
def test_an_address_inside_is_refused(host: str) -> None:
    with pytest.raises(Unusable, match=r"not a public address|only asked over https"):
        Guard().check_url(f"https://{host}/hook")


@pytest.mark.parametrize("host", ["8.8.8.8", "[2001:4860:4860::8888]"])
def test_a_public_address_is_let_out_to_over_tls_only(host: str) -> None:
    Guard().check_url(f"https://{host}/hook")
    with pytest.raises(Unusable, match="https"):
        Guard().check_url(f"http://{host}/hook")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "file:///etc/passwd", "https://", "https://user:pass@8.8.8.8/", "gopher://8.8.8.8/"]
)
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(Unusable):
        LOOPBACK.check_url(url)


def test_an_allowed_network_is_the_only_one_allowed() -> None:
    LOOPBACK.check_url("http://127.0.0.1:8000/")
    with pytest.raises(Unusable):
        LOOPBACK.check_url("http://10.0.0.1/")


def test_a_name_that_points_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch, server: FaultyServer) -> None:
    port = int(server.url.rpartition(":")[2])

    def resolve(host: str, *_: Any, **__: Any) -> list[Any]:
        assert host == "rebound.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with Sender(Guard()) as sender, pytest.raises(Unusable, match=r"127\.0\.0\.1"):
        sender.send(Request("POST", f"https://rebound.example:{port}/"))
    assert server.got == []


def test_a_redirection_is_not_followed(server: FaultyServer) -> None:
    server.planned.append(Answer(302, headers={"Location": f"{server.url}/elsewhere"}))
    with Sender(LOOPBACK) as sender:
        assert sender.send(Request("POST", f"{server.url}/here")).status == 302
    assert [got.path for got in server.got] == ["/here"]


def test_an_answer_is_cut_at_its_limit(server: FaultyServer) -> None:
    server.planned.append(Answer(200, b"x" * (MAX_RESPONSE_BYTES * 3)))
    with Sender(LOOPBACK) as sender:
        assert len(sender.send(Request("GET", server.url)).body) == MAX_RESPONSE_BYTES


@pytest.mark.parametrize("fault", ["hang", "drip", "cut", "drop"])
def test_no_whole_answer_is_another_attempt(server: FaultyServer, fault: str) -> None:
    server.planned.append(Answer(200, b"x" * 1000, fault=fault))
    with Sender(LOOPBACK, timeout_s=0.5) as sender, pytest.raises(Again):
        sender.send(Request("POST", server.url, body=b"{}"))


def test_only_a_certificate_that_somebody_vouches_for_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with FaultyServer(certificate=certificate) as server:
        request = Request("POST", server.url, body=b"{}")
        with Sender(LOOPBACK, timeout_s=20) as sender, pytest.raises(Unusable, match="certificate"):
            sender.send(request)
        assert server.got == []
        with Sender(LOOPBACK, timeout_s=20, ca_file=certificate) as sender:
            assert sender.send(request).status == 200


def self_signed(folder: Path) -> Path:
    """A file with a key and its certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_nobody_listening_is_another_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Sender(LOOPBACK) as sender, pytest.raises(Again):
        sender.send(Request("POST", f"http://127.0.0.1:{port}/"))
