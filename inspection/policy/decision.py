"""The policy decides: the first rule in effect whose condition holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inspection.errors import PolicyError
from inspection.policy.facts import VARIABLES, Facts
from inspection.policy.loading import load_rulebook
from inspection.policy.rules import Condition, Note, Rule, Rulebook
from inspection.verdict import Disposition, PolicyVerdict

NOT_IN_EFFECT = {
    "zh-CN": "在判定日期没有生效的规则，请主管检查日期和规则文件。",
    "en": "No rule was in effect on the decision date; a supervisor checks the clock and the policy.",
    "th": "ไม่มีกฎที่มีผลในวันที่ตัดสิน ให้หัวหน้างานตรวจสอบวันที่และไฟล์กฎ",
    "vi": "Không có quy tắc nào có hiệu lực vào ngày quyết định; quản lý kiểm tra ngày giờ và bộ quy tắc.",
}

RULE_FAILED = {
    "zh-CN": "这条规则无法计算，请主管决定并报告。",
    "en": "This rule could not be evaluated; a supervisor decides and reports it.",
    "th": "ไม่สามารถประเมินกฎนี้ได้ ให้หัวหน้างานตัดสินและแจ้งปัญหา",
    "vi": "Không thể tính được quy tắc này; quản lý quyết định và báo lại.",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """A loaded policy: total, type-checked and ready."""

    rulebook: Rulebook

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read and check ``path``.

        Raises:
            PolicyError: one line naming file, line, rule and column of the first mistake.
        """
        return cls(load_rulebook(path))

    @property
    def version(self) -> str:
        """Version in the file + first 12 hex digits of the file's SHA-256."""
        return self.rulebook.version

    def decide(self, facts: Facts) -> PolicyVerdict:
        """The verdict of the first rule in effect whose condition holds; exactly one, whatever is unknown.

        Held when no rule is in effect yet, and when a rule cannot be evaluated.
        """
        variables = facts.variables()
        scope = {**variables, "parameters": dict(self.rulebook.parameters)}
        for rule in self.rulebook.rules:
            try:
                if rule.effective.isoformat() <= facts.today and rule.when.holds(scope):
                    return self._verdict(rule, scope, variables)
            except PolicyError:  # numbers beyond all bounds; a person decides rather than nobody
                return self._held(rule.rule_id, RULE_FAILED, "rule_failed", rule.names(), variables)
        return self._held("none", NOT_IN_EFFECT, "policy_not_in_effect", ("today",), variables)

    def _held(
        self, rule_id: str, reason: Mapping[str, str], code: str, names: Sequence[str], variables: Mapping[str, Any]
    ) -> PolicyVerdict:
        values = {name: self._value(name, variables) for name in names}
        return PolicyVerdict(
            Disposition.HOLD, None, rule_id, reason, (code,), False, self.version, values, facts=variables
        )

    def _verdict(self, rule: Rule, scope: Mapping[str, Any], variables: Mapping[str, Any]) -> PolicyVerdict:
        confirm = rule.needs_confirmation
        return PolicyVerdict(
            disposition=rule.disposition,
            grade=rule.grade,
            rule_id=rule.rule_id,
            reason=rule.reason,
            reason_codes=tuple(c.code for c in rule.reason_codes if c.when is None or c.when.holds(scope)),
            needs_confirmation=confirm.holds(scope) if isinstance(confirm, Condition) else confirm,
            policy_version=self.version,
            values={name: self._value(name, variables) for name in rule.names()},
            disclosures=_notes(self.rulebook.disclosures, scope) if rule.discloses else {},
            work_list=_notes(self.rulebook.work, scope) if rule.lists_work else {},
            facts=variables,
        )

    def _value(self, name: str, variables: Mapping[str, Any]) -> Any:
        _, dot, parameter = name.partition(".")
        return self.rulebook.parameters[parameter] if dot else variables[name]


def _notes(notes: Sequence[Note], scope: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    return {note.code: note.text for note in notes if note.when.holds(scope)}


def replay(policy: Policy, verdict: PolicyVerdict) -> PolicyVerdict:
    """Decide again from the facts a verdict carries; equal to it when policy and verdict belong together.

    Raises:
        PolicyError: the verdict's facts are not those of this version's variables.
    """
    if set(verdict.facts) != set(VARIABLES):
        raise PolicyError(
            "the verdict was made over other variables", hint="replay it with the software it was made with"
        )
    return policy.decide(Facts.of(verdict.facts))
