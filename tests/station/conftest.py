"""One running workplace for the tests that only look or go on from an empty table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.station.rig import Rig


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A started station with all devices connected, shared by the tests of a module."""
    with Rig(Path(tmp_path_factory.mktemp("rig"))) as rig:
        rig.start()
        yield rig


@pytest.fixture
def rig(running: Rig) -> Rig:
    """The module's station with an empty table, no tag in the field and a hub that behaves."""
    for _ in range(3):  # an override, the item, an RMA label
        state = running.state()
        if state["state"] != "idle" or state["pending_rma"]:
            running.command("cancel")
    running.wait_state("idle")
    running.put("intact")
    return running
