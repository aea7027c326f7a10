"""The written rules stop what they say they stop, and let through what is no worse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from inspection.errors import ConfigError
from inspection.finding import Condition
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.verdict import Disposition, Grade
from models.evaluation.gate import Outcome, decide
from models.evaluation.gate_exam import Exam
from models.evaluation.gate_money import Decision, Values, brings
from models.evaluation.gate_pairs import Pair, pairs_of
from models.evaluation.gate_rules import Rules
from models.evaluation.photographs import Opinion, Photograph, Result

ROOT = Path(__file__).resolve().parents[2]
RULES = Rules.load(ROOT / "configs" / "gate.yaml")
POLICY = Policy.load(ROOT / "configs" / "policy" / "default.yaml")
EVEN = [0.98, 1.0, 1.02, 1.01, 0.99] * 8
VALUES = Values(price_new=1000, price_open_box=800, price_as_is=300, price_repaired=700, price_parts=50,
                cost_repair=200, cost_handling=10, cost_disposal=5, cost_hold=40, cost_bad_resale=900,
                p_fix=0.5)  # fmt: skip


def photograph(number: int, condition: Condition, **labels: str) -> Photograph:
    said = {"condition": condition.value, "group": f"item-{number // 2}", "capture": "fixed"} | labels
    goods = said.pop("goods", "carton")
    return Photograph(f"{number:04d}.jpg", goods, said)


def result(of: Photograph, condition: Condition, decision: Disposition, rule: str = "R11", p: float = 0.97) -> Result:
    others = {each: (1 - p) / 3 for each in Condition if each is not condition}
    return Result(of, Opinion({condition: p, **others}, {}, 0.1), decision, confirm=False, reason=f"{rule}: why", ms=10)


def right(of: Photograph) -> Result:
    """What a perfect judge would say."""
    truth = of.condition or Condition.INTACT
    if truth in (Condition.MAJOR, Condition.CRITICAL):
        return result(of, truth, Disposition.SCRAP, "R15")
    return result(of, truth, Disposition.RESELL, "R11")


def exam(count: int = 600, **labels: str) -> list[Photograph]:
    conditions = (Condition.INTACT, Condition.INTACT, Condition.MINOR, Condition.INTACT, Condition.MAJOR)
    return [
        photograph(n, Condition.CRITICAL if n % 40 == 4 else conditions[n % 5], goods=("carton", "phone")[n % 4 > 1],
                   station=f"station-{n % 3}", **labels)
        for n in range(count)
    ]  # fmt: skip


def outcome(
    photographs: Sequence[Photograph],
    after: Callable[[Photograph], Result],
    before: Callable[[Photograph], Result] = right,
    ratios: Sequence[float] = EVEN,
) -> Outcome:
    pairs = pairs_of(
        [before(p) for p in photographs], [after(p) for p in photographs], (POLICY, POLICY), lambda _: VALUES
    )
    return decide(RULES, pairs, ratios)


def failed(found: Outcome) -> list[str]:
    return [ruled.rule.id for ruled in found.rules if not ruled.passed]


def sold(of: Photograph) -> Result:
    return result(of, Condition.INTACT, Disposition.RESELL)


def test_a_candidate_that_judges_as_the_champion_passes_and_moves_nothing() -> None:
    found = outcome(exam(), right)
    assert (failed(found), found.changes, found.moves, found.passed) == ([], (), 0.0, True)


def test_one_critical_item_that_is_newly_sold_fails_and_is_named_with_what_it_costs() -> None:
    photographs = exam()
    bad = next(p for p in photographs if p.condition is Condition.CRITICAL)
    found = outcome(photographs, lambda p: sold(p) if p == bad else right(p))
    assert failed(found) == ["G02"]
    assert found.rules[1].files == (bad.file,)
    assert [pair.photograph.file for pair in found.changes] == [bad.file]
    assert found.moves == -900 - 10 + 5


def test_a_critical_item_that_the_champion_sold_too_is_no_new_harm() -> None:
    photographs = exam()
    bad = next(p for p in photographs if p.condition is Condition.CRITICAL)
    both = outcome(
        photographs, lambda p: sold(p) if p == bad else right(p), lambda p: sold(p) if p == bad else right(p)
    )
    assert "G02" not in failed(both)


def test_what_is_sold_as_damaged_is_no_wrong_resale() -> None:
    def as_it_is(of: Photograph) -> Result:
        if of.condition is Condition.MAJOR:
            return result(of, Condition.MAJOR, Disposition.RESELL, "R14")
        return right(of)

    found = outcome(exam(), as_it_is)
    assert failed(found) == []
    assert found.moves == pytest.approx((300 - 10 + 5) * sum(p.condition is Condition.MAJOR for p in exam()))


def test_conditions_shuffled_in_the_graph_are_stopped() -> None:
    order = list(Condition)

    def shuffled(of: Photograph) -> Result:
        named = order[::-1][order.index(of.condition or Condition.INTACT)]
        bad = named in (Condition.MAJOR, Condition.CRITICAL)
        return result(of, named, Disposition.SCRAP if bad else Disposition.RESELL, "R15" if bad else "R11")

    found = outcome(exam(), shuffled)
    assert {"G02", "G03", "G04", "G05", "G06", "G07", "G09"} <= set(failed(found))
    assert found.moves_interval is not None
    assert found.moves < found.moves_interval[1] < 0


def test_harm_in_one_station_is_found_though_the_mean_hardly_moves() -> None:
    photographs = exam(1200)
    hurt = {p.file for p in photographs if p.labels["station"] == "station-1" and p.condition is Condition.MAJOR}
    some = set(sorted(hurt)[: len(hurt) // 2])
    found = outcome(
        photographs, lambda p: result(p, Condition.INTACT, Disposition.HOLD, "R09") if p.file in hurt else right(p)
    )
    assert "G05" not in failed(found)
    worse = outcome(photographs, lambda p: sold(p) if p.file in some else right(p))
    rule = next(ruled for ruled in worse.rules if ruled.rule.id == "G05")
    assert not rule.passed
    assert "station-1" in {each.value for each in rule.groups}
    assert not {"station-0", "station-2"} & {each.value for each in rule.groups}


def noisy(wrong: set[str]) -> Callable[[Photograph], Result]:
    def judged(of: Photograph) -> Result:
        return result(of, Condition.MINOR, Disposition.HOLD, "R09") if of.file in wrong else right(of)

    return judged


def test_chance_alone_does_not_fail_a_candidate() -> None:
    rng = np.random.default_rng(5)
    failures = 0
    for _ in range(5):
        photographs = exam(400)
        one, two = ({p.file for p in photographs if rng.random() < 0.02} for _ in range(2))
        found = outcome(photographs, noisy(one), noisy(two))
        failures += bool({"G05", "G06", "G07", "G08"} & set(failed(found)))
    assert failures <= 1


def test_a_small_exam_is_not_enough() -> None:
    assert {"G01", "G04"} <= set(failed(outcome(exam(40), right)))


def test_a_slower_candidate_fails_and_a_noisy_clock_does_not() -> None:
    assert failed(outcome(exam(), right, ratios=[1.3, 1.25, 1.4, 1.2] * 10)) == ["G10"]
    assert failed(outcome(exam(), right, ratios=[0.7, 1.0, 1.5, 1.15, 1.2, 0.9] * 4)) == []
    assert failed(outcome(exam(), right, ratios=[])) == ["G10"]


def test_a_candidate_that_is_surer_than_it_is_right_fails() -> None:
    photographs = exam()

    def oversure(of: Photograph) -> Result:
        number = int(of.file[:4])
        if number % 5 == 0:  # the wrong neighbour, as sure as ever, sold alike
            return result(of, Condition.MINOR, Disposition.RESELL)
        return right(of)

    assert {"G07", "G09"} <= set(failed(outcome(photographs, oversure)))


def test_a_picture_that_only_the_candidate_cannot_judge_fails() -> None:
    def blind(of: Photograph) -> Result:
        found = right(of)
        if of.file == "0003.jpg":
            return dataclasses.replace(found, opinion=None, decision=Disposition.HOLD, confirm=True, reason="x: y")
        return found

    assert failed(outcome(exam(), blind)) == ["G11"]


def test_pictures_without_a_label_count_only_as_changes() -> None:
    photographs = [*exam(), Photograph("unknown.jpg", "carton", {"condition": ""})]
    found = outcome(
        photographs, lambda p: right(p) if p.condition else result(p, Condition.MAJOR, Disposition.SCRAP, "R15")
    )
    assert failed(found) == []
    assert [(pair.photograph.file, pair.moves) for pair in found.changes] == [("unknown.jpg", 0.0)]


def test_results_of_other_pictures_are_no_pairs() -> None:
    photographs = exam(4)
    results = [right(p) for p in photographs]
    with pytest.raises(ValueError, match="no pair"):
        pairs_of(results, results[::-1], (POLICY, POLICY), lambda _: VALUES)


@pytest.mark.parametrize(
    ("decision", "truth", "wanted"),
    [
        (Decision(Disposition.RESELL, Grade.AS_NEW), Condition.INTACT, 990),
        (Decision(Disposition.RESELL, Grade.OPEN_BOX), Condition.MINOR, 790),
        (Decision(Disposition.RESELL, Grade.AS_NEW), Condition.CRITICAL, -910),
        (Decision(Disposition.RESELL, Grade.OPEN_BOX, told=True), Condition.MAJOR, 290),
        (Decision(Disposition.RESELL, Grade.PARTS, told=True), Condition.MAJOR, 40),
        (Decision(Disposition.REPAIR), Condition.MAJOR, 0.5 * 700 + 0.5 * 50 - 210),
        (Decision(Disposition.REPAIR), Condition.INTACT, 800 - 10 - 40),
        (Decision(Disposition.SCRAP), Condition.INTACT, -5),
        (Decision(Disposition.SCRAP, confirm=True), Condition.CRITICAL, -45),
        (Decision(Disposition.HOLD), Condition.INTACT, 990 - 40),
        (Decision(Disposition.HOLD), Condition.CRITICAL, 290 - 40),
    ],
)
def test_what_a_decision_brings(decision: Decision, truth: Condition, wanted: float) -> None:
    assert brings(VALUES, decision, truth) == pytest.approx(wanted)


def test_prices_come_from_the_article_then_its_kind_then_the_rules() -> None:
    catalogue = Catalogue.load(ROOT / "configs" / "products.yaml")
    article = catalogue.find("00614141904013")
    assert RULES.values(catalogue, "00614141404018", article).price_new == 399900
    assert RULES.values(catalogue, None, article).price_new == 299900
    assert RULES.values(catalogue, "nonsense", None) == RULES.otherwise


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    check: enough\n", "    check: enogh\n", "check"),
        ("limit: 0.02", "limit: 2", "limit"),
        ("measure: wrong_scrap", "measure: bad_luck", "measure"),
        ("id: G02", "id: G01", "two rules"),
        ("      vi: Bộ kiểm tra đủ lớn để kết luận.\n", "", "words are needed"),
        ("margin: 0.01", "margin: 0.01\n    certanty: proven", "certanty"),
    ],
)
def test_a_mistake_in_the_rules_is_told_with_file_and_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (ROOT / "configs" / "gate.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "gate.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"gate\.yaml: line \d+: .*{says}"):
        Rules.load(path)


def frozen(folder: Path, *rows: str) -> Exam:
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(("file,goods,condition", *rows)) + "\n", encoding="utf-8")
    return Exam.read(manifest, folder)


def test_an_exams_hash_is_of_pictures_and_labels_whatever_their_order(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    one = frozen(tmp_path, "a.jpg,can,intact", "b.jpg,can,major")
    assert frozen(tmp_path, "b.jpg,can,major", "a.jpg,can,intact").sha256 == one.sha256
    assert frozen(tmp_path, "a.jpg,can,intact", "b.jpg,can,minor").sha256 != one.sha256
    (tmp_path / "a.jpg").write_bytes(b"another")
    assert frozen(tmp_path, "a.jpg,can,intact", "b.jpg,can,major").sha256 != one.sha256


@pytest.mark.parametrize(
    "rows",
    [("gone.jpg,can,intact",), ("../a.jpg,can,intact",), ("a.jpg,can,",), ("a.jpg,can,intact", "a.jpg,can,intact")],
    ids=["missing", "outside", "unlabelled", "twice"],
)
def test_an_exam_that_is_not_whole_is_refused(tmp_path: Path, rows: tuple[str, ...]) -> None:
    inside = tmp_path / "exam"
    inside.mkdir()
    for folder in (tmp_path, inside):
        (folder / "a.jpg").write_bytes(b"a")
    with pytest.raises(ConfigError):
        frozen(inside, *rows)


def test_every_pair_knows_whether_it_changed() -> None:
    of = photograph(1, Condition.INTACT)
    (pair,) = pairs_of([right(of)], [right(of)], (POLICY, POLICY), lambda _: VALUES)
    assert isinstance(pair, Pair)
    assert not pair.changed
