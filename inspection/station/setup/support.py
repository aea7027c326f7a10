"""The support bundle: one zip with what is needed to understand a station from afar, and nothing about people or goods.

    about.json         versions, system, self-check
    configuration.json the configuration without secrets, people, addresses' paths and serial numbers
    journal.json       counts by state, the queue, labels; no inspection
    log.jsonl          the newest log lines, only fields that are known to be harmless
    calibration/…      the records and checks of the views, without pictures
    recordings/…       when which device said how much; of scales also what
    state.json         faults and devices as on the screen, when the station itself makes the bundle

Made by a running station at its page, or by the command beside a running or stopped one.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import shutil
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devices.tools import listing
from inspection import __version__
from inspection.errors import ConfigError, InspectionError
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.station.config import StationConfig, load_config
from inspection.station.guide import Guide
from inspection.station.logs import LOGS
from inspection.station.setup.hub_check import check_hub
from inspection.station.setup.redaction import Scrubber
from inspection.station.setup.support_files import calibrations, log_lines, mappings, recordings, text_of
from inspection.station.snapshot import Snapshot
from inspection.yaml_source import read_yaml

KNOWN_INSPECTIONS = 2000


def make_bundle(config_file: Path, data: Path | None = None, snapshot: Snapshot | None = None) -> bytes:
    """The bundle as the bytes of a zip file; whatever cannot be read is said in it, and never stops it.

    Args:
        data: the station's data folder, where the configuration cannot be read and somebody knows it.
        snapshot: what the screen shows, from a running station.
    """
    raw, config, problem = _configuration(config_file)
    folder = data or (config.data if config is not None else None)
    scrubber = _scrubber(raw, config, folder)
    parts: list[tuple[str, Callable[[], str]]] = [
        ("about.json", lambda: _json(_about(config, problem, scrubber))),
        ("configuration.json", lambda: _json(_harmless_configuration(raw, scrubber))),
    ]
    if folder is not None:
        parts += [
            ("journal.json", lambda: _json(_journal(folder / "journal.sqlite"))),
            ("log.jsonl", lambda: "".join(log_lines(folder / LOGS, scrubber))),
            *recordings(folder / "recordings", raw, scrubber),
        ]
        kept = config.calibration.folder if config is not None and config.calibration is not None else None
        parts += calibrations(kept or folder / "calibration", scrubber)
    if snapshot is not None:
        parts.append(("state.json", lambda: _json(_state(snapshot, scrubber))))
    return _zipped(parts, scrubber)


def _zipped(parts: Iterable[tuple[str, Callable[[], str]]], scrubber: Scrubber) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, make in parts:
            try:
                text = make()
            except Exception as error:  # noqa: BLE001 - a part that fails must not cost the others
                text = _json({"not_read": type(error).__name__})
            bundle.writestr(name, scrubber.known(text, written=True))
    return packed.getvalue()


# What must not leave -----------------------------------------------------------------------------------------------


def _configuration(path: Path) -> tuple[dict[str, Any], StationConfig | None, str]:
    raw: dict[str, Any] = {}
    try:
        found = read_yaml(path, ConfigError).data
        raw = found if isinstance(found, dict) else {}
        return raw, load_config(path), ""
    except InspectionError as error:
        return raw, None, str(error)


def _scrubber(raw: Mapping[str, Any], config: StationConfig | None, data: Path | None) -> Scrubber:
    named = [str(raw.get("station_id", ""))]
    for section in ("devices", "cameras"):
        for entry in mappings(raw.get(section)):
            named += [str(entry[key]) for key in ("id", "view", "driver") if isinstance(entry.get(key), str)]
    people = [
        str(value) for person in mappings(raw.get("people")) for value in person.values() if isinstance(value, str)
    ]
    people += [value.removeprefix("BADGE:") for value in people] + [str(raw.get("worker", ""))]
    return Scrubber(named, _secrets(config, raw, data), [*people, *_goods(data)])


def _secrets(config: StationConfig | None, raw: Mapping[str, Any], data: Path | None) -> list[str]:
    found = [text_of(data / name) for name in ("setup-pin", "station.key")] if data is not None else []
    if config is not None and config.hub is not None:
        found += [config.hub.token.read() or "", *_userinfo(config.hub.proxy or "")]
    for camera in config.cameras if config is not None else ():
        login = getattr(camera, "login_file", None)
        found += [text_of(login) if login else "", os.environ.get(getattr(camera, "login_env", None) or "", "")]
    for entry in (*mappings(raw.get("cameras")), *mappings([raw.get("hub")])):
        found += [part for key in ("url", "proxy") for part in _userinfo(str(entry.get(key) or ""))]
    return [part.strip() for value in found for part in (value, *value.split(":", 1))]


def _goods(data: Path | None) -> Iterator[str]:
    """Serial numbers, codes, notes and people of the newest inspections."""
    if data is None:
        return
    try:
        with closing(_journal_at(data / "journal.sqlite")) as db:
            for (value,) in db.execute("SELECT value FROM memory WHERE value IS NOT NULL"):
                yield str(value)
            rows = db.execute("SELECT data FROM inspections ORDER BY number DESC LIMIT ?", (KNOWN_INSPECTIONS,))
            for (text,) in rows:
                record = json.loads(text)
                item, person = record.get("item") or {}, record.get("person") or {}
                yield from (str(item[key]) for key in ("serial", "lot", "epc_uri", "gtin") if item.get(key))
                yield from (str(person[key]) for key in ("who", "note", "approved_by") if person.get(key))
                yield from (
                    str(reading["value"]) for reading in record.get("readings") or () if reading["kind"] != "weight"
                )
                yield str(record.get("rma") or "")
    except (sqlite3.Error, ValueError, TypeError, KeyError, AttributeError):
        return


def _userinfo(url: str) -> list[str]:
    before, at, _ = url.partition("@")
    return [before.rpartition("//")[2]] if at else []


# The parts ---------------------------------------------------------------------------------------------------------


def _about(config: StationConfig | None, problem: str, scrubber: Scrubber) -> dict[str, Any]:
    return {
        "made_at": datetime.now(UTC).isoformat(),
        "software": __version__,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {each.name: each.version for each in importlib.metadata.distributions()},
        "self_check": [
            {"what": what, "good": not said, "said": scrubber.text(said)} for what, said in _self_check(config, problem)
        ],
        "hub": [] if config is None else [
            {"step": found.step, "code": found.code, "good": found.good} for found in check_hub(config.hub, (0, 0))
            if found.step != "queue"
        ],
        "attached": {
            "serial": [scrubber.text(each.what) for each in listing.serial_devices()],
            "cameras": [scrubber.text(each.what) for each in listing.cameras()],
        },
    }  # fmt: skip


def _self_check(config: StationConfig | None, problem: str) -> Iterator[tuple[str, str]]:
    """What was looked at, and what is wrong with it; empty for nothing."""
    yield "configuration", problem
    if config is None:
        return
    yield "policy", _wrong(lambda: Policy.load(config.policy))
    yield "products", _wrong(lambda: Catalogue.load(config.products))
    yield "guide", _wrong(lambda: config.guide and Guide.load(config.guide))
    bundle = config.model.bundle if config.model is not None else None
    yield "model", "" if bundle is not None and bundle.is_dir() else "no model"
    for described in (*config.devices, *config.cameras):
        yield f"device {described.id}", _wrong(described.build)
    yield "journal", _wrong(lambda: _sound(config.data / "journal.sqlite"))
    free_mb = shutil.disk_usage(config.data if config.data.exists() else "/").free / 1e6
    yield "disk", "" if free_mb > config.limits.min_free_mb else f"{free_mb:.0f} MB free"
    yield "data folder", "" if os.access(config.data, os.W_OK) else "cannot be written"


def _wrong(work: Callable[[], object]) -> str:
    try:
        work()
    except InspectionError as error:
        return f"{error.code}: {error}"
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what the check is to say
        return type(error).__name__
    return ""


def _sound(path: Path) -> None:
    with closing(_journal_at(path)) as db:
        [said] = db.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise ConfigError("the journal is damaged")


def _harmless_configuration(raw: Mapping[str, Any], scrubber: Scrubber) -> Any:
    people = mappings(raw.get("people"))
    counted = {
        "people": len(people),
        "supervisors": sum(person.get("supervisor") is True for person in people),
        "technicians": sum(person.get("technician") is True for person in people),
    }
    return {**scrubber.data({key: value for key, value in raw.items() if key != "people"}), "people": counted}


def _journal(path: Path) -> dict[str, Any]:
    with closing(_journal_at(path)) as db:

        def counts(query: str) -> dict[str, int]:
            return {str(name): int(number) for name, number in db.execute(query)}

        [oldest] = db.execute("SELECT min(created_at) FROM outbox WHERE status = 'waiting'").fetchone()
        return {
            "schema": db.execute("PRAGMA user_version").fetchone()[0],
            "size_bytes": path.stat().st_size,
            "inspections": counts("SELECT state, count(*) FROM inspections GROUP BY state"),
            "transitions": counts("SELECT cause, count(*) FROM transitions GROUP BY cause"),
            "reports": counts("SELECT status, count(*) FROM outbox GROUP BY status"),
            "held": db.execute("SELECT count(*) FROM outbox WHERE held").fetchone()[0],
            "waiting_since": oldest,
            "attempts": db.execute("SELECT max(attempts) FROM outbox WHERE status != 'done'").fetchone()[0],
            "labels": counts("SELECT status, count(*) FROM labels GROUP BY status"),
            "damaged_files": len(list(path.parent.glob(f"{path.name}.damaged-*"))),
        }  # fmt: skip


def _state(snapshot: Snapshot, scrubber: Scrubber) -> dict[str, Any]:
    return {
        "at": snapshot.at.isoformat(),
        "state": snapshot.state,
        "queue": snapshot.queue.model_dump(),
        "hub": snapshot.hub.trouble,
        "versions": scrubber.data(snapshot.versions.model_dump(mode="json")),
        "faults": [{"code": fault.code, "about": scrubber.text(fault.about)} for fault in snapshot.faults],
        "devices": [
            {"id": each.device_id, "kind": each.kind, "connected": each.connected, "detail": scrubber.text(each.detail)}
            for each in snapshot.devices
        ],
    }


def _journal_at(path: Path) -> sqlite3.Connection:
    """Read only, so that a running station is not disturbed."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"
