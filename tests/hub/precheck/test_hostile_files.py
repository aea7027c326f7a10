"""No file harms the asker, and each gets its own answer."""

from __future__ import annotations

import io
import os
import re
import signal
from pathlib import Path

import pytest
from PIL import Image

from inspection.hub.precheck import decoding
from inspection.hub.precheck.decoder import Bounds, Decoder, PictureRefused
from tests.hub.precheck.hostile import encoded, formats, hostile, noise

RED_AT_TOP_LEFT = Image.new("RGB", (120, 80), "white")
RED_AT_TOP_LEFT.paste((200, 0, 0), (0, 0, 60, 40))
JPEG = b"\xff\xd8\xff"


def code(decoder: Decoder, data: bytes) -> str:
    try:
        decoder.open(data)
    except PictureRefused as refused:
        return refused.code.removeprefix("precheck.")
    return "ok"


def test_every_hostile_file_gets_its_code_and_none_kills_or_swells_the_worker() -> None:
    cases = hostile()
    with Decoder() as decoder:
        decoder.open(formats()["jpeg"])
        worker = decoder.pid
        got = {name: (code(decoder, data), wanted) for name, data, wanted in cases}
        assert {name: answer for name, answer in got.items() if answer[0] not in answer[1]} == {}
        assert decoder.pid == worker
        peak_kb = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())[1])
    assert len(got) >= 200
    assert peak_kb < 600_000


@pytest.fixture(scope="module")
def misbehaving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real worker, but for what it does with certain bytes."""
    script = tmp_path_factory.mktemp("worker") / "worker.py"
    script.write_text(f"""
import os, socket, sys, time
sys.path.insert(0, {str(Path(decoding.__file__).parent)!r})
import decoding

def refused(attempt):
    try:
        attempt()
    except OSError:
        raise decoding.Unfit("broken")
    return {{"width": 1, "height": 1}}, bytes(3)

def decode(kind, data, credentials=None):
    if b"hang" in data:
        time.sleep(600)
    if b"spin" in data:
        while True: pass
    if b"die" in data:
        os.abort()
    if b"grow" in data:
        bytearray(2 << 30)
    if b"babble" in data:
        sys.stdout.buffer.write(b"z" * 9000)
        sys.stdout.buffer.flush()
    if b"code" in data:
        raise decoding.Unfit("<b>pwned</b>")
    if b"file" in data:
        return refused(lambda: open(__file__, "rb"))
    if b"socket" in data:
        return refused(lambda: socket.socket())
    return {{"width": 1, "height": 1, "secret": dict(os.environ)}}, bytes(3)

