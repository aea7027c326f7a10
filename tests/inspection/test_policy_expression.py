"""The static check and the CEL package agree: what is accepted runs and gives a truth value, whatever the facts."""

from __future__ import annotations

from typing import Any

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.policy import Facts
from inspection.policy.expression import MAX_LENGTH, Name, Type, check_condition
from inspection.policy.rules import Condition
from inspection.policy.tokens import ExpressionMistake, tokens_of
from tests.inspection.policies import any_facts

NAMES = {
    "hygiene": Name(Type.BOOL),
    "product_known": Name(Type.BOOL),
    "price_new": Name(Type.DOUBLE),
    "p_fix": Name(Type.DOUBLE),
    "seal": Name(Type.STRING, ("intact", "broken", "unknown")),
    "goods": Name(Type.STRING),
    "defects": Name(Type.STRINGS, ("crack", "dent")),
    "parameters.k": Name(Type.DOUBLE),
}
GUARDED = {**NAMES, "days_left": Name(Type.DOUBLE, guard="expiry_known"), "expiry_known": Name(Type.BOOL)}

TEXTS = ["seal", "goods", '"broken"', "'crack'", '"phone"']
NUMBERS = ["price_new", "p_fix", "parameters.k", "2.5", "0.0", "-1.5", "double(size(defects))"]
WHOLES = ["1", "0", "size(defects)", "goods.size()"]
LISTS = ["defects", '["crack", "dent"]']
TRUTHS = ["hygiene", "product_known", "true", "false"]


def _one_of(leaves: list[str]) -> st.SearchStrategy[str]:
    """Mostly a leaf of the right kind, now and then any."""
    return st.one_of(*[st.sampled_from(leaves)] * 12, st.sampled_from([*TEXTS, *NUMBERS, *WHOLES, *LISTS, *TRUTHS]))


def _joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map(" ".join)


def _conditions() -> st.SearchStrategy[str]:
    number, text, texts, whole = _one_of(NUMBERS), _one_of(TEXTS), _one_of(LISTS), _one_of(WHOLES)
    order = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    sums = _joined(number, st.sampled_from(["+", "-", "*", "/ 2.0 +"]), number)
    leaf = st.one_of(
        _one_of(TRUTHS),
        _joined(sums, order, sums),
        _joined(whole, st.sampled_from(["+ 1", "- 2", ""]), order, st.one_of(whole, number)),
        _joined(text, st.sampled_from(["==", "!=", "<"]), text),
        _joined(text, "in", texts),
        _joined(texts, st.sampled_from([".exists", ".all"]), "(d, d", st.sampled_from(["==", "!="]), text, ")"),
        _joined(text, st.sampled_from([".startsWith(", ".contains(", ".endsWith("]), text, ")"),
    )
    return st.recursive(
        leaf,
        lambda part: st.one_of(
            _joined(part, st.sampled_from(["&&", "||"]), part),
            _joined("!(", part, ")"),
            _joined("(", part, ") ? (", part, ") : (", part, ")"),
            _joined("(", part, ")", st.sampled_from(["==", "!="]), "(", part, ")"),
        ),
        max_leaves=5,
    )


@settings(max_examples=800, deadline=None)
@given(text=_conditions(), facts=any_facts())
def test_what_the_check_accepts_cel_evaluates_to_a_truth_value(text: str, facts: Facts) -> None:
    try:
        names = check_condition(text, NAMES)
    except ExpressionMistake:
        return
    scope: dict[str, Any] = {**facts.variables(), "parameters": {"k": 0.6}}
    assert isinstance(Condition(text, names).holds(scope), bool)


@settings(max_examples=500, deadline=None)
@given(text=st.text(alphabet="ab()[]{}!&|=<>+-*/%?:.,'\"0123456789_ \n\\#seal", max_size=40))
def test_any_text_at_all_is_accepted_or_refused_with_a_place(text: str) -> None:
    offset = 0
    try:
        check_condition(text, NAMES)
        cel.compile(text)
    except ExpressionMistake as mistake:
        offset = mistake.offset
    assert 0 <= offset <= len(text)


@settings(max_examples=300, deadline=None)
@given(text=_conditions())
def test_the_names_found_are_those_cel_finds(text: str) -> None:
    try:
        names = check_condition(text, NAMES)
    except ExpressionMistake:
        return
    found = {name.partition(".")[0] for name in names}
    assert found == set(cel.compile(text).variables()) - {"d"}


