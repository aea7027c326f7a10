"""Guided inspection: what a worker is asked about each kind of goods, and what the answers tell the policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inspection.errors import ConfigError
from inspection.finding import Defect
from inspection.policy import VARIABLES, Facts, Policy
from inspection.products import Product
from inspection.report import AnswerPart, AssessmentPart, PolicyPart
from inspection.station.record import policy_part
from inspection.yaml_source import YamlSource, read_yaml

ASKED = ("seal", "complete", "hazard", "contaminated", "powers_on")
"""Variables of the policy that a person's answer may set."""
LANGUAGES = ("zh-CN", "en", "th", "vi")
MAX_QUESTIONS = 9
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Words = Annotated[str, Field(min_length=1, max_length=120)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Texts(_Entry):
    """A sentence in every language of the screen."""

    zh_CN: Words = Field(alias="zh-CN")  # noqa: N815 - the tag as every file writes it
    en: Words
    th: Words
    vi: Words

    def by_tag(self) -> dict[str, str]:
        return self.model_dump(by_alias=True)


class Suggestion(_Entry):
    """When the machine gives an answer before anybody is asked.

    Attributes:
        defect, at_least: the model sees this defect with at least this probability.
        weight: the weight is ``off``, or ``right``.
    """

    defect: Defect | None = None
    at_least: Annotated[float, Field(gt=0, le=1)] = 0.5
    weight: Annotated[str, Field(pattern="^(off|right)$")] | None = None

    @model_validator(mode="after")
    def _says_when(self) -> Suggestion:
        if (self.defect is None) == (self.weight is None):
            raise ValueError("give exactly one of defect and weight")
        return self

    def applies(self, assessment: AssessmentPart | None, facts: Mapping[str, object]) -> bool:
        if self.defect is not None:
            return assessment is not None and assessment.p_defect.get(self.defect, 0.0) >= self.at_least
        if not facts.get("weight_known"):
            return False
        off = float(str(facts["weight_off_g"])) > float(str(facts["weight_tolerance_g"]))
        return off == (self.weight == "off")


class Answer(_Entry):
    """One possible answer: the value it gives the policy's variable, its words, and a drawing beside them."""

    value: Name
    text: Texts
    icon: Annotated[str, Field(pattern=r"^[a-z-]{1,32}$")] | None = None
    suggested: Suggestion | None = None


class Shown(_Entry):
    """Something that belongs to the item and should be there, as a picture with its name."""

    text: Texts
    icon: Annotated[str, Field(pattern=r"^[a-z-]{1,32}$")]


class Question(_Entry):
    """One question.

    Attributes:
        question_id: its name in records.
        fact: the policy's variable that the answer sets.
        goods, categories: kinds of goods it is asked about; both empty for all.
        required: nothing is decided before it is answered.
        shows: what to look for, e.g. the accessories.
    """

    question_id: Name = Field(alias="id")
    fact: str
    goods: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    required: bool = False
    text: Texts
    shows: Annotated[tuple[Shown, ...], Field(max_length=8)] = ()
    answers: Annotated[tuple[Answer, ...], Field(min_length=2, max_length=6)]

    @model_validator(mode="after")
    def _sets_a_fact(self) -> Question:
        if self.fact not in ASKED:
            raise ValueError(f"fact {self.fact!r} is none that can be asked; known: {', '.join(ASKED)}")
        for answer in self.answers:
            if answer.value not in VARIABLES[self.fact].choices:
                raise ValueError(f"{self.fact} is never {answer.value!r}: {', '.join(VARIABLES[self.fact].choices)}")
        return self

    def about(self, product: Product | None) -> bool:
        """Whether it is asked about this article."""
        if not self.goods and not self.categories:
            return True
        return product is not None and (product.goods in self.goods or product.category in self.categories)


class _File(_Entry):
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    questions: Annotated[tuple[Question, ...], Field(max_length=100)]

    @model_validator(mode="after")
    def _named_once(self) -> _File:
        names = [question.question_id for question in self.questions]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"question {twice!r} is there twice")
        return self


@dataclass(frozen=True, slots=True)
class Guide:
    """All questions."""

    version: str = ""
    questions: tuple[Question, ...] = field(default=())

    @classmethod
    def load(cls, path: Path) -> Guide:
        """Read and check ``path``.

        Raises:
            ConfigError: naming file, line and key of the first mistake.
        """
        source = read_yaml(path, ConfigError)
        try:
            file = _File.model_validate(source.data)
        except ValidationError as error:
            raise _explained(error, source) from error
        return cls(file.version, file.questions)

    def about(self, product: Product | None) -> tuple[Question, ...]:
        """The questions about an article, in order; at most 9."""
        return tuple(question for question in self.questions if question.about(product))[:MAX_QUESTIONS]

    def find(self, question_id: str) -> Question | None:
        return next((question for question in self.questions if question.question_id == question_id), None)


def suggested(
    questions: Sequence[Question], assessment: AssessmentPart | None, policy: PolicyPart, known: Sequence[AnswerPart]
) -> tuple[AnswerPart, ...]:
    """``known`` answers of persons, and what the machine can answer of the other questions."""
    given = {answer.question: answer for answer in known if answer.by == "person"}
    found = []
    for question in questions:
        if question.question_id in given:
            continue
        for answer in question.answers:
            if answer.suggested is not None and answer.suggested.applies(assessment, policy.facts):
                found.append(
                    AnswerPart(question=question.question_id, fact=question.fact, value=answer.value, by="model")
                )
                break
    return (*given.values(), *found)


def decided_with(policy: Policy, before: PolicyPart, answers: Sequence[AnswerPart]) -> PolicyPart:
    """What the policy says when these answers are facts, too; everything else it saw stays."""
    facts = {answer.fact: answer.value for answer in answers if answer.fact}
    if not before.facts or all(before.facts.get(name) == value for name, value in facts.items()):
        return before
    return policy_part(policy.decide(Facts.of({**before.facts, **facts})))


def _explained(error: ValidationError, source: YamlSource) -> ConfigError:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    keys = tuple(problem["loc"])
    named = ".".join(str(key) for key in keys) or "the file"
    line = source.place(keys).line
    message = "unknown key" if problem["type"] == "extra_forbidden" else problem["msg"].removeprefix("Value error, ")
    return ConfigError(f"{source.path}: line {line}: {named}: {message}", hint="see configs/guide.yaml for an example")
