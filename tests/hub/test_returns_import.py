"""Returns from a CSV file: everything that is wrong is named before anything is stored."""

from __future__ import annotations

from contextlib import suppress
from uuid import uuid4

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.hub.problems import Problem
from inspection.hub.returns.importing import MAX_ROWS, check_file, decoded
from tests.hub.reports import GTIN

HEADER = "rma,order_ref,opened_at,gtin,serial,sku,quantity,reason_code,declared_defects\n"


def rma() -> str:
    return f"R-{uuid4().hex[:10]}"


def send(client: httpx2.Client, text: str | bytes, charset: str = "utf-8", **params: object) -> httpx2.Response:
    raw = text.encode() if isinstance(text, str) else text
    headers = {"Content-Type": f"text/csv; charset={charset}"}
    return client.post(
        "/v1/returns/import", content=raw, headers=headers, params={k: str(v) for k, v in params.items()}
    )


def test_lines_of_one_number_are_one_return(admin: httpx2.Client) -> None:
    one, two = rma(), rma()
    text = (
        f"{HEADER}{one},SO-1,2026-11-20T10:00:00+08:00,4012345111118,A1,,2,damaged,dent;scratch\n"
        f"{two},SO-2,,,,SKU-9,,,\n{one},,,,,SKU-3,1,,\n"
    )
    answer = send(admin, text)
    assert answer.json() == {"dry_run": False, "lines": 3, "new": 2, "same": 0, "skipped": 0, "faults": []}
    stored = admin.get(f"/v1/returns/{one}").json()["return"]
    assert [(line["gtin"], line["sku"], line["quantity"]) for line in stored["lines"]] == [
        (GTIN, None, 2),
        (None, "SKU-3", 1),
    ]
    assert stored["lines"][0]["declared_defects"] == ["dent", "scratch"]
    assert send(admin, text).json()["same"] == 2


def test_a_dry_run_names_every_bad_line_and_stores_nothing(admin: httpx2.Client) -> None:
    good, bad = rma(), rma()
    text = (
        f"{HEADER}{good},,,4012345111118,,,1,,\n{bad},,,4012345111119,,,0,,bent\n{bad},,yesterday,,,,x,,\n"
        ",,,4012345111118,,,1,,\nb ad,,,,,,1,,\n"
    )
    answer = send(admin, text, dry_run=True).json()
    assert (answer["new"], answer["skipped"]) == (1, 3)
    named = {(fault["line"], fault["column"]) for fault in answer["faults"]}
    assert named == {(3, "gtin"), (3, "quantity"), (3, "declared_defects"), (4, "quantity"), (5, "rma"), (6, "rma")}
    assert admin.get(f"/v1/returns/{good}").status_code == 404


def test_a_file_with_a_bad_line_is_refused_whole_unless_bad_ones_may_be_skipped(admin: httpx2.Client) -> None:
    good = rma()
    text = f"{HEADER}{good},,,4012345111118,,,1,,\n{rma()},,,1,,,1,,\n"
    refused = send(admin, text)
    assert (refused.status_code, refused.json()["code"]) == (422, "returns.bad_lines")
    assert refused.json()["faults"][0]["line"] == 3
    assert admin.get(f"/v1/returns/{good}").status_code == 404
    skipped = send(admin, text, skip_bad=True).json()
    assert (skipped["new"], skipped["skipped"]) == (1, 1)
    assert admin.get(f"/v1/returns/{good}").status_code == 200


def test_a_number_that_holds_another_return_is_named_and_left_alone(admin: httpx2.Client) -> None:
    number = rma()
    send(admin, f"rma,sku\n{number},A\n")
    again = send(admin, f"rma,sku\n{number},B\n", dry_run=True).json()
    assert [(fault["line"], fault["column"]) for fault in again["faults"]] == [(2, "rma")]
    assert send(admin, f"rma,sku\n{number},B\n").json()["code"] == "returns.bad_lines"
    assert admin.get(f"/v1/returns/{number}").json()["return"]["lines"][0]["sku"] == "A"


def test_what_spreadsheets_write_is_read(admin: httpx2.Client) -> None:
    one, two, three = rma(), rma(), rma()
    semicolons = f"﻿rma;sku;reason_code\r\n{one};A-1;damaged\r\n;;\r\n".encode()
    assert send(admin, semicolons).json()["new"] == 1
    assert send(admin, f"RMA\tSKU\n{two}\tA-1\n").json()["new"] == 1
    assert send(admin, f'rma,sku\n"{three}","A-1"\n'.encode("gb18030"), charset="gbk").json()["new"] == 1


@pytest.mark.parametrize(
    ("raw", "charset", "code"),
    [
        (b"", "utf-8", "returns.unreadable"),
        (b"order_ref\nSO-1\n", "utf-8", "returns.unreadable"),
        (b"rma,customer_name\nR-1,Jane\n", "utf-8", "returns.unreadable"),
        (b"rma,rma\nR-1,R-1\n", "utf-8", "returns.unreadable"),
        (b"rma,sku\nR-1,\xff\n", "utf-8", "returns.unreadable"),
        (b"rma,sku\nR-1,a\0b\n", "utf-8", "returns.unreadable"),
        (b'rma,sku\nR-1,"open\n', "utf-8", "returns.unreadable"),
        (b"rma\nR-1\n", "latin-9", "request.media_type"),
    ],
)
def test_what_is_no_list_of_returns_is_refused(admin: httpx2.Client, raw: bytes, charset: str, code: str) -> None:
    assert send(admin, raw, charset=charset).json()["code"] == code


def test_too_many_lines_are_refused_before_the_database_is_asked() -> None:
    with pytest.raises(Problem, match="split the file"):
        check_file("rma\n" + "R-1\n" * (MAX_ROWS + 1))


@given(st.text(alphabet='rma,sku;\t"\n\r 12Rgtin-', max_size=200) | st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_text_brings_the_reader_down(text: str) -> None:
    with suppress(Problem):
        found = check_file("rma,sku,gtin,quantity\n" + decoded(text.encode("utf-8", "ignore"), "utf-8"))
        assert found.rows >= len(found.returns)
        assert all(fault.line >= 2 for fault in found.faults)


def test_returns_are_listed_newest_first_page_by_page(admin: httpx2.Client, station: httpx2.Client) -> None:
    order, numbers = f"SO-{uuid4().hex[:8]}", [rma() for _ in range(5)]
    for number in numbers:
        admin.post("/v1/returns", json={"rma": number, "order_ref": order, "lines": [{"sku": "A"}, {"sku": "B"}]})
    read: list[str] = []
    cursor = None
    while True:
        params = {"order_ref": order, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = station.get("/v1/returns", params=params).json()
        read += [each["rma"] for each in page["returns"]]
        assert all((each["lines"], each["inspections"]) == (2, 0) for each in page["returns"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert read == numbers[::-1]


def test_a_return_that_did_not_change_is_not_sent_again(admin: httpx2.Client) -> None:
    number = rma()
    send(admin, f"rma,sku\n{number},A\n")
    tag = admin.get(f"/v1/returns/{number}").headers["etag"]
    assert admin.get(f"/v1/returns/{number}", headers={"If-None-Match": tag}).status_code == 304
    assert admin.get(f"/v1/returns/{number}", headers={"If-None-Match": '"other"'}).status_code == 200
