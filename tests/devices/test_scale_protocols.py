"""What the bytes of four families of scales mean, and that no damage to them makes a wrong weight."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.scale import a_and_d, cas, mt_sics, ohaus
from devices.scale.dialog import Parser
from devices.scale.lines import MAX_LINE
from devices.scale.weight import Answer, Command, Message, Mode, Refusal, Weight, in_grams
from tests.devices.streams import cuts, hostile, pieces
from tests.devices.test_shared_vectors import rows

PARSERS: dict[str, Callable[[], Parser]] = {
    "mt-sics": mt_sics.parser,
    "and": a_and_d.parser,
    "cas": cas.parser,
    "ohaus": ohaus.parser,
}
WEIGHTS = {
    "mt-sics": [b"S S    125.67 g\r\n", b"S D    100.00 g\r\n", b"S S      -3.5 kg\r\n"],
    "and": [b"ST,+00456.89  g\r\n", b"US,-0000012.3   g\r\n", b"ST,GS,+  4.876kg\r\n"],
    "cas": [
        b"ST,GS,+  4.876kg\r\n",
        b"ST,GS,1\xc4,000013.5 kg\r\n",
        b"US,NT,\r\n,-0013.50 kg\r\n",
        b"ST,NT,- 14.876kg\r\n",
    ],
    "ohaus": [b"   0.360 kg    G\r\n", b"   12.36 lb   ?N\r\n", b"      -12.36 g     \r\n"],
}
every_protocol = pytest.mark.parametrize("protocol", PARSERS)


def parse(protocol: str, data: bytes) -> list[Message]:
    parser = PARSERS[protocol]()
    return parser.feed(data) + parser.flush()


def weights(protocol: str, data: bytes) -> list[Weight]:
    return [message for message in parse(protocol, data) if isinstance(message, Weight)]


@pytest.mark.parametrize(
    ("protocol", "data", "grams", "stable"),
    [
        ("mt-sics", b"S S    125.67 g\r\n", "125.67", True),
        ("mt-sics", b"S D    100.00 g\r\n", "100.00", False),
        ("mt-sics", b"S S     -0.0125 kg\r\n", "-12.5", True),
        ("mt-sics", b"S S      1.00 lb\n", "453.59237", True),
        ("and", b"ST,+00456.89  g\r\n", "456.89", True),
        ("and", b"ST,+0004775.7   g\r\n", "4775.7", True),
        ("and", b"US,-0000012.3   g\r\n", "-12.3", False),
        ("and", b"ST,+00001.000 oz\r\n", "28.349523125", True),
        ("and", b"ST,GS,+  4.876kg\r\n", "4876", True),
        ("cas", b"ST,GS,+  4.876kg\r\n", "4876", True),
        ("cas", b"US,NT,-  4.876kg\r\n", "-4876", False),
        ("cas", b"ST,GS,1\xc4,000013.5 kg\r\n", "13500", True),
        ("cas", b"ST,GS,\n\r,000013.5 kg\r\n", "13500", True),
        ("cas", b"US,NT,\xff\xff,    0.25  t\r\n", "250000", False),
        ("ohaus", b"   0.360 kg    G\r\n", "360", True),
        ("ohaus", b"   0.360 kg   ?G\r\n", "360", False),
        ("ohaus", b"   0.360 kg ?  G\r\n", "360", False),
        ("ohaus", b"-     12.5 g\r\n", "-12.5", True),
    ],
)
def test_a_weight_is_read_in_grams_exactly(protocol: str, data: bytes, grams: str, stable: bool) -> None:
    [weight] = parse(protocol, data)
    assert isinstance(weight, Weight)
    assert (weight.grams, weight.stable, weight.raw) == (Decimal(grams), stable, data)


@pytest.mark.parametrize(
    ("protocol", "data", "over"),
    [
        ("mt-sics", b"S +\r\n", True),
        ("mt-sics", b"S -\r\n", False),
        ("and", b"OL,+9999999E+19\r\n", True),
        ("and", b"OL,-9999999E+19\r\n", False),
        ("cas", b"OL,GS,        kg\r\n", True),
        ("cas", b"OL,GS,1\xc4,99999999 kg\r\n", True),
        ("ohaus", b"Err8.3\r\n", True),
        ("ohaus", b"Err 8.4\r\n", False),
    ],
)
def test_out_of_range_is_no_weight(protocol: str, data: bytes, over: bool) -> None:
    [weight] = weights(protocol, data)
    assert (weight.grams, weight.stable, weight.overload, weight.underload) == (None, False, over, not over)


@pytest.mark.parametrize(
    ("protocol", "data", "mode"),
    [
        ("cas", b"ST,NT,+  4.876kg\r\n", Mode.NET),
        ("and", b"ST,TR,+  4.876kg\r\n", Mode.TARE),
        ("ohaus", b"   0.360 kg    T\r\n", Mode.TARE),
        ("ohaus", b"   0.360 kg    G\r\n", Mode.GROSS),
        ("mt-sics", b"S S    125.67 g\r\n", None),
    ],
)
def test_gross_net_and_tare_are_told_apart(protocol: str, data: bytes, mode: Mode | None) -> None:
    assert [weight.mode for weight in weights(protocol, data)] == [mode]


def test_the_lamps_of_a_cas_indicator_tell_zero_and_hold() -> None:
    [zero] = weights("cas", b"ST,GS,1\xc5,000000.0 kg\r\n")
    [held] = weights("cas", b"ST,GS,1\xd4,000013.5 kg\r\n")
    [no_lamps] = weights("cas", b"ST,GS,1\x11,000013.5 kg\r\n")
    assert (zero.zero, zero.held) == (True, False)
    assert (held.zero, held.held) == (False, True)
    assert (no_lamps.zero, no_lamps.held) == (None, False)


@pytest.mark.parametrize(
    ("protocol", "data", "to", "part"),
    [
        ("mt-sics", b"S I\r\n", "S", "busy"),
        ("mt-sics", b"Z +\r\n", "zero", "above"),
        ("mt-sics", b"T I\r\n", "tare", "busy"),
        ("mt-sics", b"ES\r\n", "", "does not know"),
        ("mt-sics", b"EL\r\n", "", "cannot carry out"),
        ("mt-sics", b"ET\r\n", "", "garbled"),
        ("mt-sics", b"S S Error 10b\r\n", "S", "Error 10b"),
        ("and", b"EC,E11\r\n", "", "rest (E11)"),
        ("cas", b"!\r\n", "", "could not"),
        ("cas", b"?\r\n", "", "does not know"),
        ("ohaus", b"ES\r\n", "", "does not know"),
    ],
)
def test_a_refusal_is_told_in_words(protocol: str, data: bytes, to: str, part: str) -> None:
    [refusal] = parse(protocol, data)
    assert isinstance(refusal, Refusal)
    assert refusal.to == to
    assert part in refusal.text


@pytest.mark.parametrize(
    ("protocol", "data", "to"),
    [
        ("mt-sics", b"Z A\r\n", "zero"),
        ("mt-sics", b"T S     100.00 g\r\n", "tare"),
        ("mt-sics", b'I4 A "B021002593"\r\n', "I4"),
        ("and", b"\x06\r\n", ""),
        ("cas", b"01MZ\r\n", "zero"),
        ("ohaus", b"OK!\r\n", ""),
    ],
)
def test_an_answer_says_what_it_answers_and_is_no_weight(protocol: str, data: bytes, to: str) -> None:
    [answer] = parse(protocol, data)
    assert isinstance(answer, Answer)
    assert answer.to == to


@pytest.mark.parametrize(
    ("protocol", "data"),
    [("mt-sics", b"SI\r\n"), ("and", b"Q\r\n"), ("cas", b"01RW\r\n"), ("ohaus", b"IP\r\n")],
)
def test_what_the_computer_asks_is_understood_too(protocol: str, data: bytes) -> None:
    assert [type(message) for message in parse(protocol, data)] == [Command]


@pytest.mark.parametrize(
    ("protocol", "data"),
    [
        ("mt-sics", b"5.67 g\r\n"),
        ("mt-sics", b" S    125.67 g\r\n"),
        ("mt-sics", b"S S    125.67\r\n"),
        ("mt-sics", b"S S    125.67 pcs\r\n"),
        ("mt-sics", b"S S    125.67 Mg\r\n"),
        ("mt-sics", b"S S    125.6S S    125.67 g\r\n"),
        ("mt-sics", b"S S    12 5.67 g\r\n"),
        ("mt-sics", b"S S    125.67 g"),
        ("and", b"00456.89  g\r\n"),
        ("and", b"ST,00456.89  g\r\n"),
        ("and", b"ST,+00456.ST,+00456.89  g\r\n"),
        ("and", b"QT,+00000012 PC\r\n"),
        ("and", b"ST,+00456.89  g"),
        ("cas", b"ST,GS,+ 4.876kg\r\n"),
        ("cas", b"ST,GS,1\xc4,00013.5 kg\r\n"),
        ("cas", b"ST,GS,+  4.876kg"),
        ("cas", b"GS,+  4.876kg\r\n"),
        ("ohaus", b"5.67 g\r\n"),
        ("ohaus", b".360 kg    G\r\n"),
        ("ohaus", b"0.360 kg    G\r\n"),
        ("ohaus", b"   0.360 kg    G   0.361 kg    G\r\n"),
        ("ohaus", b"\xff  0.360 kg    G\r\n"),
        ("ohaus", b"   0.360 kg    G"),
    ],
)
def test_half_a_line_or_two_in_one_is_no_weight(protocol: str, data: bytes) -> None:
    assert weights(protocol, data) == []


@every_protocol
def test_no_cut_piece_of_a_line_shows_another_weight(protocol: str) -> None:
    for line in WEIGHTS[protocol]:
        [whole] = weights(protocol, line)
        for start in range(len(line)):
            for end in range(start, len(line) + 1):
                # The next message follows the piece, as on a line that lost bytes.
                got = weights(protocol, line[start:end] + line)
                assert {weight.grams for weight in got} <= {whole.grams}, (line[start:end], got)


def test_a_cas_frame_that_lost_any_byte_is_no_weight() -> None:
    for line in WEIGHTS["cas"]:
        for lost in range(len(line)):
            assert weights("cas", line[:lost] + line[lost + 1 :] + b"\x00" * 30) == []


@every_protocol
def test_noise_inside_a_line_shows_no_other_weight(protocol: str) -> None:
    for line in WEIGHTS[protocol]:
        [whole] = weights(protocol, line)
        for at in range(len(line)):
            for noise in (b"\xff", b"\x00", b"~"):
                for spoilt in (line[:at] + noise + line[at:], line[:at] + noise + line[at + 1 :]):
                    got = weights(protocol, spoilt + line)
                    assert {weight.grams for weight in got} <= {whole.grams}, spoilt


@every_protocol
def test_a_broken_line_costs_itself_and_not_the_next_but_one(protocol: str) -> None:
    for line in WEIGHTS[protocol]:
        [whole] = weights(protocol, line)
        for end in range(len(line)):
            assert weights(protocol, line[:end] + b"\r\n" + line + line)[-1].grams == whole.grams


@pytest.mark.parametrize("protocol", ["mt-sics", "and", "cas"])
def test_a_weight_behind_noise_is_found_without_the_noise(protocol: str) -> None:
    for line in WEIGHTS[protocol]:
        assert [weight.raw for weight in weights(protocol, b"\xff\x00\x81" + line)] == [line]


def test_the_first_ohaus_line_after_opening_may_be_half_and_does_not_count() -> None:
    parser = ohaus.parser()
    parser.reset()
    assert parser.feed(b"   2.360 kg    G\r\n") == []  # was perhaps "  12.360 kg"
    [weight] = parser.feed(b"  12.360 kg    G\r\n")
    assert isinstance(weight, Weight)
    assert weight.grams == 12360


def test_the_second_half_of_an_ohaus_line_that_paused_does_not_count() -> None:
    parser = ohaus.parser()
    assert parser.feed(b"-  ") + parser.flush() == []
    assert parser.feed(b"   2.360 kg    G\r\n") == []


def test_a_line_ended_by_cr_alone_counts_when_the_line_falls_idle_or_the_next_begins() -> None:
    parser = mt_sics.parser()
    assert parser.feed(b"S S    125.67 g\r") == []
    assert [m.raw for m in parser.flush()] == [b"S S    125.67 g\r"]
    assert [m.raw for m in parser.feed(b"S S    125.67 g\rS S    125.")] == [b"S S    125.67 g\r"]


@pytest.mark.parametrize(
    ("unit", "grams"),
    [
        ("g", "2"),
        ("kg", "2000"),
        ("mg", "0.002"),
        ("lb", "907.18474"),
        ("oz", "56.69904625"),
        ("ct", "0.4"),
        ("t", "2000000"),
    ],
)
def test_units_are_exact(unit: str, grams: str) -> None:
    assert in_grams("2", unit) == (Decimal(grams), Decimal(grams) / 2)


def test_a_unit_that_is_no_weight_gives_none() -> None:
    assert [in_grams("2", unit) for unit in ("PCS", "N", "Mg", "tl", "")] == [None] * 5


@every_protocol
@given(data=st.data())
def test_any_split_gives_the_same_messages(protocol: str, data: st.DataObject) -> None:
    lines = st.sampled_from(WEIGHTS[protocol]) | hostile(b"ST,GUOL+-0123456789. gk\r\n\xc4!?")
    stream = b"".join(data.draw(st.lists(lines, max_size=8)))
    parts = pieces(stream, data.draw(cuts))
    at_once, in_parts = PARSERS[protocol](), PARSERS[protocol]()
    expected = at_once.feed(stream) + at_once.flush()
    got = [message for part in parts for message in in_parts.feed(part)] + in_parts.flush()
    assert got == expected
    assert in_parts.counts == at_once.counts


@every_protocol
@given(stream=st.integers(0, 300).map(lambda size: b"x" * size), at=cuts)
def test_a_line_without_end_is_not_kept(protocol: str, stream: bytes, at: list[int]) -> None:
    parser = PARSERS[protocol]()
    for piece in pieces(stream, at):
        parser.feed(piece)
        assert parser.pending <= MAX_LINE


@every_protocol
@pytest.mark.slow
def test_ten_million_random_bytes_give_no_weight(protocol: str) -> None:
    source, parser = random.Random(3), PARSERS[protocol]()
    for _ in range(1000):
        messages = parser.feed(source.randbytes(10_000))
        assert not [m for m in messages if isinstance(m, Weight)]
        assert parser.pending <= MAX_LINE + 1


@pytest.mark.shared
def test_every_line_of_a_scale_in_the_vectors_is_read(shared: Path) -> None:
    expected = {
        "MT-SICS stable 125.67 g": ("mt-sics", "125.67", True),
        "MT-SICS dynamic": ("mt-sics", "100.00", False),
        "A&D unstable -12.3 g": ("and", "-12.3", False),
        "A&D stable 456.89 g": ("and", "456.89", True),
        "AND-18-byte frame": ("cas", "4876", True),
        "CAS 22-byte": ("cas", "13500", True),
    }
    checked = set()
    for row in rows(shared, "serial_vectors.json", "vectors"):
        frame = bytes.fromhex(row["hex"])
        for what, (protocol, grams, stable) in expected.items():
            if row["what"].startswith(what):
                [weight] = weights(protocol, frame)
                assert (weight.grams, weight.stable) == (Decimal(grams), stable), row["what"]
                checked.add(what)
        for what, protocol in (("MT-SICS: send", "mt-sics"), ("A&D: query", "and")):
            if row["what"].startswith(what):
                assert [type(message) for message in parse(protocol, frame)] == [Command]
                checked.add(what)
    assert checked == {*expected, "MT-SICS: send", "A&D: query"}
