"""Feed the decoder what nobody thought of: ``python -m tests.hub.precheck.fuzz_decoder --minutes 10``.

Begins with the hostile files of the tests and changes them. With Atheris (``pip install atheris``, which brings
libFuzzer; not among the locked tools, as its wheel has 35 MB) what reaches new lines of the decoder or of Pillow's
Python is kept and changed further; without it, changes are drawn blindly. Whatever comes, :func:`decode` gives a
picture within its bounds or raises ``Unfit`` with a known reason; everything else is a finding, whose bytes are kept in
``--findings``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

HAS_ATHERIS = importlib.util.find_spec("atheris") is not None
if HAS_ATHERIS:
    import atheris
with atheris.instrument_imports() if HAS_ATHERIS else nullcontext():
    from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    from inspection.hub.precheck import decoding

from inspection.hub.precheck.decoder import MAX_OUT_SIDE, MAX_TOLD_BYTES, REASONS  # noqa: E402
from inspection.hub.precheck.kinds import kind_of  # noqa: E402
from tests.hub.precheck.hostile import formats, hostile  # noqa: E402

CREDENTIALS = decoding.sibling("credentials").reader()
MAX_SEED = 100_000
HEADER = 16
Fed = Callable[[bytes], Any]


def main(
    minutes: Annotated[float, typer.Option(help="How long.")] = 10.0,
    findings: Annotated[Path, typer.Option(help="Where files are kept that break the decoder.")] = Path(
        "fuzz-findings"
    ),
) -> None:
    """Feed for so long; exit status 1 when there is a finding."""
    findings.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # as in the worker
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder)
        for data in seeds():
            (corpus / hashlib.sha256(data).hexdigest()).write_bytes(data)
        print(f"{len(list(corpus.iterdir()))} files to begin with; {'Atheris' if HAS_ATHERIS else 'blind changes'}")
        if HAS_ATHERIS:
            _by_coverage(corpus, findings, int(60 * minutes))
        else:
            _blindly(corpus, findings, 60 * minutes)


def seeds() -> Iterator[bytes]:
    """The files to begin with: every format, and the hostile ones that are not large."""
    yield from formats().values()
    yield from (data for _, data, _ in hostile() if kind_of(data) is not None and len(data) <= MAX_SEED)


def feed(data: bytes) -> str:
    """Decode as the worker does; the reason of a refusal, or ``ok``.

    Raises:
        AssertionError: the decoder gave something that it must not.
    """
    kind = kind_of(data)
    if kind is None:
        return "type"
    try:
        told, pixels = decoding.decode(kind, data, CREDENTIALS)
    except decoding.Unfit as unfit:
        reason = str(unfit.args[0])
    else:
        _check(told, pixels)
        reason = "ok"
    assert reason == "ok" or reason in REASONS, reason
    return reason


def _check(told: dict[str, Any], pixels: bytes) -> None:
    assert 1 <= told["width"] <= MAX_OUT_SIDE, told
    assert 1 <= told["height"] <= MAX_OUT_SIDE, told
    assert len(pixels) == 3 * told["width"] * told["height"], told
    assert len(json.dumps(told)) <= MAX_TOLD_BYTES, told


def _by_coverage(corpus: Path, findings: Path, seconds: int) -> None:
    """libFuzzer ends the process by itself."""
    options = [f"-max_total_time={seconds}", "-rss_limit_mb=3072", "-timeout=60", f"-max_len={MAX_SEED}"]
    options += [f"-artifact_prefix={findings}/", "-print_final_stats=1", str(corpus)]

    def fed(data: bytes) -> int:
        return -1 if feed(data) == "type" else 0  # not worth keeping: the asker refuses it

    atheris.Setup([sys.argv[0], *options], fed)
    atheris.Fuzz()


def _blindly(corpus: Path, findings: Path, seconds: float) -> None:
    chance = random.Random()
    known = [path.read_bytes() for path in corpus.iterdir()]
    came_to: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        data = changed(chance, known)
        try:
            came_to[feed(data)] += 1
        except Exception:  # noqa: BLE001 -- each is a finding
            came_to["finding"] += 1
            path = findings / hashlib.sha256(data).hexdigest()[:16]
            path.write_bytes(data)
            path.with_suffix(".txt").write_text(traceback.format_exc())
    print(f"{came_to.total()} files: {dict(came_to.most_common())}")
    raise typer.Exit(1 if came_to["finding"] else 0)


def changed(chance: random.Random, known: list[bytes]) -> bytes:
    """One of ``known`` with bytes flipped, parts cut out, doubled, or taken from another."""
    data = bytearray(chance.choice(known))
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        at, length = chance.randrange(len(data)), chance.choice((1, 2, 4, 8, 64, 1000))
        match chance.randrange(6):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + length] = chance.randbytes(length)
            case 2 if len(data) > 2 * HEADER:
                del data[max(at, HEADER) : max(at, HEADER) + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                other = chance.choice(known)
                data[at : at + length] = other[at : at + length]
            case _:
                data[at : at + 4] = chance.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1"))
    return bytes(data)


if __name__ == "__main__":
    typer.run(main)
