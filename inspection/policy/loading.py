"""From a policy file to a checked rulebook; the first mistake is named with file, line, rule and column."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspection.errors import PolicyError
from inspection.policy.expression import Name, Type, check_condition
from inspection.policy.facts import VARIABLES, Kind
from inspection.policy.rules import LANGUAGES, Code, Condition, Note, Rule, Rulebook
from inspection.policy.tokens import ExpressionMistake, suggestion
from inspection.policy.trial import try_condition
from inspection.verdict import Disposition, Grade
from inspection.yaml_source import KeyPath, YamlSource, read_yaml

CodeText = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Sentence = Annotated[str, Field(min_length=2, max_length=500)]
ConditionText = str | bool

_TYPES = {Kind.TRUTH: Type.BOOL, Kind.NUMBER: Type.DOUBLE, Kind.TEXT: Type.STRING, Kind.TEXTS: Type.STRINGS}


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Parameter(_Entry):
    value: bool | Annotated[float, Field(ge=-1e12, le=1e12)] | str
    meaning: Sentence
    min: float | None = None
    max: float | None = None


class _Note(_Entry):
    code: CodeText
    when: ConditionText
    text: dict[str, Sentence]


class _Rule(_Entry):
    id: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9.]{0,19}$")]
    version: Annotated[int, Field(ge=1)]
    effective: date
    when: ConditionText
    disposition: str
    grade: str | None = None
    needs_confirmation: ConditionText = False
    reason: dict[str, Sentence]
    reason_codes: list[CodeText | dict[CodeText, ConditionText]] = []
    disclose: bool = False
    work: bool = False


class _File(_Entry):
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    parameters: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], _Parameter] = {}
    rules: Annotated[list[_Rule], Field(min_length=1, max_length=200)]
    disclosures: Annotated[list[_Note], Field(max_length=200)] = []
    work: Annotated[list[_Note], Field(max_length=200)] = []


def load_rulebook(path: Path) -> Rulebook:
    """Read and check ``path``.

    Raises:
        PolicyError: one line naming file, line, rule and column of the first mistake.
    """
    source = read_yaml(path, PolicyError)
    file = _validated(source)
    loader = _Loader(source, file)
    rules = tuple(loader.rule(index, entry) for index, entry in enumerate(file.rules))
    loader.check_order(rules)
    return Rulebook(
        version=f"{file.version}+{hashlib.sha256(source.raw).hexdigest()[:12]}",
        parameters=loader.parameters,
        rules=rules,
        disclosures=loader.notes("disclosures", file.disclosures),
        work=loader.notes("work", file.work),
    )


class _Loader:
    """Builds the parts of one file, knowing where each stands."""

    def __init__(self, source: YamlSource, file: _File) -> None:
        self.source = source
        self.parameters = {name: self._parameter(name, entry) for name, entry in file.parameters.items()}
        kinds = {bool: Type.BOOL, float: Type.DOUBLE, str: Type.STRING}
        self.names = {name: Name(_TYPES[v.kind], v.choices, v.guard) for name, v in VARIABLES.items()}
        self.names |= {f"parameters.{name}": Name(kinds[type(value)]) for name, value in self.parameters.items()}

    def rule(self, index: int, entry: _Rule) -> Rule:
        keys: KeyPath = ("rules", index)
        disposition = self._member(Disposition, entry.disposition, (*keys, "disposition"))
        grade = self._member(Grade, entry.grade, (*keys, "grade")) if entry.grade is not None else None
        if (disposition is Disposition.RESELL) != (grade is not None):
            problem = "resell needs a grade" if grade is None else f"{disposition} takes no grade"
            raise _mistake(
                self.source, (*keys, "grade"), problem, f"one of: {', '.join(Grade)}" if grade is None else "remove it"
            )
        confirm = entry.needs_confirmation
        return Rule(
            rule_id=entry.id,
            version=entry.version,
            effective=entry.effective,
            when=self.condition(entry.when, (*keys, "when")),
            disposition=disposition,
            grade=grade,
            needs_confirmation=confirm
            if isinstance(confirm, bool)
            else self.condition(confirm, (*keys, "needs_confirmation")),
            reason=self.sentences(entry.reason, (*keys, "reason")),
            reason_codes=tuple(
                code
                for n, one in enumerate(entry.reason_codes)
                for code in self._codes(one, (*keys, "reason_codes", n))
            ),
            discloses=entry.disclose,
            lists_work=entry.work,
        )

    def notes(self, block: str, entries: list[_Note]) -> tuple[Note, ...]:
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            if entry.code in seen:
                raise _mistake(
                    self.source, (block, index, "code"), f"code {entry.code!r} appears twice", "give it another code"
                )
            seen.add(entry.code)
        return tuple(
            Note(
                entry.code,
                self.condition(entry.when, (block, index, "when")),
                self.sentences(entry.text, (block, index, "text")),
            )
            for index, entry in enumerate(entries)
        )

    def condition(self, written: ConditionText, keys: KeyPath) -> Condition:
        text = str(written).lower() if isinstance(written, bool) else written
        try:
            condition = Condition(text, check_condition(text, self.names))
            try_condition(condition, self.parameters)
        except ExpressionMistake as found:
            raise _mistake(self.source, keys, str(found), found.hint, text=text, offset=found.offset) from found
        except ValueError as problem:
            raise _mistake(self.source, keys, f"not CEL: {problem}", "", text=text) from problem
        return condition

    def sentences(self, texts: Mapping[str, str], keys: KeyPath) -> Mapping[str, str]:
        for language in texts:
            if language not in LANGUAGES:
                hint = suggestion(language, LANGUAGES) or f"one of: {', '.join(LANGUAGES)}"
                raise _mistake(self.source, (*keys, language), f"unknown language {language!r}", hint)
        missing = [language for language in LANGUAGES if language not in texts]
        if missing:
            raise _mistake(self.source, keys, f"no text in {', '.join(missing)}", f"write it in {', '.join(LANGUAGES)}")
        return {language: texts[language].strip() for language in LANGUAGES}

    def check_order(self, rules: tuple[Rule, ...]) -> None:
        """Every item gets exactly one verdict: ids are unique, the last rule is plainly true and always in effect."""
        seen: set[str] = set()
        for index, rule in enumerate(rules):
            keys: KeyPath = ("rules", index)
            if rule.rule_id in seen:
                raise _mistake(
                    self.source, (*keys, "id"), f"id {rule.rule_id!r} appears twice", "give each rule its own id"
                )
            seen.add(rule.rule_id)
            last = index == len(rules) - 1
            if last and rule.when.text.strip() != "true":
                raise _mistake(
                    self.source, (*keys, "when"), "the last rule must be 'true'", "add a last rule for everything else"
                )
            if not last and rule.when.text.strip() == "true" and rule.effective <= rules[index + 1].effective:
                raise _mistake(
                    self.source, (*keys, "when"), "no rule after this one can match", "only the last may be 'true'"
                )
            if last and any(other.effective < rule.effective for other in rules):
                raise _mistake(
                    self.source,
                    (*keys, "effective"),
                    "the last rule takes effect later than another",
                    "give it the earliest date",
                )

    def _parameter(self, name: str, entry: _Parameter) -> float | bool | str:
        value, place = entry.value, ("parameters", name, "value")
        if isinstance(value, bool | str):
            if (entry.min, entry.max) != (None, None):
                raise _mistake(self.source, place, f"{value!r} is no number, but has min or max", "write it as 1000.0")
            return value
        if entry.min is not None and value < entry.min:
            raise _mistake(self.source, place, f"{value:g} is below its min {entry.min:g}", "see its meaning")
        if entry.max is not None and value > entry.max:
            raise _mistake(self.source, place, f"{value:g} is above its max {entry.max:g}", "see its meaning")
        return float(value)

    def _codes(self, written: str | dict[str, ConditionText], keys: KeyPath) -> list[Code]:
        if isinstance(written, str):
            return [Code(written)]
        return [Code(code, self.condition(when, (*keys, code))) for code, when in written.items()]

    def _member(self, words: Any, written: str, keys: KeyPath) -> Any:
        known = [str(word) for word in words]
        if written not in known:
            hint = suggestion(written, known) or f"one of: {', '.join(known)}"
            raise _mistake(self.source, keys, f"{keys[-1]} cannot be {written!r}", hint)
        return words(written)


def _validated(source: YamlSource) -> _File:
    try:
        return _File.model_validate(source.data)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        # A mistyped key is also a missing one; the typo is what to tell.
        first = next((error for error in errors if error["type"] == "extra_forbidden"), errors[0])
    keys: KeyPath = ()
    for part in first["loc"]:  # pydantic adds names of union members; only keys of the file have a place
        if (*keys, part) in source.places:
            keys = (*keys, part)
    if first["type"] == "extra_forbidden":
        raise _mistake(source, keys, f"unknown key {keys[-1]!r}", suggestion(str(keys[-1]), _keys_beside(keys)))
    if first["type"] == "missing":
        raise _mistake(source, keys, f"key {first['loc'][-1]!r} is missing", "add it")
    raise _mistake(source, keys, f"{keys[-1] if keys else 'the file'}: {first['msg']}", "")


def _keys_beside(keys: KeyPath) -> list[str]:
    """Keys that are allowed where the last of ``keys`` stands."""
    models: dict[object, type[_Entry]] = {"rules": _Rule, "disclosures": _Note, "work": _Note, "parameters": _Parameter}
    model = _File if len(keys) == 1 else models.get(keys[0], _File)
    return list(model.model_fields)


def _mistake(
    source: YamlSource, keys: KeyPath, message: str, hint: str, *, text: str = "", offset: int = 0
) -> PolicyError:
    place = source.place_in(keys, text, offset) if text and keys in source.places else source.place(keys)
    return PolicyError(
        f"{source.path}: line {place.line}, column {place.column}: {_owner(source, keys)}{message}", hint=hint
    )


def _owner(source: YamlSource, keys: KeyPath) -> str:
    """``rule R13: `` or the like: whose mistake it is."""
    if len(keys) < 2:  # noqa: PLR2004 - block and entry
        return ""
    block, entry = keys[0], keys[1]
    if block == "parameters":
        return f"parameter {entry}: "
    name = source.data[block][entry]
    name = name.get("id", name.get("code")) if isinstance(name, dict) else None
    return f"{'rule' if block == 'rules' else block} {name or f'number {int(entry) + 1}'}: "
