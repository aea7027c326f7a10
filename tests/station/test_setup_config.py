"""Changes from the set-up page leave a configuration as its owner wrote it, or do not happen at all."""

from __future__ import annotations

import copy
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.errors import ConfigError
from inspection.station.setup.config_file import KEPT, ChangedElsewhere, ConfigFile, NothingToUndo, Refused
from inspection.station.setup.yaml_edit import REWRITTEN, Append, Drop, Put, changed
from tests.station.rig import ROOT

EXAMPLE = (ROOT / "configs" / "station.yaml").read_text(encoding="utf-8")
USB = {"vendor_id": 0x0C2E, "product_id": 0x0B6A, "serial_number": "19"}


def edit(text: str, *changes: Put | Append | Drop) -> tuple[str, Any]:
    new = changed(text, yaml.safe_load(text), changes)
    return new, yaml.safe_load(new)


def test_the_example_keeps_every_other_line_when_a_port_a_view_and_a_device_change() -> None:
    new, data = edit(
        EXAMPLE,
        Put(("devices", 0, "port"), "/dev/ttyACM0"),
        Put(("cameras", 0, "view"), "front"),
        Append(("devices",), {"id": "scale", "driver": "scale.mt_sics", "port": USB, "baudrate": 9600}),
    )
    before, after = EXAMPLE.splitlines(), new.splitlines()
    assert len(set(before) - set(after)) == 2
    assert "    port: /dev/ttyACM0" in after
    added = '- {id: scale, driver: scale.mt_sics, port: {vendor_id: 0x0c2e, product_id: 0x0b6a, serial_number: "19"},'
    assert any(line.strip().startswith(added) for line in after)
    assert data["devices"][-1]["port"] == USB
    assert data["devices"][0]["port"] == "/dev/ttyACM0"
    assert len(data["devices"]) == len(yaml.safe_load(EXAMPLE)["devices"]) + 1


@pytest.mark.parametrize(
    "text",
    [
        "devices: []\ncameras: []",
        "devices:\ncameras: []\n",
        "cameras: [] # none yet\n",
        "devices:\n- id: a # first\n  driver: x\n# between\n- {id: b}\n\n# end\ncameras: []\n",
        "{devices: [{id: a}, {id: b},], cameras: []}",
        "devices: [\n  {id: a}, # one\n  {id: b}\n  # last\n]\n",
        "'devices':\r\n  - id: a\r\n    note: |\r\n      two\r\n      lines\r\n",
        "? devices\n: - id: a\n",
        "devices:\n  -\n    id: a\n  - id: b\n    more:\n      deep: [1,\n        2]\n",
        "# 配置\ndevices:   # 设备\n  - {id: 扫描, driver: x}   # 第一\n",
    ],
)
def test_a_device_is_added_changed_and_taken_away_however_the_file_is_written(text: str) -> None:
    before = yaml.safe_load(text)
    new, data = edit(text, Append(("devices",), {"id": "new", "on": True, "off": "no"}))
    assert data["devices"] == [*(before.get("devices") or []), {"id": "new", "on": True, "off": "no"}]
    newer, data = edit(new, Put(("devices", 0, "port"), "socket://10.0.0.1:9100"))
    assert data["devices"][0]["port"] == "socket://10.0.0.1:9100"
    count = len(data["devices"])
    for _ in range(count):
        newer, data = edit(newer, Drop(("devices", 0)))
    assert data["devices"] == []
    assert newer.startswith("# 配置") or "配置" not in text


def test_a_file_that_cannot_be_edited_in_place_is_written_anew_with_all_its_data() -> None:
    text = "devices: &all\n  - {id: a}\ncameras: !!omap []\n"
    new, data = edit(text, Append(("devices",), {"id": "b"}))
    assert data["devices"] == [{"id": "a"}, {"id": "b"}]
    tagged = "devices: !!seq [ {id: a} ]\n"
    assert edit(tagged, Drop(("devices", 0)))[1] == {"devices": []}
    assert new  # whichever way it was written


