"""Why a device cannot be used, in words for the person who stands before it."""

from __future__ import annotations

import errno

from inspection.errors import DeviceError


def explain(error: Exception) -> str:
    """One sentence on why a port or camera cannot be used."""
    if isinstance(error, DeviceError):
        return f"{error} – {error.hint}" if error.hint else str(error)
    number = getattr(error, "errno", None)
    reasons = {
        errno.ENOENT: "not there: unplugged, or another path",
        errno.ENODEV: "not there: unplugged",
        errno.ENXIO: "not there: unplugged",
        errno.EACCES: "this user may not open it (on Debian: add the user to group dialout)",
        errno.EAGAIN: "in use by another program",
        errno.EBUSY: "in use by another program",
        errno.EIO: "unplugged",
    }
    reason = reasons.get(number) if number is not None else None
    if reason is None and "returned no data" in str(error):
        reason = "unplugged"
    return reason or str(error)
