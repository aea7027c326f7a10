"""Static check of a rule's CEL text: syntax, names, types and impossible comparisons, each with its column.

The CEL package is dynamically typed and finds a mistake only when a rule happens to run. A policy must not fail at a
station, so a condition is parsed here against the documented variables before the package compiles it. Accepted is the
part of CEL that rules need (CEL language definition, "Syntax"): literals, variables, ``parameters.x``, lists of
literals, ``|| && ! == != < <= > >= in + - * / ?:``, ``size() double() startsWith() endsWith() contains()`` and the
macros ``exists()`` and ``all()``. What is accepted means the same in every CEL implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from inspection.policy.tokens import ExpressionMistake, Token, suggestion, tokens_of

MAX_LENGTH = 2000
MAX_DEPTH = 50
MAX_INT = 10**9


class Type(StrEnum):
    """Types of a condition and its parts, as messages name them."""

    BOOL = "a truth value"
    DOUBLE = "a number"
    INT = "a whole number"
    STRING = "a text"
    STRINGS = "a list of texts"
    NUMBERS = "a list of numbers"


@dataclass(frozen=True, slots=True)
class Name:
    """A variable or parameter a rule may use.

    Attributes:
        type: what it holds.
        choices: the only texts it can hold or contain; empty when free.
        guard: truth value that must be asked before this number means anything.
    """

    type: Type
    choices: tuple[str, ...] = ()
    guard: str = ""


@dataclass(frozen=True, slots=True)
class _Value:
    """Type of a part of the condition, and what is known about its texts."""

    type: Type
    offset: int
    choices: tuple[str, ...] = ()
    literals: tuple[tuple[str, int], ...] = ()
    label: str = ""


@dataclass
class _Reader:
    tokens: list[Token]
    names: Mapping[str, Name]
    position: int = 0
    depth: int = 0
    used: dict[str, int] = field(default_factory=dict)
    local: dict[str, Name] = field(default_factory=dict)

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def take(self, *texts: str) -> Token | None:
        token = self.next
        if token.kind in ("operator", "name") and token.text in texts:
            self.position += 1
            return token
        return None

    def expect(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            raise self.surprise(f"expected {text!r}")
        return token

    def go_deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionMistake(f"nested deeper than {MAX_DEPTH}", self.next.offset, "split the rule in two")

    def surprise(self, wanted: str) -> ExpressionMistake:
        found = "the end" if self.next.kind == "end" else repr(self.next.text)
        return ExpressionMistake(f"{wanted}, found {found}", self.next.offset)


def check_condition(text: str, names: Mapping[str, Name]) -> tuple[str, ...]:
    """Check that ``text`` is a condition over ``names`` that is a truth value whatever their values are.

    Args:
        text: CEL.
        names: variables by name; parameters as ``parameters.<name>``.

    Returns:
        The names it uses, in order of first use.

    Raises:
        ExpressionMistake: with the offset of the mistake.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionMistake(f"longer than {MAX_LENGTH} characters", MAX_LENGTH, "split the rule in two")
    reader = _Reader(tokens_of(text), names)
    value = _ternary(reader)
    if reader.next.kind != "end":
        hint = "use == to compare, && and || to combine" if reader.next.text in ("=", "&", "|", "and", "or") else ""
        raise ExpressionMistake(f"unexpected {reader.next.text!r}", reader.next.offset, hint)
    _require(value, Type.BOOL, "a condition")
    for name, offset in reader.used.items():
        guard = names[name].guard
        if guard and guard not in reader.used:
            raise ExpressionMistake(f"{name} may be unknown", offset, f"ask {guard} first: {guard} && ({name} …)")
    return tuple(reader.used)


def _ternary(reader: _Reader) -> _Value:
    reader.go_deeper()
    value = _or(reader)
    if reader.take("?"):
        _require(value, Type.BOOL, "what stands before ?")
        yes = _or(reader)
        reader.expect(":")
        no = _ternary(reader)
        if yes.type is not no.type:
            raise ExpressionMistake(f"both sides of : must be of one type, not {yes.type} and {no.type}", no.offset)
        value = _Value(yes.type, value.offset)
    reader.depth -= 1
    return value


def _or(reader: _Reader) -> _Value:
    return _logic(reader, "||", _and)


def _and(reader: _Reader) -> _Value:
    return _logic(reader, "&&", _relation)


def _logic(reader: _Reader, operator: str, part: Callable[[_Reader], _Value]) -> _Value:
    value = part(reader)
    while reader.take(operator):
        _require(value, Type.BOOL, f"what stands before {operator}")
        value = _require(part(reader), Type.BOOL, f"what stands after {operator}")
    return value


def _relation(reader: _Reader) -> _Value:
    left = _sum(reader)
    while operator := reader.take("==", "!=", "<", "<=", ">", ">=", "in"):
        right = _sum(reader)
        if operator.text == "in":
            _check_in(left, right, operator)
        else:
            _check_comparison(left, right, operator)
        left = _Value(Type.BOOL, left.offset)
    return left