@pytest.mark.parametrize(
    ("text", "offset", "fragment"),
    [
        ("", 0, "expected a value"),
        ("hygiene hygiene", 8, "unexpected"),
        ("hygiene && seal", 11, "truth value"),
        ("!seal", 1, "truth value"),
        ("price_new < seal", 10, "cannot compare"),
        ("defects == defects", 8, "not compared"),
        ("hygiene < hygiene", 8, "numbers or texts"),
        ("seal in goods", 8, "needs a list"),
        ("price_new in defects", 10, "never in"),
        ('"dint" in defects', 0, "never 'dint'"),
        ('seal in ["broken", "intakt"]', 19, "never 'intakt'"),
        ('defects.exists(d, d == "crock")', 23, "never 'crock'"),
        ("defects.exists(seal, true)", 15, "new name"),
        ("price_new.exists(d, true)", 0, "list of texts"),
        ("price_new + 1 > 2.0", 12, "whole number"),
        ("size(defects) * 2 > 2", 0, "whole number"),
        ("price_new % 2.0 > 1.0", 10, "% is not allowed"),
        ("p_fix / price_new > 1.0", 8, "other than 0.0"),
        ("p_fix / 0.0 > 1.0", 8, "other than 0.0"),
        ("p_fix / 2 > 1.0", 8, "whole number"),
        ("seal + goods == seal", 0, "needs numbers"),
        ("-seal == seal", 1, "needs a number"),
        ("hygiene ? 1 : 2.0", 14, "one type"),
        ("price_new ? true : false", 0, "truth value"),
        ("size(price_new) > 1", 5, "list or text"),
        ("double(seal) > 1.0", 7, "needs a number"),
        ("seal.matches('x')", 5, "unknown function"),
        ("seal.upper", 10, "expected '('"),
        ("defects[0] == 'crack'", 7, "not allowed"),
        ("{'a': 1} == {'a': 1}", 0, "expected a value"),
        ("[] == []", 1, "a text or a number"),
        ("[1, 'x'] == defects", 0, "one kind"),
        ("parameters.x > 1.0", 0, "unknown parameter"),
        ("parameters > 1.0", 0, "unknown variable"),
        ("parameters.", 11, "name of a parameter"),
        ("99999999999 > 1", 0, "too large"),
        ("seal == 'a\\n'", 8, "not closed"),
        ("hygiene & hygiene", 8, "unexpected"),
        ("not hygiene", 0, "unexpected 'not'"),
        ("seal == “broken”", 8, "unexpected"),
        ("null == seal", 0, "unknown variable"),
    ],
)
def test_a_mistake_is_found_where_it_stands(text: str, offset: int, fragment: str) -> None:
    with pytest.raises(ExpressionMistake, match=None) as caught:
        check_condition(text, NAMES)
    assert fragment in str(caught.value)
    assert caught.value.offset == offset


def test_a_number_that_may_be_unknown_needs_its_guard() -> None:
    with pytest.raises(ExpressionMistake, match="days_left may be unknown"):
        check_condition("days_left < 3.0", GUARDED)
    assert check_condition("expiry_known && days_left < 3.0", GUARDED) == ("expiry_known", "days_left")


@pytest.mark.parametrize(
    "text", ["(" * 400 + "hygiene" + ")" * 400, "!" * 1500 + "hygiene", "[" * 1000, "-" * 1900 + "1 < 2"]
)
def test_deep_nesting_is_refused_before_it_costs_anything(text: str) -> None:
    with pytest.raises(ExpressionMistake):
        check_condition(text, NAMES)


def test_a_condition_of_any_length_is_refused() -> None:
    with pytest.raises(ExpressionMistake, match="longer than"):
        check_condition("hygiene || " * (MAX_LENGTH // 10) + "hygiene", NAMES)


def test_a_comment_is_skipped() -> None:
    assert check_condition("hygiene // food and the like\n || product_known", NAMES) == ("hygiene", "product_known")


def test_tokens_know_their_offsets() -> None:
    assert [(token.text, token.offset) for token in tokens_of('a >= "b"')] == [("a", 0), (">=", 2), ('"b"', 5), ("", 8)]
