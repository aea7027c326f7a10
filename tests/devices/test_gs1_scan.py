"""What scanners transmit, Digital Links, and codes in any form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.gs1 import reading, scan
from devices.gs1.check_digits import CSET_82, is_digits, with_check_digit
from devices.gs1.digital_link import build_uri, parse_uri
from devices.gs1.elements import Element, concatenated, parse_bracketed
from devices.gs1.errors import Gs1Error
from devices.gs1.scan import AIM_IDENTIFIERS, Content

GTIN = "09521234543213"


def said(uri: str, *, short_names: bool = True, short_gtins: bool = True, unknown_ais: bool = True) -> str | None:
    """The elements of ``uri``; ``None`` when it is refused."""
    try:
        link = parse_uri(uri, short_names=short_names, short_gtins=short_gtins, unknown_ais=unknown_ais)
    except Gs1Error:
        return None
    return concatenated(link.elements)


def test_short_names_are_read_unless_forbidden() -> None:
    uri = f"https://a/gtin/{GTIN}/ser/ABC"
    assert said(uri) == f"^01{GTIN}21ABC"
    assert said(uri, short_names=False) is None


def test_short_gtins_are_filled_up_unless_forbidden() -> None:
    for short in ("2112345678900", "416000336108", "02345673"):
        assert said(f"https://a/01/{short}") == f"^01{short.zfill(14)}"
        assert said(f"https://a/01/{short}", short_gtins=False) is None


def test_unassigned_ais_are_kept_in_the_query_only_and_unless_forbidden() -> None:
    assert said(f"https://a/01/{GTIN}?89=X") == f"^01{GTIN}89X"
    assert said(f"https://a/01/{GTIN}?89=X", unknown_ais=False) is None
    assert said(f"https://a/01/{GTIN}/89/X") is None
    assert said(f"https://a/01/{GTIN}?999=X") is None


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        (f"HTTPS://a/01/{GTIN}", f"^01{GTIN}"),
        (f"HtTpS://a/01/{GTIN}", None),
        (f"https://[2001:db8::1]:8080/x/y/01/{GTIN}", f"^01{GTIN}"),
        (f"https://user@a/01/{GTIN}", None),
        (f"https://a/01/{GTIN}/", None),
        (f"https://a/01/{GTIN}?", f"^01{GTIN}"),
        (f"https://a/01/{GTIN}?&&99=A&&&utm=1", f"^01{GTIN}99A"),
        (f"https://a/01/{GTIN}/10/A+B", f"^01{GTIN}10A+B"),
        (f"https://a/01/{GTIN}?99=A+B", None),
        (f"https://a/01/{GTIN}/21/A%2FB", f"^01{GTIN}21A/B"),
        (f"https://a/01/{GTIN}/21/A%", f"^01{GTIN}21A%"),
        (f"https://a/01/{GTIN}/21/A%E4", None),
        (f"https://a/01/{GTIN}/21/ä", None),
        (f"https://a/01/{GTIN}/21/A/10/B", None),
        (f"https://a/01/{GTIN}/10/B/21/A", f"^01{GTIN}10B^21A"),
        (f"https://a/01/{GTIN}/235/X?10=B", f"^01{GTIN}235X^10B"),
        (f"https://a/01/{GTIN}/10/B/235/X", None),
        (f"https://a/01/{GTIN}?21=A", None),
        (f"https://a/01/{GTIN}?235=A", None),
        (f"https://a/01/{GTIN}?8200=A", None),
        ("https://a/414/9520123456788/254/32a%2Fb", "^414952012345678825432a/b"),
        ("https://a/417/9520123456788/254/X", None),
        ("https://a/8004/9520614141234567?01=09520123456788", "^80049520614141234567^0109520123456788"),
        ("https://a/21/ABC", None),
        ("https://a", None),
        ("https:///01/09521234543213", None),
    ],
)
def test_a_digital_link_is_read_or_refused(uri: str, data: str | None) -> None:
    assert said(uri) == data


def test_a_link_keeps_its_path_and_tells_its_stem_and_what_is_not_gs1s() -> None:
    link = parse_uri(f"https://example.com/shop/01/{GTIN}/235/ABC?10=DEF&utm=1")
    assert (link.stem, link.in_path, link.ignored) == ("https://example.com/shop", 2, ("utm=1",))
    again = build_uri(link.elements, stem=link.stem, in_path=link.in_path)
    assert again == f"https://example.com/shop/01/{GTIN}/235/ABC?10=DEF"
    with pytest.raises(Gs1Error):
        build_uri(link.elements)  # AI 10 in the path leaves no place for 235


@pytest.mark.parametrize(
    ("elements", "uri"),
    [
        (f"(01){GTIN}(10)A+B(99)X+Y", f"https://id.gs1.org/01/{GTIN}/10/A%2BB?99=X%2BY"),
        (f"(10)L(17)271231(01){GTIN}", f"https://id.gs1.org/01/{GTIN}/10/L?17=271231"),
        (f"(01){GTIN}(99)X(3103)000195", f"https://id.gs1.org/01/{GTIN}?3103=000195&99=X"),
        ("(8018)123456789012345675(8019)12", "https://id.gs1.org/8018/123456789012345675/8019/12"),
    ],
)
def test_a_digital_link_is_built(elements: str, uri: str) -> None:
    assert build_uri(parse_bracketed(elements)) == uri


@pytest.mark.parametrize("elements", ["(99)X", "(21)S1(10)L", f"(01){GTIN}(8200)http://x", f"(01){GTIN}(235)A(10)B"])
def test_what_has_no_digital_link_is_refused(elements: str) -> None:
    with pytest.raises(Gs1Error):
        build_uri(parse_bracketed(elements))


SERIALS = st.text(st.sampled_from(CSET_82), min_size=1, max_size=20)


@given(SERIALS, SERIALS, SERIALS)
def test_every_item_survives_its_digital_link(serial: str, lot: str, internal: str) -> None:
    [gtin, ai_10, ai_21, ai_99] = parse_bracketed(f"(01){GTIN}(10)A(21)A(99)A")
    elements = (gtin, Element(ai_10.ai, lot), Element(ai_21.ai, serial), Element(ai_99.ai, internal))
    assert parse_uri(build_uri(elements)).elements == elements


@given(
    st.text(max_size=80),
    st.sampled_from(["https://a/01/", f"https://a/01/{GTIN}/", f"https://a/01/{GTIN}?", "http://", ""]),
)
def test_any_uri_is_a_digital_link_or_an_error(text: str, start: str) -> None:
    try:
        link = parse_uri(start + text)
    except Gs1Error:
        return
    assert link.elements
    assert build_uri(link.elements, in_path=link.in_path).startswith("https://id.gs1.org/")


def test_every_aim_identifier_has_a_bracket_and_a_meaning() -> None:
    assert {"]C1", "]E0", "]E4", "]e0", "]d1", "]d2", "]Q1", "]Q3", "]J0", "]J1"} <= set(AIM_IDENTIFIERS)
    for aim, symbology in AIM_IDENTIFIERS.items():
        assert len(aim) == 3
        assert symbology.name
        assert bool(symbology.digits) == (symbology.content is Content.GTIN)


@pytest.mark.parametrize("data", ["^010952123454321310A^21B", "^99A", f"^01{GTIN}10A^99B^"])
@pytest.mark.parametrize("symbology", ["QR", "DM", "DotCode", "GS1_128_CCA", "DataBarExpanded"])
def test_what_is_generated_is_processed_to_the_same(symbology: str, data: str) -> None:
    read = scan.process(scan.generate(symbology, data))
    assert (read.symbology.key, read.data) == (symbology, data)


def test_fnc1_stands_before_a_composite_component_only_where_the_element_before_it_needs_one() -> None:
    fixed = scan.generate("DataBarExpanded", f"^01{GTIN}10A^17271231|^98C")
    assert fixed == f"]e001{GTIN}10A\x1d1727123198C"
    variable = scan.generate("GS1_128_CCC", f"^01{GTIN}10A|^98C")
    assert variable == f"]e001{GTIN}10A\x1d98C"


@pytest.mark.parametrize("text", ["TESTING", "^TESTING", "\\^TESTING", "\\\\^X", "\\X", "", "HtTps://x"])
@pytest.mark.parametrize("aim", ["]Q1", "]d1", "]J0"])
def test_plain_text_survives_though_it_looks_like_fnc1(aim: str, text: str) -> None:
    read = scan.process(aim + text)
    assert scan.generate(read.symbology.key, read.data) == aim + text


@given(st.text("0123456789", min_size=7, max_size=12), st.booleans())
def test_an_ean_is_generated_with_its_check_digit(payload: str, composite: bool) -> None:
    symbology = {7: "EAN8", 12: "EAN13", 11: "UPCA"}.get(len(payload))
    more = "|^99AB" if composite else ""
    if symbology is None:
        with pytest.raises(Gs1Error):
            scan.generate("EAN13", payload + more)
        return
    full = with_check_digit(payload)
    sent = scan.generate(symbology, payload + more, add_check_digit=True)
    assert sent == scan.generate(symbology, full + more) == scan.generate(symbology, f"^01{full.zfill(14)}{more}")
    assert scan.process(sent).primary.zfill(14) == full.zfill(14)


@pytest.mark.parametrize(
    ("symbology", "data"),
    [
        ("EAN13", "2112345678901"),
        ("EAN13", "ABCDEFGHIJKLM"),
        ("EAN13", "2112345678900|PLAIN"),
        ("DataBarLimited", "20000000000004"),
        ("DataBarOmni", "SHORT"),
        ("GS1_128_CCA", "PLAIN"),
        ("GS1_128_CCA", "^0112312312312334"),
        ("DataBarExpanded", "^0112312312312333|PLAIN"),
        ("NONE", "TESTING"),
        ("Code39", "TESTING"),
    ],
)
def test_what_a_symbology_cannot_carry_is_not_generated(symbology: str, data: str) -> None:
    with pytest.raises(Gs1Error):
        scan.generate(symbology, data)


@given(
    st.text(max_size=60),
    st.sampled_from([*AIM_IDENTIFIERS, "]", "", "(01)", "https://a/01/", f"01{GTIN}", "4006381333931|]e0"]),
)
def test_any_code_is_read_or_an_error(text: str, start: str) -> None:
    try:
        found = reading.read(start + text)
    except Gs1Error:
        return
    gtins = [element.value for element in found.elements if element.code == "01"]
    assert all(len(gtin) == 14 and is_digits(gtin) for gtin in gtins)
