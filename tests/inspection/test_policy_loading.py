"""Every mistake in a policy file is one line that names file, line, column and rule, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspection.errors import PolicyError
from inspection.policy import Facts, Policy
from inspection.verdict import Disposition
from tests.inspection.policies import DEFAULT_POLICY

REASON = "reason: {zh-CN: 原因, en: why, th: เหตุผล, vi: vì sao}"
GOOD = f"""\
version: "7"
parameters:
  limit: {{value: 5, min: 1, max: 9, meaning: a limit}}
rules:
  - id: R01
    version: 1
    effective: 2026-01-01
    when: |
      seal == "broken"
        || product_known && price_new > parameters.limit
    disposition: hold
    reason_codes: [look, {{closer: 'hygiene'}}]
    {REASON}
  - id: R02
    version: 1
    effective: 2026-01-01
    when: true
    disposition: resell
    grade: open_box
    disclose: true
    {REASON}
disclosures:
  - code: opened
    when: seal == "broken"
    text: {{zh-CN: 已拆, en: opened, th: เปิดแล้ว, vi: đã mở}}
"""

# name, what is replaced, by what, place, fragments of the message
MISTAKES = [
    (
        "a typo in a variable",
        'seal == "broken"\n',
        'saal == "broken"\n',
        "9, column 7",
        ("rule R01", "'saal'", "'seal'"),
    ),
    (
        "a typo in a later line",
        "price_new >",
        "price_nev >",
        "10, column 29",
        ("rule R01", "'price_nev'", "'price_new'"),
    ),
    ("an unknown parameter", "parameters.limit", "parameters.limid", "10, column 41", ("rule R01", "parameters.limit")),
    ("a text that never occurs", '"broken"\n', '"brokn"\n', "9, column 15", ("rule R01", "never 'brokn'", "'broken'")),
    ("a text against a number", '"broken"\n', "5.0\n", "9, column 12", ("rule R01", "cannot compare seal")),
    (
        "a number against a text",
        "> parameters.limit",
        '> "five"',
        "10, column 39",
        ("rule R01", "cannot compare price_new"),
    ),
    (
        "a number where truth is due",
        "product_known &&",
        "product_known && weight_off_g &&",
        "10, column 29",
        ("R01", "truth"),
    ),
    (
        "a text where truth is due",
        'seal == "broken"\n',
        "seal\n",
        "9, column 7",
        ("rule R01", "a truth value", "compare it"),
    ),
    ("an unknown function", 'seal == "broken"\n', "siz(defects) > 0\n", "9, column 7", ("rule R01", "'siz'", "'size'")),
    ("a whole number in arithmetic", "> parameters.limit", "* 2 > parameters.limit", "10, column 41", ("R01", "2.0")),
    ("one = instead of two", 'seal == "broken"\n', 'seal = "broken"\n', "9, column 12", ("rule R01", "use ==")),
    ("the word and", "product_known &&", "product_known and", "10, column 26", ("rule R01", "'and'", "&&")),
    ("an unclosed text", '"broken"\n', '"broken\n', "9, column 15", ("rule R01", "not closed")),
    ("an unclosed bracket", 'seal == "broken"\n', '(seal == "broken"\n', "10, column 57", ("rule R01", "expected ')'")),
    ("nothing after an operator", "> parameters.limit", ">", "10, column 40", ("rule R01", "the end")),
    ("an unguarded number", "product_known && ", "", "10, column 12", ("rule R01", "product_known first")),
    ("a mistake in a reason code", "closer: 'hygiene'", "closer: 'hygene'", "12, column 36", ("rule R01", "'hygiene'")),
    (
        "a mistake in a disclosure",
        'when: seal == "broken"',
        'when: seal == "borken"',
        "24, column 19",
        ("disclosures opened",),
    ),
    ("an unknown key", "    grade: open_box", "    grad: open_box", "19, column 11", ("rule R02", "'grad'", "'grade'")),
    ("a missing key", "    disposition: hold\n", "", "5, column 5", ("rule R01", "'disposition' is missing")),
    ("a missing language", ", vi: vì sao}\n  - id", "}\n  - id", "13, column 13", ("rule R01", "no text in vi")),
    ("a mistyped language", "zh-CN: 已拆", "zh-cn: 已拆", "25, column 19", ("opened", "'zh-cn'", "'zh-CN'")),
    ("a repeated id", "id: R02", "id: R01", "14, column 9", ("rule R01", "twice")),
    ("a bad date", "effective: 2026-01-01\n    when: |", "effective: 2026-13-01\n    when: |", "7", ("effective",)),
    (
        "a text for a date",
        "effective: 2026-01-01\n    when: |",
        "effective: soon\n    when: |",
        "7, column 16",
        ("R01", "date"),
    ),
    (
        "an unknown disposition",
        "disposition: hold",
        "disposition: hodl",
        "11, column 18",
        ("rule R01", "'hodl'", "'hold'"),
    ),
    ("an unknown grade", "grade: open_box", "grade: openbox", "19, column 12", ("rule R02", "'openbox'", "'open_box'")),
    ("a grade without resale", "disposition: resell", "disposition: scrap", "19, column 12", ("rule R02", "no grade")),
    ("resale without a grade", "    grade: open_box\n", "", "14, column 5", ("rule R02", "needs a grade")),
    ("no last rule", "when: true", "when: hygiene", "17, column 11", ("rule R02", "last rule must be 'true'")),
    (
        "a rule nothing gets past",
        'when: |\n      seal == "broken"\n        || product_known && price_new > parameters.limit',
        "when: true",
        "8",
        ("R01", "can match"),
    ),
    (
        "a late last rule",
        "2026-01-01\n    when: true",
        "2026-02-01\n    when: true",
        "16, column 16",
        ("rule R02", "later"),
    ),
    ("a parameter out of bounds", "value: 5", "value: 10", "3, column 18", ("parameter limit", "10", "9")),
    ("a text for a bounded parameter", "value: 5", "value: 5,5", "3", ()),
    ("a number YAML takes for a text", "value: 5", "value: 5e0", "3, column 18", ("parameter limit", "number")),
    ("a repeated key", 'version: "7"', 'version: "7"\nversion: "8"', "2, column 1", ("'version'", "twice")),
    ("broken YAML", "rules:", "rules: [", "5", ("not YAML",)),
    ("an alias", "disposition: hold", "disposition: *hold", "11, column 18", ("alias",)),
    ("a condition that is a YAML tag", "when: true", "when: !hygiene", "17, column 11", ("not YAML",)),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_good_policy_loads(tmp_path: Path) -> None:
    assert Policy.load(written(tmp_path, GOOD)).version.startswith("7+")


@pytest.mark.parametrize(
    ("old", "new", "place", "fragments"), [row[1:] for row in MISTAKES], ids=[r[0] for r in MISTAKES]
)
def test_a_mistake_is_one_line_with_file_rule_and_column(
    tmp_path: Path, old: str, new: str, place: str, fragments: tuple[str, ...]
) -> None:
    assert GOOD.count(old) >= 1
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    line = caught.value.one_line()
    assert "\n" not in line
    assert line.startswith(f"policy.invalid: {path}: line {place}")
    for fragment in fragments:
        assert fragment in line


@pytest.mark.parametrize("style", ["|", ">", "|-", "plain", "'", '"'])
def test_the_column_is_right_in_every_way_to_write_a_text(tmp_path: Path, style: str) -> None:
    condition = "hygiene ||\n        recalled == oops"
    text = {"plain": condition, "'": f"'{condition}'", '"': f'"{condition}"'}.get(style, f"{style}\n      {condition}")
    path = written(tmp_path, GOOD.replace("when: true", f"when: {text}"))
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(number for number, one in enumerate(lines, 1) if "oops" in one)
    assert f"line {line}, column {lines[line - 1].index('oops') + 1}: rule R02" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "the file"),
        (b"- 1\n", "the file"),
        (b"\xff\xfe", "UTF-8"),
        (b"a: " + b"[" * 500, "nested deeper"),
        (b"# " + b"x" * 1_100_000, "larger than"),
        (b"version: '1'\nrules: []\n", "rules"),
    ],
)
def test_what_is_no_policy_at_all_is_refused(tmp_path: Path, content: bytes, fragment: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    with pytest.raises(PolicyError, match=fragment):
        Policy.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        Policy.load(tmp_path / "none.yaml")


def test_a_rule_waits_for_its_date(tmp_path: Path) -> None:
    policy = Policy.load(written(tmp_path, GOOD.replace("effective: 2026-01-01", "effective: 2026-07-01", 1)))
    before, after = (policy.decide(Facts(today=day, seal="broken")) for day in ("2026-06-30", "2026-07-01"))
    assert (before.rule_id, after.rule_id) == ("R02", "R01")


def test_any_change_of_the_file_changes_the_version(tmp_path: Path) -> None:
    first = Policy.load(written(tmp_path, GOOD)).version
    second = Policy.load(written(tmp_path, GOOD + "# a comment\n")).version
    assert first != second
    assert first.partition("+")[0] == second.partition("+")[0]


def test_windows_line_ends_and_a_byte_order_mark_change_no_decision(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert Policy.load(path).decide(Facts(today="2026-06-01", seal="broken")).disposition is Disposition.HOLD


def test_every_single_letter_lost_from_a_variable_is_noticed(tmp_path: Path) -> None:
    text = DEFAULT_POLICY.read_text(encoding="utf-8")
    for name in ("recalled", "identity_known", "weight_off_g", "p_fix", "price_as_is", "capture_problems"):
        with pytest.raises(PolicyError) as caught:
            Policy.load(written(tmp_path, text.replace(name, name[:-1], 1)))
        assert f"did you mean {name!r}?" in caught.value.one_line()


def test_a_rule_that_cannot_be_evaluated_holds_the_item(tmp_path: Path) -> None:
    beyond = "price_new * price_new * price_new"
    text = GOOD.replace("price_new > parameters.limit", f"{beyond} - {beyond} > 1.0")
    verdict = Policy.load(written(tmp_path, text)).decide(
        Facts(today="2026-06-01", product_known=True, price_new=1e300)
    )
    assert (verdict.disposition, verdict.rule_id, verdict.reason_codes) == (Disposition.HOLD, "R01", ("rule_failed",))
    assert verdict.values["price_new"] == 1e300


def test_a_parameter_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="parameter limit"):
        Policy.load(written(tmp_path, GOOD.replace("value: 5, min: 1, max: 9", "value: 1.0e+300")))
