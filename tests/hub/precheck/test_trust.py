"""Signals for people: a picture that was sent before, in whatever dress, and a code of something that was not sold."""

from __future__ import annotations

from typing import Any

import cv2
import httpx2
import numpy as np
import pytest
import sqlalchemy as sa
import zxingcpp

from inspection.frame import Pixels
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tasks import look_at
from inspection.hub.precheck.trust.articles import gtins_in
from inspection.hub.precheck.trust.sameness import Agreement, agreement, view, views, without_borders
from inspection.hub.precheck.trust.tables import prints, signals
from inspection.hub.precheck.trust.tasks import compare_upload, reprint_some
from models.runtime import Judge
from tests.hub.conftest import RunningHub
from tests.hub.people.test_people import erase
from tests.hub.precheck.test_queue import Customer, jpeg


def shelf(seed: int) -> Pixels:
    """Boxes of many colours in front of a wall: sharp, light, and unlike any of another seed."""
    chance = np.random.default_rng(seed)
    picture = np.full((600, 800, 3), (150, 160, 165), np.uint8)
    for _ in range(25):
        x, y, width, height = (int(each) for each in chance.integers((120, 60, 40, 40), (560, 420, 160, 140)))
        cv2.rectangle(picture, (x, y), (x + width, y + height), chance.integers(20, 235, 3).tolist(), -1)
        cv2.putText(picture, "".join(chance.choice(list("AKMRX38"), 4)), (x, y + 30), 0, 0.8, (250, 250, 250), 2)
    return np.clip(picture + chance.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


def decoded(picture: Pixels, quality: int = 80) -> Pixels:
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def turned(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    place = cv2.getRotationMatrix2D((width / 2, height / 2), 5, 1)
    return np.asarray(cv2.warpAffine(picture, place, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def screenshot(picture: Pixels) -> Pixels:
    screen = np.full((1700, 820, 3), 255, np.uint8)
    screen[520:1120, 10:810] = picture
    cv2.putText(screen, "12:34", (20, 40), 0, 1, (0, 0, 0), 2)
    return screen


CHANGES: dict[str, Any] = {
    "encoded again": lambda p: decoded(p, 40),
    "small": lambda p: decoded(cv2.resize(p, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)),
    "large": lambda p: cv2.resize(p, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC),
    "cut": lambda p: p[50:590, 70:790],
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
    "turned": turned,
    "other colours": lambda p: np.clip(p * (0.8, 1.0, 1.2) + (10, -5, 0), 0, 255).astype(np.uint8),
    "screenshot": screenshot,
    "all at once": lambda p: decoded(cv2.resize(p[50:590, 70:790][:, ::-1], None, fx=0.6, fy=0.6), 60),
}


def how(asked: Pixels, known: Pixels) -> Agreement:
    return agreement(views(asked), view(known))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_picture_is_known_again_in_whatever_dress(change: Any) -> None:
    found = how(change(shelf(1)), shelf(1))
    assert found.same, found


def test_a_mirrored_picture_is_said_to_be_mirrored() -> None:
    assert how(shelf(1)[:, ::-1].copy(), shelf(1)).mirrored
    assert not how(shelf(1), shelf(1)).mirrored


def test_other_pictures_are_others() -> None:
    assert not any(how(shelf(1), shelf(seed)).same for seed in range(2, 12))


def test_two_photographs_of_alike_items_differ_where_one_is_damaged() -> None:
    damaged = shelf(1)
    cv2.line(damaged, (300, 150), (480, 420), (255, 255, 255), 9)
    assert not how(damaged, shelf(1)).same


@pytest.mark.parametrize(
    "picture",
    [np.full((90, 70, 3), 128, np.uint8), np.zeros((1, 3000, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)],
    ids=["grey", "a line", "white"],
)
def test_what_shows_nothing_is_like_nothing(picture: Pixels) -> None:
    assert not how(picture, picture).same
    assert not how(picture, shelf(1)).same
    assert not how(shelf(1), picture).same


def test_borders_of_one_colour_are_taken_off_a_screenshot() -> None:
    height, width = without_borders(screenshot(shelf(1))).shape[:2]
    assert (abs(height - 600) < 10, 400 < width <= 800) == (True, True)


def test_codes_of_retail_articles_are_read() -> None:
    code = zxingcpp.create_barcode("4006381333931", zxingcpp.BarcodeFormat.EAN13)
    lines = np.asarray(zxingcpp.write_barcode_to_image(code, scale=3))
    picture = shelf(1)
    picture[100 : 100 + lines.shape[0], 100 : 100 + lines.shape[1]] = lines[..., None]
    assert gtins_in(picture) == ["04006381333931"]
    assert gtins_in(shelf(1)) == []


def sent(customer: Customer, running: RunningHub, lookers: Lookers, picture: Pixels) -> Any:
    upload = customer.send(jpeg(picture))
    look_at(running.hub, lookers, running.merchant, upload)
    with lookers.one() as bench:
        judge = bench.looker.judge
    assert isinstance(judge, Judge)
    compare_upload(running.hub, judge, running.merchant, upload)
    compare_upload(running.hub, judge, running.merchant, upload)  # a worker was killed before it could say so
    return upload


def found_in(running: RunningHub, customer: Customer) -> list[tuple[str, bool | None]]:
    with running.hub.database.transaction() as connection:
        mine = sa.and_(signals.c.merchant_id == running.merchant, signals.c.case_id == customer.case.id)
        rows = connection.execute(sa.select(signals).where(mine).order_by(signals.c.kind)).all()
    return [(row.kind, row.detail.get("mirrored")) for row in rows]


def kept_prints(running: RunningHub, customer: Customer) -> int:
    with running.hub.database.transaction() as connection:
        mine = sa.and_(prints.c.merchant_id == running.merchant, prints.c.case_id == customer.case.id)
        return connection.execute(sa.select(sa.func.count()).select_from(prints).where(mine)).scalar_one()


def test_a_picture_of_an_earlier_case_is_a_signal_until_that_case_is_erased(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers
) -> None:
    first, second, third = (Customer(running, admin) for _ in range(3))
    sent(first, running, lookers, shelf(21))
    assert found_in(running, first) == []
    sent(second, running, lookers, np.ascontiguousarray(shelf(21)[20:590, 40:780][:, ::-1]))
    sent(third, running, lookers, shelf(22))
    assert found_in(running, second) == [("picture_seen_before", True)]
    assert found_in(running, third) == []
    erase(running, admin, first.rma)
    assert found_in(running, second) == []
    assert (kept_prints(running, first), kept_prints(running, second)) == (0, 1)


def test_prints_of_another_bundle_are_made_anew(running: RunningHub, admin: httpx2.Client, lookers: Lookers) -> None:
    first, second, third = (Customer(running, admin) for _ in range(3))
    sent(first, running, lookers, shelf(81))
    with running.hub.database.transaction() as connection:
        mine = prints.c.case_id == first.case.id
        connection.execute(prints.update().where(mine).values(network="another/256"))
    sent(second, running, lookers, shelf(81))
    assert found_in(running, second) == []
    with lookers.one() as bench:
        judge = bench.looker.judge
    assert isinstance(judge, Judge)
    while reprint_some(running.hub, judge, running.merchant):
        pass
    sent(third, running, lookers, shelf(81))
    assert [kind for kind, _ in found_in(running, third)] == ["picture_seen_before"] * 2


def test_pictures_of_one_case_are_not_held_against_it(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers
) -> None:
    only = Customer(running, admin)
    sent(only, running, lookers, shelf(31))
    sent(only, running, lookers, shelf(31)[10:590])
    assert found_in(running, only) == []


def test_a_code_of_something_that_was_not_sold_is_a_signal(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers
) -> None:
    customer = Customer(running, admin)
    code = zxingcpp.create_barcode("4006381333931", zxingcpp.BarcodeFormat.EAN13)
    lines = np.asarray(zxingcpp.write_barcode_to_image(code, scale=3))
    picture = shelf(41)
    picture[150 : 150 + lines.shape[0], 150 : 150 + lines.shape[1]] = lines[..., None]
    sent(customer, running, lookers, picture)
    assert found_in(running, customer) == [("other_article", None)]
