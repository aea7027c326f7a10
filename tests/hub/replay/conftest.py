"""Inspections of rendered goods, judged by the shipped bundle and rules, reported as a station does."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import cv2
import httpx2
import numpy as np
import pytest

from inspection.frame import Frame
from inspection.item import Item
from inspection.pipeline import Context, inspect, uncorrected
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.report import seal
from inspection.station.record import assessment_part, policy_part
from models.runtime import Judge
from tests.hub.conftest import RunningHub, database, running
from tests.hub.reports import fields, picture, sha256

__all__ = ["database", "running"]
ROOT = Path(__file__).resolve().parents[3]
DEMO = ROOT / "datasets" / "demo"
BUNDLE = ROOT / "models" / "bundles" / "default"
RULES = ROOT / "configs" / "policy" / "default.yaml"
GTIN = {"can": "00614141401017", "carton": "00614141402014", "bottle": "00614141403011", "phone": "00614141404018"}
TODAY = date(2026, 11, 20)


@pytest.fixture(scope="package", autouse=True)
def same_key_everywhere() -> Iterator[None]:
    """Processes of a replay open the store by the configuration; the tests' hub has this key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETURNS_HUB_IMAGE_KEY", b64encode(bytes(32)).decode())
        yield


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge.load(BUNDLE, threads=1)


@pytest.fixture(scope="session")
def made(judge: Judge) -> Callable[..., dict[str, Any]]:
    """A sealed report of a rendered item, with its pictures' bytes by hash."""
    rules, catalogue = Policy.load(RULES), Catalogue.load(ROOT / "configs" / "products.yaml")

    def make(name: str, **changes: Any) -> dict[str, Any]:
        frames, pictures, contents = {}, [], {}
        for path in sorted((DEMO / name).glob("*.jpg")):
            data = path.read_bytes()
            pixels = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
            frames[path.stem] = Frame(pixels, 0, datetime.now(UTC), 0, "cam", "")
            shown = picture(data, path.stem) | {"media_type": "image/jpeg"}
            pictures.append(shown | {"width": pixels.shape[1], "height": pixels.shape[0]})
            contents[sha256(data)] = data
        item = Item(gtin=GTIN[name.split("-", maxsplit=1)[0]], serial="1")
        found = inspect(
            item,
            frames,
            judge=judge,
            correct=uncorrected,
            policy=rules,
            catalogue=catalogue,
            context=Context(today=TODAY, seal_intact=True, complete=True),
        )
        assert found.assessment is not None
        verdict = found.verdict
        parts = {
            "inspection_id": str(uuid4()),
            "item": {"gtin": item.gtin, "serial": "1", "sources": ["barcode"]},
            "pictures": pictures,
            "assessment": assessment_part(found.assessment).model_dump(mode="json"),
            "policy": policy_part(verdict).model_dump(mode="json"),
            "verdict": {"disposition": verdict.disposition, "grade": verdict.grade, "decided_by": "policy"},
            "versions": {"software": "1", "policy": rules.version, "products": "1", "bundle": judge.bundle_id},
        }
        report = seal(fields(**(parts | changes))).model_dump(mode="json")
        return {"report": report, "contents": contents}

    return make


Reported = Callable[..., UUID]


@pytest.fixture(scope="module")
def reported(running: RunningHub) -> Iterator[Reported]:
    """Brings a made report and its pictures to the hub."""
    with running.client(running.station_token) as station:

        def bring(one: dict[str, Any], *, with_pictures: bool = True) -> UUID:
            for name, data in one["contents"].items() if with_pictures else ():
                assert station.put(f"/v1/images/{name}", content=data).status_code in (200, 201)
            answer = station.post("/v1/inspections", json=one["report"])
            assert answer.status_code == 201, answer.text
            return UUID(one["report"]["inspection_id"])

        yield bring


@pytest.fixture
def admin(running: RunningHub) -> Iterator[httpx2.Client]:
    with running.client(running.admin_token) as client:
        yield client
