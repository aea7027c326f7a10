"""Why a bundle that was rolled out does not run here."""

from __future__ import annotations

import errno

from inspection.errors import InspectionError


class RolloutRefused(InspectionError):
    """What was fetched is not what it should be; the station goes on with what it has."""

    code = "rollout.refused"


class NotFetched(InspectionError):
    """It could not be fetched or kept; it is tried again."""

    code = "rollout.fetch"
    retryable = True


class DiskFull(NotFetched):
    """There is no room for it; pictures and journal have what there is."""

    code = "rollout.disk"


def explained(error: OSError, what: str) -> NotFetched:
    """An error of the disk as ours."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(f"{what}: {error.strerror}", hint="free space on the station's disk")
    return NotFetched(f"{what}: {error.strerror or error}", hint="look at the disk and the rights of the data folder")
