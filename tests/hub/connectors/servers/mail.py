"""A real SMTP server on loopback (aiosmtpd): encrypted if asked to, with an account, and with answers as planned."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

USER, PASSWORD = "hub", "a secret of the server"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One letter with its envelope."""

    sender: str
    to: list[str]
    message: EmailMessage
    raw: bytes
    encrypted: bool
    signed_in: bool


@dataclass
class MailServer:  # aiosmtpd calls its methods by these names, with these arguments
    """What it got and what it will answer.

    Attributes:
        recipients: answers to the next ``RCPT``, e.g. ``550 5.1.1 no such user``; otherwise it takes everybody.
        contents: answers to the next letters.
    """

    port: int = 0
    got: list[Arrived] = field(default_factory=list)
    recipients: deque[str] = field(default_factory=deque)
    contents: deque[str] = field(default_factory=deque)

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if self.recipients:
            return self.recipients.popleft()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:  # noqa: N802
        raw = envelope.original_content or b""
        message = message_from_bytes(raw, policy=policy.SMTP)
        assert isinstance(message, EmailMessage)
        assert server.transport is not None
        encrypted = server.transport.get_extra_info("sslcontext") is not None
        signed_in = bool(session.authenticated)
        self.got.append(Arrived(str(envelope.mail_from), list(envelope.rcpt_tos), message, raw, encrypted, signed_in))
        return self.contents.popleft() if self.contents else "250 2.0.0 OK queued as 4711"


def _account(server: SMTP, session: Any, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> Iterator[MailServer]:
    """Serves on a port of its own; with ``tls`` by STARTTLS and to its account only, or encrypted from the start."""
    served = MailServer()
    starttls = None if implicit else tls
    options = {"auth_required": True, "require_starttls": True} if starttls is not None else {}
    made = partial(SMTP, served, hostname="mail.test", tls_context=starttls, authenticator=_account, **options)
    loop = asyncio.new_event_loop()
    listening = loop.run_until_complete(
        loop.create_server(lambda: made(loop=loop), "127.0.0.1", 0, ssl=tls if implicit else None)
    )
    served.port = listening.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="mail")
    thread.start()
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        listening.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.close()
