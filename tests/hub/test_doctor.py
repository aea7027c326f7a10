"""``hub_app.py doctor``: one line about each thing, and an exit code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

from inspection.hub.config import HubConfig, ListenSection
from inspection.hub.database import Database
from inspection.hub.doctor import inside, machine
from inspection.hub.doctor.findings import State
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.people.retention import keep_sweeping
from inspection.hub.serving import listen
from tests.hub.commands import call

ABOUT = [
    *("configuration", "port", "disk", "store", "image key", "evidence key", "database"),
    *("clock", "workers", "queue", "deliveries", "evidence", "retention", "accounts"),
]


def config_file(folder: Path, **sections: object) -> Path:
    file = folder / "hub.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(folder / "data"), "listen": {"port": 0}} | sections))
    return file


def test_every_thing_has_its_line_and_the_exit_code_is_0(database: Database, tmp_path: Path) -> None:
    told = call("doctor", "--config", str(config_file(tmp_path)), dsn=database.dsn)
    lines = told.stdout.splitlines()
    assert [line[6:19].strip() for line in lines] == ABOUT
    assert told.exit_code == 0, told.output
    assert not any(line.startswith("bad") for line in lines)
    assert not (tmp_path / "data" / "images.key").exists(), "looking makes no key"


def test_a_database_that_is_gone_hides_nothing_else_and_is_exit_code_1(tmp_path: Path) -> None:
    dsn = "postgresql://hub:not-to-be-shown@127.0.0.1:1/hub"
    told = call("doctor", "--config", str(config_file(tmp_path)), dsn=dsn)
    assert told.exit_code == 1
    assert [line[6:19].strip() for line in told.stdout.splitlines()] == ABOUT[: ABOUT.index("clock")]
    assert told.stdout.splitlines()[-1].startswith("bad   database")
    assert "not-to-be-shown" not in told.output


def test_an_old_schema_is_bad_and_the_line_says_what_to_do(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    postgres.ensure_database("test_doctor_old")
    told = call("doctor", "--config", str(config_file(tmp_path)), dsn=postgres.dsn("test_doctor_old"))
    assert told.exit_code == 1
    assert "hub_app.py migrate" in told.stdout.splitlines()[-1]


def test_a_port_that_is_taken_is_for_a_person_to_judge(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as taken:
        config = HubConfig(data_dir=tmp_path, listen=ListenSection(port=taken.getsockname()[1]))
        told = call(
            "doctor", "--config", str(config_file(tmp_path, listen={"port": config.listen.port})), dsn="none://"
        )
    assert told.stdout.splitlines()[1].startswith("look  port")


def test_a_key_that_others_may_read_or_that_is_none_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETURNS_HUB_IMAGE_KEY", raising=False)
    config = HubConfig(data_dir=tmp_path)
    key = tmp_path / "images.key"
    key.write_text("no key")
    key.chmod(0o644)
    assert machine.image_key(config).state is State.BAD
    told = call("doctor", "--config", str(config_file(tmp_path, data_dir=str(tmp_path))), dsn="none://")
    assert "bad   image key" in told.stdout
    key.chmod(0o600)
    told = call("doctor", "--config", str(config_file(tmp_path, data_dir=str(tmp_path))), dsn="none://")
    assert "holds no key" in told.stdout


def test_a_store_that_takes_nothing_is_bad(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file where a folder should be")
    assert machine.store(HubConfig(data_dir=tmp_path)).state is State.BAD


@pytest.mark.parametrize(("free", "state"), [(10**12, "good"), (3 * 10**9, "look"), (10**8, "bad")])
def test_the_disk_is_judged_by_its_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    assert machine.disk(HubConfig(data_dir=tmp_path / "not" / "there" / "yet")).state.value == state


def test_parked_and_late_jobs_and_a_missing_sweep_are_told(database: Database, tmp_path: Path) -> None:
    config = HubConfig(data_dir=tmp_path)
    with database.transaction() as connection:
        assert inside.queue(connection).state is State.GOOD
        assert "no run is planned" in inside.retention(connection, config).said
        keep_sweeping(connection)
        assert inside.retention(connection, config).state is State.GOOD
        connection.execute(sa.text("SET LOCAL search_path = jobs, public"))  # the queue's triggers use bare names
        connection.execute(sa.text("UPDATE jobs.procrastinate_jobs SET scheduled_at = now() - interval '1 hour'"))
        assert inside.queue(connection).state is State.LOOK
        assert "is due since" in inside.retention(connection, config).said
        connection.execute(sa.text("UPDATE jobs.procrastinate_jobs SET status = 'failed'"))
        assert "1 parked" in inside.queue(connection).said
        assert inside.workers(connection, config).state is State.LOOK
        connection.execute(sa.text("INSERT INTO jobs.procrastinate_workers DEFAULT VALUES"))
        assert inside.workers(connection, config).state is State.GOOD
        connection.rollback()
