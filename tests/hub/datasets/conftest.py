"""Pictures that came with inspections and were labelled; the fixtures of the review queue are used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.hub.review.conftest import Bench, bench, cheap_hashes, items_of, jpeg, nothing_at_random, people, qa, scene

__all__ = ["bench", "cheap_hashes", "nothing_at_random", "people", "qa"]
INTACT: dict[str, Any] = {"condition": "intact"}
Label = Callable[..., bytes]


@pytest.fixture
def label(bench: Bench, qa: httpx2.Client) -> Label:
    """Brings an inspection of one new picture and labels it; the picture's bytes."""

    def labelled(said: dict[str, Any] = INTACT, rma: str | None = None) -> bytes:
        photograph = jpeg(scene(uuid4().int % 2**32))
        members = {} if rma is None else {"rma": rma}
        (item,) = items_of(qa, bench.bring(photograph, **members, **_override(members)))
        answer = qa.post(f"/v1/review/items/{item['id']}/labels", json=said)
        assert answer.status_code == 201, answer.text
        return photograph

    return labelled


def _override(members: dict[str, Any]) -> dict[str, Any]:
    from tests.hub.review.conftest import override  # noqa: PLC0415 - only what is named is a fixture

    return override() if members else {}
