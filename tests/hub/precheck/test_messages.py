"""Every code has its sentence in every language."""

from __future__ import annotations

from itertools import chain

import pytest

from inspection.hub.precheck.decoder import REASONS
from inspection.hub.precheck.messages import FINE, PERSON, QUALITY, REFUSALS, sentence
from inspection.policy.rules import LANGUAGES


def test_every_reason_of_refusal_has_a_sentence() -> None:
    assert set(REASONS) | {"no_file", "erased"} == set(REFUSALS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_codes_share_a_sentence(language: str) -> None:
    codes = ["ok", *REFUSALS, *QUALITY]
    assert len({sentence(f"precheck.{code}", language) for code in codes}) == len(codes)


def test_every_sentence_is_in_its_own_language() -> None:
    for texts in chain(REFUSALS.values(), QUALITY.values(), (FINE, PERSON)):
        assert set(texts) == set(LANGUAGES)
        assert any("\u4e00" <= sign <= "\u9fff" for sign in texts["zh-CN"])
        assert any("\u0e00" <= sign <= "\u0e7f" for sign in texts["th"])
        assert not any(sign > "\u0e00" and sign not in "“”" for sign in texts["en"])
        assert any("\u00c0" <= sign <= "\u1ef9" for sign in texts["vi"])
