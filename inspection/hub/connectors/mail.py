"""Destination ``mail``: the customer hears by e-mail what became of their case, through the merchant's SMTP server.

The address comes from the case when a letter is written, never from an event: no other destination is told it, and
where it was erased nothing is sent. A message that is sent twice has the same ``Message-ID`` (RFC 5322, 3.6.4).
"""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from email import policy
from email.message import EmailMessage
from email.utils import formataddr, formatdate
from typing import Annotated, Any, Literal, Protocol, Self
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import Field, model_validator
from sqlalchemy.engine import Connection

from inspection.hub.connectors.contract import Conversation, Message, Request, Unusable
from inspection.hub.connectors.guard import Guard
from inspection.hub.connectors.secret import Secret
from inspection.hub.connectors.sections import DestinationSection
from inspection.hub.connectors.smtp import Account, SmtpSender
from inspection.hub.events import EventKind

ADDRESS = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$"
)
"""An address that browsers take (WHATWG HTML, 4.10.5.1.5), with a dot in its domain. A domain in other letters than
ASCII is written with ``xn--``."""
MAX_ADDRESS = 254
LETTERS = (
    EventKind.PRECHECK_OPENED,
    EventKind.PRECHECK_ANSWERED,
    EventKind.PRECHECK_CHALLENGED,
    EventKind.PRECHECK_DECIDED,
)
"""Events of which a customer can be told."""


class MailSection(DestinationSection):
    """Where letters are handed in.

    Attributes:
        url: ``smtp://host[:587]``, encrypted by STARTTLS (RFC 3207), or ``smtps://host[:465]`` (RFC 8314).
        sender: address that letters come from; undeliverable ones go back there.
        sender_name: shown beside it.
        reply_to: where an answer goes; the sender when empty.
        user, password: of the account (RFC 4954); both or none.
        starttls: false speaks without encryption, towards a network in ``allow_networks`` only.
        language: of a customer who never chose one.
        quiet_s: an automatic answer waits so long, so that several pictures in a row lead to one letter.
    """

    kind: Literal["mail"]
    url: Annotated[str, Field(pattern=r"^smtps?://[^\s/@]+$", max_length=300)]
    events: Annotated[tuple[EventKind, ...], Field(min_length=1)] = LETTERS[1:]
    sender: Annotated[str, Field(pattern=ADDRESS, max_length=MAX_ADDRESS)]
    sender_name: Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    reply_to: Annotated[str, Field(pattern=f"^$|{ADDRESS}", max_length=MAX_ADDRESS)] = ""
    user: Secret | None = None
    password: Secret | None = None
    starttls: bool = True
    language: Literal["zh-CN", "en", "th", "vi"] = "zh-CN"
    quiet_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        strange = sorted(each.value for each in self.events if each not in LETTERS)
        if strange:
            raise ValueError(f"no letter tells of {', '.join(strange)}; there are {', '.join(LETTERS)}")
        if (self.user is None) != (self.password is None):
            raise ValueError("say both user and password, or none")
        try:
            port = urlsplit(self.url).port
        except ValueError:
            port = 0
        if port == 0:
            raise ValueError("the URL's port is none")
        return self

    def connector(self) -> Mail:
        return Mail(self)

    def carrier(self, guard: Guard) -> SmtpSender:
        """What letters are handed in with."""
        account = None if self.user is None or self.password is None else Account(self.user.read, self.password.read)
        hello = self.sender.rpartition("@")[2]
        return SmtpSender(guard, hello, account, starttls=self.starttls, timeout_s=self.timeout_s, ca_file=self.ca_file)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a customer is told.

    Attributes:
        to: address; personal, so neither shown nor logged.
        page: address of the customer's page; empty when there is none to give.
    """

    to: str = field(repr=False)
    subject: str
    text: str
    language: str
    page: str = field(default="", repr=False)


class Writer(Protocol):
    """Writes letters."""

    def letter(self, connection: Connection, merchant_id: UUID, message: Message, section: MailSection) -> Letter:
        """The letter that tells of ``message``, as things are now.

        Raises:
            Skipped: there is nobody to tell, or nothing any more.
            Pending: it is too early.
            Unusable: a setting is missing.
        """


class Mail:
    """See the module's text."""

    tells_states = False

    def __init__(self, section: MailSection) -> None:
        self._section = section

    def completed(self, connection: Connection, merchant_id: UUID, message: Message, writer: Writer | None) -> Message:
        """``message`` with its letter, and with nothing else.

        Raises:
            DeliveryProblem: see :class:`Writer`.
        """
        if writer is None:
            raise Unusable("nobody writes letters here")
        return replace(message, facts={"letter": writer.letter(connection, merchant_id, message, self._section)})

    def requests(self, message: Message) -> list[Request]:
        letter = message.facts.get("letter")
        if not isinstance(letter, Letter):
            raise Unusable("the letter is written when it is sent", hint="read it in a mailbox of your own")
        content = self._content(message, letter)
        return [
            Request(
                "MAIL",
                self._section.url,
                {"From": self._section.sender},
                content,
                secret_headers={"To": letter.to},
                secret_body=True,
                shown=letter.subject.encode(),
            )
        ]

    def conversation(self, message: Message, notes: MutableMapping[str, Any]) -> Conversation:
        for request in self.requests(message):
            yield request
            notes["sent"] = True

    def _content(self, message: Message, letter: Letter) -> bytes:
        """The letter after RFC 5322, in ASCII however it is written; automatic after RFC 3834."""
        section = self._section
        made = EmailMessage(policy.SMTP)
        made["From"] = formataddr((section.sender_name, section.sender))
        made["To"] = letter.to
        if section.reply_to:
            made["Reply-To"] = section.reply_to
        made["Subject"] = letter.subject
        made["Date"] = formatdate(usegmt=True)
        made["Message-ID"] = f"<{message.delivery_id.hex}@{section.sender.rpartition('@')[2]}>"
        made["Auto-Submitted"] = "auto-generated"
        if letter.page:  # RFC 8058: one press of the mail program, and no more come
            made["List-Unsubscribe"] = f"<{letter.page}/mail>"
            made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        made.set_content(letter.text, cte="base64" if not letter.text.isascii() else "quoted-printable")
        made["Content-Language"] = letter.language
        return made.as_bytes()
