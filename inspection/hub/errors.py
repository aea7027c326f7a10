"""Errors of the hub that stop a command or a whole process; what a client of the API did wrong is in problems.py."""

from __future__ import annotations

from inspection.errors import InspectionError


class DatabasePlaceError(InspectionError):
    """The embedded database has no usable place, account or programs; names the folder."""

    code = "database.place"


class DatabaseUnavailable(InspectionError):
    """The database does not start or does not answer."""

    code = "database.unavailable"
    retryable = True


class SchemaOutdated(InspectionError):
    """The database's schema is not the one this program was written for."""

    code = "database.schema"


class ExtensionMissing(InspectionError):
    """PostgreSQL lacks an extension that the hub needs."""

    code = "database.extension"


class TokenFileError(InspectionError):
    """A file that holds a token cannot be written, or others could read it."""

    code = "token.file"
