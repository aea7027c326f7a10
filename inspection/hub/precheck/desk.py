"""What the pre-check of one server process needs beside the hub: the links' key, and decoders for a first look."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request

from inspection.hub.hub import Hub
from inspection.hub.images.vault import load_or_make_secret
from inspection.hub.precheck.links import KEY_VARIABLE, LinkKey


class Desk:
    """Made with the application; its parts when they are first needed."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @cached_property
    def key(self) -> LinkKey:
        """Signs links.

        Raises:
            ConfigError, StoreError: see :func:`load_or_make_secret`.
        """
        path = self._hub.config.precheck.link_key_file or self._hub.config.data_dir / "links.key"
        return LinkKey(load_or_make_secret(path, KEY_VARIABLE, "without it links that were sent open nothing"))


def desk_of(request: Request) -> Desk:
    """The desk that serves this request."""
    found: Desk = request.app.state.precheck
    return found


CurrentDesk = Annotated[Desk, Depends(desk_of)]
