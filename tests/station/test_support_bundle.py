"""The support bundle has what support needs, and nothing about people, goods or secrets, wherever they were hidden."""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from typer.testing import CliRunner

from inspection.station import logs
from inspection.station.journal import Journal
from inspection.station.session import scanned
from inspection.station.session_data import Session
from inspection.station.setup.redaction import Scrubber
from inspection.station.setup.support import make_bundle
from inspection.station.setup.support_files import shape_of
from station_app import app
from tests.station.parts import RULES, WHO, barcode, settle
from tests.station.rig import ROOT

SECRETS = {
    "token": "rx-credential-PLANTEDTOKEN0123456789",
    "login": "camuser:PlantedCameraPassword",
    "proxy": "PlantedProxyPassword",
    "pin": "PLANTEDPINHASH",
    "key": "PLANTEDPRIVATEKEY",
    "env": "planteduser:PlantedEnvPassword",
}
PERSONAL = {
    "name": "Nguyễn Thị Hạnh",
    "english": "Rosalind Featherstonehaugh",
    "chinese": "欧阳娜娜",
    "badge": "7F3K9QQ",
    "worker": "w-planted-17",
    "serial": "SN-PLANTED-998877",
    "epc": "3034257BF7194E4000001A85",
    "uri": "urn:epc:id:sgtin:0614141.812345.6789",
    "rma": "RMA-PLANTED-77",
    "email": "hanh@customer.example",
    "phone": "090 123 45678",
    "usb": "USBSERIAL-4455",
    "note": "customer shouted at reception",
}
HIDDEN = [*SECRETS.values(), *PERSONAL.values(), "PlantedCameraPassword", "PlantedEnvPassword", "Featherstonehaugh",
          "Hạnh", "45678", "998877", "812345"]  # fmt: skip


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration of a station with everything planted everywhere."""
    data = tmp_path / "data"
    for folder in ("logs", "recordings", "calibration/camera-top/checks", "pictures", "calibration-frames"):
        (data / folder).mkdir(parents=True)
    monkeypatch.setenv("PLANTED_LOGIN", SECRETS["env"])
    (tmp_path / "token").write_text(SECRETS["token"] + "\n")
    (tmp_path / "login").write_text(SECRETS["login"] + "\n")
    (data / "setup-pin").write_text(SECRETS["pin"])
    (data / "station.key").write_text(SECRETS["key"])
    config = {
        "station_id": "station-9",
        "data": "data",
        "worker": PERSONAL["worker"],
        "hub": {
            "url": "http://127.0.0.1:9",
            "token_file": "token",
            "proxy": f"http://user:{SECRETS['proxy']}@127.0.0.1:9",
        },
        "people": [{"id": PERSONAL["worker"], "badge": f"BADGE:{PERSONAL['badge']}", "supervisor": True}],
        "devices": [
            {"id": "scanner", "driver": "barcode.serial", "port": "/dev/serial/by-id/usb-USBSERIAL-4455"},
            {"id": "scale", "driver": "scale.mt_sics",
             "port": {"vendor_id": 1, "product_id": 2, "serial_number": PERSONAL["usb"]}},
            {"id": "rfid", "driver": "rfid.m100", "port": "/dev/ttyUSB0"},
        ],
        "cameras": [
            {"id": "camera-top", "view": "top", "driver": "opencv", "url": f"rtsp://{SECRETS['login']}@192.0.2.4/s"},
            {"id": "camera-front", "view": "front", "driver": "opencv", "url": "rtsp://192.0.2.5/s",
             "login_env": "PLANTED_LOGIN"},
        ],
        "session": {"places": {"resell": f"{PERSONAL['english']}'s shelf"}},
        "calibration": {},
        "policy": str(ROOT / "configs/policy/default.yaml"),
        "products": str(ROOT / "configs/products.yaml"),
    }  # fmt: skip
    (tmp_path / "station.yaml").write_text(f"# {PERSONAL['name']}\n" + yaml.safe_dump(config, allow_unicode=True))
    _journal(data)
    everything = " ".join([*SECRETS.values(), *PERSONAL.values()])
    log = [
        {"event": "device", "level": "info", "device_id": "rfid", "connected": False, "detail": f"lost: {everything}"},
        {"event": "step_failed", "error": f"journal.failed: {everything} was not found", "note": PERSONAL["note"]},
        {"event": everything, "level": "error", "timestamp": "2026-11-22T11:12:03.394447Z"},
        {"event": "judge_failed", "exception": f'Traceback\n  File "/home/{PERSONAL["worker"]}/work.py", line 7, in t'
         f"\n    x\nValueError: {everything}"},
    ]  # fmt: skip
    lines = [json.dumps(each, ensure_ascii=False) for each in log] + [everything]
    (data / "logs" / logs.LOG_FILE).write_text("\n".join(lines), encoding="utf-8")
    calibrated = {
        "by": PERSONAL["worker"], "hardware": f"usb:1:2:{PERSONAL['usb']}", "rms_px": -0.12, "note": everything,
        "mean_png": "A" * 4000, "camera_id": "camera-top", PERSONAL["english"]: 1,
    }  # fmt: skip
    (data / "calibration/camera-top/top.json").write_text(json.dumps(calibrated))
    (data / "calibration/camera-top/checks/top.jsonl").write_text(json.dumps(calibrated) + "\n")
    for folder in ("pictures", "calibration-frames"):
        (data / folder / "x.png").write_bytes(b"PLANTEDPICTURE" * 10)
    _record(data / "recordings" / "rfid-1.jsonl", "rfid", bytes.fromhex("BB0222001111" + PERSONAL["epc"]), everything)
    _record(data / "recordings" / "scanner-1.jsonl", "scanner", PERSONAL["serial"].encode() + b"\r", everything)
    _record(data / "recordings" / "scale-1.jsonl", "scale", b"S S 12.5 g\r\n", everything)
    return tmp_path / "station.yaml"


def _journal(data: Path) -> None:
    journal = Journal(data / "journal.sqlite")
    begun = scanned(Session(), barcode(PERSONAL["serial"]), RULES, WHO).session
    step = settle(begun, PERSONAL["serial"])
    journal.commit(step.transitions)
    journal.remember("worker", PERSONAL["worker"])
    journal.remember("note", PERSONAL["note"])
    journal.close()


def _record(path: Path, device: str, data: bytes, note: str) -> None:
    lines: list[dict[str, Any]] = [
        {"recording": 1, "device": device, "port": f"/dev/{note}", "baudrate": 9600, "started": "2026-05-01T08:00:00Z"},
        {"t": 0.1, "in": data.hex().upper()},
        {"t": 0.2, "note": note},
    ]
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"t": 0.3, "in"', encoding="utf-8")


def texts(bundle: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
        return {name: opened.read(name).decode("utf-8") for name in opened.namelist()}


def test_nothing_that_was_planted_is_in_the_bundle(station: Path) -> None:
    found = texts(make_bundle(station))
    for name, text in found.items():
        for hidden in [*HIDDEN, *(value.encode().hex().upper() for value in HIDDEN), "PLANTED", "A" * 100]:
            assert hidden not in name + text, f"{hidden} in {name}"
            assert json.dumps(hidden)[1:-1] not in text, f"{hidden} in {name}"
    assert not any(name.endswith((".png", ".jpg", ".sqlite", ".yaml")) for name in found)


def test_what_support_needs_is_in_it(station: Path) -> None:
    found = texts(make_bundle(station))
    about = json.loads(found["about.json"])
    checks = {check["what"]: check for check in about["self_check"]}
    assert [checks[what]["good"] for what in ("policy", "journal", "model")] == [True, True, False]
    assert "opencv-python" in {name.lower() for name in about["packages"]}
    assert json.loads(found["journal.json"])["inspections"] == {"identified": 1}
    config = json.loads(found["configuration.json"])
    assert config["people"] == {"people": 1, "supervisors": 1, "technicians": 0}
    assert config["devices"][2] == {"id": "rfid", "driver": "rfid.m100", "port": "/dev/ttyUSB0"}
    assert config["cameras"][0]["url"] == "rtsp://192.0.2.4/"
    assert config["devices"][1]["port"]["vendor_id"] == 1
    lines = [json.loads(line) for line in found["log.jsonl"].splitlines()]
    assert lines[0]["detail"].startswith("lost: ")
    assert lines[1]["error"].startswith("journal.failed: ")
    assert lines[1]["error"].endswith(" was not found")
    assert lines[3]["exception"] == ["work.py line 7, in t", "ValueError"]
    assert lines[2]["timestamp"] == "2026-11-22T11:12:03.394447Z"
    records = [json.loads(text) for name, text in found.items() if name.startswith("calibration/")]
    assert [record["rms_px"] for record in records] == [-0.12, -0.12]
    recorded = "".join(text for name, text in found.items() if name.startswith("recordings/"))
    assert b"S S 12.5 g\r\n".hex().upper() in recorded
    assert "BB + 17 bytes" in recorded


def test_equal_values_stay_equal_and_only_within_one_bundle() -> None:
    one, other = Scrubber(), Scrubber()
    assert one.hashed("SN-1") == one.hashed("SN-1") != other.hashed("SN-1")
    assert one.text("no device is plugged in, 12.5 ms") == "no device is plugged in, 12.5 ms"
    assert one.text("lost: Zbigniew") == f"lost: {one.hashed('Zbigniew')}"
    assert shape_of("barcode.serial", b"AB1\x1d2\r".hex()) == b"AA9\x1d9\r".hex().upper()
    assert shape_of("rfid.m100", "zz") == "?"


def test_the_command_works_beside_a_configuration_and_a_journal_that_are_broken(station: Path, tmp_path: Path) -> None:
    out = tmp_path / "support.zip"
    station.write_text(f"station_id: {PERSONAL['english']}\ndevices: [")
    with (tmp_path / "data" / "journal.sqlite").open("r+b") as file:
        file.write(b"no database" * 20)
    result = CliRunner().invoke(
        app, ["support", "--out", str(out), "--config", str(station), "--data", str(tmp_path / "data")]
    )
    assert result.exit_code == 0, result.output
    found = texts(out.read_bytes())
    assert json.loads(found["journal.json"]) == {"not_read": sqlite3.DatabaseError.__name__}
    assert not json.loads(found["about.json"])["self_check"][0]["good"]
    assert "Featherstonehaugh" not in "".join(found.values())
    assert "log.jsonl" in found


def test_the_log_is_kept_beside_the_data_and_a_full_disk_does_not_stop_anything(tmp_path: Path) -> None:
    logs.configure(console=False)
    with logs.kept(tmp_path):
        structlog.get_logger().info("hello", number=3)
    [line] = (tmp_path / "logs" / logs.LOG_FILE).read_text().splitlines()
    assert json.loads(line)["event"] == "hello"
    (tmp_path / "file").write_text("")
    with logs.kept(tmp_path / "file"):
        structlog.get_logger().info("goes on")
