"""What the support bundle takes out of files: log lines, recordings of devices, calibrations; each made harmless."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from inspection.station.logs import LOG_FILE
from inspection.station.setup.redaction import Scrubber

MAX_LOG_LINES = 20_000
MAX_RECORDINGS = 20
MAX_RECORDED_LINES = 20_000
MAX_CALIBRATION_FILES = 200
MAX_FILE = 20_000_000
_KEPT_FIELDS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "device",
        "device_id",
        "connected",
        "to",
        "state",
        "code",
        "view",
        "bundle",
        "attempts",
    }
    | {
        "inspections",
        "pictures",
        "problems",
        "detail",
        "error",
        "about",
        "status",
        "outcome",
        "number",
        "inspection_id",
    }
)


def log_lines(folder: Path, scrubber: Scrubber) -> Iterator[str]:
    """The newest lines of the log, each with the fields that are known to be harmless."""
    files = sorted(folder.glob(f"{LOG_FILE}*"), key=lambda path: path.stat().st_mtime)
    lines = [line for path in files for line in text_of(path).splitlines()]
    for line in lines[-MAX_LOG_LINES:]:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            kept = {key: value for key, value in entry.items() if key in _KEPT_FIELDS}
            if "exception" in entry:
                kept["exception"] = list(_frames(str(entry["exception"])))
            yield json.dumps(scrubber.data(kept)) + "\n"


def _frames(exception: str) -> Iterator[str]:
    """Where it happened and which kind it was; what it said may hold anything."""
    for line in exception.splitlines():
        if line.startswith("  File "):
            path, _, rest = line.strip().removeprefix('File "').partition('"')
            yield f"{Path(path).name} {rest.strip(', ')}"
        elif line and not line.startswith((" ", "Traceback")):
            yield line.partition(":")[0]


def recordings(folder: Path, raw: Mapping[str, Any], scrubber: Scrubber) -> Sequence[tuple[str, Callable[[], str]]]:
    """What may be said of the newest recordings of devices."""
    drivers = {str(entry.get("id")): str(entry.get("driver")) for entry in mappings(raw.get("devices"))}
    files = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)[-MAX_RECORDINGS:]
    return [
        (f"recordings/{number:02d}.jsonl", lambda path=path: "".join(_recorded(path, drivers, scrubber)))  # type: ignore[misc]
        for number, path in enumerate(files, start=1)
    ]


def _recorded(path: Path, drivers: Mapping[str, str], scrubber: Scrubber) -> Iterator[str]:
    driver = ""
    for line in text_of(path).splitlines()[:MAX_RECORDED_LINES]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        if "recording" in event:
            driver = drivers.get(str(event.get("device")), "")
            yield json.dumps({**scrubber.data(event), "driver": driver}) + "\n"
            continue
        told: dict[str, Any] = {"t": event.get("t") if isinstance(event.get("t"), int | float) else None}
        for way in ("in", "out"):
            if isinstance(event.get(way), str):
                told[way] = shape_of(driver, event[way])
        if "note" in event:
            told["note"] = scrubber.text(str(event["note"]))
        yield json.dumps(told) + "\n"


def shape_of(driver: str, data_hex: str) -> str:
    """What may be said of the bytes of a device.

    A scale's are kept whole, a scanner's with letters and digits covered, of others the first byte and the count.
    """
    try:
        data = bytes.fromhex(data_hex)
    except ValueError:
        return "?"
    if driver.startswith("scale."):
        return data.hex().upper()
    if driver.startswith("barcode."):
        covered = bytes(byte if byte < ord(" ") else ord("9") if chr(byte).isdigit() else ord("A") for byte in data)
        return covered.hex().upper()
    return f"{data[:1].hex().upper()} + {max(0, len(data) - 1)} bytes"


def calibrations(folder: Path, scrubber: Scrubber) -> Sequence[tuple[str, Callable[[], str]]]:
    """The records and checks of the views, without who made them and without pictures."""
    files = [path for path in sorted(folder.rglob("*.json*")) if "history" not in path.parts and path.is_file()]
    return [
        (f"calibration/{number:03d}{path.suffix}", lambda path=path: "".join(_calibration(path, scrubber)))  # type: ignore[misc]
        for number, path in enumerate(files[:MAX_CALIBRATION_FILES], start=1)
    ]


def _calibration(path: Path, scrubber: Scrubber) -> Iterator[str]:
    for line in text_of(path).splitlines():
        yield json.dumps(scrubber.data(json.loads(line))) + "\n"


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list that a person wrote; whatever else is in it is passed over."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_of(path: Path) -> str:
    """A file's beginning; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE).decode("utf-8", "replace")
    except OSError:
        return ""
