"""The customer hears by e-mail what became of the case: through a real SMTP server, once; nobody else learns where."""

from __future__ import annotations

import json
import logging
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa
import structlog
from prometheus_client import CollectorRegistry

from inspection.epcis import Names
from inspection.hub import logs
from inspection.hub.accounts.tokens import authenticate
from inspection.hub.connectors.config import ConnectorsConfig
from inspection.hub.connectors.configured import configure
from inspection.hub.connectors.contract import Request, Unusable
from inspection.hub.connectors.delivering import Deliverer, Slot
from inspection.hub.connectors.guard import Guard
from inspection.hub.connectors.mail import LETTERS
from inspection.hub.connectors.metrics import DeliveryMetrics
from inspection.hub.connectors.smtp import SmtpSender
from inspection.hub.connectors.tables import attempts, deliveries
from inspection.hub.events import EventKind, record
from inspection.hub.precheck import cases
from inspection.hub.precheck.challenges import ask
from inspection.hub.precheck.deciding import Ruling, decide
from inspection.hub.precheck.letters import SUBJECTS, Letters
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.replies import Decision, Reason, reply
from inspection.hub.precheck.tasks import look_at
from inspection.languages import TITLES
from tests.hub.conftest import RunningHub
from tests.hub.connectors.servers.mail import PASSWORD, USER, MailServer, mail_server
from tests.hub.connectors.test_guard import self_signed
from tests.hub.people.test_people import erase
from tests.hub.precheck.test_queue import GOOD, Customer

ADDRESS = "somchai.k+returns@mailbox.example"


class Post:
    """A hub that writes letters, turned by hand."""

    def __init__(self, running: RunningHub, served: MailServer, **section: Any) -> None:
        self.running, self.served, self.name = running, served, f"post-{uuid4().hex[:8]}"
        usual: dict[str, Any] = {"kind": "mail", "sender": "returns@shop.example"}
        usual["url"] = f"smtp://127.0.0.1:{served.port}"
        usual |= {"starttls": False, "quiet_s": 0, "parallel": 1, "events": list(LETTERS)}
        usual |= {"retry": {"first_s": 600, "break_s": 600}}
        document = {"allow_networks": ["127.0.0.0/8"], "destinations": {self.name: usual | section}}
        self.config = ConnectorsConfig.model_validate(document)
        hub = running.hub
        with hub.database.transaction() as connection:
            configure(connection, running.merchant, self.config)
        access = hub.config.access.model_copy(update={"public_url": running.url})
        writer = Letters(hub.config.model_copy(update={"access": access}))
        metrics = DeliveryMetrics(CollectorRegistry())
        self.deliverer = Deliverer(hub.database, self.config, Names(), metrics, writer=writer)

    def turn(self) -> list[str]:
        """What is due is delivered; the new letters' subjects."""
        before = len(self.served.got)
        with self.running.hub.database.transaction() as connection:
            now = {"next_attempt_at": sa.func.now()}
            connection.execute(deliveries.update().where(deliveries.c.destination == self.name).values(now))
            connection.execute(sa.text("UPDATE connector_destinations SET open_until = NULL, probing_until = NULL"))
        self.deliverer.drain(Slot(self.running.merchant, self.name, 0), lambda: False)
        return [str(each.message["Subject"]) for each in self.served.got[before:]]

    def rows(self) -> list[Any]:
        with self.running.hub.database.transaction() as connection:
            mine = deliveries.c.destination == self.name
            return list(connection.execute(sa.select(deliveries).where(mine).order_by(deliveries.c.event_id)))

    def states(self) -> list[str]:
        return [row.state for row in self.rows()]

    def kept(self) -> str:
        """All that the connectors keep of it."""
        with self.running.hub.database.transaction() as connection:
            mine = sa.select(deliveries.c.delivery_id).where(deliveries.c.destination == self.name)
            made = connection.execute(sa.select(attempts).where(attempts.c.delivery_id.in_(mine))).all()
        return json.dumps([dict(row._mapping) for row in [*self.rows(), *made]], default=str)