NAMES = st.text("abcxyz_", min_size=1, max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-5, 70000) | st.text(max_size=12) | st.floats(-9, 9).map(float)
DEVICES = st.lists(st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2), min_size=1, max_size=4), max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    devices=DEVICES,
    style=st.sampled_from([True, False, None]),
    comment=st.sampled_from(["", "\n# a comment\n", "\n\n"]),
    value=SCALARS | st.dictionaries(NAMES, SCALARS, max_size=3),
    name=NAMES,
    data=st.data(),
)
def test_what_is_written_holds_exactly_what_was_wanted(
    devices: list[dict[str, Any]], style: bool | None, comment: str, value: Any, name: str, data: st.DataObject
) -> None:
    original: dict[str, Any] = {"station_id": "s", "devices": devices, "after": {"k": 1}}
    text = comment + yaml.safe_dump(original, default_flow_style=style, allow_unicode=True, sort_keys=False) + comment
    wanted = copy.deepcopy(original)
    index = data.draw(st.integers(0, len(devices) - 1)) if devices else None
    if index is None:
        wanted["devices"].append({"id": value})
        change: Put | Append | Drop = Append(("devices",), {"id": value})
    elif data.draw(st.booleans()):
        wanted["devices"][index][name] = value
        change = Put(("devices", index, name), value)
    else:
        del wanted["devices"][index]
        change = Drop(("devices", index))
    assert edit(text, change)[1] == wanted


# The file ----------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path / "configs" / "station.yaml"


def ticking() -> Any:
    at = datetime(2026, 11, 22, 10, tzinfo=UTC)

    def clock() -> datetime:
        nonlocal at
        at += timedelta(seconds=1)
        return at

    return clock


def rename(name: str) -> Any:
    return lambda _data: [Put(("devices", 0, "id"), name)]


def test_a_change_keeps_the_old_file_and_can_be_undone(file: Path) -> None:
    file.chmod(0o640)
    kept = ConfigFile(file, ticking())
    assert not kept.can_undo
    config = kept.change(rename("other"), seen=kept.digest)
    assert config.devices[0].id == "other"
    assert config.data == kept.load().data
    assert file.stat().st_mode & 0o777 == 0o640
    kept.change(rename("third"))
    assert kept.undo().devices[0].id == "other"
    assert kept.undo().devices[0].id == "scanner"
    assert file.read_text(encoding="utf-8") == EXAMPLE
    with pytest.raises(NothingToUndo):
        kept.undo()
    assert sorted(path.name for path in file.parent.iterdir() if path.name.startswith((".", "station"))) == [
        "station.yaml"
    ]


def test_a_refused_change_changes_nothing_and_says_why(file: Path) -> None:
    kept = ConfigFile(file)
    for make, words in (
        (lambda _: [Put(("devices", 0, "port"), 7)], "port"),
        (lambda _: [Put(("devices", 0, "id"), "rfid")], "used twice"),
        (lambda _: [Drop(("cameras", 0))], "at least one camera"),
        (lambda _: [Put(("devices", 9, "id"), "x")], "no such entry"),
    ):
        with pytest.raises(Refused, match=words) as refused:
            kept.change(make)
        assert str(file.parent) not in str(refused.value)
    with pytest.raises(ChangedElsewhere):
        kept.change(rename("other"), seen="0" * 64)
    assert file.read_text(encoding="utf-8") == EXAMPLE
    assert not kept.can_undo
    assert not [path for path in file.parent.iterdir() if path.name.startswith(".")]


def test_only_the_last_backups_stay_and_foreign_files_are_left_alone(file: Path) -> None:
    mine = file.with_name("station.yaml.before-christmas")
    mine.write_text("mine")
    kept = ConfigFile(file, ticking())
    for number in range(KEPT + 3):
        kept.change(rename(f"scanner-{number}"))
    assert len(list(file.parent.glob("station.yaml.before-2*"))) == KEPT
    assert mine.read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    with pytest.raises(ConfigError, match="No space left"):
        ConfigFile(file).change(rename("other"))
    assert file.read_text(encoding="utf-8") == EXAMPLE


def test_a_hostile_file_is_an_error_not_a_crash(file: Path) -> None:
    for text in ("", "[1, 2]", "a: &a [*a]", "a: 1\na: 2", "\x00", "{" * 30, "just words"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError):
            ConfigFile(file).change(rename("other"))
        assert file.read_text(encoding="utf-8") == text
    file.write_text(REWRITTEN + EXAMPLE, encoding="utf-8-sig")
    ConfigFile(file).change(rename("other"))
    assert file.read_bytes().startswith(b"\xef\xbb\xbf# Written anew")
