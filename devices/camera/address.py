"""Addresses of network cameras: with a login for the camera, without any secret for people and logs."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from inspection.errors import DeviceError

SECRET_PATH = re.compile(r"[=&;]|pass|pwd|token|key", re.IGNORECASE)
"""Some cameras take ``/user=admin&password=…`` as a path."""


@dataclass(frozen=True, slots=True)
class Login:
    """Where ``user:password`` of a camera is kept; exactly one of the two.

    Attributes:
        file: holds nothing else.
        variable: name of an environment variable.
    """

    file: Path | None = None
    variable: str | None = None

    def read(self) -> tuple[str, str]:
        """User and password.

        Raises:
            DeviceError: it is not there, or not ``user:password``; the message holds nothing of it.
        """
        if self.file is not None:
            where, text = str(self.file), _text(self.file)
        else:
            where, text = f"environment variable {self.variable}", os.environ.get(self.variable or "", "")
        user, colon, password = text.strip().partition(":")
        if not (user and colon):
            raise DeviceError(f"no login in {where}", hint="It must hold user:password and nothing else.")
        return user, password


def with_login(url: str, login: Login | None) -> str:
    """``url`` with user and password of ``login``, percent-encoded, in place of any that it had."""
    if login is None:
        return url
    user, password = login.read()
    scheme, _, rest = url.partition("://")
    end = re.search(r"[/?#]|$", rest)
    authority = rest[: end.start() if end else None]
    host = authority.rpartition("@")[2]
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{host}{rest[len(authority) :]}"


def redacted(address: str) -> str:
    """``address`` as it may be shown: without login, query, fragment and whatever else may hold a password.

    A password with an ``@`` or ``/`` that was not encoded is hidden as well: all up to the last ``@`` goes.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    rest = re.split(r"[?#]", rest.rpartition("@")[2], maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    if SECRET_PATH.search(path):
        path = "…"
    return f"{scheme}://{host}{slash}{path}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeviceError(f"{path} cannot be read", hint="It must hold user:password and nothing else.") from error
