"""One worker for all tests that do not hurt it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.settings import PrecheckSection


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder() as made:
        yield made


@pytest.fixture(scope="session")
def lookers() -> Iterator[Lookers]:
    made = Lookers(PrecheckSection(looks=1))
    yield made
    made.close()
