"""What a policy is made of: conditions, reason codes, notes for people, rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import cel

from inspection.errors import PolicyError
from inspection.verdict import Disposition, Grade

LANGUAGES = ("zh-CN", "en", "th", "vi")


class Condition:
    """A checked CEL condition and the names it uses."""

    __slots__ = ("_program", "names", "text")

    def __init__(self, text: str, names: Sequence[str]) -> None:
        """Compile ``text``, which :func:`inspection.policy.expression.check_condition` has accepted.

        Raises:
            ValueError: the CEL package does not accept it.
        """
        self.text = text
        self.names = tuple(names)
        self._program = cel.compile(text)

    def holds(self, scope: Mapping[str, Any]) -> bool:
        """Whether it is true for ``scope``: every variable, and ``parameters``.

        Raises:
            PolicyError: CEL could not evaluate it, or to something else than a truth value.
        """
        try:
            result = self._program.execute(scope)
        except (TypeError, ValueError, RuntimeError, KeyError) as problem:
            raise PolicyError(
                f"{self.text}: {problem}", hint="report this: the check at loading should have found it"
            ) from problem
        if not isinstance(result, bool):
            raise PolicyError(f"{self.text}: gives {result!r}, not a truth value")
        return result


@dataclass(frozen=True, slots=True)
class Code:
    """A reason code, and when it is given; ``None`` means always."""

    code: str
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for people, in every language, and when it applies."""

    code: str
    when: Condition
    text: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        rule_id: e.g. ``R11``.
        version: counts up with every change of the rule.
        effective: first date it applies.
        when: its condition.
        disposition, grade: its outcome.
        needs_confirmation: always, never, or when a condition holds.
        reason: sentence per language.
        reason_codes: stable codes of the verdict.
        discloses: whether the verdict carries the disclosure sentences.
        lists_work: whether the verdict carries the work list.
    """

    rule_id: str
    version: int
    effective: date
    when: Condition
    disposition: Disposition
    grade: Grade | None
    needs_confirmation: bool | Condition
    reason: Mapping[str, str]
    reason_codes: tuple[Code, ...]
    discloses: bool
    lists_work: bool

    def names(self) -> tuple[str, ...]:
        """Variables and parameters that its condition, codes and confirmation refer to."""
        conditions = [self.when, *(code.when for code in self.reason_codes), self.needs_confirmation]
        return tuple(dict.fromkeys(name for c in conditions if isinstance(c, Condition) for name in c.names))


@dataclass(frozen=True, slots=True)
class Rulebook:
    """A checked policy file.

    Attributes:
        version: version in the file + first 12 hex digits of the file's SHA-256.
        parameters: figures the rules refer to as ``parameters.<name>``.
        rules: in order; the last one is ``true``.
        disclosures: what a buyer is told, for rules that disclose.
        work: what a repairer does, for rules that list work.
    """

    version: str
    parameters: Mapping[str, float | bool | str]
    rules: tuple[Rule, ...]
    disclosures: tuple[Note, ...]
    work: tuple[Note, ...]