@pytest.fixture
def served() -> Iterator[MailServer]:
    with mail_server() as found:
        yield found


@pytest.fixture
def post(running: RunningHub, served: MailServer) -> Iterator[Post]:
    yield Post(running, served)
    none = ConnectorsConfig.model_validate({})
    with running.hub.database.transaction() as connection:
        configure(connection, running.merchant, none)


@contextmanager
def what_is_logged() -> Iterator[list[Any]]:
    """By loggers that are made within."""
    kept = structlog.testing.LogCapture()
    all_of_it = structlog.make_filtering_bound_logger(logging.DEBUG)
    structlog.configure(processors=[kept], wrapper_class=all_of_it, cache_logger_on_first_use=False)
    try:
        yield kept.entries
    finally:
        logs.configure(logging.ERROR)


def decided(running: RunningHub, customer: Customer, decision: Decision) -> None:
    with running.hub.database.transaction() as connection:
        caller = authenticate(connection, running.admin_token)
        assert caller is not None
        decide(connection, caller, customer.rma, Ruling(decision, Reason.OTHER, "a note"))


def challenged(running: RunningHub, customer: Customer) -> str:
    with running.hub.database.transaction() as connection:
        caller = authenticate(connection, running.admin_token)
        assert caller is not None
        return ask(connection, caller, customer.rma, timedelta(hours=1))[0].code


def answered(running: RunningHub, customer: Customer, lookers: Lookers) -> None:
    look_at(running.hub, lookers, running.merchant, customer.send(GOOD))


def test_every_letter_is_written_in_every_language() -> None:
    assert set(SUBJECTS) == set(LETTERS)
    for texts in SUBJECTS.values():
        assert set(texts) == set(TITLES)


def test_the_customer_is_told_of_the_case_in_their_language(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers, post: Post, served: MailServer
) -> None:
    customer = Customer(running, admin, email=ADDRESS, language="th")
    assert post.turn() == [SUBJECTS[LETTERS[0]]["th"].format(rma=customer.rma)]
    answered(running, customer, lookers)
    assert len(post.turn()) == 1
    code = challenged(running, customer)
    assert len(post.turn()) == 1
    decided(running, customer, Decision.REPAIR)
    assert len(post.turn()) == 1
    first, _, third, last = served.got
    assert (last.sender, last.to) == ("returns@shop.example", [ADDRESS])
    assert (last.message["Auto-Submitted"], last.message["Content-Language"]) == ("auto-generated", "th")
    assert reply("repair", "th") in last.message.get_content()
    assert code not in third.message.get_content()  # who reads the mail need not be who has the item
    assert len({each.message["Message-ID"] for each in served.got}) == 4
    assert all(line.isascii() and len(line) < 998 for each in served.got for line in each.raw.split(b"\r\n"))
    found = re.search(r"http\S+/precheck/c/\S+", first.message.get_content())
    assert found is not None
    assert httpx2.get(found[0], headers={"Accept": "text/html"}).status_code == 200
    assert post.states() == ["delivered"] * 4


def test_several_answers_in_a_row_lead_to_one_letter(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers, post: Post, served: MailServer
) -> None:
    customer = Customer(running, admin, email=ADDRESS, language="en")
    answered(running, customer, lookers)
    for _ in range(2):
        with running.hub.database.transaction() as connection:
            record(connection, running.merchant, EventKind.PRECHECK_ANSWERED, customer.rma, {"rma": customer.rma})
    assert post.turn() == [f"Return {customer.rma}: an answer to your pictures"]
    assert "automatic answer" in served.got[-1].message.get_content()
    assert post.states() == ["skipped", "skipped", "skipped", "delivered"]  # the invitation is out of date, too


