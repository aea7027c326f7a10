"""What pictures showed beside what the station found."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from inspection.hub.precheck.agreement import Pair, agreement, pair, total
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tables import pictures
from inspection.products import Catalogue
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_queue import Customer
from tests.hub.precheck.test_trust import sent, shelf
from tests.hub.reports import report

CATALOGUE = Catalogue.load(Path(__file__).parents[3] / "configs" / "products.yaml")


@pytest.mark.parametrize(
    ("conditions", "disposition", "grade", "expected"),
    [
        (["intact", "major"], "scrap", None, Pair.AGREE),
        (["intact", "minor"], "resell", "open_box", Pair.AGREE),
        (["critical"], "resell", "parts", Pair.AGREE),
        (["critical"], "resell", "open_box", Pair.NOT_CONFIRMED),
        (["intact"], "repair", None, Pair.NOT_SEEN),
        (["intact"], "hold", None, Pair.UNDECIDED),
        ([None], "scrap", None, Pair.UNDECIDED),
    ],
)
def test_two_opinions_come_to_one_word(
    conditions: list[str | None], disposition: str, grade: str | None, expected: Pair
) -> None:
    assert pair(conditions, disposition, grade) is expected


def test_cases_are_counted_by_kind_of_goods_and_only_the_merchants_own(
    running: RunningHub,
    admin: httpx2.Client,
    station: httpx2.Client,
    lookers: Lookers,
    agent: httpx2.Client,
) -> None:
    before = agreement_now(running)
    customer, other = Customer(running, admin), Customer(running, admin)
    for each, condition in ((customer, "major"), (other, "intact")):
        upload = sent(each, running, lookers, shelf(71))
        with running.hub.database.transaction() as connection:
            mine = pictures.c.upload_id == upload
            connection.execute(pictures.update().where(mine).values(condition=condition))
        made = report(rma=each.rma)
        made_by = station.post("/v1/inspections", json=made)
        assert made_by.status_code == 201, made_by.text
    after = agreement_now(running)
    assert sum(after.values()) == sum(before.values()) + 2
    kinds = admin.get("/v1/precheck/agreement", params={"days": 1}).json()["kinds"]
    assert sum(each["agree"] + each["not_confirmed"] + each["not_seen"] + each["undecided"] for each in kinds) >= 2
    page = agent.get("/console/agreement")
    assert (page.status_code, "<svg viewBox" in page.text) == (200, True)
    with running.hub.database.transaction() as connection:
        nobody = connection.execute(sa.func.gen_random_uuid()).scalar_one()
        assert agreement(connection, nobody, CATALOGUE, 90) == ()


def agreement_now(running: RunningHub) -> dict[str, int]:
    with running.hub.database.transaction() as connection:
        return dict(total(agreement(connection, running.merchant, CATALOGUE, 90)))
