"""Handing letters in to an SMTP server (RFC 5321, 6409): encrypted, to a checked address only, nothing personal kept.

What a server answers may quote whom a letter is for; of a refusal only its codes are kept.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from inspection.hub.connectors.contract import Again, DeliveryProblem, Refused, Request, Response, Unusable
from inspection.hub.connectors.guard import Guard

PORTS = {"smtp": 587, "smtps": 465}
_PERMANENT = 500
_ENHANCED = re.compile(rb"\b([245]\.\d{1,3}\.\d{1,3})\b")
"""RFC 3463."""
_ADDRESS = re.compile(r"\S*@\S*")


@dataclass(frozen=True, slots=True)
class Account:
    """Where name and password are read, at every use."""

    user: Callable[[], str]
    password: Callable[[], str]


class SmtpSender:
    """Hands letters in one after the other, over one connection. Not for several threads.

    Args:
        guard: where may be connected to.
        hello: how this side calls itself; a machine's own name is nobody's business.
        account: to sign in with; ``None`` for a server that asks for none.
        starttls: whether ``smtp://`` has to be encrypted; without, only allowed networks are talked to.
        timeout_s: for one answer of the server.
        ca_file: certificates to trust instead of the system's.
    """

    def __init__(
        self,
        guard: Guard,
        hello: str,
        account: Account | None,
        *,
        starttls: bool = True,
        timeout_s: float = 20.0,
        ca_file: Path | None = None,
    ) -> None:
        self._guard = guard
        self._hello = hello
        self._account = account
        self._starttls = starttls
        self._timeout_s = timeout_s
        self._ca_file = ca_file
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye."""
        server, self._server = self._server, None
        if server is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()

    def send(self, request: Request) -> Response:
        """Hand one letter in: headers ``From`` and ``To`` are its envelope, the body is the letter.

        Raises:
            Again: the server was not there, broke off, or asked to come later; the letter may have arrived.
            Refused: it will never take this letter.
            Unusable: it may not be talked to, its certificate is not trusted, or account or sender are refused.
        """
        try:
            return self._handed_in(request)
        except DeliveryProblem:
            self._drop()
            raise
        except ssl.SSLCertVerificationError as error:
            self._drop()
            raise Unusable(f"its certificate is not trusted: {error.verify_message}") from None
        except smtplib.SMTPNotSupportedError:
            self._drop()
            raise Unusable("the server offers no encryption, or no way to sign in that is known") from None
        except smtplib.SMTPResponseException as error:
            self._drop()
            problem = Refused if error.smtp_code >= _PERMANENT else Again
            raise problem(f"the server refused the letter: {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise Again(f"the server broke off: {type(error).__name__}") from None

    def _handed_in(self, request: Request) -> Response:
        if self._server is None:
            self._server = self._connected(request.url)
        server, sender, to = self._server, request.headers["From"], request.secret_headers["To"]
        _check(server.mail(sender), "the sender", Unusable)
        _check(server.rcpt(to), "the customer's address", Refused)
        status, text = _check(server.data(request.body), "the letter", Refused)
        said = _ADDRESS.sub("…", text.decode("utf-8", "replace"))
        return Response(int(HTTPStatus.OK), {}, f"{status} {said}".encode())

    def _connected(self, url: str) -> smtplib.SMTP:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
        if parts.scheme == "smtp" and not self._starttls and not self._guard.allows_plain(host, port):
            raise Unusable(f"{host} is only talked to encrypted", hint="or name its network in allow_networks")
        context = _context(self._ca_file)
        tls = context if parts.scheme == "smtps" else None
        server = _Server(self._guard, tls, host, port, self._hello, self._timeout_s)
        self._server = server  # from here on a failure ends it
        server.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and self._starttls:
            server.starttls(context=context)
        if self._account is not None:
            try:
                server.login(self._account.user(), self._account.password())
            except smtplib.SMTPAuthenticationError as error:
                problem = Unusable if error.smtp_code >= _PERMANENT else Again
                raise problem(f"signing in was refused: {error.smtp_code}") from None
        return server

    def _drop(self) -> None:
        """After a failure nobody knows where the conversation stands; the next letter begins another."""
        server, self._server = self._server, None
        if server is not None:
            server.close()


class _Server(smtplib.SMTP):
    """Connects to checked addresses only, by the address and not by the name, so that no second look-up differs."""

    def __init__(
        self, guard: Guard, tls: ssl.SSLContext | None, host: str, port: int, hello: str, timeout_s: float
    ) -> None:
        self._guard = guard
        self._tls = tls
        try:
            super().__init__(host, port, local_hostname=hello, timeout=timeout_s)
        except smtplib.SMTPConnectError as error:
            raise Again(f"the server does not serve now: {error.smtp_code}") from None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        last: OSError | None = None
        for address in self._guard.addresses(host, port):
            try:
                found = socket.create_connection((address, port), timeout)
            except OSError as error:
                last = error
                continue
            return found if self._tls is None else self._tls.wrap_socket(found, server_hostname=host)
        raise last or OSError(f"{host} has no address")


def _check(answer: tuple[int, bytes], what: str, never: type[DeliveryProblem]) -> tuple[int, bytes]:
    """``answer`` when it is 2xx; 4xx is for later, 5xx for good.

    Raises:
        DeliveryProblem: with the answer's codes (RFC 5321, 4.2; RFC 3463), and nothing else of it.
    """
    status, text = answer
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    enhanced = _ENHANCED.search(text)
    code = f"{status} {enhanced[1].decode()}" if enhanced else str(status)
    raise (never if status >= _PERMANENT else Again)(f"the server refused {what}: {code}")


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise Unusable(f"{ca_file}: {error.strerror or error}") from None
