"""Labelling in real Chromium with the keyboard alone: labels arrive as they were said; everybody can use the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from inspection.hub.accounts.matrix import Role
from inspection.hub.review import labels
from inspection.hub.review.labels import AcceptedLabel
from inspection.hub.review.tables import items
from tests.hub.accounts.conftest import PASSWORD
from tests.hub.conftest import RunningHub
from tests.hub.reports import fields, sha256
from tests.hub.review.conftest import Bench, items_of, jpeg, override, scene
from tests.station.rig import wait_until
from tests.station.test_screen import browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
WAIT_MS = 60_000
REVIEW = "/console/quality/review"
Come = Callable[[Role], httpx2.Client]


@pytest.fixture
def page(browser: Browser, running: RunningHub, admin: httpx2.Client) -> Iterator[Page]:
    """A QA engineer who is signed in; fails the test on any script error or violation of the page's policy."""
    login = f"p{uuid4().hex[:10]}"
    body = {"login": login, "name": "Anna", "role": "qa_engineer", "password": PASSWORD}
    assert admin.post("/v1/staff", json=body).status_code == 201
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{running.url}/console/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.locator("main button").click()
    expect(page.locator("nav >> text=My account")).to_be_visible(timeout=WAIT_MS)
    yield page
    context.close()
    assert wrong == []


@pytest.fixture
def only(running: RunningHub) -> None:
    """Nothing of other tests waits."""
    with running.hub.database.transaction() as connection:
        connection.execute(items.update().values(folded_into=None, state="accepted"))
        connection.execute(sa.text("DELETE FROM review_suspects"))


def photograph() -> bytes:
    return jpeg(scene(uuid4().int % 2**32))


def model(**changes: Any) -> dict[str, Any]:
    box = {"x": 30, "y": 30, "width": 50, "height": 40}
    found: dict[str, Any] = fields()["assessment"]
    finding = {"defect": "scratch", "probability": 0.93, "view": "top", "box": box}
    return found | {"findings": [finding], "confident": False} | changes


def counting(running: RunningHub, data: bytes) -> AcceptedLabel | None:
    with running.hub.database.transaction() as connection:
        found = labels.accepted(connection, running.merchant)
        return next((each for each in found if each.image_sha256 == sha256(data)), None)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def saved(page: Page, number: int) -> None:
    expect(page.locator("#done")).to_have_text(f"{number} labelled", timeout=WAIT_MS)


def heard(running: RunningHub, data: bytes) -> AcceptedLabel:
    """What counts for a picture, once the page has sent it."""
    wait_until(lambda: counting(running, data) is not None, timeout_s=60)
    found = counting(running, data)
    assert found is not None
    return found


@pytest.mark.usefixtures("only")
def test_pictures_are_labelled_by_keyboard_alone(running: RunningHub, bench: Bench, page: Page) -> None:
    worker, machine, own, blurred = photograph(), photograph(), photograph(), photograph()
    for data, members in ((worker, override()), *((data, {"assessment": model()}) for data in (machine, own, blurred))):
        bench.bring(data, fill=False, **members)
    bench.fill()
    page.goto(f"{running.url}{REVIEW}/label")
    expect(page.locator("#frame img")).to_be_visible(timeout=WAIT_MS)
    press(page, "Enter")
    expect(page.locator("#told")).to_have_text("Choose a condition first.")
    press(page, "p", "Enter")
    saved(page, 1)
    press(page, "a", "Enter")
    saved(page, 2)
    press(page, "3", "d", "b", "Enter")
    saved(page, 3)
    press(page, "u", "Enter")
    saved(page, 4)
    expect(page.locator("#frame")).to_have_text("Nothing waits. Thank you.", timeout=WAIT_MS)
    said = {data: heard(running, data) for data in (worker, machine, own, blurred)}
    assert (said[worker].condition, said[worker].defects, said[worker].source) == ("major", ("dent",), "override")
    by_hand = [said[data] for data in (machine, own, blurred)]
    assert {each.source for each in by_hand} == {"model", "person"}
    (taken,) = [each for each in by_hand if each.source == "model"]
    assert (taken.condition, taken.defects, len(taken.boxes)) == ("minor", ("scratch",), 1)
    (drawn,) = [each for each in by_hand if each.condition == "major"]
    assert (set(drawn.defects), len(drawn.boxes)) == ({"dent", "scratch"}, 1)
    assert [each.condition for each in by_hand if each.useless] == [None]
    press(page, "z")
    expect(page.locator("#told")).to_have_text("Taken back: this picture is yours again.", timeout=WAIT_MS)
    press(page, "1", "Enter")
    saved(page, 4)
    (again,) = [data for data, label in said.items() if label.useless]
    wait_until(lambda: heard(running, again).condition == "intact", timeout_s=60)


