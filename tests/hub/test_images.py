"""Pictures in and out: named by what they are, whole or not at all."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.hub.images.picture_header import NotAPicture, PictureHeader, read_header
from tests.hub.conftest import RunningHub
from tests.hub.reports import png, sha256

# SOI, APP0 (JFIF, 16 bytes), fill byte, SOF0: 8 bits, height 480, width 640, then start of scan.
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffffc000110801e0028003") + bytes(9)


def put(client: httpx2.Client, data: bytes, name: str | None = None) -> httpx2.Response:
    return client.put(f"/v1/images/{name or sha256(data)}", content=data)


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_picture_comes_back_byte_for_byte(station: httpx2.Client) -> None:
    data = png(1)
    answer = put(station, data)
    assert answer.status_code == 201
    assert answer.json() == {
        "sha256": sha256(data),
        "size_bytes": len(data),
        "media_type": "image/png",
        "width": 4,
        "height": 3,
    }
    read = station.get(f"/v1/images/{sha256(data)}")
    assert read.content == data
    assert read.headers["content-type"] == "image/png"
    cached = station.get(f"/v1/images/{sha256(data)}", headers={"If-None-Match": read.headers["etag"]})
    assert (cached.status_code, cached.content) == (304, b"")


def test_a_repeat_changes_nothing(station: httpx2.Client) -> None:
    before = station.get("/v1/stats").json()
    data = png(2)
    assert [put(station, data).status_code for _ in range(3)] == [201, 200, 200]
    after = station.get("/v1/stats").json()
    assert (after["images"] - before["images"], after["events"] - before["events"]) == (1, 1)


def test_a_picture_lost_from_the_store_is_mended_by_sending_it_again(
    running: RunningHub, station: httpx2.Client, images_folder: Path
) -> None:
    data = png(3)
    put(station, data)
    (images_folder / str(running.merchant) / sha256(data)[:2] / sha256(data)).unlink()
    gone = station.get(f"/v1/images/{sha256(data)}")
    assert (gone.status_code, gone.json()["code"]) == (503, "store.unavailable")
    assert put(station, data).status_code == 200
    assert station.get(f"/v1/images/{sha256(data)}").content == data


def test_bytes_of_another_hash_are_refused(station: httpx2.Client, images_folder: Path) -> None:
    before = stored(images_folder)
    answer = put(station, png(4), sha256(png(5)))
    assert (answer.status_code, answer.json()["code"]) == (422, "image.hash_mismatch")
    assert stored(images_folder) == before


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(50), b"<svg/>", b"\xff\xd8\xff", png(1)[:20], b"%PDF-1.7"])
def test_what_is_no_picture_is_refused_whatever_it_is_called(station: httpx2.Client, data: bytes) -> None:
    answer = station.put(f"/v1/images/{sha256(data)}", content=data, headers={"Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (422, "image.not_a_picture")


def test_a_picture_that_is_too_large_is_refused(station: httpx2.Client, images_folder: Path) -> None:
    before = stored(images_folder)
    data = png(6) + bytes(2_000_000)
    told = put(station, data)
    name = sha256(data)
    untold = station.put(f"/v1/images/{name}", content=(data[at : at + 9999] for at in range(0, len(data), 9999)))
    for answer in (told, untold):
        assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
        assert answer.json()["max_bytes"] == 100_000
    assert stored(images_folder) == before


def test_a_sender_that_goes_away_half_way_leaves_nothing(
    running: RunningHub, station: httpx2.Client, images_folder: Path
) -> None:
    before = stored(images_folder.parent)
    data = png(7)
    with socket.create_connection((urlsplit(running.url).hostname, urlsplit(running.url).port)) as connection:
        head = f"PUT /v1/images/{sha256(data)} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(data)}\r\n"
        connection.sendall(f"{head}Authorization: Bearer {running.station_token}\r\n\r\n".encode() + data[:30])
    answer = station.get(f"/v1/images/{sha256(data)}")
    assert answer.json()["code"] == "image.unknown"
    assert stored(images_folder.parent) == before


def test_one_merchant_does_not_see_anothers_pictures(running: RunningHub, station: httpx2.Client) -> None:
    from tests.hub.test_access import new_merchant  # noqa: PLC0415 - shared with those tests

    data = png(8)
    put(station, data)
    with running.client(new_merchant(running)) as other:
        assert other.get(f"/v1/images/{sha256(data)}").status_code == 404
        assert put(other, data).status_code == 201


@pytest.mark.parametrize("name", ["x", "A" * 64, "0" * 63, "..%2f..%2fetc%2fpasswd"])
def test_a_name_that_is_no_hash_is_refused(station: httpx2.Client, name: str) -> None:
    assert station.get(f"/v1/images/{name}").status_code in {404, 422}
    assert station.put(f"/v1/images/{name}", content=png(1)).status_code in {404, 422}


def test_headers_are_read_from_the_bytes() -> None:
    assert read_header(png(1, 640, 480)) == PictureHeader("image/png", 640, 480)
    assert read_header(JPEG) == PictureHeader("image/jpeg", 640, 480)


@given(st.binary(max_size=200), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", JPEG[:30]]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    try:
        header = read_header(start + data)
    except NotAPicture:
        pass
    else:
        assert header.width >= 1


@given(st.integers(0, len(JPEG) - 11))
def test_a_jpeg_cut_before_its_size_is_refused(length: int) -> None:
    with pytest.raises(NotAPicture):
        read_header(JPEG[:length])
