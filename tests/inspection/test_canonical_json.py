"""Canonical JSON is that of RFC 8785, whichever of two encoders wrote it."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from inspection.evidence import canonical_json

NUMBERS = (
    st.integers()
    | st.integers(-(2**53) - 2, 2**53 + 2)
    | st.floats()
    | st.floats(-1e-3, 1e-3)
    | st.integers(-(2**60), 2**60).map(float)
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def by_the_library(value: Any) -> bytes | type[Exception]:
    try:
        return rfc8785.dumps(value)
    except Exception as error:  # noqa: BLE001 - whatever it refuses, we refuse alike
        return type(error)


def by_ours(value: Any) -> bytes | type[Exception]:
    try:
        return canonical_json(value)
    except Exception as error:  # noqa: BLE001 - see above
        return type(error)


@given(VALUES)
@example(0.0001)
@example(0.00001)
@example(1e16)
@example(9999999999999998.0)
@example(-0.0)
@example(1e21)
@example(5e-324)
@example(2.0**53)
@example(2**53)
@example({"\ue000": 1, "\U0001f600": 2})
@example({"a": "\ud800"})
@example({"\ud800": 1})
@example({'\x7f\x00\b\t\n\f\r"\\/': '\x7f\x00\x1f\b\t\n\f\r"\\/\u2028'})
@example({1: 2})
@example({"b": 1, "B": 2, "a": 3, "": 4, "aa": 5})
def test_it_is_what_the_library_writes_or_refuses(value: Any) -> None:
    assert by_ours(value) == by_the_library(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_what_the_library_writes(value: float) -> None:
    assert canonical_json([value]) == rfc8785.dumps([value])


@given(VALUES.map(lambda value: {"members": value}))
def test_json_that_was_read_is_written_back_alike(value: dict[str, Any]) -> None:
    try:
        read = json.loads(json.dumps(value))
    except ValueError:
        return
    assert by_ours(read) == by_the_library(read)


def test_a_word_of_an_enumeration_is_written_as_the_library_does() -> None:
    class Word(StrEnum):
        ONE = "one"

    assert by_ours([Word.ONE, {Word.ONE: 1}]) == by_the_library([Word.ONE, {Word.ONE: 1}])


def test_the_example_of_the_standard() -> None:
    """RFC 8785, 3.2.2 and 3.2.3."""
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    wanted = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_json(value).decode() == wanted


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, object(), {"a": b"x"}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical_json({"a": [value]})
