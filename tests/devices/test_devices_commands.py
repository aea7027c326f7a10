"""``python -m devices``: what support people and scripts get."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from devices import __main__ as command_line
from devices.cli import epc, gs1

GTIN = "09521234543213"


def run(*words: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(command_line.app, list(words))
    found: dict[str, Any] = json.loads(done.stdout)
    return done.exit_code, found


def refused(*words: str) -> str:
    code, found = run(*words)
    assert code == 2
    assert found["message"]
    return str(found["error"])


def test_an_epc_has_all_its_forms() -> None:
    code, found = run("epc", "3074257BF7194E4000001A85")
    assert code == 0
    assert found["binary"] == f"{0x3074257BF7194E4000001A85:096b}"
    assert {
        "scheme": "sgtin-96",
        "filter": 3,
        "partition": 5,
        "company_prefix": "0614141",
        "item_reference": "812345",
        "serial": "6789",
        "gtin": "80614141123458",
        "pure_identity": "urn:epc:id:sgtin:0614141.812345.6789",
        "tag_uri": "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
        "digital_link": "https://id.gs1.org/01/80614141123458/21/6789",
        "element_string": "(01)80614141123458(21)6789",
    }.items() <= found.items()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("urn:epc:id:sscc:0614141.1234567890", {"scheme": "sscc-96", "sscc": "106141412345678908"}),
        ("urn:epc:id:grai:0614141.12345.400", {"scheme": "grai-96", "asset_type": "12345", "serial": "400"}),
        ("urn:epc:id:giai:0614141.A", {"scheme": "giai-202", "asset_reference": "A", "giai": "0614141A"}),
        ("urn:epc:id:sgln:0614141.12345.0", {"scheme": "sgln", "hex": None}),
        ("3274257BF46072000000162E", {"scheme": "sgln", "pure_identity": "urn:epc:id:sgln:0614141.12345.5678"}),
        (
            "urn:epc:class:lgtin:4012345.012345.998877",
            {"digital_link": "https://id.gs1.org/01/04012345123456/10/998877"},
        ),
        ("E2 00 34 12 01 23 45 67 89 00 00 00", {"scheme": "raw", "pure_identity": None}),
        (f"https://id.gs1.org/01/{GTIN}/21/1", {"company_prefix": "9521234", "gtin": GTIN}),
    ],
)
def test_every_scheme_is_told(text: str, part: dict[str, Any]) -> None:
    code, found = run("epc", text)
    assert code == 0
    assert part.items() <= found.items()


def test_filter_and_company_prefix_can_be_given() -> None:
    _, found = run("epc", f"https://id.gs1.org/01/{GTIN}/21/1", "--filter", "6", "--company-prefix-length", "9")
    assert found["tag_uri"] == "urn:epc:tag:sgtin-96:6.952123454.0321.1"
    assert "notes" not in found


def test_without_the_company_prefix_there_is_neither_urn_nor_tag_and_it_says_why() -> None:
    _, found = run("epc", "https://id.gs1.org/00/202000000000000015")
    assert (found["pure_identity"], found["hex"]) == (None, None)
    assert found["sscc"] == "202000000000000015"
    assert "company prefix" in found["notes"][0]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["307C257BF7194E4000001A85"], "epc.partition"),
        (["3074257BF7194E40"], "epc.length"),
        (["hello"], "epc.syntax"),
        (["https://id.gs1.org/01/09521234543210/21/1"], "gs1.check_digit"),
        ([f"https://id.gs1.org/01/{GTIN}"], "epc.serial"),
        ([f"https://id.gs1.org/01/{GTIN}/21/A", "--company-prefix-length", "13"], ""),
    ],
)
def test_an_epc_that_is_none_is_refused(words: list[str], error: str) -> None:
    if error:
        assert refused("epc", *words) == error
    else:
        assert CliRunner().invoke(command_line.app, ["epc", *words]).exit_code == 2


@pytest.mark.parametrize("gs", ["\x1d", r"\x1d", r"\X1D", r"\u001d", "^"])
@pytest.mark.parametrize("aim", ["", "]C1", "]d2", "]Q3", "]e0", "]J1"])
def test_fnc1_may_be_written_in_many_ways(aim: str, gs: str) -> None:
    code, found = run("gs1", f"{aim}01{GTIN}10LOT7{gs}17270200{gs}21S1")
    assert code == 0
    assert {
        "aim": aim or None,
        "ai_data": f"^01{GTIN}10LOT7^1727020021S1",
        "element_string": f"(01){GTIN}(10)LOT7(17)270200(21)S1",
        "gtin": GTIN,
        "serial": "S1",
        "lot": "LOT7",
        "expiry": "2027-02-28",
        "digital_link": f"https://id.gs1.org/01/{GTIN}/10/LOT7/21/S1?17=270200",
    }.items() <= found.items()


@pytest.mark.parametrize(
    ("text", "symbology", "gtin"),
    [
        ("]E04006381333931", "EAN13", "04006381333931"),
        ("4006381333931", "EAN13", "04006381333931"),
        ("614141401017", "UPCA", "00614141401017"),
        ("]E402345673", "EAN8", "00000002345673"),
        ("96385074", "EAN8", "00000096385074"),
        ("04252614", "UPCE", "00042100005264"),
        ("01234565", "UPCE", "00012345000065"),
        ("80614141123458", "ITF14", "80614141123458"),
        ("]I180614141123458", "ITF14", "80614141123458"),
        ("]C04006381333931", "Code128", "04006381333931"),
        (f"]Q1https://id.gs1.org/01/{GTIN}", "QR", GTIN),
        ("(01)09521234543213", None, GTIN),
        ("]Q1TESTING", "QR", None),
    ],
)
def test_a_bare_number_is_a_gtin_14(text: str, symbology: str | None, gtin: str | None) -> None:
    code, found = run("gs1", text)
    assert (code, found["symbology"], found["gtin"]) == (0, symbology, gtin)


def test_eight_digits_that_are_both_are_told_so() -> None:
    assert "as EAN8 it would be 00000001234565" in run("gs1", "01234565")[1]["notes"][0]
    assert "as UPCE it would be" in run("gs1", "12345670")[1]["notes"][0]


def test_measures_amounts_and_dates_have_their_value() -> None:
    _, found = run("gs1", f"(01){GTIN}(3103)000195(3922)0299(15)260131(7003)2601311530")
    assert [element.get("decimal") for element in found["elements"][1:3]] == [0.195, 2.99]
    assert (found["best_before"], found["expiry"]) == ("2026-01-31", "2026-01-31")
    _, found = run("gs1", f"(01){GTIN}(3932)978000299(30)1")
    assert (found["elements"][1]["decimal"], found["elements"][1]["currency"]) == (2.99, "978")


def test_what_is_missing_beside_an_element_is_noted_or_refused() -> None:
    assert "(10) needs 01" in run("gs1", "(10)ABC")[1]["notes"][0]
    assert refused("gs1", "(10)ABC", "--strict") == "gs1.missing"


def test_the_stem_of_the_digital_link_can_be_chosen() -> None:
    _, found = run("gs1", f"(01){GTIN}", "--stem", "https://example.com/p/")
    assert found["digital_link"] == f"https://example.com/p/01/{GTIN}"


def test_elements_that_no_digital_link_may_have_are_told() -> None:
    _, found = run("gs1", f"(01){GTIN}(8200)http://x")
    assert found["digital_link"] is None
    assert "(8200) must not stand in the query" in found["notes"][0]


def test_an_unassigned_ai_is_kept_in_a_link_and_elsewhere_on_demand() -> None:
    assert run("gs1", f"https://a/01/{GTIN}?89=X")[1]["notes"][0].startswith("(89) is not assigned")
    assert refused("gs1", f"(01){GTIN}(89)X") == "gs1.unknown_ai"
    assert run("gs1", f"(01){GTIN}(89)X", "--unknown-ais")[0] == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("4006381333932", "gs1.check_digit"),
        ("02345674", "gs1.check_digit"),
        ("]E402345674", "gs1.check_digit"),
        ("]E0123456789012", "gs1.length"),
        ("(01)09521234543210", "gs1.check_digit"),
        ("]C1", "gs1.length"),
        ("]XX", "gs1.aim"),
        ("]", "gs1.aim"),
        ("", "gs1.length"),
        ("HELLO", "gs1.syntax"),
        ("(01)0952123454321", "gs1.length"),
        (f"(01){GTIN}(17)271331", "gs1.date"),
        (f"(01){GTIN}(17)270229", "gs1.date"),
        (f"(01){GTIN}(21)" + "A" * 21, "gs1.length"),
        (f"(01){GTIN}(21)ä", "gs1.characters"),
        (f"(01){GTIN}(21)", "gs1.length"),
        (f"(01){GTIN}(422)000", "gs1.content"),
        (f"(01){GTIN}(999)1", "gs1.unknown_ai"),
        (f"(01){GTIN}(37)1", "gs1.conflict"),
        (f"(01){GTIN}(01)04006381333931", "gs1.conflict"),
        ("https://example.com/hello", "gs1.uri"),
        ("ftp://example.com/01/09521234543213", "gs1.uri"),
        (f"https://id.gs1.org/01/{GTIN}?10=LOT", "gs1.uri"),
        ("]Q1https://example.com/hello", "gs1.uri"),
        ("]C101123123123133^10ABC", "gs1.length"),
    ],
)
def test_a_code_that_breaks_its_standard_is_refused(text: str, error: str) -> None:
    assert refused("gs1", text) == error


def test_the_examples_of_the_help_work() -> None:
    tried = 0
    for name, command in (("epc", epc.epc), ("gs1", gs1.gs1)):
        for line in (command.__doc__ or "").splitlines():
            if found := re.fullmatch(r" *python -m devices (\w+) (.+)", line):
                assert found[1] == name
                words = re.findall(r"'[^']*'|\"[^\"]*\"|\S+", found[2])
                code, _ = run(name, *(word.strip("'\"") for word in words))
                assert code == 0, line
                tried += 1
    assert tried >= 11


def test_it_runs_as_a_program() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "devices", "gs1", "4006381333932"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] == "gs1.check_digit"
    assert isinstance(command_line.app, typer.Typer)
