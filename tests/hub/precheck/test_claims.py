"""What customers' own words claim, in four languages, and whether it fits what was seen."""

from __future__ import annotations

import unicodedata
from uuid import UUID

import httpx2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from inspection.finding import Defect
from inspection.hub.precheck import cases
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tables import pictures
from inspection.hub.precheck.tasks import look_at
from inspection.hub.precheck.trust.claims import WORDS, compared, words_of
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_queue import GOOD, Customer

SAID: dict[str, tuple[str, str]] = {
    # text: (named, denied)
    "屏幕裂了，边框也有划痕": ("crack scratch", ""),
    "没有划痕，但是屏幕碎了": ("crack", "scratch"),
    "外壳没有划痕和凹陷": ("", "scratch dent"),
    "没有裂纹、污渍、破洞": ("", "crack stain hole"),
    "不小心摔了，后盖碎裂": ("crack", ""),
    "没用几天就坏了": ("damaged", ""),
    "商品没坏，只是不喜欢": ("", "damaged"),
    "不仅有划痕，而且生锈": ("scratch corrosion", ""),
    "收到时缺少充电器": ("missing_part", ""),
    "没有充电器": ("missing_part", ""),
    "请问有没有划痕": ("", ""),
    "请问是否会生锈": ("", ""),
    "包装漏液，里面漏发了一件": ("breach missing_part", ""),
    "衣服撕裂了": ("tear", ""),
    "盒子被压扁变形": ("crush", ""),
    "颜色和图片不一样，不想要了": ("", ""),
    "不锈钢杯": ("", ""),
    "The screen is cracked and there are scratches.": ("crack scratch", ""),
    "No scratches, but the corner is dented": ("dent", "scratch"),
    "There are no visible scratches or deep dents.": ("", "scratch dent"),
    "no scratches, dents or stains": ("", "scratch dent stain"),
    "no scratches, cracked screen": ("crack", "scratch"),
    "没有划痕，裂了": ("crack", "scratch"),
    "no scratches and the corner is bent": ("crush", "scratch"),
    "It isn't damaged, I just do not like it": ("", "damaged"),
    "It doesn't work and is cracked": ("crack", ""),
    "Not only scratched, it's leaking too": ("scratch breach", ""),
    "normal wear and tear": ("wear", ""),
    "I’m not happy because it’s torn": ("tear", ""),
    "it doesn’t leak": ("", "breach"),
    "Please tell me whether it can be scratched": ("", ""),
    "The charger is missing": ("missing_part", ""),
    "nothing is missing": ("", "missing_part"),
    "fingerprint reader does not work": ("", ""),
    "wrong colour": ("", ""),
    "No scratches on the front. Scratches on the back.": ("scratch", ""),
    "หน้าจอแตก มีรอยขีดข่วน": ("crack scratch", ""),
    "ไม่มีรอยขีดข่วน แต่มุมบุบ": ("dent", "scratch"),
    "ไม่มีรอยขีดข่วน รอยบุบ หรือคราบ": ("", "scratch dent stain"),
    "สินค้าไม่แตก": ("", "crack"),
    "ใช้ไม่ได้ พัง": ("damaged", ""),
    "เสียงไม่ดัง": ("", ""),
    "รู้สึกไม่ชอบ": ("", ""),
    "เสื้อขาดและเปื้อน": ("tear stain", ""),
    "ของไม่ครบ": ("missing_part", ""),
    "ขึ้นสนิมไหม": ("", ""),
    "ไม่แน่ใจ กล่องรั่วซึม": ("breach", ""),
    "Màn hình bị nứt và có vết xước": ("crack scratch", ""),
    "Không có vết xước nhưng bị móp": ("dent", "scratch"),
    "không bị trầy xước hay móp": ("", "scratch dent"),
    "Không có vết xước, vết bẩn": ("", "scratch stain"),
    "Không biết sao lại vỡ": ("crack", ""),
    "Áo chưa rách": ("", "tear"),
    "thiếu phụ kiện, hộp bị bẹp": ("missing_part crush", ""),
    "dien thoai bi vo man hinh": ("crack", ""),
    "khong bi tray xuoc": ("", "scratch"),
    "không hài lòng vì áo bị rách": ("tear", ""),
    "sản phẩm sai màu": ("", ""),
    "手机 screen cracked, không bị móp": ("crack", "dent"),
    "": ("", ""),
    "…，。!!!": ("", ""),
}


def kinds(names: str) -> frozenset[Defect]:
    return frozenset(map(Defect, names.split()))


