"""A PostgreSQL server that the hub brings along: started when the first process needs it, stopped by the last.

Several processes may use one database: each holds a shared lock on ``users.lock`` for as long as it lives, and the one
that finds itself alone when it stops shuts the server down. The kernel drops a lock when its process dies, whatever
the reason; a server orphaned by ``kill -9`` is found by its ``postmaster.pid`` and used on.

Least privilege: no TCP at all; one Unix socket in a 0700 folder; *peer* authentication, so the operating system says
who is asking and no password exists; only the server's own account and root are let in. The hub works as database role
``hub``, which owns its database and is no superuser.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from inspection.hub.database import VECTOR
from inspection.hub.errors import DatabasePlaceError, DatabaseUnavailable
from inspection.hub.postgres_place import MAJOR, SOCKET_NAME, Place, find_place

ROLE = "hub"
SUPERUSER = "postgres"
DATABASE = "hub"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20
PROGRAM_TIMEOUT_S = 300
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_statement": "none",
    "log_parameter_max_length_on_error": "0",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


class EmbeddedPostgres:
    """The server of one data folder; also a context manager.

    Args:
        data_dir: the hub's data folder.
        place: where database and programs lie; decided by itself when ``None``.
    """

    def __init__(self, data_dir: Path, *, place: Place | None = None) -> None:
        self._data_dir = data_dir
        self._place = place
        self._users: IO[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> Place:
        """Where database and programs lie; only after :meth:`start`."""
        if self._place is None:
            raise DatabaseUnavailable("the embedded database was not started")
        return self._place

    def start(self) -> None:
        """Start the server, or join the one that runs; returns when it answers.

        Raises:
            DatabasePlaceError: when there is no usable place, account or program.
            DatabaseUnavailable: when the server does not come up; the message quotes its log.
        """
        self._place = self._place or find_place(self._data_dir)
        with self._starting():
            users = (self._place.home / "users.lock").open("a", encoding="utf-8")
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self._initialise()
                if not self._answers_already():
                    self._launch()
                self.ensure_database(DATABASE)
            except BaseException:
                self._users = users
                self._leave()
                raise
            self._users = users

    def stop(self, *, mode: str = "fast") -> None:
        """Stop the server unless another process uses it; safe to call twice."""
        if self._users is None or self._place is None:
            return
        with self._starting():
            self._leave(mode)

    def revive(self) -> bool:
        """Start the server again when it has died since :meth:`start`; it recovers by itself. Whether it had died.

        Raises:
            DatabaseUnavailable: when it does not come up.
        """
        if self._users is None or self._runs():
            return False
        with self._starting():
            if self._answers_already():
                return False
            self._launch()
            return True

    def destroy(self) -> None:
        """Stop the server and delete its data: for tests and for a database that was asked to be thrown away.

        Raises:
            DatabaseUnavailable: when another process uses it.
        """
        place = self._place = self._place or find_place(self._data_dir)
        with self._starting():
            self._users = self._users or (place.home / "users.lock").open("a", encoding="utf-8")
            self._leave("immediate")
            if self.pid is not None and _is_postgres(self.pid, place.cluster):
                raise DatabaseUnavailable(f"{place.cluster} is in use", hint="stop the other hub first")
            shutil.rmtree(place.home, ignore_errors=True)
            shutil.rmtree(place.sockets, ignore_errors=True)
            (self._data_dir / "postgres-location").unlink(missing_ok=True)

    def dsn(self, database: str = DATABASE, *, role: str = ROLE) -> str:
        """Connection URL of ``database``; holds no secret."""
        return f"postgresql://{role}@/{database}?host={quote(str(self.place.sockets), safe='')}&port=5432"

    def ensure_database(self, name: str) -> None:
        """Create database ``name``, owned by role ``hub``, when there is none; pgvector is there in either case."""
        with self._superuser() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(ROLE)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                names = {"name": sql.Identifier(name), "role": sql.Identifier(ROLE)}
                connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {role}").format(**names))
                connection.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
        with self._superuser(name) as connection:  # only a superuser may
            connection.execute(f"CREATE EXTENSION IF NOT EXISTS {VECTOR}")

    @property
    def pid(self) -> int | None:
        """Process id of the server that ``postmaster.pid`` names, or ``None``."""
        with suppress(OSError, ValueError, IndexError):
            return int((self.place.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        return None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """One process at a time starts or stops the server."""
        with (self.place.home / "start.lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _leave(self, mode: str = "fast") -> None:
        """Give up our share; the last one out stops the server. Holds the start lock."""
        if self._users is None:
            return
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            self._shut_down(mode)
        self._users.close()
        self._users = None

    def _initialise(self) -> None:
        """Create the cluster when there is none: beside its place, then by rename, so it is whole or absent."""
        place = self.place
        version = place.cluster / "PG_VERSION"
        if version.is_file():
            found = version.read_text(encoding="utf-8").strip()
            if found != str(MAJOR):
                message = f"{place.cluster} is of PostgreSQL {found}, this program brings {MAJOR}"
                raise DatabasePlaceError(message, hint="pg_upgrade it, or dump it with its own version and restore")
            return
        fresh = place.home / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command = ["initdb", "--pgdata", str(fresh), "--username", SUPERUSER, "--encoding", "UTF8"]
        command += ["--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"]
        command += ["--auth-local", "peer", "--auth-host", "reject", "--data-checksums"]
        self._run(command)
        (fresh / "pg_hba.conf").write_text("local all all peer map=hub\n", encoding="utf-8")
        accounts = dict.fromkeys([place.account.name, "root"])
        ident = "".join(f'hub "{account}" {role}\n' for account in accounts for role in (SUPERUSER, ROLE))
        (fresh / "pg_ident.conf").write_text(ident, encoding="utf-8")
        fresh.rename(place.cluster)

    def _answers_already(self) -> bool:
        """Whether a server of this very cluster runs; waits for one that is starting or stopping."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while (pid := self.pid) is not None:
            if not _is_postgres(pid, self.place.cluster):
                self._disown_lock_files()
                return False
            if self._ready():
                return True
            if time.monotonic() > deadline:
                message = f"a PostgreSQL server (process {pid}) holds {self.place.cluster} but does not answer"
                raise DatabaseUnavailable(message, hint=f"end process {pid}, then try again")
            time.sleep(0.02)
        return False

    def _runs(self) -> bool:
        if self._child is not None:
            self._child.poll()  # a zombie is no server
        pid = self.pid
        return pid is not None and _is_postgres(pid, self.place.cluster)

    def _disown_lock_files(self) -> None:
        """Let what a dead server left not keep the next one from starting.

        Its number may belong to any program by now, or to a zombie, which PostgreSQL would take for another server.
        Its own parent's number, ours, it does not. ``postmaster.pid`` itself stays: with the shared memory it names,
        PostgreSQL makes sure that no orphaned worker of the dead server still writes. The socket's lock guards
        nothing: its folder is this cluster's alone.
        """
        (self.place.sockets / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)
        path = self.place.cluster / "postmaster.pid"
        with suppress(FileNotFoundError):
            _, _, rest = path.read_text(encoding="utf-8").partition("\n")
            path.write_text(f"{os.getpid()}\n{rest}", encoding="utf-8")

    def _launch(self) -> None:
        """Start the server and wait until it answers; it recovers by itself from a crash.

        Raises:
            DatabaseUnavailable: when it does not come up; quotes what it said.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            child = self._child = self._spawn()
            while child.poll() is None and time.monotonic() < deadline:
                if self._ready():
                    return
                time.sleep(0.02)
            said = self._last_words()
            if "is still in use" not in said or time.monotonic() > deadline:
                message = f"PostgreSQL did not start in {self.place.cluster}: {said or 'it said nothing'}"
                raise DatabaseUnavailable(message, hint=f"see {self.place.log}")
            time.sleep(0.1)  # workers of a killed server notice within moments

    def _last_words(self) -> str:
        """What the server said about its end: before its log collector ran, and after."""
        logs = sorted(self.place.log.glob("postgres-*.log"), key=lambda path: path.stat().st_mtime_ns)
        words = ""
        for path in (*logs[-1:], self.place.log / "start.log"):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
            words += " ".join(line for line in lines if "collector" not in line and "LOG:" not in line)
        return " ".join(words.split())[-600:]

    def _spawn(self) -> subprocess.Popen[bytes]:
        place = self.place
        settings = SETTINGS | {"unix_socket_directories": f'"{place.sockets}"', "log_directory": str(place.log)}
        command = [str(place.program("postgres")), "-D", str(place.cluster)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (place.log / "start.log").open("wb") as output:
            # A session of its own: Ctrl-C in a terminal reaches the hub, which stops the server when it is done.
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=_environment(),
                start_new_session=True,
                umask=0o077,
                **place.account.run_as(),
            )

    def _ready(self) -> bool:
        """Whether the server says it is ready and lets us in."""
        with suppress(OSError, IndexError, psycopg.OperationalError):
            lines = (self.place.cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            if lines[7].strip() == "ready":
                with self._superuser():
                    return True
        return False

    @contextmanager
    def _superuser(self, database: str = SUPERUSER) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        dsn = self.dsn(database, role=SUPERUSER)
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            yield connection

    def _shut_down(self, mode: str) -> None:
        pid = self.pid
        if pid is None or not _is_postgres(pid, self.place.cluster):
            self._end_child()
            return
        stop = ["pg_ctl", "stop", "-D", str(self.place.cluster), "-w", "-t", str(STOP_TIMEOUT_S)]
        try:
            self._run([*stop, "-m", mode])
        except DatabaseUnavailable:
            if self.pid is not None:  # a backend hangs; immediate is safe, it costs a recovery at the next start
                self._run([*stop, "-m", "immediate"])
        if self._child is not None:
            self._child.wait(timeout=STOP_TIMEOUT_S)
            self._child = None

    def _end_child(self) -> None:
        """End a server that we started and that has not come so far as to write its pid file; reap a dead one."""
        if self._child is not None:
            if self._child.poll() is None:
                self._child.send_signal(signal.SIGINT)  # "fast shutdown"
                self._child.wait(timeout=STOP_TIMEOUT_S)
            self._child = None

    def _run(self, command: list[str]) -> None:
        """Run one of PostgreSQL's programs as its account.

        Raises:
            DatabaseUnavailable: when it fails, with what it said.
        """
        name, *rest = command
        try:
            done = subprocess.run(
                [str(self.place.program(name)), *rest],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd="/",
                env=_environment(),
                umask=0o077,
                timeout=PROGRAM_TIMEOUT_S,
                check=False,
                **self.place.account.run_as(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatabaseUnavailable(f"{name} did not run: {error}", hint=f"see {self.place.home}") from error
        if done.returncode != 0:
            said = " ".join((done.stderr or done.stdout).split())[-600:]
            raise DatabaseUnavailable(f"{name} failed: {said}", hint=f"see {self.place.home}")


def _environment() -> dict[str, str]:
    """Nothing of ours (PGPORT, LD_PRELOAD, secrets) reaches the server."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _is_postgres(pid: int, cluster: Path) -> bool:
    """Whether process ``pid`` is the PostgreSQL server of ``cluster``, and no zombie (which has no command line)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # somebody else's process: the server runs as ourselves, or we are root
    command_line = Path(f"/proc/{pid}/cmdline")
    try:
        return str(cluster).encode() in command_line.read_bytes().split(b"\0")
    except OSError:
        return not Path("/proc/self").exists()  # no /proc here: believe the file
