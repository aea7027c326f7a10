"""What is published in these tests: the bundle of the project, its policy, and banks that the test makes."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx2
import pytest

from inspection.hub.bundles import registry
from inspection.hub.bundles.registry import BundleRow
from tests.hub.conftest import RunningHub

ROOT = Path(__file__).resolve().parents[3]
DEFAULT = ROOT / "models" / "bundles" / "default"
POLICY = ROOT / "configs" / "policy" / "default.yaml"
ZIP = {"Content-Type": "application/zip"}


@pytest.fixture(scope="module")
def published(running: RunningHub) -> BundleRow:
    """The project's bundle, published."""
    with running.hub.database.transaction() as connection:
        return registry.publish(running.hub, connection, running.merchant, DEFAULT, "test")


@pytest.fixture
def policy_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    folder.mkdir()
    shutil.copy(POLICY, folder / "default.yaml")
    return folder


def sent(client: httpx2.Client, data: bytes) -> httpx2.Response:
    """A zip, sent to be published."""
    return client.post("/v1/bundles", content=data, headers=ZIP)