def test_an_answer_waits_for_more_pictures_without_counting_as_a_failure(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers, served: MailServer
) -> None:
    post = Post(running, served, quiet_s=3600, events=["precheck_answered"])
    customer = Customer(running, admin, email=ADDRESS)
    answered(running, customer, lookers)
    assert (post.turn(), post.turn()) == ([], [])
    (row,) = post.rows()
    assert (row.state, row.attempts) == ("waiting", 0)


def test_a_letter_that_could_not_be_taken_comes_later_and_is_the_same(
    running: RunningHub, admin: httpx2.Client, post: Post, served: MailServer
) -> None:
    served.recipients.append("451 4.7.1 greylisted, come back later")
    served.contents.append("452 4.3.1 no room")
    Customer(running, admin, email=ADDRESS)
    assert post.turn() == []
    assert post.states() == ["waiting"]
    post.turn()
    post.turn()
    assert post.states() == ["delivered"]
    ids = [each.message["Message-ID"] for each in served.got]
    assert (len(ids), len(set(ids))) == (2, 1)


def test_an_address_that_is_none_is_a_dead_letter_which_does_not_name_it(
    running: RunningHub, admin: httpx2.Client, served: MailServer
) -> None:
    served.recipients.append(f"550 5.1.1 <{ADDRESS}>: user somchai.k unknown")
    with what_is_logged() as told:
        post = Post(running, served)
        Customer(running, admin, email=ADDRESS)
        post.turn()
    (row,) = post.rows()
    assert row.state == "dead"
    assert "550 5.1.1" in row.reason
    Customer(running, admin, email=ADDRESS)
    assert len(post.turn()) == 1  # the others get theirs
    assert told
    assert "somchai" not in post.kept() + json.dumps(told, default=str)


def test_without_an_address_nothing_is_sent_and_events_never_tell_it(
    running: RunningHub, admin: httpx2.Client, post: Post
) -> None:
    body = {"rma": Customer(running, admin).rma, "email": ADDRESS}
    assert post.turn() == []
    assert admin.post("/v1/precheck/cases", json=body).status_code == 200
    seen = admin.get(f"/v1/precheck/cases/{body['rma']}").text
    with running.hub.database.transaction() as connection:
        payloads = connection.execute(sa.text("SELECT string_agg(payload::text, ' ') FROM events")).scalar()
    assert ADDRESS not in f"{seen} {payloads}"


def test_an_erased_case_is_told_of_no_more(
    running: RunningHub, admin: httpx2.Client, post: Post, served: MailServer
) -> None:
    customer = Customer(running, admin, email=ADDRESS)
    erase(running, admin, customer.rma)
    assert customer.now().email is None
    assert (post.turn(), served.got, post.states()) == ([], [], ["skipped"])


def test_a_link_that_the_shop_revoked_is_not_given_out_again(
    running: RunningHub, admin: httpx2.Client, post: Post, served: MailServer
) -> None:
    customer = Customer(running, admin, email=ADDRESS, language="en")
    post.turn()
    assert "/precheck/c/" in served.got[-1].message.get_content()
    with running.hub.database.transaction() as connection:
        cases.revoke_link(connection, running.merchant, customer.rma)
    decided(running, customer, Decision.SEND_BACK)
    post.turn()
    told = served.got[-1].message
    assert reply("send_back", "en") in told.get_content()
    assert ("/precheck/c/" in told.get_content(), told["List-Unsubscribe"]) == (False, None)


