"""The known examples most like the picture that decided, where the bundle carries examples; told when it is asked."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from inspection.errors import BundleError
from inspection.frame import Frame
from inspection.report import PicturePart
from inspection.station.capture import Bench
from inspection.station.heat import ShowsMaps
from inspection.station.pictures import PictureStore, decode

if TYPE_CHECKING:  # a station without a model need not load its runtime
    from models.examples import Examples, Similar
    from models.novelty import Reference

log = structlog.get_logger()
MOST = 3


class KnownExamples:
    """Compares the embedding of a stored picture with the examples of the bundle that judges."""

    def __init__(self, examples: Examples, reference: Reference, bench: Bench, pictures: PictureStore) -> None:
        self._examples, self._reference, self._bench, self._pictures = examples, reference, bench, pictures
        self._lock = threading.Lock()
        self._last: tuple[str, tuple[Similar, ...]] = ("", ())

    @classmethod
    def of(cls, bundle: Path | None, bench: Bench, pictures: PictureStore) -> KnownExamples | None:
        """Those in ``bundle``; ``None`` when it has none that can be read, or nothing judges with it."""
        judge: object = bench.judge
        if bundle is None or not isinstance(judge, ShowsMaps):
            return None
        from models.bundle import open_bundle  # noqa: PLC0415
        from models.examples import EXAMPLES, from_bytes  # noqa: PLC0415
        from models.explain import reference_of  # noqa: PLC0415

        try:
            opened = open_bundle(bundle)
            if EXAMPLES not in opened.contents:
                return None
            return cls(from_bytes(opened.contents[EXAMPLES]), reference_of(opened), bench, pictures)
        except BundleError as error:
            log.error("examples_unusable", error=error.one_line())
            return None

    def most_like(self, picture: PicturePart) -> tuple[Similar, ...]:
        """At most three, the most similar first.

        Raises:
            StoreError: when the picture is gone.
        """
        with self._lock:  # one at a time: the item on the table has the processor first
            if self._last[0] != picture.sha256:
                self._last = (picture.sha256, self._compare(picture))
            return self._last[1]

    def _compare(self, picture: PicturePart) -> tuple[Similar, ...]:
        judge: Any = self._bench.judge
        frame = Frame(
            pixels=decode(self._pictures.read(picture.sha256)),
            monotonic_ns=0,
            captured_at=picture.captured_at,
            sequence=picture.sequence,
            camera_id=picture.camera_id,
            settings_digest=picture.settings_digest,
        )
        embedding = judge.run_raw(judge.preprocess((self._bench.correct(picture.view, frame),))).embedding[0]
        return tuple(self._examples.nearest(self._reference, embedding, MOST))
