"""One worker for all tests that do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspection.hub.precheck.decoder import Decoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made