@pytest.mark.usefixtures("only")
def test_a_box_is_drawn_with_the_mouse_in_the_pictures_own_pixels(
    running: RunningHub, bench: Bench, page: Page
) -> None:
    data = photograph()
    bench.bring(data, assessment=model())
    page.goto(f"{running.url}{REVIEW}/label")
    shown = page.locator("#frame svg")
    expect(shown).to_be_visible(timeout=WAIT_MS)
    place = shown.bounding_box()
    assert place is not None
    scale = min(place["width"] / 160, place["height"] / 120)
    left, top = place["x"] + (place["width"] - 160 * scale) / 2, place["y"] + (place["height"] - 120 * scale) / 2
    press(page, "4", "t")
    page.mouse.move(left + 20 * scale, top + 10 * scale)
    page.mouse.down()
    page.mouse.move(left + 70 * scale, top + 50 * scale)
    page.mouse.up()
    press(page, "Enter")
    label = heard(running, data)
    assert (label.condition, label.defects) == ("critical", ("tear",))
    (box,) = label.boxes
    assert [round(each / 3) for each in (box.x, box.y, box.width, box.height)] == [7, 3, 17, 13]
    assert box.defect == "tear"


@pytest.mark.usefixtures("only")
def test_a_dispute_is_decided_and_a_doubt_dismissed_by_keyboard(
    running: RunningHub, bench: Bench, page: Page, people: Come
) -> None:
    data, doubted = photograph(), photograph()
    first, second = people(Role.QA_ENGINEER), people(Role.QA_ENGINEER)
    (item,) = items_of(first, bench.bring(data))
    with running.hub.database.transaction() as connection:
        connection.execute(items.update().where(items.c.id == item["id"]).values(needed=2))
    for client, said in ((first, {"condition": "intact"}), (second, {"condition": "minor", "defects": ["stain"]})):
        assert client.post(f"/v1/review/items/{item['id']}/labels", json=said).status_code == 201
    page.goto(f"{running.url}{REVIEW}/decide")
    expect(page.locator("#findings")).to_contain_text("second person: minor damage: stain", timeout=WAIT_MS)
    press(page, "p", "Enter")
    label = heard(running, data)
    assert (label.condition, label.defects, label.source) == ("minor", ("stain",), "adjudicated")
    bench.send(doubted)
    dent = {"condition": "major", "defects": ["dent"]}
    doubt = {"image_sha256": sha256(doubted), "given": {"condition": "intact"}, "suggested": dent, "score": 0.9}
    assert first.post("/v1/review/suspects", json={"suspects": [doubt]}).json()["listed"] == 1
    page.goto(f"{running.url}{REVIEW}/suspects")
    expect(page.locator("[data-suspect]")).to_have_count(1)
    press(page, "n")
    assert heard(running, doubted).condition == "intact"


def test_the_pages_are_accessible_and_speak_every_language(
    running: RunningHub, bench: Bench, page: Page, people: Come
) -> None:
    data = photograph()
    bench.bring(data, **override())
    bench.bring(photograph(), assessment=model())
    doubt = {"image_sha256": sha256(data), "given": {"condition": "intact"}, "score": 0.9}
    doubt["suggested"] = {"condition": "major", "defects": ["dent"]}
    people(Role.QA_ENGINEER).post("/v1/review/suspects", json={"suspects": [doubt]})
    for path in ("", "/label", "/decide", "/suspects", "/agreement"):
        for tag in ("zh-CN", "th", "vi", "en"):
            page.goto(f"{running.url}{REVIEW}{path}?lang={tag}")
            expect(page.locator("html")).to_have_attribute("lang", tag)
            if path in ("/label", "/decide"):
                expect(page.locator("#review")).to_be_visible(timeout=WAIT_MS)
            assert page.evaluate("document.documentElement.scrollWidth") <= 1280, (path, tag)
        found = Axe().run(page).response["violations"]
        assert [(path, one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []


def test_a_supervisor_labels_and_sees_nothing_to_decide(running: RunningHub, page: Page, people: Come) -> None:
    supervisor = people(Role.SUPERVISOR)
    assert supervisor.get(REVIEW).status_code == 200
    assert f"{REVIEW}/suspects" not in supervisor.get(REVIEW).text
    for path in ("/decide", "/suspects", "/agreement"):
        assert supervisor.get(f"{REVIEW}{path}").status_code == 403
    assert people(Role.OPERATOR).get(REVIEW).status_code == 403
