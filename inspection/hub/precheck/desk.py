"""What the pre-check of one server process needs beside the hub: the links' key, and decoders for a first look."""

from __future__ import annotations

import queue
import time
from functools import cached_property
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Depends, Request

from inspection.hub.hub import Hub
from inspection.hub.precheck import results
from inspection.hub.precheck.decoder import Decoder, PictureRefused
from inspection.hub.precheck.kinds import container_of
from inspection.hub.precheck.links import LinkKey, key_of
from inspection.hub.precheck.looking import glance
from inspection.hub.precheck.settings import anchors_of
from inspection.hub.problems import Problem
from inspection.products import Catalogue

FREE_WITHIN_S = 0.4
"""An answer about quality within a second, or none: under load the job brings it later."""


class Desk:
    """Made with the application; its parts when they are first needed.

    Attributes:
        streams: of server-sent events that are open.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.streams = 0
        self._free: queue.LifoQueue[Decoder] = queue.LifoQueue()
        anchors = anchors_of(hub.config.precheck)
        for _ in range(hub.config.precheck.decoders):
            self._free.put(Decoder(anchors=anchors))

    @cached_property
    def key(self) -> LinkKey:
        """Signs links.

        Raises:
            ConfigError, StoreError: see :func:`key_of`.
        """
        return key_of(self._hub.config)

    @cached_property
    def catalogue(self) -> Catalogue | None:
        """The products; ``None`` when the settings name none.

        Raises:
            ConfigError: it cannot be read.
        """
        path = self._hub.config.precheck.products
        return None if path is None else Catalogue.load(path)

    def first_look(self, merchant_id: UUID, upload_id: UUID, data: bytes) -> None:
        """Say at once what is wrong with a photograph that was kept; what is good, or a video, waits for its job.

        Under load nothing is said, and nothing is lost: the job finds the same.
        """
        if container_of(data) is not None:
            return
        try:
            decoder = self._free.get(timeout=FREE_WITHIN_S)
        except queue.Empty:
            return
        start = time.perf_counter()
        try:
            found = glance(decoder, data)
            seen = None if found.quality.ok else results.not_good([found])
        except PictureRefused as refused:
            seen = results.refused(refused, (time.perf_counter() - start) * 1e3)
        finally:
            self._free.put(decoder)
        if seen is None:
            return
        try:
            results.write(self._hub, merchant_id, upload_id, seen)
        except Problem as problem:  # the job says it again
            structlog.get_logger().warning("first_look_not_kept", code=problem.code)

    def close(self) -> None:
        """End the decoders' processes."""
        while not self._free.empty():
            self._free.get_nowait().close()


def desk_of(request: Request) -> Desk:
    """The desk that serves this request."""
    found: Desk = request.app.state.precheck
    return found


CurrentDesk = Annotated[Desk, Depends(desk_of)]
