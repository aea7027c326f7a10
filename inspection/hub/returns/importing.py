"""Returns from a file: CSV with one line a product, every bad line named before anything is stored.

The columns are those of ``POST /v1/returns``; lines of one RMA number are the lines of one return and need not stand
together. Source of the format: RFC 4180; ``;`` and tabulator are taken as separators too, as spreadsheets write them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.engine import Connection

from devices.gs1.errors import Gs1Error
from devices.gs1.gtin import check_gtin
from inspection.hub.problems import Problem
from inspection.hub.returns import service
from inspection.hub.returns.schemas import MAX_LINES, NewReturn, ReturnLine

MAX_BYTES = 8 << 20
MAX_ROWS = 20_000
MAX_FAULTS = 1000
MAX_CELL = 1000
CASE_COLUMNS = ("rma", "order_ref", "opened_at")
LINE_COLUMNS = ("gtin", "serial", "sku", "quantity", "reason_code", "declared_defects")
COLUMNS = (*CASE_COLUMNS, *LINE_COLUMNS)
CHARSETS = {"utf-8": "utf-8-sig", "gb18030": "gb18030", "gbk": "gb18030"}


class LineFault(BaseModel):
    """One cell that cannot be taken."""

    line: int = Field(description="of the file, from 1; the header is line 1", examples=[7])
    column: str | None = Field(description="null when the whole line is meant", examples=["gtin"])
    message: str = Field(examples=["4006381333932 is no GTIN: its check digit is wrong, expected 1"])


class ImportAnswer(BaseModel):
    """What a file did, or with `dry_run` would do."""

    dry_run: bool
    lines: int = Field(description="lines below the header that are not empty")
    new: int = Field(description="returns that are stored now")
    same: int = Field(description="returns that were there already, with the same content")
    skipped: int = Field(description="returns left out for a bad line, or because their number holds another return")
    faults: list[LineFault] = Field(description="every bad line, in the order of the file; at most 1000")


@dataclass(slots=True)
class CheckedFile:
    """What a file says.

    Attributes:
        rows: lines below the header that are not empty.
        returns: those without a fault, with the line that each began at, in the order of the file.
        bad: how many others there are; a line without a number counts as one.
        faults: of those, in the order of the file.
    """

    rows: int = 0
    bad: int = 0
    returns: list[tuple[int, NewReturn]] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)

    def fault(self, line: int, column: str | None, message: str) -> None:
        """Note one fault; from the thousandth on no further one is told."""
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(LineFault(line=line, column=column, message=message))


@dataclass(slots=True)
class _Case:
    """Lines of one RMA number, as far as they were read."""

    line: int
    head: dict[str, str]
    lines: list[dict[str, Any]] = field(default_factory=list)
    bad: bool = False


def decoded(raw: bytes, charset: str) -> str:
    """The file as text.

    Raises:
        Problem: ``request.media_type`` for a charset that is not taken; ``returns.unreadable``.
    """
    codec = CHARSETS.get(charset.strip().strip('"').lower() or "utf-8")
    if codec is None:
        raise Problem("request.media_type", f"the charset must be one of {', '.join(sorted(CHARSETS))}")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        hint = "save the file as CSV UTF-8, or name its charset in Content-Type"
        raise Problem("returns.unreadable", f"line {line} is not {codec.removesuffix('-sig')}: {hint}") from None
    if "\0" in text:
        raise Problem("returns.unreadable", f"line {text[: text.index(chr(0))].count(chr(10)) + 1} holds a NUL")
    return text


def check_file(text: str) -> CheckedFile:
    """Every return of a file, and everything that is wrong with the others.

    Raises:
        Problem: ``returns.unreadable`` when there is no header that could be understood, or too many lines.
    """
    found = CheckedFile()
    cases: dict[str, _Case] = {}
    for line, row in _rows(text):
        found.rows += 1
        if found.rows > MAX_ROWS:
            raise Problem("returns.unreadable", f"at most {MAX_ROWS} lines are taken at once: split the file")
        _add(found, cases, line, row)
    for case in cases.values():
        if case.bad or not _finish(found, case):
            found.bad += 1
    found.faults.sort(key=lambda fault: fault.line)
    return found


def store(
    connection: Connection, merchant_id: UUID, found: CheckedFile, *, dry_run: bool, skip_bad: bool
) -> ImportAnswer:
    """Import what is good in a file, or only say what would happen.

    Raises:
        Problem: ``returns.bad_lines`` when something is bad and that is not to be skipped; nothing was stored.
    """
    news = [new for _, new in found.returns]
    told = service.foresee(connection, merchant_id, news)
    for line, new in found.returns:
        if new.rma in told.conflicts:
            found.fault(line, "rma", "this number holds another return, which stays as it is")
    found.faults.sort(key=lambda fault: fault.line)
    if not dry_run:
        if found.faults and not skip_bad:
            faults = [fault.model_dump() for fault in found.faults]
            raise Problem("returns.bad_lines", f"{len(faults)} faults; nothing was imported", faults=faults)
        # Between the two statements another import may have been quicker: what is told is what happened.
        told = service.create_all(connection, merchant_id, [new for new in news if new.rma not in told.conflicts])
    return ImportAnswer(
        dry_run=dry_run,
        lines=found.rows,
        new=len(told.new),
        same=len(told.same),
        skipped=found.bad + len(news) - len(told.new) - len(told.same),
        faults=found.faults,
    )


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        _check_header(header)
        begins = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                row = dict(zip(header, (cell.strip() for cell in cells), strict=False))
                if len(cells) > len(header):
                    row[""] = f"{len(cells)} cells under {len(header)} columns"
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Problem("returns.unreadable", f"line {reader.line_num}: {error}") from None


def _check_header(header: list[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    if "rma" not in header or unknown or len(set(header)) != len(header):
        say = f"unknown: {', '.join(name[:40] or '(empty)' for name in unknown)}; " if unknown else ""
        raise Problem("returns.unreadable", f"{say}line 1 names the columns, each once: {', '.join(COLUMNS)}")


def _add(found: CheckedFile, cases: dict[str, _Case], line: int, row: Mapping[str, str]) -> None:
    rma = row.get("rma", "")
    head = {name: row[name] for name in CASE_COLUMNS if row.get(name)}
    case = cases.setdefault(rma, _Case(line, head)) if rma else _Case(line, head)
    before = len(found.faults)
    if not rma:
        found.fault(line, "rma", "a line needs an RMA number")
        found.bad += 1
    if "" in row:
        found.fault(line, None, row[""])
    for name in CASE_COLUMNS[1:]:
        if row.get(name) and row[name] != case.head.setdefault(name, row[name]):
            found.fault(line, name, f"differs from line {case.line} of the same RMA number")
    values = _line_values(found, line, row)
    try:
        ReturnLine.model_validate(values)
    except ValidationError as error:
        for fault in error.errors():
            found.fault(line, str(fault["loc"][0]), str(fault["msg"]))
    case.lines.append(values)
    case.bad = case.bad or len(found.faults) > before


def _line_values(found: CheckedFile, line: int, row: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {name: row[name] for name in LINE_COLUMNS if row.get(name)}
    for name in [name for name, text in values.items() if len(text) > MAX_CELL]:
        found.fault(line, name, f"longer than {MAX_CELL} characters")
        del values[name]
    if "gtin" in values:
        try:
            values["gtin"] = check_gtin(values["gtin"])
        except Gs1Error as error:
            found.fault(line, "gtin", str(error))
            del values["gtin"]
    if "declared_defects" in values:
        values["declared_defects"] = [each.strip() for each in values["declared_defects"].split(";") if each.strip()]
    return values


def _finish(found: CheckedFile, case: _Case) -> bool:
    try:
        found.returns.append((case.line, NewReturn.model_validate({**case.head, "lines": case.lines})))
    except ValidationError as error:
        for fault in error.errors():
            column = str(fault["loc"][0])
            if column == "lines":
                found.fault(case.line, None, f"one RMA number has at most {MAX_LINES} lines")
            else:
                found.fault(case.line, column, str(fault["msg"]))
        return False
    return True
