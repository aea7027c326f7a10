"""What several test packages need: the folder of shared facts and photographs, when it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

LONG_RUN = "--long"
SHARED = Path(__file__).resolve().parents[2] / "shared"

# A busy machine is no failure, and what decides whether a change lands must not be drawn by lot: elsewhere every run
# tries other examples.
settings.register_profile("project", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(LONG_RUN, action="store_true", help="also run the tests that take many minutes each")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption(LONG_RUN):
        return
    for item in items:
        if item.get_closest_marker("long") is not None:
            item.add_marker(pytest.mark.skip(reason=f"takes many minutes; run it with {LONG_RUN}"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """``../shared`` beside the clone; the test skips, saying so, where it is absent."""
    if not (SHARED / "design.md").is_file():
        pytest.skip("../shared is not beside this clone")
    return SHARED
