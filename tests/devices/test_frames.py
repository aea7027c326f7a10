"""The cutter of frames: any split gives the same frames, noise costs no frame, memory stays below one frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from devices.frames import NO_FRAME, FrameParser
from tests.devices.streams import cuts, hostile, pieces


class Counted:
    """``@ length body sum``: the smallest protocol with all the traps."""

    starts = b"@"
    max_size = 20
    head = 2

    def size(self, front: bytes) -> int | None:
        if len(front) < 2:
            return None
        return front[1] + 3 if front[1] <= 17 else NO_FRAME

    def frame(self, raw: bytes) -> bytes | None:
        return raw[2:-1] if raw[-1] == sum(raw[1:-1]) & 0xFF else None


class Headless(Counted):
    """The same without a byte to begin with: every byte may be a length."""

    starts = b""
    head = 1

    def size(self, front: bytes) -> int | None:
        return front[0] + 2 if 2 <= front[0] <= 17 else NO_FRAME

    def frame(self, raw: bytes) -> bytes | None:
        return raw[1:-1] if raw[-1] == sum(raw[:-1]) & 0xFF else None


def framed(body: bytes) -> bytes:
    return b"@" + bytes([len(body)]) + body + bytes([(len(body) + sum(body)) & 0xFF])


bodies = st.lists(st.binary(max_size=17), max_size=8)
HOSTILE = hostile(b"@\x00\x01\x02\x05")


@given(bodies, cuts)
def test_frames_come_out_whatever_the_split(sent: list[bytes], at: list[int]) -> None:
    parser = FrameParser(Counted())
    got = [frame for piece in pieces(b"".join(map(framed, sent)), at) for frame in parser.feed(piece)]
    assert got == sent
    assert (parser.pending, parser.counts.frames, parser.counts.noise_bytes) == (0, len(sent), 0)


@given(HOSTILE, cuts, st.sampled_from([Counted(), Headless()]))
def test_any_stream_gives_the_same_frames_whatever_the_split(data: bytes, at: list[int], shape: Counted) -> None:
    whole, split = FrameParser(shape), FrameParser(shape)
    at_once = whole.feed(data) + whole.flush()
    assert [frame for piece in pieces(data, at) for frame in split.feed(piece)] + split.flush() == at_once
    assert whole.counts == split.counts
    assert whole.pending == 0


@given(HOSTILE, cuts)
def test_memory_stays_below_one_frame(data: bytes, at: list[int]) -> None:
    parser = FrameParser(Counted())
    for piece in pieces(data, at):
        parser.feed(piece)
        assert parser.pending < Counted.max_size


@given(HOSTILE)
def test_every_byte_is_a_frames_or_noise(data: bytes) -> None:
    parser = FrameParser(Counted())
    frames = parser.feed(data) + parser.flush()
    assert sum(len(frame) + 3 for frame in frames) + parser.counts.noise_bytes == len(data)


def test_a_good_frame_behind_a_false_start_is_found() -> None:
    parser = FrameParser(Counted())
    assert parser.feed(b"@\x05" + framed(b"ab") + b"....") == [b"ab"]
    assert parser.counts.refused == 1


def test_a_frame_that_a_false_start_hides_comes_out_when_the_line_falls_idle() -> None:
    parser = FrameParser(Counted())
    assert parser.feed(b"@\x10" + framed(b"ab")) == []
    assert parser.pending == 7
    assert parser.flush() == [b"ab"]


def test_after_a_reset_nothing_of_the_old_stream_is_left() -> None:
    parser = FrameParser(Counted())
    parser.feed(framed(b"abc")[:-1])
    parser.reset()
    assert parser.feed(framed(b"xyz")) == [b"xyz"]
