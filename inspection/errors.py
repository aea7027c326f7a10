"""One tree of errors: each has a stable code, says whether trying again can help, and hints at what a person can do."""

from __future__ import annotations


class InspectionError(Exception):
    """Base of every error we raise on purpose.

    Attributes:
        code: stable identifier, e.g. ``bundle.golden_mismatch``; used in logs, HTTP problems and exit messages.
        retryable: whether the same call may succeed later without anybody changing anything.
        hint: one sentence on what a person can do; may be empty.
    """

    code = "internal"
    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def one_line(self) -> str:
        """``code: message – hint`` on one line, for command lines and logs."""
        text = f"{self.code}: {self}"
        return " ".join((f"{text} – {self.hint}" if self.hint else text).split())


class ConfigError(InspectionError):
    """A configuration file is missing, has an unknown key or a value of the wrong kind; names file and key."""

    code = "config.invalid"


class PolicyError(InspectionError):
    """A policy file has a mistake; names file, rule and column."""

    code = "policy.invalid"


class BundleError(InspectionError):
    """A model bundle is truncated, changed, of another contract, or does not reproduce its golden samples."""

    code = "bundle.refused"


class CalibrationError(InspectionError):
    """A target, a procedure or a stored calibration is not what it must be; ``code`` names which: ``calibration.*``.

    Attributes:
        code: e.g. ``calibration.no_target``, ``calibration.blurred``, ``calibration.half_written``.
    """

    code = "calibration.failed"

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        if code:
            self.code = f"calibration.{code}"


class DeviceError(InspectionError):
    """A device did not do what was asked."""

    code = "device.failed"
    retryable = True


class DeviceLost(DeviceError):
    """A device is unplugged or stopped answering; drivers reconnect by themselves."""

    code = "device.lost"


class StaleFrame(DeviceError):
    """A camera has no frame young enough; an old picture never reaches a verdict."""

    code = "camera.stale"


class IdentityError(InspectionError):
    """A scanned or read code is not what its standard allows (check digit, length, header)."""

    code = "identity.invalid"


class JournalError(InspectionError):
    """The station's journal cannot be read or written."""

    code = "journal.failed"


class StoreError(InspectionError):
    """A picture could not be stored, or its bytes do not match its hash."""

    code = "store.failed"


class PortBusy(InspectionError):
    """A TCP port is already in use; the hint names the option that changes it."""

    code = "port.busy"
