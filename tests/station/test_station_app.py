"""Whatever is wrong at the start is one line that says what to do, exit code 2, and no traceback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from inspection.errors import ConfigError
from inspection.station.config import load_config
from tests.station.rig import ROOT, SOUP

POLICY = ROOT / "configs" / "policy" / "default.yaml"


def config(folder: Path, **changes: object) -> Path:
    fields: dict[str, object] = {
        "station_id": "s1",
        "data": "data",
        "web": {"port": 0},
        "cameras": [{"id": "cam", "view": "top", "driver": "replay", "path": "pictures"}],
        "policy": str(POLICY),
        "products": str(ROOT / "configs" / "products.yaml"),
    }
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump({**fields, **changes}, sort_keys=False))
    return path


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "station_app.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(*arguments: str) -> str:
    """Run, insist on the one-line refusal, and return it."""
    done = run(*arguments)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_the_example_configuration_is_good() -> None:
    done = run("check", "--config", "configs/station.yaml")
    assert done.returncode == 0, done.stderr
    assert "good" in done.stdout


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, "unknown key colour"),
        ({"web": {"prot": 8480}}, "unknown key web.prot"),
        ({"session": {"rma_pattern": "("}}, "not a regular expression"),
        ({"hub": {"url": "http://hub"}}, "exactly one of token_file and token_env"),
        ({"hub": {"url": "ftp://hub", "token_env": "T"}}, "hub.url"),
        ({"cameras": []}, "at least one camera"),
        ({"station_id": "two words"}, "station_id"),
        ({"limits": {"keep_days": 0}}, "limits.keep_days"),
    ],
)
def test_a_mistake_in_the_configuration_is_named_with_file_and_line(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    path = config(tmp_path, **changes)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert told in caught.value.one_line()
    assert str(path) in caught.value.one_line()
    assert "line " in caught.value.one_line()
    assert caught.value.hint


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load_config(config(tmp_path))
    assert settings.data == tmp_path / "data"
    assert settings.cameras[0].path == tmp_path / "pictures"


def test_an_unknown_key_ends_the_start_with_one_line(tmp_path: Path) -> None:
    line = refused("run", "--config", str(config(tmp_path, colour="red")))
    assert line.startswith("config.invalid: ")
    assert "colour" in line


def test_a_missing_file_ends_the_start_with_one_line(tmp_path: Path) -> None:
    assert "nowhere.yaml" in refused("run", "--config", str(tmp_path / "nowhere.yaml"))


def test_a_typo_in_the_policy_ends_the_start_with_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "policy.yaml"
    broken.write_text(POLICY.read_text().replace("recalled ==", "recaled ==", 1))
    line = refused("run", "--config", str(config(tmp_path, policy=str(broken))))
    assert line.startswith("policy.invalid: ")
    assert "recaled" in line
    assert "R01" in line


def test_a_wrong_check_digit_in_the_products_ends_the_start_with_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "products.yaml"
    products = (ROOT / "configs" / "products.yaml").read_text()
    broken.write_text(products.replace(SOUP, SOUP[:-1] + "8"))
    assert "check digit" in refused("check", "--config", str(config(tmp_path, products=str(broken))))


def test_a_busy_port_names_the_option_that_changes_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refused("run", "--config", str(config(tmp_path)), "--port", str(port))
    assert line.startswith("port.busy: ")
    assert "--port" in line
    assert "web.port" in line
    assert str(port) in line


def test_a_damaged_journal_ends_the_start_once_and_is_kept(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.sqlite").write_bytes(b"no journal at all" * 500)
    line = refused("run", "--config", str(config(tmp_path)))
    assert line.startswith("journal.failed: ")
    assert "kept as" in line
    assert list((tmp_path / "data").glob("journal.sqlite.damaged-*"))


def test_a_data_folder_that_cannot_be_made_ends_the_start_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused("run", "--config", str(config(tmp_path, data="file/data"))).startswith("journal.failed: ")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the default bundle, to be damaged."""
    return Path(shutil.copytree(ROOT / "models" / "bundles" / "default", tmp_path / "bundle"))


def test_a_whole_bundle_is_good(tmp_path: Path, bundle: Path) -> None:
    done = run("check", "--config", str(config(tmp_path, model={"bundle": str(bundle), "threads": 1})))
    assert done.returncode == 0, done.stderr


def test_a_bundle_that_is_not_there_is_refused_by_the_check_in_one_line(tmp_path: Path) -> None:
    line = refused("check", "--config", str(config(tmp_path, model={"bundle": "no-bundle"})))
    assert line.startswith("bundle.refused: ")


def test_a_truncated_bundle_is_refused_by_the_check_in_one_line(tmp_path: Path, bundle: Path) -> None:
    graph = bundle / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:-1000])
    line = refused("check", "--config", str(config(tmp_path, model={"bundle": str(bundle)})))
    assert line.startswith("bundle.refused: ")
    assert "model.onnx" in line


def test_one_changed_byte_in_the_bundle_is_refused_by_the_check_in_one_line(tmp_path: Path, bundle: Path) -> None:
    graph = bundle / "model.onnx"
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    line = refused("check", "--config", str(config(tmp_path, model={"bundle": str(bundle)})))
    assert line.startswith("bundle.refused: ")