decoding.decode = decode
decoding.main()
""")
    return script


@pytest.mark.parametrize(
    ("does", "answer"),
    [("hang", "too_slow"), ("die", "crashed"), ("grow", "crashed"), ("babble", "crashed"), ("code", "crashed")],
)
def test_a_worker_that_fails_is_replaced(misbehaving: Path, does: str, answer: str) -> None:
    with Decoder(Bounds(wall_s=2.0 if does == "hang" else 60), misbehaving) as decoder:
        assert code(decoder, JPEG + does.encode()) == answer
        assert decoder.pid is None
    with Decoder(Bounds(wall_s=60), misbehaving) as decoder:
        code(decoder, JPEG + b"die")
        assert code(decoder, JPEG) == "ok"


def test_a_worker_that_computes_for_ever_is_ended_by_its_own_limit(misbehaving: Path) -> None:
    with Decoder(Bounds(cpu_s=1, wall_s=120), misbehaving) as decoder:
        assert code(decoder, JPEG + b"spin") == "too_slow"
        assert code(decoder, JPEG) == "ok"


def test_a_worker_reaches_no_file_no_network_and_no_environment(misbehaving: Path) -> None:
    with Decoder(Bounds(wall_s=60), misbehaving) as decoder:
        assert code(decoder, JPEG + b"file") == "broken"
        assert code(decoder, JPEG + b"socket") == "broken"
        assert "PATH" not in decoder.open(JPEG).told["secret"]


def test_a_worker_killed_between_pictures_is_replaced() -> None:
    with Decoder() as decoder:
        data = formats()["png"]
        decoder.open(data)
        before = decoder.pid
        assert before is not None
        os.kill(before, signal.SIGKILL)
        assert code(decoder, data) in {"ok", "crashed"}  # the death may be seen before or after it is asked
        assert code(decoder, data) == "ok"
        assert decoder.pid != before


def test_a_worker_is_renewed_after_its_share_of_pictures() -> None:
    with Decoder(Bounds(pictures=1)) as decoder:
        data = formats()["jpeg"]
        decoder.open(data)
        before = decoder.pid
        decoder.open(data)
        assert decoder.pid != before


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(decoder: Decoder, orientation: int) -> None:
    undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn = undo.get(orientation, decoding.TURNS.get(orientation))
    stored = RED_AT_TOP_LEFT if turn is None else RED_AT_TOP_LEFT.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = decoder.open(encoded(stored, "JPEG", exif=exif, quality=95))
    assert opened.pixels.shape == (80, 120, 3)
    assert abs(opened.pixels[10, 10].astype(int) - (0, 0, 200)).max() < 12
    assert opened.pixels[70, 110].min() > 240
    assert opened.told["orientation"] == orientation


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_colours_survive_every_kind_of_coding(decoder: Decoder, mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    opened = decoder.open(encoded(RED_AT_TOP_LEFT.convert(mode), form))
    assert abs(opened.pixels[10, 10].astype(int) - (0, 0, 200)).max() < 12
    assert opened.pixels[70, 110].min() > 240


def test_sixteen_bits_become_eight_and_clear_places_white(decoder: Decoder) -> None:
    deep = decoder.open(encoded(Image.new("I;16", (96, 80), 0x8080), "PNG"))
    assert abs(deep.pixels.astype(int) - 0x80).max() <= 1
    clear = decoder.open(encoded(Image.new("RGBA", (96, 80), (0, 0, 0, 0)), "PNG"))
    assert clear.pixels.min() == 255


def test_of_an_animation_the_first_picture_is_taken(decoder: Decoder) -> None:
    later = [Image.new("RGB", (120, 80), "blue")]
    for form, options in (("PNG", {}), ("WEBP", {"lossless": True})):
        opened = decoder.open(encoded(RED_AT_TOP_LEFT, form, save_all=True, append_images=later, **options))
        assert opened.told["animated"] is True
        assert tuple(opened.pixels[10, 10]) == (0, 0, 200)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_what_is_kept_has_no_metadata_and_the_place_is_never_told(decoder: Decoder, form: str) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Acme", "Phone\x07 9"
    exif.get_ifd(0x8769)[0x9003] = "2026:01:02 03:04:05"
    exif.get_ifd(0x8825).update({1: "N", 2: (13.0, 45.0, 17.0)})
    opened = decoder.open(encoded(noise(), form, exif=exif) + b"PK\x03\x04 trailing")
    told = opened.told
    assert (told["has_place"], told["camera_make"], told["camera_model"]) == (True, "Acme", "Phone 9")
    assert told["taken_at"] == "2026-01-02T03:04:05"
    assert "13" not in str({**told, "taken_at": ""})
    kept = Image.open(io.BytesIO(opened.jpeg()))
    assert not kept.getexif()
    assert b"PK\x03\x04" not in opened.jpeg()
    assert b"Acme" not in opened.jpeg()


def test_a_large_picture_is_handed_out_at_most_two_thousand_pixels_wide(decoder: Decoder) -> None:
    opened = decoder.open(encoded(Image.new("RGB", (3000, 1500), "teal"), "JPEG"))
    assert opened.pixels.shape == (1000, 2000, 3)
    assert (opened.told["original_width"], opened.told["original_height"]) == (3000, 1500)
