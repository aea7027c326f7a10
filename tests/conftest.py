"""What several test packages need: the folder of shared facts and photographs, when it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """``../shared`` beside the clone; the test skips, saying so, where it is absent."""
    if not (SHARED / "design.md").is_file():
        pytest.skip("../shared is not beside this clone")
    return SHARED
