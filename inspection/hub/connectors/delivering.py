"""Delivering what waits in one slot of a destination: each message at least once, in its lane's order.

What survives a ``kill -9`` at any instant: an attempt is noted before the first request is sent, a step that was done
before the next one, the end in one transaction with the answer that brought it. So a message may be sent twice, with
the same id, and is never lost.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection, Row

from inspection.epcis import Names
from inspection.hub.connectors import breaker, facts, queue
from inspection.hub.connectors.config import ConnectorsConfig
from inspection.hub.connectors.contract import (
    Again,
    Busy,
    Carrier,
    Connector,
    DeliveryProblem,
    Gone,
    Message,
    Pending,
    Refused,
    Request,
    Response,
    Skipped,
    Unusable,
    excerpt,
)
from inspection.hub.connectors.mail import Mail, Writer
from inspection.hub.connectors.metrics import DeliveryMetrics
from inspection.hub.connectors.queue import Attempt, State
from inspection.hub.connectors.sections import DestinationSection
from inspection.hub.connectors.sending import without_query
from inspection.hub.database import Database
from inspection.hub.epcis.subscriptions.telling import Subscriber, Subscriptions

LOCK = 0x636F6E6E  # "conn"; any number will do, as long as every worker takes the same
TURN_S = 20.0
BUSY_S = 5.0
SOON = timedelta(seconds=1)
MAX_STEPS = 100


@dataclass(frozen=True, slots=True)
class Slot:
    """What one job delivers."""

    merchant_id: UUID
    destination: str
    number: int


class Deliverer:
    """Delivers by the configuration of this process; several may run at once, on one slot one at a time.

    Args:
        database: where the queue is.
        config: the destinations.
        names: how our own things are named.
        metrics: where it is counted.
        subscriptions: finds the destinations that are subscriptions of EPCIS queries; ``None`` knows of none.
        writer: writes letters to customers; ``None`` sends none.
    """

    def __init__(
        self,
        database: Database,
        config: ConnectorsConfig,
        names: Names,
        metrics: DeliveryMetrics,
        subscriptions: Subscriptions | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._database = database
        self._config = config
        self._names = names
        self._metrics = metrics
        self._subscriptions = subscriptions
        self._writer = writer
        self._connectors: Mapping[str, Connector] = {
            name: section.connector() for name, section in config.destinations.items()
        }
        self._log = structlog.get_logger("hub.connectors")

    def drain(self, slot: Slot, stopping: Callable[[], bool]) -> datetime | None:
        """Deliver what is due, for a while at most.

        Returns:
            When to come back; ``None`` when nothing waits, or when a person must act first.
        """
        section = self._config.destinations.get(slot.destination) or self._subscription(slot)
        if section is None:
            return None
        with self._database.session() as session, _alone(session, slot) as is_alone:
            if not is_alone:
                return datetime.now(UTC) + SOON  # another one is at it, perhaps one that was thought dead
            with section.carrier(self._config.guard) as sender:
                return self._turn(slot, section, sender, session, stopping)

    def _subscription(self, slot: Slot) -> DestinationSection | None:
        if self._subscriptions is None:
            return None
        with self._database.transaction() as connection:
            return self._subscriptions.section(connection, slot.merchant_id, slot.destination)

    def _turn(
        self,
        slot: Slot,
        section: DestinationSection,
        sender: Carrier,
        session: Connection,
        stopping: Callable[[], bool],
    ) -> datetime | None:
        ends = time.monotonic() + TURN_S
        merchant_id, name, number = slot.merchant_id, slot.destination, slot.number
        while True:
            with session.begin():
                rows = queue.due(session, merchant_id, name, number, dead_block=section.dead_letters_block)
                if not rows:
                    found = queue.next_due(session, merchant_id, name, number)
                    return found and max(found, datetime.now(UTC) + SOON)
            for row in rows:
                if stopping() or time.monotonic() > ends:
                    return datetime.now(UTC)
                with session.begin():
                    gate = breaker.gate(session, merchant_id, name)
                    is_waiting = gate.is_open and queue.start(session, row)
                if not gate.is_open:
                    return gate.until
                if is_waiting:
                    self._deliver(row, section, sender, session, gate)

    def _deliver(
        self, row: Row[Any], section: DestinationSection, sender: Carrier, session: Connection, gate: breaker.Gate
    ) -> None:
        connector = self._connectors.get(row.destination) or section.connector()
        exchange = _Exchange(session, row, sender, self._metrics)
        problem: DeliveryProblem | None = None
        try:
            with session.begin():
                message = self._message(session, row, connector)
            exchange.converse(connector, message)
        except DeliveryProblem as error:
            problem = error
        except sa.exc.DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - a mistake of ours with one message must not stop the others
            where = "".join(traceback.format_tb(error.__traceback__))
            self._log.error("delivery_failed", destination=row.destination, error=type(error).__name__, trace=where)
            problem = Again(f"the hub failed: {type(error).__name__}")
        with session.begin():
            exchange.flush(session, problem)
            outcome = _settle(session, row, section, problem, gate)
        self._metrics.attempts.labels(row.destination, outcome).inc()
        level = self._log.info if outcome in {"delivered", "skipped", "pending"} else self._log.warning
        level("delivery", destination=row.destination, delivery_id=str(row.delivery_id), outcome=outcome)

    def _message(self, connection: Connection, row: Row[Any], connector: Connector) -> Message:
        occasion = facts.Occasion(
            row.merchant_id,
            row.destination,
            row.event_id,
            row.delivery_id,
            again=row.first_attempt_at is not None,
        )
        message = facts.message(connection, occasion, self._names)
        if isinstance(connector, Subscriber):
            return connector.completed(connection, message)
        if isinstance(connector, Mail):
            return connector.completed(connection, row.merchant_id, message, self._writer)
        if connector.tells_states and message.revision:
            later = queue.superseded_by(connection, row, message.revision)
            if later is not None:
                raise Skipped(f"revision {later} stands")
        return message


class _Exchange:
    """One conversation: sends, and keeps what came of it."""

    def __init__(self, session: Connection, row: Row[Any], sender: Carrier, metrics: DeliveryMetrics) -> None:
        self._session = session
        self._row = row
        self._sender = sender
        self._metrics = metrics
        self._notes: dict[str, Any] = deepcopy(row.notes)
        self._kept: dict[str, Any] = row.notes
        self._made: list[Attempt] = []

    def converse(self, connector: Connector, message: Message) -> None:
        """Let the connector say what it has to say.

        Raises:
            DeliveryProblem: as the connector or the network has it.
        """
        conversation = connector.conversation(message, self._notes)
        try:
            request = next(conversation)
            for _ in range(MAX_STEPS):
                self._keep_notes()
                request = conversation.send(self._send(request))
        except StopIteration:
            return
        finally:
            conversation.close()
        raise Refused(f"no end after {MAX_STEPS} requests")

    def flush(self, connection: Connection, problem: DeliveryProblem | None) -> None:
        """Keep the last notes and attempts, with what became of them."""
        if problem is not None and self._made and self._made[-1].problem is None:
            last = self._made.pop()
            self._made.append(Attempt(last.request, last.status, last.duration_ms, last.response, str(problem)))
        notes = self._notes if self._notes != self._kept else None
        queue.save(connection, self._row, notes, self._made)

    def _keep_notes(self) -> None:
        if self._notes != self._kept:
            with self._session.begin():
                queue.save(self._session, self._row, self._notes, self._made)
            self._kept = deepcopy(self._notes)
            self._made = []

    def _send(self, request: Request) -> Response:
        began = time.monotonic()
        what = f"{request.method} {without_query(request.url)}"

        def made(status: int | None, response: str, problem: str | None) -> None:
            seconds = time.monotonic() - began
            self._metrics.seconds.labels(self._row.destination).observe(seconds)
            self._made.append(Attempt(what, status, int(seconds * 1000), response, problem))

        try:
            response = self._sender.send(request)
        except DeliveryProblem as problem:
            made(None, "", str(problem))
            raise
        made(response.status, excerpt(response.body, queue.MAX_KEPT_RESPONSE), None)
        return response


@contextmanager
def _alone(session: Connection, slot: Slot) -> Iterator[bool]:
    """Whether nobody else delivers the slot. The lock lives as long as the connection: whoever lost it cannot go on."""
    key = (LOCK, sa.func.hashtext(f"{slot.merchant_id}/{slot.destination}/{slot.number}"))
    with session.begin():
        is_alone: bool = session.execute(sa.select(sa.func.pg_try_advisory_lock(*key))).scalar_one()
    try:
        yield is_alone
    except BaseException:
        session.invalidate()  # in whatever state it is, the server drops the lock with it
        raise
    if is_alone:
        with session.begin():
            session.execute(sa.select(sa.func.pg_advisory_unlock(*key)))


def _settle(
    connection: Connection,
    row: Row[Any],
    section: DestinationSection,
    problem: DeliveryProblem | None,
    gate: breaker.Gate,
) -> str:
    """Write what became of an attempt; returns its name in the metrics."""
    merchant_id, name, retry = row.merchant_id, row.destination, section.retry
    outcome = "refused"
    match problem:
        case None:
            outcome = "delivered"
            queue.finish(connection, row, State.DELIVERED, None)
            if not gate.is_fresh:
                breaker.succeeded(connection, merchant_id, name)
        case Skipped():
            outcome = "skipped"
            queue.finish(connection, row, State.SKIPPED, str(problem))
            breaker.released(connection, merchant_id, name)
        case Pending():
            outcome = "pending"
            queue.put_off(connection, row, problem.after_s or BUSY_S, str(problem), counts=False)
            breaker.succeeded(connection, merchant_id, name)
        case Busy():
            outcome = "busy"
            after_s = min(BUSY_S if problem.after_s is None else problem.after_s, breaker.MAX_PAUSE_S)
            queue.put_off(connection, row, after_s, str(problem), counts=False)
            breaker.hold(connection, merchant_id, name, after_s, str(problem))
        case Gone():
            outcome = "gone"
            queue.put_off(connection, row, 0, str(problem), counts=False)
            breaker.pause(connection, merchant_id, name, str(problem))
        case Unusable():
            outcome = "unusable"
            queue.put_off(connection, row, 0, problem.one_line(), counts=False)
            breaker.hold(connection, merchant_id, name, min(breaker.UNUSABLE_S, retry.cap_s), problem.one_line())
        case Again():
            outcome = _failed(connection, row, section, problem)
        case _:
            queue.finish(connection, row, State.DEAD, problem.one_line())
            breaker.succeeded(connection, merchant_id, name)  # it answered, and that is all a breaker asks for
    return outcome


def _failed(connection: Connection, row: Row[Any], section: DestinationSection, problem: Again) -> str:
    """Put it off; or to a person, when the destination took others meanwhile, or when it has gone on for too long."""
    retry, made = section.retry, row.attempts + 1
    breaker.failed(connection, row.merchant_id, row.destination, str(problem), retry)
    since: datetime | None = row.first_attempt_at
    if since is not None:
        too_long = datetime.now(UTC) - since > timedelta(days=retry.give_up_after_days)
        poison = made >= retry.attempts and breaker.took_others_since(
            connection, row.merchant_id, row.destination, since
        )
        if too_long or poison:
            queue.finish(connection, row, State.DEAD, f"given up after {made} attempts: {problem}")
            return "refused"
    after_s = breaker.back_off_s(made - 1, retry.first_s, retry.cap_s)
    queue.put_off(connection, row, max(after_s, problem.after_s or 0.0), str(problem), counts=True)
    return "again"
