"""The customer's page without scripts: by link or order number, text and pictures, advice, and an answer."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import structlog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from inspection.finding import Defect
from inspection.hub.precheck import page as customers_page
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.looking import Outcome
from inspection.hub.precheck.messages import QUALITY
from inspection.hub.precheck.page import words
from inspection.hub.precheck.page.shell import POLICY
from inspection.hub.precheck.tasks import look_at
from inspection.hub.problems import PROBLEMS
from inspection.languages import TITLES
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_queue import BLURRED, GOOD
from tests.hub.test_returns import case

PAGE = Path(customers_page.__file__).parent
PLACE = re.compile(r"%\(\w+\)s|{\w+}")


@pytest.fixture
def order(admin: httpx2.Client) -> dict[str, str]:
    """A return with a case that its link or order number and postcode open."""
    body = case(order_ref=f"SO-{uuid4().hex[:8]}")
    admin.post("/v1/returns", json=body)
    made = admin.post("/v1/precheck/cases", json={"rma": body["rma"], "check_value": "200 030"}).json()
    return {"rma": body["rma"], "order_ref": body["order_ref"], "path": "/precheck" + made["url"].split("/precheck")[1]}


@pytest.fixture
def browser(running: RunningHub) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=running.url, headers={"Accept": "text/html"}, timeout=60) as client:
        yield client


def send(browser: httpx2.Client, path: str, **files: bytes) -> httpx2.Response:
    given = {step: (f"{step}.jpg", data, "image/jpeg") for step, data in files.items()}
    answer = browser.post(path, files=given, data={"problem": "the corner is torn"})
    assert answer.status_code == 303, answer.text
    return browser.get(answer.headers["location"])


def uploads_of(admin: httpx2.Client, rma: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = admin.get(f"/v1/precheck/cases/{rma}").json()["uploads"]
    return found


@pytest.mark.parametrize("tag", list(TITLES))
def test_the_page_speaks_the_browsers_language_and_tells_nobody_its_address(
    browser: httpx2.Client, order: dict[str, str], tag: str
) -> None:
    page = browser.get(order["path"], headers={"Accept-Language": tag})
    assert page.status_code == 200
    assert f'<html lang="{tag}">' in page.text
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "http" not in re.sub(r'http-equiv|xmlns="[^"]*"', "", page.text)


def test_a_picture_and_words_come_by_the_form_and_are_answered(
    browser: httpx2.Client,
    admin: httpx2.Client,
    running: RunningHub,
    order: dict[str, str],
    lookers: Lookers,
) -> None:
    page = send(browser, order["path"], whole=GOOD, damage=GOOD)
    assert 'http-equiv="refresh"' in page.text
    assert "the corner is torn" in page.text
    for upload in uploads_of(admin, order["rma"]):
        assert upload["state"] == "waiting"
        look_at(running.hub, lookers, running.merchant, UUID(upload["id"]))
    page = browser.get(order["path"], params={"lang": "en"})
    assert 'http-equiv="refresh"' not in page.text
    assert "This is an automatic answer and not a decision" in page.text
    shown = re.findall(r'src="(/precheck/c/[^"]+/pictures/[^"]+)"', page.text)
    assert browser.get(shown[0]).headers["content-type"] == "image/jpeg"
    assert browser.post(f"{order['path']}/person").status_code == 303
    assert "You asked for a person" in browser.get(order["path"]).text


def test_a_bad_photograph_is_answered_at_once_with_a_sketch_and_after_two_tries_sent_anyway(
    browser: httpx2.Client, admin: httpx2.Client, order: dict[str, str]
) -> None:
    first = send(browser, f"{order['path']}?lang=en", damage=BLURRED)
    assert "out of focus" in first.text
    assert "sketch_blurred.svg" in first.text
    assert "Send this one anyway" not in first.text
    second = send(browser, order["path"], damage=BLURRED)
    assert second.text.count("Send this one anyway") == 1
    (anyway,) = re.findall(r'action="([^"]+/anyway[^"]*)"', second.text)
    assert browser.post(anyway).status_code == 303
    assert [each["state"] for each in uploads_of(admin, order["rma"])] == ["retake", "waiting"]


def test_what_is_no_picture_is_refused_in_words(
    browser: httpx2.Client, admin: httpx2.Client, order: dict[str, str]
) -> None:
    page = send(browser, f"{order['path']}?lang=en", damage=b"MZ" + bytes(1000))
    assert "This is not a photograph we can open" in page.text
    assert uploads_of(admin, order["rma"])[0]["state"] == "refused"


def test_an_upload_that_was_cut_goes_on_where_it_stood(
    browser: httpx2.Client, admin: httpx2.Client, order: dict[str, str]
) -> None:
    path, half = order["path"], len(GOOD) // 2
    made = browser.post(f"{path}/uploads", json={"step": "damage", "size_bytes": len(GOOD)})
    assert (made.status_code, made.headers["tus-resumable"]) == (201, "1.0.0")
    place = made.headers["location"]

    def patch(start: int, data: bytes, checked: bytes | None = None) -> httpx2.Response:
        digest = base64.b64encode(hashlib.sha256(data if checked is None else checked).digest()).decode()
        headers = {"Upload-Offset": str(start), "Upload-Checksum": f"sha256 {digest}", "Accept": "application/json"}
        return browser.patch(place, content=data, headers=headers)

    assert patch(0, GOOD[:half]).headers["upload-offset"] == str(half)
    assert patch(half, GOOD[half:], b"else").json()["code"] == "upload.checksum"
    assert browser.head(place).headers["upload-offset"] == str(half)
    wrong = patch(0, GOOD)
    assert (wrong.status_code, wrong.headers["upload-offset"]) == (409, str(half))
    for _ in range(2):  # the second time for an answer that was lost
        assert patch(half, GOOD[half:]).status_code == 204
    assert browser.head(place).headers["upload-offset"] == str(len(GOOD))
    assert [each["state"] for each in uploads_of(admin, order["rma"])] == ["waiting"]


def test_the_link_of_one_case_opens_nothing_of_another(
    browser: httpx2.Client, admin: httpx2.Client, order: dict[str, str]
) -> None:
    send(browser, order["path"], damage=BLURRED)
    (upload,) = uploads_of(admin, order["rma"])
    body = case()
    admin.post("/v1/returns", json=body)
    other = admin.post("/v1/precheck/cases", json={"rma": body["rma"]}).json()["url"]
    picture = upload["pictures"][0]["id"]
    assert browser.get(f"{order['path']}/pictures/{picture}").status_code == 200
    assert browser.get(f"{other}/pictures/{picture}").status_code == 404
    assert browser.head(f"{other}/uploads/{upload['id']}").status_code == 404
    assert browser.post(f"{other}/uploads/{upload['id']}/anyway").status_code == 404


def test_the_order_number_opens_the_case_and_guessing_is_braked_without_telling_what_exists(
    browser: httpx2.Client, order: dict[str, str]
) -> None:
    def tried(order_ref: str, check: str) -> httpx2.Response:
        return browser.post("/precheck?lang=en", data={"order_ref": order_ref, "check_value": check})

    found = tried(order["order_ref"], "200030")
    assert found.headers["location"].startswith(order["path"])
    nobody = f"SO-{uuid4().hex[:8]}"
    said = [
        (tried(ref, "1").status_code, tried(ref, "2").text.replace(ref, "")) for ref in (order["order_ref"], nobody)
    ]
    assert said[0] == said[1]
    assert said[0][0] == 404
    for ref in (order["order_ref"], nobody):
        statuses = [tried(ref, str(number)).status_code for number in range(5)]
        assert statuses[-1] == 429
    assert tried(order["order_ref"], "200030").status_code == 429


def test_news_of_the_case_come_as_events(running: RunningHub, browser: httpx2.Client, order: dict[str, str]) -> None:
    with browser.stream("GET", f"{order['path']}/events", params={"since": 0}) as answer:
        lines = answer.iter_lines()
        first = next(line for line in lines if line.startswith("data:"))
        with httpx2.Client(base_url=running.url) as other:
            other.post(f"{order['path']}/person")
        assert next(line for line in lines if line.startswith("data:")) != first


def test_no_log_line_names_the_link(
    browser: httpx2.Client, order: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    token = order["path"].rpartition("/")[2]
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as captured:
        browser.get(order["path"])
        browser.get(f"{order['path'][:-3]}AAA")
    assert token not in caplog.text
    assert token not in str(captured)


def test_a_link_that_is_not_ours_is_a_page_in_the_customers_language(browser: httpx2.Client) -> None:
    page = browser.get(f"/precheck/c/{'A' * 48}", headers={"Accept-Language": "vi"})
    assert page.status_code == 404
    assert "Liên kết này không dùng được" in page.text
    assert browser.get("/precheck/c/short").status_code == 422


@pytest.mark.parametrize("name", ["zh_CN", "th", "vi"])
def test_a_catalogue_says_exactly_what_the_page_says(name: str) -> None:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    found = extract_from_dir(str(PAGE), methods, keywords={"_": None, "N_": None, "gettext": None})
    with (PAGE / "locale" / f"{name}.po").open("rb") as file:
        catalogue = {message.id: message for message in read_po(file, locale=name) if message.id}
    assert set(catalogue) == {message for _, _, message, _, _ in found}
    for source, message in catalogue.items():
        assert message.string, source
        assert sorted(PLACE.findall(str(source))) == sorted(PLACE.findall(str(message.string)))


def test_every_code_has_its_words_and_every_fault_its_sketch() -> None:
    assert set(words.OUTCOMES) == set(Outcome)
    assert set(words.DEFECTS) == set(Defect)
    assert set(words.PROBLEMS) <= set(PROBLEMS)
    for code in QUALITY:
        assert (PAGE / "static" / f"sketch_{code}.svg").is_file()
