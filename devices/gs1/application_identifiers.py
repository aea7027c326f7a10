"""The GS1 application identifiers (AIs): what their values look like and with which others they stand.

Formats, titles and descriptions are biip's. What biip lacks stands here, after the GS1 Barcode Syntax Dictionary of
2026-01-27: which AIs need or exclude which, which may be attributes of a Digital Link, which of them are its keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from biip import ParseError
from biip.gs1_application_identifiers import GS1ApplicationIdentifier

CODE_LENGTHS = {
    prefix: length
    for length, prefixes in (
        (2, "00 01 02 03 10 11 12 13 15 16 17 20 21 22 30 37 90 91 92 93 94 95 96 97 98 99"),
        (3, "23 24 25 40 41 42 71"),
        (4, "31 32 33 34 35 36 39 43 70 72 80 81 82"),
    )
    for prefix in prefixes.split()
}
"""Digits of an AI by its first two (GS1 General Specifications, 7.8.1)."""


@dataclass(frozen=True, slots=True)
class ApplicationIdentifier:
    """One AI.

    Attributes:
        code: 2 to 4 digits.
        title: data title of the General Specifications, e.g. ``BATCH/LOT``; empty for an AI that is not assigned.
        description: the same in words.
        shape: what a value looks like, e.g. ``N14`` or ``X..20``.
        pattern: of a whole value.
        length: characters of a value that needs no FNC1 after it; ``None`` where one is needed.
        attribute: whether it may stand in the query of a Digital Link.
        needs: of each entry one group must be there, too; ``01+21,8006`` are two groups, ``n`` any digit.
        excludes: AIs that must not be there, ``n`` any digit.
    """

    code: str
    title: str
    description: str
    shape: str
    pattern: re.Pattern[str]
    length: int | None
    attribute: bool
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()

    @property
    def assigned(self) -> bool:
        """Whether GS1 has given it a meaning."""
        return bool(self.title)


@lru_cache(maxsize=1024)
def find(code: str) -> ApplicationIdentifier | None:
    """The AI with this code; ``None`` when GS1 has not assigned it."""
    if not re.fullmatch(r"[0-9]{2,4}", code):
        return None
    try:
        entry = GS1ApplicationIdentifier.extract(code)
    except ParseError:
        return None
    if entry.ai != code:
        return None
    shape = entry.format.partition("+")[2]
    return ApplicationIdentifier(
        code=code,
        title=entry.data_title or entry.description,
        description=entry.description,
        shape=shape,
        pattern=re.compile(_OTHER_PATTERNS.get(code) or entry.pattern.replace(f"^{code}", "", 1), re.ASCII),
        length=None if entry.separator_required else int(shape[1:]),
        attribute=code not in _ONLY_IN_PATH | _NOT_IN_LINKS,
        needs=tuple(groups for codes, *all_groups in _NEEDS if _among(code, codes) for groups in all_groups),
        excludes=tuple(other for codes, others in _EXCLUDES if _among(code, codes) for other in others.split(",")),
    )


def find_at_start(text: str) -> ApplicationIdentifier | None:
    """The AI with which ``text`` begins; its first two digits tell how long it is."""
    return find(text[: CODE_LENGTHS.get(text[:2], 0)])


def unassigned(code: str) -> ApplicationIdentifier | None:
    """A stand-in for an AI that GS1 may assign one day; ``None`` when it never can be one."""
    if not re.fullmatch(r"[0-9]{2,4}", code) or CODE_LENGTHS.get(code[:2], len(code)) != len(code):
        return None
    length = {"3": 6, "4": 13}.get(code[0]) if code[:2] in _MEASURES or code[:2] == "41" else None
    shape = f"X{length}" if length else "X..90"
    pattern = rf"[!\"%-?A-Z_a-z]{{{length or '1,90'}}}"
    return ApplicationIdentifier(code, "", "", shape, re.compile(pattern), length, attribute=True)


def matches(code: str, template: str) -> bool:
    """Whether ``code`` is one of ``template``, e.g. ``31nn``."""
    return len(code) == len(template) and code.startswith(template.rstrip("n"))


def _among(code: str, codes: str) -> bool:
    """Whether ``code`` is one of ``10 330n-336n``."""
    for span in codes.split():
        first, _, last = span.partition("-")
        digits = len(first.rstrip("n"))
        if len(code) == len(first) and first[:digits] <= code[:digits] <= (last or first)[:digits]:
            return True
    return False


# biip asks more than the dictionary: a CPID of 5 characters, minutes only together with seconds, no padding in 8030.
_OTHER_PATTERNS = {
    "8008": r"(\d{8}(?:\d{2}){0,2})",
    "8010": r"([A-Z0-9/#-]{1,30})",
    "8030": r"(?=.{1,90}$)([0-9A-Za-z_-]+={0,2})",
}
_MEASURES = frozenset({"31", "32", "33", "34", "35", "36"})
_ONLY_IN_PATH = frozenset({"21", "22", "235", "254", "7040", "8011", "8019", "8020"})
_NOT_IN_LINKS = frozenset({"03", "7041", "8014", "8040", "8041", "8042", "8043", "8200"})

_GOODS = "01,02,8006,8026"
_MEASURED = "30,31nn,32nn,35nn,36nn"
_TRADE_MEASURES = "310n-329n 350n-352n 356n-357n 360n-361n 364n-366n"
_LOGISTIC_MEASURES = "330n-336n 340n-349n 353n-355n 362n-363n 367n-369n"
_NEEDS: tuple[tuple[str, ...], ...] = (
    ("02", "37"),
    ("10 11 13 15 16", "01,02,03,8006,8026"),
    ("12", "8020"),
    ("17", "01,02,03,255,8006,8026"),
    ("20 240 241 242 422 7001", _GOODS),
    ("21", "01,03,8006"),
    ("22 235 243 337n 710-717 8001 8014 8200", "01"),
    ("250", "01,8006", "21"),
    ("251 7021 7240 8012", "01,8006"),
    ("254", "414"),
    ("30 423-426 7002 7003 7005-7011 7030-7039 8005 8008", "01,02"),
    (_TRADE_MEASURES, "01,02"),
    (_LOGISTIC_MEASURES, "00,01"),
    ("37", "00", "02,8026"),
    ("390n", "255,8020"),
    ("391n", "8020"),
    ("392n", "01", _MEASURED),
    ("393n 395n", _MEASURED),
    ("394n 8111", "255"),
    ("403 4300-4302 4304-4309 4310-4312 4314-4326 4330-4333 7041", "00"),
    ("415", "8020"),
    ("427", "01,02", "422"),
    ("4303", "4302"),
    ("4313", "4312"),
    ("7004", "01+10"),
    ("7020", "01,8006", "416"),
    ("7022", "7021"),
    ("7230-7239", "01,8004"),
    ("7241 7242 7253-7256 8019", "8017,8018"),
    ("7250-7252 7257 7259", "8018"),
    ("7258", "8018+7259"),
    ("8007 8020", "415"),
    ("8009", "00,01"),
    ("8011", "8010"),
    ("8026", "37"),
    ("8030", "00,01+21,253,255,8003,8004,8006+21,8010+8011,8017,8018"),
    ("8040", "01+21"),
    ("8041-8043", "01+21+8040"),
)
_FAMILIES = (*range(310, 317), *range(320, 338), *range(340, 358), *range(360, 370))
_EXCLUDES = (
    ("01", "255,37"),
    ("02", "01,03"),
    ("03", "01,02,37"),
    ("21", "235"),
    ("255", "01,02,415,8006,8020,8026"),
    *((f"{family}n", f"{family}n") for family in _FAMILIES),
    ("390n", "390n,391n,394n,8111"),
    ("391n", "391n"),
    ("392n", "392n,393n"),
    ("393n", "393n"),
    ("394n", "394n,8111"),
    ("395n", "392n,393n,395n,8005"),
    ("420", "421"),
    ("421", "4307"),
    ("422-425", "426"),
    ("4330", "4331"),
    ("4331", "4330"),
    ("4332", "4333"),
    ("4333", "4332"),
    ("7250", "7251"),
    ("7251", "7250"),
    ("7253-7255", "7256,7259"),
    ("7259", "7256"),
    ("8006", "01,37"),
    ("8017", "8018"),
    ("8018", "8017"),
    ("8026", "02,8006"),
)
