"""That a file carries content credentials is found where the specification puts them; nothing hostile costs more."""

from __future__ import annotations

import functools
import zlib

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.decoding import C2PA_IN_BOXES, C2PA_STORE, has_c2pa
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tasks import look_at
from tests.hub.conftest import RunningHub
from tests.hub.precheck import hostile
from tests.hub.precheck.test_queue import GOOD, Customer

KINDS = {"jpeg": "jpeg", "progressive": "jpeg", "png": "png", "webp": "webp", "lossless": "webp", "heic": "heif"}
OTHER = bytes(16)
formats = functools.cache(hostile.formats)
NOT_VERIFIED = "They were not verified"


def box(kind: bytes, content: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return b"\0\0\0\x01" + kind + (len(content) + 16).to_bytes(8, "big") + content
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def store(kind: bytes = C2PA_STORE, *, wide: bool = False, size: int = 300) -> bytes:
    description = box(b"jumd", kind + b"\x03c2pa\0")
    return box(b"jumb", description + box(b"jumb", bytes(size)), wide=wide)


def with_store(form: str, whole: bytes, content: bytes) -> bytes:
    """A file of ``form`` that carries ``content`` as C2PA says."""
    if KINDS[form] == "jpeg":
        pieces = [content[at : at + 60_000] for at in range(0, len(content), 60_000)]
        segments = b""
        for number, piece in enumerate(pieces, start=1):
            again = content[:8] if number > 1 else b""
            body = b"JP\0\x01" + number.to_bytes(4, "big") + again + piece
            segments += b"\xff\xeb" + (len(body) + 2).to_bytes(2, "big") + body
        return whole[:2] + segments + whole[2:]
    if form == "png":
        chunk = len(content).to_bytes(4, "big") + b"caBX" + content + zlib.crc32(b"caBX" + content).to_bytes(4, "big")
        return whole[:33] + chunk + whole[33:]
    if KINDS[form] == "webp":
        chunk = b"C2PA" + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
        return b"RIFF" + (len(whole) + len(chunk) - 8).to_bytes(4, "little") + whole[8:] + chunk
    return whole + box(b"uuid", C2PA_IN_BOXES + bytes(4) + b"manifest\0" + bytes(8) + content)


@pytest.mark.parametrize("form", KINDS)
def test_it_is_told_of_every_format_and_the_picture_stays_the_same(decoder: Decoder, form: str) -> None:
    whole = formats()[form]
    plain = decoder.open(whole)
    assert plain.told["c2pa"] == "absent"
    for content in (store(), store(wide=True), store(size=200_001)):
        found = decoder.open(with_store(form, whole, content))
        assert (found.told["c2pa"], bool((found.pixels == plain.pixels).all())) == ("present", True)


@pytest.mark.parametrize("form", KINDS)
def test_other_boxes_and_mere_words_are_not_taken_for_it(decoder: Decoder, form: str) -> None:
    whole = formats()[form]
    for content in (store(OTHER), box(b"jumd", C2PA_STORE), b"c2pa jumb jumd" * 9, b""):
        assert not has_c2pa(KINDS[form], with_store(form, whole, content))
    assert not has_c2pa(KINDS[form], whole + store())
    assert decoder.open(with_store(form, whole, store(OTHER))).told["c2pa"] == "absent"


@pytest.mark.parametrize("form", KINDS)
@given(cut=st.integers(0, 10_000), at=st.integers(0, 2000), by=st.binary(max_size=12))
@example(cut=10_000, at=8, by=b"")
def test_whatever_bytes_come_it_ends_and_says_yes_or_no(form: str, cut: int, at: int, by: bytes) -> None:
    data = with_store(form, formats()[form], store())
    spoilt = (data[:at] + by + data[at + len(by) :])[: len(data) - cut if cut < len(data) else None]
    assert has_c2pa(KINDS[form], spoilt) in {True, False}


@given(kind=st.sampled_from(["jpeg", "png", "webp", "heif"]), data=st.binary(max_size=400))
@example(kind="heif", data=bytes(4) + b"free")
@example(kind="heif", data=b"\0\0\0\x01free" + bytes(8))
@example(kind="jpeg", data=b"\xff\xd8" + b"\xff" * 300)
@example(kind="jpeg", data=b"\xff\xd8" + b"\xff\xeb\0\0" * 90)
def test_noise_is_nothing(kind: str, data: bytes) -> None:
    assert not has_c2pa(kind, data)


def test_parts_without_end_are_not_walked_without_end() -> None:
    many = 100_000
    tail = store()
    jpeg = (
        b"\xff\xd8" + b"\xff\xe1\0\x02" * many + b"\xff\xeb" + (len(tail) + 10).to_bytes(2, "big") + b"JP\0\1\0\0\0\1"
    )
    heif = b"\0\0\0\x08free" * many
    assert not has_c2pa("jpeg", jpeg + tail)
    assert not has_c2pa("heif", with_store("heic", heif, tail))


def test_who_decides_reads_that_it_is_there_and_that_nobody_verified_it(
    running: RunningHub,
    admin: httpx2.Client,
    lookers: Lookers,
    agent: httpx2.Client,
) -> None:
    for data, told in ((with_store("jpeg", GOOD, store()), "present"), (GOOD, "absent")):
        customer = Customer(running, admin)
        look_at(running.hub, lookers, running.merchant, customer.send(data))
        (upload,) = admin.get(f"/v1/precheck/cases/{customer.rma}").json()["uploads"]
        assert upload["told"]["c2pa"] == told
        assert (NOT_VERIFIED in agent.get(f"/console/prechecks/{customer.rma}").text) == (told == "present")
