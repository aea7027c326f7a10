"""An erasure that comes while a file is received or looked at: nothing of it can be read afterwards."""

from __future__ import annotations

import hashlib
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.images.tables import image_keys
from inspection.hub.precheck import keeping, results, uploads
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.problems import Problem
from inspection.item import Item
from tests.hub.conftest import RunningHub
from tests.hub.people.test_people import erase
from tests.hub.precheck.test_queue import GOOD, Customer


def readable(running: RunningHub, upload: UUID, content: bytes) -> bool:
    """Whether the key that opens an object is there."""
    name = hashlib.sha256(upload.bytes + content).hexdigest()
    mine = sa.and_(image_keys.c.merchant_id == running.merchant, image_keys.c.sha256 == name)
    with running.hub.database.transaction() as connection:
        row = connection.execute(sa.select(image_keys).where(mine)).one()
    return row.wrapped is not None


def test_what_was_seen_after_an_erasure_is_shredded(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers
) -> None:
    customer = Customer(running, admin)
    upload = customer.send(GOOD)
    with lookers.one() as bench:
        look = bench.looker.look(GOOD, Item())
    erase(running, admin, customer.rma)
    assert not results.write(running.hub, running.merchant, upload, results.judged([look], [None]))
    assert not readable(running, upload, look.jpeg)
    assert not readable(running, upload, GOOD)
    assert (customer.upload(upload).state, customer.upload(upload).code) == ("refused", keeping.ERASED)


def test_a_file_that_becomes_whole_after_an_erasure_is_shredded(running: RunningHub, admin: httpx2.Client) -> None:
    customer = Customer(running, admin)
    row = customer.begin(GOOD)
    erase(running, admin, customer.rma)
    with pytest.raises(Problem) as caught:
        uploads.keep(running.hub, row, GOOD)
    assert caught.value.code == "upload.unknown"
    assert not readable(running, row.id, GOOD)


def test_a_look_that_comes_second_leaves_the_first_ones_pictures_alone(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers
) -> None:
    customer = Customer(running, admin)
    upload = customer.send(GOOD)
    with lookers.one() as bench:
        look = bench.looker.look(GOOD, Item())
    seen = results.judged([look], [None])
    assert results.write(running.hub, running.merchant, upload, seen)
    assert not results.write(running.hub, running.merchant, upload, seen)
    assert readable(running, upload, look.jpeg)
