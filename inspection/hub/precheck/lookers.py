"""The lookers of one worker process: made when the first job comes, then used by one job at a time each."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.looking import CUSTOMER_POLICY, Looker
from inspection.hub.precheck.settings import PrecheckSection, anchors_of
from inspection.hub.precheck.video import VideoDecoder
from inspection.policy import Policy
from inspection.products import Catalogue
from models import runtime
from models.runtime import Judge

DEFAULT_BUNDLE = Path(runtime.__file__).with_name("bundles") / "default"


@dataclass(frozen=True, slots=True)
class Bench:
    """What one look needs: for photographs, and for videos."""

    looker: Looker
    video: VideoDecoder


class Lookers:
    """As many benches as `looks` of the settings; they share the model."""

    def __init__(self, settings: PrecheckSection) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._free: queue.SimpleQueue[Bench] = queue.SimpleQueue()
        self._all: list[Bench] = []

    @contextmanager
    def one(self) -> Iterator[Bench]:
        """A bench of one's own, after a wait for it.

        Raises:
            ConfigError, BundleError: policy, catalogue or model cannot be read.
        """
        self._make()
        bench = self._free.get()
        try:
            yield bench
        finally:
            self._free.put(bench)

    def close(self) -> None:
        """End the decoders' processes; the next look starts others."""
        for bench in self._all:
            bench.looker.decoder.close()
            bench.video.close()

    def _make(self) -> None:
        with self._lock:
            if self._all:
                return
            settings = self._settings
            policy = Policy.load(settings.policy or CUSTOMER_POLICY)
            catalogue = Catalogue.load(settings.products) if settings.products else Catalogue("none", "CNY", {})
            judge = Judge.load(settings.bundle or DEFAULT_BUNDLE, threads=settings.threads)
            anchors = anchors_of(settings)
            for _ in range(settings.looks):
                bench = Bench(Looker(Decoder(anchors=anchors), policy, catalogue, judge), VideoDecoder())
                self._all.append(bench)
                self._free.put(bench)