def test_the_customer_gives_and_takes_away_the_address_on_the_page(
    running: RunningHub, admin: httpx2.Client, post: Post, served: MailServer
) -> None:
    customer = Customer(running, admin, language="en")
    path = admin.post("/v1/precheck/cases", json={"rma": customer.rma}).json()["url"].removeprefix(running.url)
    with httpx2.Client(base_url=running.url, headers={"Accept": "text/html"}, timeout=60) as browser:
        assert "Tell me by e-mail" in browser.get(path).text
        assert browser.post(f"{path}/mail", data={"email": "not@one"}).status_code == 422
        assert browser.post(f"{path}/mail", data={"email": f"a@b.example\nBcc: {ADDRESS}"}).status_code == 422
        assert browser.post(f"{path}/mail", data={"email": ADDRESS}).status_code == 303
        page = browser.get(path).text
        assert ("s…@mailbox.example" in page, ADDRESS in page) == (True, False)
        decided(running, customer, Decision.REPAIR)
        post.turn()
        told = served.got[-1].message
        assert told["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        stop = str(told["List-Unsubscribe"]).strip("<>").removeprefix(running.url)
        assert browser.post(stop, data={"List-Unsubscribe": "One-Click"}).status_code == 303
    assert customer.now().email is None
    decided(running, customer, Decision.REPLACE)
    assert post.turn() == []


def test_where_no_letters_are_sent_none_are_offered(running: RunningHub, admin: httpx2.Client) -> None:
    customer = Customer(running, admin)
    url = admin.post("/v1/precheck/cases", json={"rma": customer.rma}).json()["url"]
    assert 'id="mail"' not in httpx2.get(url, headers={"Accept": "text/html"}).text


def server_context(folder: Path) -> tuple[ssl.SSLContext, Path]:
    certificate = self_signed(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context, certificate


Secrets = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def account(tmp_path: Path) -> Secrets:
    def made(user: str, password: str) -> dict[str, Any]:
        (tmp_path / "user").write_text(user)
        (tmp_path / "password").write_text(password)
        return {"user": {"file": str(tmp_path / "user")}, "password": {"file": str(tmp_path / "password")}}

    return made


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "smtps"])
def test_letters_travel_encrypted_and_from_an_account(
    running: RunningHub, admin: httpx2.Client, tmp_path: Path, account: Secrets, implicit: bool
) -> None:
    tls, certificate = server_context(tmp_path)
    with mail_server(tls, implicit=implicit) as served:
        url = f"{'smtps' if implicit else 'smtp'}://127.0.0.1:{served.port}"
        signed_in = {} if implicit else account(USER, PASSWORD)
        post = Post(running, served, url=url, starttls=True, ca_file=str(certificate), **signed_in)
        Customer(running, admin, email=ADDRESS)
        assert len(post.turn()) == 1
        assert (served.got[0].encrypted, served.got[0].signed_in) == (True, not implicit)


def test_wrong_credentials_and_strange_certificates_stop_the_destination_and_lose_nothing(
    running: RunningHub, admin: httpx2.Client, tmp_path: Path, account: Secrets
) -> None:
    tls, certificate = server_context(tmp_path)
    with mail_server(tls) as served:
        secret = account(USER, "an old password")
        post = Post(running, served, starttls=True, **secret)
        Customer(running, admin, email=ADDRESS)
        assert post.turn() == []
        assert "certificate" in post.rows()[0].reason
        post = Post(running, served, starttls=True, ca_file=str(certificate), **secret)
        Customer(running, admin, email=ADDRESS)
        assert post.turn() == []
        (row,) = post.rows()
        assert (row.state, "535" in row.reason, "old password" in post.kept()) == ("waiting", True, False)
        account(USER, PASSWORD)  # the file is replaced; no restart
        assert len(post.turn()) == 1


def test_without_encryption_only_allowed_networks_are_talked_to() -> None:
    request = Request("MAIL", "smtp://127.0.0.1:9", {"From": "a@b.example"}, b"", {"To": ADDRESS})
    for guard in (Guard(), Guard()):
        with SmtpSender(guard, "b.example", None, starttls=False) as sender, pytest.raises(Unusable):
            sender.send(request)


def test_a_server_that_offers_no_encryption_is_told_nothing(served: MailServer) -> None:
    request = Request("MAIL", f"smtp://127.0.0.1:{served.port}", {"From": "a@b.example"}, b"x", {"To": ADDRESS})
    guard = ConnectorsConfig.model_validate({"allow_networks": ["127.0.0.0/8"]}).guard
    with SmtpSender(guard, "b.example", None) as sender, pytest.raises(Unusable, match="encryption"):
        sender.send(request)
    assert served.got == []
