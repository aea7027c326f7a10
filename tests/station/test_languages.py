"""Every word of the screen exists in every language, and nothing is translated that is not said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages import pofile
from babel.messages.extract import extract_from_dir

from inspection.finding import Condition, Defect
from inspection.item import IdentityIssue
from inspection.station.config import LANGUAGES, REASONS
from inspection.station.session_data import BY_EYE
from inspection.station.web import words
from inspection.station.web.languages import LOCALE, TITLES, Languages
from inspection.verdict import Disposition, Grade

WEB = Path(words.__file__).parent
PLACE = re.compile(r"%\(\w+\)s")


def said() -> set[str]:
    methods = [("**.py", "python"), ("templates/**.html", "jinja2")]
    return {
        message
        for _, _, message, _, _ in extract_from_dir(
            str(WEB), methods, keywords={"_": None, "N_": None, "gettext": None}
        )
    }


@pytest.mark.parametrize("name", ["zh_CN", "th", "vi"])
def test_a_catalogue_says_exactly_what_the_screen_says(name: str) -> None:
    with (LOCALE / f"{name}.po").open("rb") as file:
        catalogue = {message.id: message for message in pofile.read_po(file, locale=name) if message.id}
    assert set(catalogue) == said()
    for source, message in catalogue.items():
        assert message.string, f"{source!r} has no translation"
        assert not message.fuzzy
        assert sorted(PLACE.findall(source)) == sorted(PLACE.findall(message.string)), source


def test_every_code_of_the_domain_has_a_word() -> None:
    assert set(words.DEFECTS) == {defect.value for defect in Defect}
    assert set(words.CONDITIONS) == {condition.value for condition in Condition}
    assert set(words.DISPOSITIONS) == {disposition.value for disposition in Disposition}
    assert set(words.GRADES) == {grade.value for grade in Grade}
    assert set(words.IDENTITY_ISSUES) == {issue.value for issue in IdentityIssue}
    assert set(words.REASONS) == {*REASONS, BY_EYE}
    assert set(TITLES) == set(LANGUAGES)


def test_the_verdict_is_said_in_two_languages() -> None:
    languages = Languages.load("zh-CN")
    assert languages.catalogues["zh-CN"].gettext("Resell") == "转售"
    assert words.SECOND_WORD["other"]["resell"] == "RESELL"
    assert words.SECOND_WORD["en"]["hold"] == "待判"