def _check_in(left: _Value, right: _Value, operator: Token) -> None:
    lists = {Type.STRINGS: (Type.STRING,), Type.NUMBERS: (Type.INT, Type.DOUBLE)}
    if right.type not in lists:
        raise ExpressionMistake(f"'in' needs a list on its right, not {right.type}", right.offset)
    if left.type not in lists[right.type]:
        raise ExpressionMistake(f"{left.type} is never in {right.type}", operator.offset)
    _check_choices(left, right)


def _check_comparison(left: _Value, right: _Value, operator: Token) -> None:
    numbers = (Type.INT, Type.DOUBLE)
    if left.type is not right.type and not (left.type in numbers and right.type in numbers):
        raise ExpressionMistake(
            f"cannot compare {left.label or left.type} ({left.type}) with {right.label or right.type} ({right.type})"
            if left.label or right.label
            else f"cannot compare {left.type} with {right.type}",
            operator.offset,
            'a text is written in quotes, a number without: == "broken", > 5.0',
        )
    if operator.text not in ("==", "!=") and left.type not in (*numbers, Type.STRING):
        raise ExpressionMistake(f"{operator.text} needs numbers or texts, not {left.type}", operator.offset)
    if left.type in (Type.STRINGS, Type.NUMBERS):
        raise ExpressionMistake(
            f"{left.type} is not compared with {operator.text}", operator.offset, "use in or exists()"
        )
    _check_choices(left, right)


def _check_choices(left: _Value, right: _Value) -> None:
    """A text that a variable can never hold is a mistake, not a comparison that is always false."""
    for variable, other in ((left, right), (right, left)):
        for literal, offset in other.literals if variable.choices else ():
            if literal not in variable.choices:
                one_of = ", ".join(variable.choices)
                raise ExpressionMistake(
                    f"{variable.label} is never {literal!r}",
                    offset,
                    suggestion(literal, variable.choices) or f"one of: {one_of}",
                )


def _sum(reader: _Reader) -> _Value:
    value = _product(reader)
    while operator := reader.take("+", "-"):
        value = _arithmetic(value, _product(reader), operator, (Type.DOUBLE, Type.INT))
    return value


def _product(reader: _Reader) -> _Value:
    value = _unary(reader)
    while operator := reader.take("*", "/", "%"):
        if operator.text == "%":
            raise ExpressionMistake("% is not allowed", operator.offset)
        if operator.text == "/" and not _is_number_but_zero(reader.next):
            raise ExpressionMistake("/ needs a number other than 0.0 after it", reader.next.offset, "multiply instead")
        value = _arithmetic(value, _unary(reader), operator, (Type.DOUBLE,))
    return value


def _is_number_but_zero(token: Token) -> bool:
    """0/0 is not a number, and CEL fails on comparing it; so what divides must be plain to see."""
    return token.kind in ("double", "int") and float(token.text) != 0


def _arithmetic(left: _Value, right: _Value, operator: Token, allowed: tuple[Type, ...]) -> _Value:
    for side in (left, right):
        if side.type not in (Type.DOUBLE, Type.INT):
            raise ExpressionMistake(f"{operator.text} needs numbers, not {side.label or side.type}", side.offset)
    if left.type is not right.type or left.type not in allowed:
        whole = left if left.type is Type.INT else right
        hint = "write double(…) around it" if whole.label else "write it with a decimal point, such as 2.0"
        raise ExpressionMistake(f"{operator.text} does not take a whole number here", whole.offset, hint)
    return _Value(left.type, left.offset)


def _unary(reader: _Reader) -> _Value:
    operator = reader.take("!", "-")
    if operator is None:
        return _member(reader)
    reader.go_deeper()
    value = _unary(reader)
    reader.depth -= 1
    if operator.text == "!":
        return replace(_require(value, Type.BOOL, "what stands after !"), offset=operator.offset)
    if value.type not in (Type.DOUBLE, Type.INT):
        raise ExpressionMistake(f"- needs a number, not {value.type}", value.offset)
    return _Value(value.type, operator.offset)


def _member(reader: _Reader) -> _Value:
    value = _primary(reader)
    while reader.take("."):
        method = reader.next
        if method.kind != "name":
            raise reader.surprise("expected a function after .")
        reader.position += 1
        reader.expect("(")
        value = _method(reader, value, method)
    if reader.next.text in ("[", "{"):
        raise ExpressionMistake(f"{reader.next.text!r} is not allowed here", reader.next.offset)
    return value


def _method(reader: _Reader, value: _Value, method: Token) -> _Value:
    if method.text in ("startsWith", "endsWith", "contains"):
        _require(value, Type.STRING, f"what stands before .{method.text}()")
        _require(_ternary(reader), Type.STRING, f"what stands in {method.text}()")
        reader.expect(")")
        return _Value(Type.BOOL, value.offset)
    if method.text == "size":
        reader.expect(")")
        return _size(value)
    if method.text in ("exists", "all"):
        return _macro(reader, value, method)
    known = ("startsWith", "endsWith", "contains", "size", "exists", "all")
    raise ExpressionMistake(f"unknown function {method.text!r}", method.offset, suggestion(method.text, known))