@pytest.mark.parametrize("text", SAID)
def test_words_name_and_deny_kinds_of_damage(text: str) -> None:
    said = words_of(text)
    assert (said.named, said.denied) == tuple(map(kinds, SAID[text]))


def test_text_is_read_alike_in_every_form_of_unicode() -> None:
    for text in SAID:
        assert words_of(unicodedata.normalize("NFD", text)) == words_of(text)


LISTS = yaml.safe_load(WORDS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("language", ["zh", "en", "th", "vi"])
def test_every_word_of_the_list_is_read_as_it_says(language: str) -> None:
    for kind, words in LISTS[language]["types"].items():
        for word in words:
            assert words_of(word).named == {Defect(kind)}, word
    for word in LISTS[language]["neutral"]:
        assert words_of(word) == words_of(""), word


@pytest.mark.parametrize("language", ["zh", "en", "th", "vi"])
def test_every_kind_of_damage_has_words_but_the_unknown(language: str) -> None:
    assert set(LISTS[language]["types"]) == set(Defect) - {Defect.NOVEL}


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    said = words_of(text)
    assert said.named.isdisjoint(said.denied)


@given(st.lists(st.sampled_from(sorted(SAID)), max_size=4))
def test_sentences_do_not_reach_into_each_other(texts: list[str]) -> None:
    together, alone = words_of("\n".join(texts)), [words_of(each) for each in texts]
    assert together.named == frozenset().union(*(each.named for each in alone))


@pytest.mark.parametrize(
    ("text", "seen", "not_seen", "against"),
    [
        ("屏幕裂了", "crack", "", ""),
        ("屏幕裂了", "", "crack", ""),
        ("หน้าจอแตก", "scratch", "crack", ""),
        ("bị trầy xước", "wear", "", ""),  # people take one for the other
        ("it is broken", "dent", "", ""),  # of no particular kind
        ("it is broken", "smudge", "damaged", ""),
        ("a part is missing", "", "", ""),  # no picture shows what is not there
        ("no scratches", "scratch", "", "scratch"),
        ("not damaged", "crack scratch", "", "crack"),
        ("cracked, no dents", "crack dent", "", "dent"),
        ("torn", "damaged", "", ""),
    ],
)
def test_claims_are_compared_with_what_was_seen(text: str, seen: str, not_seen: str, against: str) -> None:
    found = compared(text, kinds(seen))
    assert found is not None
    assert (frozenset(found.not_seen), frozenset(found.seen_though_denied)) == (kinds(not_seen), kinds(against))
    assert found.agrees == (bool(found.named) and not not_seen and not against)


def test_words_that_say_nothing_of_damage_are_no_claim() -> None:
    assert compared("wrong colour", kinds("crack")) is None


def test_without_a_judged_picture_nothing_is_compared() -> None:
    found = compared("the screen is cracked", None)
    assert found is not None
    assert (found.named, found.not_seen) == ((Defect.CRACK,), ())


def test_who_decides_reads_the_claim_beside_what_was_seen(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers, agent: httpx2.Client
) -> None:
    customer = Customer(running, admin)
    with running.hub.database.transaction() as connection:
        cases.describe(connection, running.merchant, customer.case.id, "没有划痕，但是生锈了", "zh-CN")
    path = f"/v1/precheck/cases/{customer.rma}"
    told = admin.get(path).json()["claim"]
    assert (told["named"], told["denied"], told["not_seen"]) == (["corrosion"], ["scratch"], [])
    upload = customer.send(GOOD)
    look_at(running.hub, lookers, running.merchant, upload)
    see(running, upload, Defect.SCRATCH)
    told = admin.get(path).json()["claim"]
    assert (told["not_seen"], told["seen_though_denied"]) == (["corrosion"], ["scratch"])
    page = agent.get(f"/console/prechecks/{customer.rma}?lang=zh-CN").text
    assert "文字提到，但照片中未看到" in page
    assert "文字说没有，但照片中看到" in page
    with running.hub.database.transaction() as connection:
        cases.describe(connection, running.merchant, customer.case.id, "颜色不对", "zh-CN")
    assert admin.get(path).json()["claim"] is None
    assert "文字提到" not in agent.get(f"/console/prechecks/{customer.rma}?lang=zh-CN").text


def see(running: RunningHub, upload: UUID, kind: Defect) -> None:
    """As if the model had seen it."""
    finding = {"type": str(kind), "probability": 0.9, "severity": "minor", "box": [1, 1, 9, 9], "outline": None}
    with running.hub.database.transaction() as connection:
        mine = pictures.c.upload_id == upload
        connection.execute(pictures.update().where(mine).values(findings=[finding]))
