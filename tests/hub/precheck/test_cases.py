"""Cases and their links: one a return, signed, expiring, revocable; and gone when the person is erased."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from inspection.hub.backup.making import back_up
from inspection.hub.people import erasing, retention
from inspection.hub.people.exporting import export
from inspection.hub.precheck import cases, keeping
from inspection.hub.precheck.keeping import Role
from inspection.hub.precheck.links import TOKEN_LENGTH, LinkKey, Ticket
from inspection.hub.precheck.tables import cases as case_rows
from inspection.hub.precheck.tables import links, objects, uploads
from inspection.hub.problems import Problem
from tests.hub.conftest import RunningHub
from tests.hub.test_access import new_merchant
from tests.hub.test_returns import case

KEY = LinkKey(bytes(32))


@pytest.fixture
def rma(admin: httpx2.Client) -> str:
    body = case(order_ref=f"SO-{uuid4().hex[:8]}")
    assert admin.post("/v1/returns", json=body).status_code == 201
    return str(body["rma"])


def opened(admin: httpx2.Client, rma: str, **more: Any) -> dict[str, Any]:
    answer = admin.post("/v1/precheck/cases", json={"rma": rma, **more})
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def token_of(link: dict[str, Any]) -> str:
    return str(link["url"]).rpartition("/")[2]


def sent(running: RunningHub, rma: str, content: bytes) -> UUID:
    """An upload of this case whose file is kept, as if it had come through the page."""
    with running.hub.database.transaction() as connection:
        row = cases.of_return(connection, running.merchant, rma)
        values = {"merchant_id": running.merchant, "case_id": row.id, "step": "damage", "size_bytes": len(content)}
        values |= {"state": "waiting", "received_at": sa.func.now(), "told": {"camera_model": "P30"}}
        upload: UUID = connection.execute(uploads.insert().values(values).returning(uploads.c.id)).scalar_one()
    kept = keeping.put(running.hub.images, running.merchant, upload, Role.ORIGINAL, content)
    with running.hub.database.transaction() as connection:
        keeping.enter(connection, running.merchant, upload, kept)
    return upload


@given(st.binary(max_size=60), st.text(max_size=60))
def test_only_what_the_key_made_is_read(noise: bytes, text: str) -> None:
    ticket = Ticket(uuid4(), datetime(2026, 12, 1, tzinfo=UTC))
    token = KEY.token(ticket)
    assert len(token) == TOKEN_LENGTH
    assert KEY.read(token) == ticket
    assert KEY.read(text) is None
    assert LinkKey(b"x" * 32).read(token) is None
    spoiled = bytearray(token.encode())
    for at, byte in enumerate(noise[: len(spoiled)]):
        spoiled[at] ^= byte & 1
    assert bytes(spoiled) == token.encode() or KEY.read(spoiled.decode("latin-1")) is None


def test_a_return_has_one_link_until_it_is_revoked(running: RunningHub, admin: httpx2.Client, rma: str) -> None:
    first = opened(admin, rma, tier=2)
    assert opened(admin, rma)["url"] == first["url"]
    assert admin.delete(f"/v1/precheck/cases/{rma}/link").status_code == 204
    assert admin.delete(f"/v1/precheck/cases/{rma}/link").status_code == 204
    second = opened(admin, rma)
    assert second["url"] != first["url"]
    view = admin.get(f"/v1/precheck/cases/{rma}").json()
    assert (view["state"], view["tier"], view["uploads"]) == ("open", 2, [])
    with running.hub.database.transaction() as connection:
        stored = json.dumps([list(map(str, row)) for row in connection.execute(sa.select(links))])
    assert token_of(second) not in stored


def test_a_link_is_refused_when_it_is_revoked_over_or_not_ours(
    running: RunningHub, admin: httpx2.Client, rma: str
) -> None:
    opened(admin, rma)
    with running.hub.database.transaction() as connection:
        row = cases.of_return(connection, running.merchant, rma)
        token, _ = cases.link_of(connection, running.merchant, row.id, KEY, timedelta(days=14))
        assert cases.by_token(connection, KEY, token).rma == rma
        with pytest.raises(Problem, match="opens no case"):
            cases.by_token(connection, LinkKey(b"y" * 32), token)
        connection.execute(links.update().values(expires_at=sa.func.now() - timedelta(seconds=1)))
        with pytest.raises(Problem) as caught:
            cases.by_token(connection, KEY, token)
        assert caught.value.code == "precheck.expired"
        cases.revoke_link(connection, running.merchant, rma)
        with pytest.raises(Problem, match="opens no case"):
            cases.by_token(connection, KEY, token)


def test_a_case_needs_its_return_and_is_seen_by_its_merchant_only(
    running: RunningHub, admin: httpx2.Client, rma: str
) -> None:
    missing = admin.post("/v1/precheck/cases", json={"rma": "RMA-of-nobody"})
    assert (missing.status_code, missing.json()["code"]) == (404, "return.unknown")
    assert admin.get(f"/v1/precheck/cases/{rma}").json()["code"] == "precheck.not_found"
    opened(admin, rma)
    upload = sent(running, rma, b"a file")
    with running.client(new_merchant(running)) as other:
        assert other.get(f"/v1/precheck/cases/{rma}/summary").status_code == 404
        assert other.get(f"/v1/precheck/cases/{rma}").status_code == 403
    assert admin.get(f"/v1/precheck/uploads/{upload}/original").content == b"a file"


def test_an_order_number_opens_the_case_with_the_right_check_value_only(
    running: RunningHub, admin: httpx2.Client, rma: str
) -> None:
    opened(admin, rma)
    order_ref = admin.get(f"/v1/returns/{rma}").json()["return"]["order_ref"]
    with running.hub.database.transaction() as connection:
        value = KEY.check(running.merchant, rma, "200-030")
        assert cases.by_order(connection, running.merchant, order_ref, lambda *_: True) is None
        cases.open_case(connection, running.merchant, rma, {"check_hmac": value})

        def right(typed: str) -> Any:
            return lambda its_rma, kept: KEY.check(running.merchant, its_rma, typed) == kept

        found = cases.by_order(connection, running.merchant, order_ref, right(" 200 030"))
        assert found is not None
        assert found.rma == rma
        assert cases.by_order(connection, running.merchant, order_ref, right("200031")) is None
        assert cases.by_order(connection, running.merchant, "SO-nobody", right("200030")) is None


def test_a_case_goes_only_where_it_may(running: RunningHub, admin: httpx2.Client, rma: str) -> None:
    opened(admin, rma)
    with running.hub.database.transaction() as connection:
        row = cases.of_return(connection, running.merchant, rma)
        cases.ask_person(connection, running.merchant, row.id)
        cases.ask_person(connection, running.merchant, row.id)
        cases.move(connection, cases.locked(connection, running.merchant, row.id), cases.State.CHECKING)
        assert cases.of_return(connection, running.merchant, rma).state == "with_person"
    kinds = [each.value for each in cases.State]
    with running.hub.database.transaction() as connection:
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(case_rows.update().where(case_rows.c.rma == rma).values(state="refused"))
        connection.rollback()
    assert set(kinds) == {state.value for state in cases.MOVES}


def test_a_person_is_told_all_and_erased_whole(
    running: RunningHub, admin: httpx2.Client, rma: str, tmp_path: Path
) -> None:
    content, words = uuid4().bytes * 100, "the screen is cracked"
    opened(admin, rma, check_value="200030")
    upload = sent(running, rma, content)
    with running.hub.database.transaction() as connection:
        row = cases.of_return(connection, running.merchant, rma)
        cases.describe(connection, running.merchant, row.id, words, "en")
    made = back_up(running.hub.database, running.hub.images, tmp_path / "backups")
    assert export(running.hub, running.merchant, [rma], tmp_path / "all.zip") == 1
    archive = zipfile.ZipFile(io.BytesIO((tmp_path / "all.zip").read_bytes()))
    told = json.loads(archive.read("precheck.json"))
    assert told["cases"][0]["problem"] == words
    assert archive.read(f"precheck/{told['objects'][0]['sha256']}") == content
    name = told["objects"][0]["sha256"]
    copy = next((made.parent / "pictures").glob(f"*/*/{name}")).read_bytes()
    asked = admin.post("/v1/persons/erasures", json={"person": {"rma": rma}, "reason": "asked for"}).json()
    certificate = erasing.carry_out(running.hub, running.merchant, UUID(asked["id"]))
    assert certificate["counts"]["files_of_the_customer"] == 1
    assert admin.get(f"/v1/precheck/uploads/{upload}/original").status_code == 404
    view = admin.get(f"/v1/precheck/cases/{rma}").json()
    assert (view["problem"], view["uploads"][0]["told"]) == ("", None)
    with pytest.raises(Problem, match="erased"):
        running.hub.images.opened(running.merchant, name, copy)


def test_files_go_when_pictures_of_their_age_go_unless_a_hold_keeps_them(
    running: RunningHub, admin: httpx2.Client, rma: str
) -> None:
    opened(admin, rma)
    upload = sent(running, rma, b"x" * 1000)
    assert admin.post("/v1/persons/holds", json={"rma": rma, "reason": "dispute"}).status_code == 201
    later = datetime.now(UTC) + timedelta(days=4000)
    retention.sweep(running.hub, running.merchant, later)
    assert admin.get(f"/v1/precheck/uploads/{upload}/original").status_code == 200
    hold = admin.get("/v1/persons/holds").json()[0]["id"]
    assert admin.post(f"/v1/persons/holds/{hold}/release").status_code in {200, 204}
    assert retention.sweep(running.hub, running.merchant, later).files == 1
    assert admin.get(f"/v1/precheck/uploads/{upload}/original").status_code == 404
    with running.hub.database.transaction() as connection:
        assert connection.execute(sa.select(objects).where(objects.c.upload_id == upload)).all() == []