def _macro(reader: _Reader, value: _Value, method: Token) -> _Value:
    _require(value, Type.STRINGS, f"what stands before .{method.text}()")
    variable = reader.next
    if variable.kind != "name" or variable.text in reader.names or variable.text in reader.local:
        raise reader.surprise(f"expected a new name for each member in {method.text}()")
    reader.position += 1
    reader.expect(",")
    reader.local[variable.text] = Name(Type.STRING, value.choices)
    _require(_ternary(reader), Type.BOOL, f"the condition in {method.text}()")
    del reader.local[variable.text]
    reader.expect(")")
    return _Value(Type.BOOL, value.offset)


def _size(value: _Value) -> _Value:
    if value.type not in (Type.STRING, Type.STRINGS, Type.NUMBERS):
        raise ExpressionMistake(f"size() needs a list or text, not {value.type}", value.offset)
    return _Value(Type.INT, value.offset, label="size()")


def _primary(reader: _Reader) -> _Value:
    token = reader.next
    if token.kind == "name":
        return _name(reader)
    reader.position += 1
    if token.kind == "double":
        return _Value(Type.DOUBLE, token.offset)
    if token.kind == "int":
        if int(token.text) > MAX_INT:
            raise ExpressionMistake(f"{token.text} is too large", token.offset)
        return _Value(Type.INT, token.offset)
    if token.kind == "text":
        return _Value(Type.STRING, token.offset, literals=((token.text[1:-1], token.offset),), label=token.text)
    if token.text == "(":
        value = _ternary(reader)
        reader.expect(")")
        return replace(value, offset=token.offset)
    if token.text == "[":
        return _list(reader, token)
    reader.position -= 1
    raise reader.surprise("expected a value")


def _list(reader: _Reader, start: Token) -> _Value:
    members = [_literal(reader)]
    while reader.take(","):
        members.append(_literal(reader))
    reader.expect("]")
    if len({member.type for member in members}) > 1:
        raise ExpressionMistake("a list holds texts only or numbers of one kind only", start.offset)
    kind = Type.STRINGS if members[0].type is Type.STRING else Type.NUMBERS
    return _Value(kind, start.offset, literals=tuple(literal for member in members for literal in member.literals))


def _literal(reader: _Reader) -> _Value:
    if reader.next.kind not in ("text", "double", "int"):
        raise reader.surprise("expected a text or a number")
    return _primary(reader)


def _name(reader: _Reader) -> _Value:
    token = reader.next
    reader.position += 1
    if token.text in ("true", "false"):
        return _Value(Type.BOOL, token.offset, label=token.text)
    if reader.next.text == "(":
        return _function(reader, token)
    name = token.text
    if name == "parameters" and reader.take("."):
        if reader.next.kind != "name":
            raise reader.surprise("expected the name of a parameter")
        name = f"parameters.{reader.next.text}"
        reader.position += 1
    known = reader.local.get(name) or reader.names.get(name)
    if known is None:
        raise _unknown(reader, name, token)
    if name not in reader.local:
        reader.used.setdefault(name, token.offset)
    return _Value(known.type, token.offset, known.choices, label=name)


def _unknown(reader: _Reader, name: str, token: Token) -> ExpressionMistake:
    if name in ("and", "or", "not"):
        return ExpressionMistake(f"unexpected {name!r}", token.offset, "use &&, || and !")
    what = "parameter" if name.startswith("parameters.") else "variable"
    near = suggestion(name, (*reader.local, *reader.names)) or f'a text is written in quotes: "{name}"'
    return ExpressionMistake(f"unknown {what} {name!r}", token.offset, near)


def _function(reader: _Reader, token: Token) -> _Value:
    if token.text not in ("size", "double"):
        raise ExpressionMistake(
            f"unknown function {token.text!r}", token.offset, suggestion(token.text, ("size", "double"))
        )
    reader.expect("(")
    value = _ternary(reader)
    reader.expect(")")
    if token.text == "size":
        return replace(_size(value), offset=token.offset)
    if value.type not in (Type.INT, Type.DOUBLE):
        raise ExpressionMistake(f"double() needs a number, not {value.type}", value.offset)
    return _Value(Type.DOUBLE, token.offset)


def _require(value: _Value, wanted: Type, what: str) -> _Value:
    if value.type is not wanted:
        label = f"{value.label} is {value.type}" if value.label else f"this is {value.type}"
        hint = 'compare it: == "yes"' if wanted is Type.BOOL and value.choices else ""
        raise ExpressionMistake(f"{what} must be {wanted}, but {label}", value.offset, hint)
    return value
