"""The PostgreSQL that the hub brings along: started by the first, stopped by the last, found again after any death."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from inspection.hub import postgres_place
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.errors import DatabasePlaceError, DatabaseUnavailable
from inspection.hub.postgres_place import MAX_SOCKET_PATH, SOCKET_NAME, find_place
from tests.hub.folders import database_folder

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run PostgreSQL as another account")
BECOME = """
import os, sys
from pathlib import Path
import psycopg
from inspection.hub.embedded_postgres import EmbeddedPostgres
if len(sys.argv) > 2:  # the interpreter may lie where only root can reach it: change after the imports
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
"""
HOLD = f"""{BECOME}
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.dsn(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A stopped cluster to copy: initdb once instead of once a test."""
    with database_folder() as folder:
        with EmbeddedPostgres(folder) as server:
            cluster = server.place.cluster
        yield cluster


@pytest.fixture
def data_dir(template: Path) -> Iterator[Path]:
    """A data folder with a fresh, stopped cluster."""
    with database_folder() as folder:
        place = find_place(folder)
        shutil.copytree(template, place.cluster, symlinks=True)
        for path in (place.cluster, *place.cluster.rglob("*")):
            place.account.own(path)
        yield folder


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A data folder without a cluster."""
    with database_folder() as folder:
        yield folder


def write(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def read(dsn: str) -> object:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
        return row[0] if row else None


def holder(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that uses the database until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(data_dir)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("postgresql://")
    return process


def ends(pid: int) -> bool:
    """Whether process ``pid`` is gone within a minute."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] == "Z"
        ):
            return True
        time.sleep(0.01)
    return False


def test_data_are_there_after_a_restart_and_nothing_runs_between(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server:
        write(server.dsn())
        pid = server.pid
    assert pid is not None
    assert ends(pid)
    with EmbeddedPostgres(data_dir) as server:
        assert read(server.dsn()) == 42


def test_a_second_user_joins_and_the_last_one_out_stops_it(data_dir: Path) -> None:
    first, second = EmbeddedPostgres(data_dir), EmbeddedPostgres(data_dir)
    first.start()
    second.start()
    pid = first.pid
    assert pid == second.pid
    assert pid is not None
    write(first.dsn())
    first.stop()
    first.stop()
    assert read(second.dsn()) == 42
    second.stop()
    assert ends(pid)


def test_a_server_orphaned_by_kill_9_is_used_on_and_then_stopped(data_dir: Path) -> None:
    process = holder(data_dir)
    server = EmbeddedPostgres(data_dir)
    server.start()
    write(server.dsn())
    server.stop()  # not the last: the other process still uses it
    orphan = server.pid
    assert orphan is not None
    process.kill()
    process.wait()
    with EmbeddedPostgres(data_dir) as server:
        assert server.pid == orphan
        assert read(server.dsn()) == 42
    assert ends(orphan)


def test_a_server_killed_with_kill_9_comes_back_with_its_data(data_dir: Path) -> None:
    process = holder(data_dir)
    server = EmbeddedPostgres(data_dir)
    server.start()
    write(server.dsn())
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert ends(server.pid)
    process.kill()
    process.wait()
    server.stop()
    with EmbeddedPostgres(data_dir) as server:
        assert read(server.dsn()) == 42


@pytest.mark.parametrize("pid", [os.getpid, lambda: 1, lambda: 2**22 - 1])
def test_a_stale_pid_file_is_seen_through(data_dir: Path, pid: Callable[[], int]) -> None:
    place = find_place(data_dir)
    stale = place.cluster / "postmaster.pid"
    stale.write_text(f"{pid()}\n{place.cluster}\n1700000000\n5432\n{place.sockets}\n\n  1 2\nready   \n")
    place.account.own(stale)
    with EmbeddedPostgres(data_dir) as server:
        assert server.pid != pid()


def test_an_interrupted_initdb_is_begun_anew(empty_dir: Path) -> None:
    place = find_place(empty_dir)
    (place.home / "data.new").mkdir()
    (place.home / "data.new" / "PG_VERSION").write_text("18\n")
    server = EmbeddedPostgres(empty_dir)
    with server:
        write(server.dsn())
    server.destroy()
    assert not place.home.exists()


def test_it_listens_on_no_port_and_the_hub_is_no_superuser(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir) as server, psycopg.connect(server.dsn()) as connection:
        names = ("listen_addresses", "fsync", "full_page_writes", "synchronous_commit", "data_checksums")
        shown = [connection.execute(f"SHOW {name}").fetchone() for name in names]
        assert shown == [("",), ("on",), ("on",), ("on",), ("on",)]
        roles = connection.execute("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        assert roles == ("hub", False)
        assert oct(server.place.sockets.stat().st_mode & 0o777) == "0o700"


def test_a_long_path_gets_a_short_socket(empty_dir: Path) -> None:
    deep = empty_dir / ("deep" * 20) / ("deeper" * 20)
    server = EmbeddedPostgres(deep)
    with server:
        assert len(str(server.place.sockets / SOCKET_NAME)) <= MAX_SOCKET_PATH
        write(server.dsn())
        assert read(server.dsn()) == 42
    server.destroy()


def test_a_cluster_of_another_version_is_left_alone(data_dir: Path) -> None:
    version = find_place(data_dir).cluster / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(DatabasePlaceError, match="PostgreSQL 16"):
        EmbeddedPostgres(data_dir).start()
    version.write_text("18\n")


def test_a_server_that_cannot_start_is_said_with_its_own_words(data_dir: Path) -> None:
    control = find_place(data_dir).cluster / "global" / "pg_control"
    content = control.read_bytes()
    control.write_bytes(bytes(len(content)))
    with pytest.raises(DatabaseUnavailable, match=r"did not start.*CONTROL_VERSION"):
        EmbeddedPostgres(data_dir).start()
    control.write_bytes(content)
    with EmbeddedPostgres(data_dir) as server:
        write(server.dsn())


def test_a_database_whose_place_is_gone_is_not_silently_replaced(tmp_path: Path) -> None:
    (tmp_path / "postgres-location").write_text(f"{tmp_path}/was-here\n")
    with pytest.raises(DatabasePlaceError, match="is gone"):
        EmbeddedPostgres(tmp_path).start()


def test_a_link_in_place_of_the_database_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir(mode=0o755)
    data_dir = Path(tempfile.mkdtemp(prefix="hub-"))
    data_dir.chmod(0o755)
    (data_dir / "postgres").symlink_to(target)
    owner = target.stat().st_uid
    with pytest.raises(DatabasePlaceError, match="should be a folder of"):
        EmbeddedPostgres(data_dir).start()
    assert target.stat().st_uid == owner
    shutil.rmtree(data_dir)


@as_root
def test_under_root_it_runs_as_its_own_account_and_opens_nobodys_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    server = EmbeddedPostgres(home / "clone" / "data")
    with server:
        assert server.pid is not None
        assert Path(f"/proc/{server.pid}").stat().st_uid == pwd.getpwnam(postgres_place.ACCOUNT).pw_uid != 0
        assert server.place.home.is_relative_to(postgres_place.SYSTEM_HOME)
        assert oct(server.place.home.stat().st_mode & 0o777) == "0o700"
    assert oct(home.stat().st_mode & 0o777) == "0o700"
    place = server.place.home
    server.destroy()
    assert not place.exists()


@as_root
def test_under_root_programs_out_of_reach_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = postgres_place._wheel()
    hidden = tmp_path / "hidden" / wheel.name
    shutil.copytree(wheel / postgres_place.INSTALL, hidden / postgres_place.INSTALL)
    shutil.copytree(wheel.parent / f"{wheel.name}.libs", hidden.parent / f"{wheel.name}.libs")
    hidden.parent.chmod(0o700)
    system_home = Path(tempfile.mkdtemp(prefix="hub-system-"))
    system_home.chmod(0o755)
    monkeypatch.setattr(postgres_place, "SYSTEM_HOME", system_home)
    place = find_place(tmp_path / "data", wheel=hidden)
    assert place.programs.is_relative_to(system_home)
    made = place.program("postgres").stat().st_mtime_ns, place.program("postgres").stat().st_ino
    again = find_place(tmp_path / "data", wheel=hidden)
    assert (again.program("postgres").stat().st_mtime_ns, again.program("postgres").stat().st_ino) == made
    with EmbeddedPostgres(tmp_path / "data", place=place) as server:
        write(server.dsn())
    assert [path for path in system_home.iterdir() if path.name.startswith(".")] == []
    shutil.rmtree(system_home)


@as_root
def test_another_account_gets_in_neither_by_the_folder_nor_by_the_socket(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid

    def stranger(dsn: str) -> str:
        command = [sys.executable, "-c", f"{BECOME}\npsycopg.connect(sys.argv[1])", dsn, str(nobody)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr

    with EmbeddedPostgres(data_dir) as server:
        assert "Permission denied" in stranger(server.dsn())
        folder = data_dir / "open"
        folder.mkdir(mode=0o755)
        # Even with the socket thrown open, the operating system says who is asking.
        opened = folder / SOCKET_NAME
        (server.place.sockets / SOCKET_NAME).chmod(0o777)
        os.link(server.place.sockets / SOCKET_NAME, opened)
        dsn = f"postgresql://hub@/hub?host={folder}"
        assert "authentication failed" in stranger(dsn)
        assert "authentication failed" in stranger(dsn.replace("hub@", "postgres@"))
        shutil.rmtree(folder)


@as_root
def test_an_ordinary_user_needs_no_root(empty_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    wheel = postgres_place._wheel()
    if not postgres_place.may_enter(wheel, postgres_place.Account("nobody", nobody.pw_uid, nobody.pw_gid, switch=True)):
        pytest.skip("this environment lies where an ordinary user cannot reach it")
    folder = empty_dir / "theirs"
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    command = [sys.executable, "-c", HOLD, str(folder / "data"), str(nobody.pw_uid)]
    done = subprocess.run(command, cwd=ROOT, input="", text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (folder / "data" / "postgres" / "data").stat().st_uid == nobody.pw_uid
    with EmbeddedPostgres(folder / "data") as server:  # and root may use it afterwards, as that user
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody.pw_uid
