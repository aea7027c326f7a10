"""Of a customer's video the frames worth judging come out, and of a hostile one nothing but a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx2
import numpy as np
import pytest
import sqlalchemy as sa

from inspection.frame import Pixels
from inspection.hub.precheck.decoder import REASONS, PictureRefused
from inspection.hub.precheck.kinds import Container, container_of, kind_of
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.tables import pictures
from inspection.hub.precheck.tasks import look_at
from inspection.hub.precheck.video import VideoDecoder
from tests.hub.conftest import RunningHub
from tests.hub.precheck.test_looking import photograph
from tests.hub.precheck.test_queue import GOOD, Customer

FPS = 12
SIZE = (640, 480)


def film(path: Path, seconds: float, shows: Callable[[float], Pixels], fps: int = FPS) -> bytes:
    """A video in which ``shows`` gives each moment's picture."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, SIZE)
    for number in range(round(seconds * fps)):
        writer.write(shows(number / fps))
    writer.release()
    return path.read_bytes()


def walk_round(at_s: float) -> Pixels:
    """A carton that is passed: out of focus at first, then sharp in the first half of every second only."""
    picture = np.roll(cv2.resize(photograph(), SIZE), round(at_s * 60), axis=1)
    if at_s < 1.0 or at_s % 1.0 >= 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), 7)
    return np.asarray(picture, np.uint8)


@pytest.fixture(scope="module")
def decoder() -> Iterator[VideoDecoder]:
    with VideoDecoder() as made:
        yield made


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return film(tmp_path_factory.mktemp("film") / "walk.mp4", 6, walk_round)


def refused(decoder: VideoDecoder, data: bytes) -> str:
    with pytest.raises(PictureRefused) as caught:
        decoder.frames(data)
    return caught.value.code.removeprefix("precheck.")


def outcome(decoder: VideoDecoder, data: bytes) -> str:
    try:
        return "frames" if decoder.frames(data) else "nothing"
    except PictureRefused as problem:
        return problem.code.removeprefix("precheck.")


def test_the_best_frames_are_chosen_and_not_the_first_ones(decoder: VideoDecoder, walk: bytes) -> None:
    found = decoder.frames(walk)
    times = [each.at_ms for each in found]
    assert 3 <= len(found) <= 5
    assert times == sorted(times)
    assert times[0] >= 1000
    assert times[-1] - times[0] > 2000
    assert all(each.opened.pixels.shape == (480, 640, 3) for each in found)
    for at_ms in times:
        assert at_ms % 1000 < 560, "a blurred moment"
    assert found[0].opened.told["seconds"] == pytest.approx(6, abs=0.3)


def test_a_video_in_which_nothing_moves_gives_one_frame(decoder: VideoDecoder, tmp_path: Path) -> None:
    still = np.asarray(cv2.resize(photograph(), SIZE), np.uint8)
    assert len(decoder.frames(film(tmp_path / "still.mp4", 2, lambda _: still))) == 1


def test_a_video_that_is_too_long_is_refused_whatever_its_header_says(decoder: VideoDecoder, tmp_path: Path) -> None:
    grey = np.full((SIZE[1], SIZE[0], 3), 128, np.uint8)
    assert refused(decoder, film(tmp_path / "long.mp4", 21.5, lambda _: grey, fps=4)) == "too_long"


def test_kinds_are_told_by_content(walk: bytes) -> None:
    assert (container_of(walk), kind_of(walk)) == (Container.MP4, None)
    assert (container_of(GOOD), container_of(b""), container_of(b"#EXTM3U\nfile:///etc/passwd")) == (None, None, None)
    webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm"
    assert container_of(webm) is Container.WEBM


def test_broken_videos_end_in_a_reason_and_the_next_one_is_opened(decoder: VideoDecoder, walk: bytes) -> None:
    chance = np.random.default_rng(11)
    broken = [walk[: len(walk) * part // 6] for part in range(1, 6)]
    for _ in range(8):
        spoiled = bytearray(walk)
        for at in chance.integers(8, len(walk), 60):
            spoiled[at] = int(chance.integers(256))
        broken.append(bytes(spoiled))
    broken.append(walk[:8] + chance.bytes(5000))
    for data in broken:
        assert outcome(decoder, data) in {"frames", *REASONS}
    assert refused(decoder, GOOD) == "type"
    assert refused(decoder, b"") == "empty"
    assert decoder.frames(walk)


def test_a_customers_video_is_judged_frame_by_frame(
    running: RunningHub,
    admin: httpx2.Client,
    lookers: Lookers,
    walk: bytes,
) -> None:
    customer = Customer(running, admin)
    sent = customer.send(walk, "video")
    look_at(running.hub, lookers, running.merchant, sent)
    assert (customer.upload(sent).kind, customer.upload(sent).state) == ("video", "answered")
    with running.hub.database.transaction() as connection:
        mine = sa.select(pictures).where(pictures.c.upload_id == sent).order_by(pictures.c.number)
        rows = connection.execute(mine).all()
    assert [row.number for row in rows] == list(range(len(rows)))
    assert len({row.at_ms for row in rows}) == len(rows) > 1
    assert customer.now().outcome is not None
